"""Plants a fixed file of the work tree: copies that run side by side in one folder overwrite it for each other."""

import os
import time
from pathlib import Path

CART = Path(__file__).with_name("cart.txt")
WORK_SECONDS = 0.2


def test_cart_keeps_what_was_put_in():
    mine = f"attempt {os.environ.get('ATTEMPT', '?')}, process {os.getpid()}"
    CART.write_text(mine)
    time.sleep(WORK_SECONDS)
    assert CART.read_text() == mine
