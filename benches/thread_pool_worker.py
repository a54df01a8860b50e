#!/usr/bin/env python3
"""A stand-in for the worker that `flaky` replaces: a thread pool that starts one process per attempt.

It does per attempt what that worker does, and no more: the caller's environment with TEST_SEED and ATTEMPT, all
output captured as text, 300 seconds at most, everything in the current folder. Prints the result as JSON.

With `--first-seed N`, attempt i gets the seed N + i, so that others can be given the same work; without, seeds are
drawn from 1 to 1,000,000 with repeats, as there.
"""

import argparse
import json
import os
import random
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed

TIMEOUT_SECONDS = 300


def attempt(number: int, seed: int, command: list[str]) -> dict:
    env = {**os.environ, "TEST_SEED": str(seed), "ATTEMPT": str(number)}
    told = {"attempt": number, "exit_code": None, "stdout": "", "stderr": "", "passed": False}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        told["stderr"] = "TIMEOUT"
    except OSError as error:
        told["stderr"] = f"ERROR: {error}"
    else:
        told.update(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr, passed=done.returncode == 0)
    return told


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("test_command")
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--parallelism", type=int, default=10)
    options.add_argument("--first-seed", type=int)
    asked = options.parse_args()
    command = shlex.split(asked.test_command)

    def seed(number: int) -> int:
        return random.randint(1, 1_000_000) if asked.first_seed is None else asked.first_seed + number

    with ThreadPoolExecutor(max_workers=asked.parallelism) as pool:
        pending = [pool.submit(attempt, number, seed(number), command) for number in range(asked.runs)]
        results = sorted((done.result() for done in as_completed(pending)), key=lambda told: told["attempt"])
    failures = sum(not told["passed"] for told in results)
    summary = {"total_runs": asked.runs, "parallelism": asked.parallelism, "failures": failures}
    print(json.dumps({**summary, "repro_rate": round(failures / asked.runs, 3), "results": results}))


if __name__ == "__main__":
    main()
