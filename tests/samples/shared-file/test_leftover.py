"""Plants a file that is left behind in the work tree: only the first attempt in a folder passes."""

from pathlib import Path

LEFTOVER = Path(__file__).with_name("leftover.txt")


def test_starts_in_a_fresh_tree():
    assert not LEFTOVER.exists()
    LEFTOVER.write_text("left behind")
