"""Plants: eight tests that all fail when a service is away, which it is on every tenth seed; else none fails."""

import os

import pytest

SERVICE_IS_AWAY = int(os.environ["TEST_SEED"]) % 10 == 0


@pytest.mark.parametrize("page", range(8))
def test_page_can_be_had(page):
    if SERVICE_IS_AWAY:
        raise ConnectionRefusedError("connection to 127.0.0.1:5432 refused")
