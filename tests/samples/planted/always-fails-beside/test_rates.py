"""Plants: a test that always fails after the one before it, and never without it."""

RATES = {"full": 20}


def test_rate_can_be_changed():
    RATES["full"] = 19
    assert RATES["full"] == 19


def test_full_rate_is_twenty():
    assert RATES["full"] == 20, f"the full rate is {RATES['full']}"
