"""Plants the same flood inside a test; `-s` lets it through to pytest's own stdout."""

from flood import flood, wanted


def test_that_prints_a_lot():
    flood(wanted())


def test_after_the_flood():
    assert True
