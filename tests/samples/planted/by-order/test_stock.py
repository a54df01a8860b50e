"""Plants: tests that pass in the order of the file, and one that fails unless the first ran before it."""

SHELF = []


def test_shelf_is_filled():
    SHELF.append("apple")
    assert SHELF


def test_a():
    assert True


def test_b():
    assert True


def test_shelf_has_an_apple():
    assert "apple" in SHELF, "nobody filled the shelf"
