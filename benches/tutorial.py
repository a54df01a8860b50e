#!/usr/bin/env python3
"""100 attempts of the order-processing test of examples/python, against a thread pool of processes.

Both get the same seeds (1 to 100), so both wait for the same sleeps; both must count 30 failures (Python 3.11 or
later). pytest comes from one virtual environment for both and is installed before anything is measured.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from measure import ROOT, Contender, binary, parser, print_table, take_turns, workplace

FAILURES = 30  # of the seeds 1 to 100


def check_failures(contender: Contender, told: bytes) -> None:
    failures = json.loads(told)["failures"]
    if failures != FAILURES:
        sys.exit(f"{contender.name}: {failures} failures, expected {FAILURES}")


def environment(folder: Path, asked: Path | None) -> Path:
    if asked is not None:
        return asked.resolve()
    venv.create(folder / "venv", with_pip=True)
    requirements = ROOT / "examples/python/requirements.txt"
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", requirements], check=True)
    return folder / "venv"


def main() -> None:
    options = parser(__doc__, rounds=3)
    options.add_argument("--parallelism", type=int, default=10)
    options.add_argument("--venv", type=Path, help="a virtual environment with pytest, instead of a new one")
    asked = options.parse_args()
    flaky, parallelism = binary(asked.flaky), str(asked.parallelism)
    with workplace() as (folder, env):
        env["PATH"] = f"{environment(folder, asked.venv) / 'bin'}{os.pathsep}{env['PATH']}"
        project = folder / "project"
        (project / "tests").mkdir()
        shutil.copy(ROOT / "examples/python/tests/test_orders.py", project / "tests")
        plan = ["--runs", "100", "--parallelism", parallelism, "--first-seed", "1"]
        worker = [sys.executable, str(ROOT / "benches/thread_pool_worker.py"), "pytest tests/test_orders.py", *plan]
        contenders = [Contender("thread pool of processes", worker, project, env)]
        told = subprocess.run(worker, cwd=project, env=env, check=True, stdout=subprocess.PIPE).stdout
        check_failures(contenders[0], told)
        for level in asked.levels:
            report = folder / f"{level}.json"
            argv = [flaky, "run", "--isolation", level, *plan, "--quiet", "--report", f"json={report}"]
            argv += ["--", "pytest", "tests/test_orders.py"]
            contenders.append(Contender(f"flaky, isolation {level}", argv, project, env, codes=(10,)))
        take_turns(contenders, asked.rounds)
        for contender, level in zip(contenders[1:], asked.levels, strict=True):
            check_failures(contender, (folder / f"{level}.json").read_bytes())
        print_table(f"100 attempts of the order-processing test, {parallelism} side by side", contenders)


if __name__ == "__main__":
    main()
