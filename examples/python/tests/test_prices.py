"""A stable test: the same answer every time."""


def total(prices: list[int], discount_percent: int) -> int:
    """In cents, rounded down in the customer's favour."""
    return sum(prices) * (100 - discount_percent) // 100


def test_discount_is_taken_from_the_total():
    assert total([1999, 501], discount_percent=10) == 2250
