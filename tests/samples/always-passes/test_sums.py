"""Plants nothing: every test passes in every attempt."""

import pytest


@pytest.mark.parametrize(("left", "right"), [(1, 2), (0, 0)])
def test_order_of_terms_does_not_matter(left: int, right: int):
    assert left + right == right + left


def test_empty_sum_is_zero():
    assert sum([]) == 0
