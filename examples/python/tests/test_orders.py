"""A flaky test: whether the order is ready in time depends on chance alone."""

import os
import random
import time

LONGEST_SECONDS = 0.3
LIMIT_SECONDS = 0.18


def process_order() -> float:
    """Takes a random time, up to LONGEST_SECONDS, and returns how long."""
    took = random.uniform(0.0, LONGEST_SECONDS)
    time.sleep(took)
    return took


def test_order_is_processed_in_time():
    # 0, like no seed at all, leaves the generator to chance.
    seed = int(os.environ.get("TEST_SEED", "0"))
    if seed != 0:
        random.seed(seed)

    took = process_order()

    assert took < LIMIT_SECONDS, f"Order not processed in time (took {took:.3f}s)"
