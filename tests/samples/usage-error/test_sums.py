"""Plants nothing itself: the command does, with an option or a file that does not exist (pytest's exit code 4)."""


def test_sum():
    assert 1 + 1 == 2
