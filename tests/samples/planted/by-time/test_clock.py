"""Plants: a test that fails when it happens to run in the wrong half of a hundredth of a second, whatever the seed."""

import time


def test_clock_is_in_its_first_half():
    assert time.time_ns() // 5_000_000 % 2 == 0, "the clock was in its second half"


def test_clock_goes_on():
    assert time.monotonic() <= time.monotonic()
