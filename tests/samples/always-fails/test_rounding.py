"""Plants one test that fails in every attempt, beside one that passes."""


def test_half_is_rounded_up():
    # Python rounds half to even.
    assert round(2.5) == 3


def test_one_and_a_half_is_rounded_up():
    assert round(1.5) == 2
