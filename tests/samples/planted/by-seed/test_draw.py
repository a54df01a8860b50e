"""Plants: a test that fails as its seed says, on three of ten seeds, beside two that never fail."""

import os
import random

SEED = int(os.environ["TEST_SEED"])


def test_draw_is_high():
    assert random.Random(SEED).random() >= 0.3, "drew too low"


def test_draw_is_a_share():
    assert 0 <= random.Random(SEED).random() < 1


def test_nothing_is_drawn():
    assert SEED > 0
