"""A broken test: there is a bug, and every attempt finds it."""


def reserve(stock: int, wanted: int) -> int:
    """What is left on the shelf. The bug: it counts one piece too many."""
    return stock - wanted - 1


def test_reserving_the_last_piece_leaves_nothing():
    left = reserve(stock=1, wanted=1)

    assert left == 0, f"{left} pieces left on the shelf"
