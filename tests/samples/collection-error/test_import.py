"""Plants an error at import, hence at collection, on odd seeds (pytest's exit code 2)."""

import os

if int(os.environ.get("TEST_SEED", "0")) % 2 == 1:
    raise ImportError("no backend answered at import")


def test_backend_answered():
    assert True
