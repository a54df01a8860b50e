"""Plants a death in the middle: on seeds divisible by 3 the third of four tests kills pytest itself.

What came before has passed, and the fourth test never runs; no report file is finished.
"""

import os
import signal


def seed() -> int:
    return int(os.environ.get("TEST_SEED", "1"))


def test_1_passes():
    assert True


def test_2_passes():
    assert True


def test_3_may_kill_the_run():
    if seed() % 3 == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def test_4_passes_if_it_runs():
    assert True
