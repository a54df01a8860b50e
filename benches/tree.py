#!/usr/bin/env python3
"""What a large work tree costs: 1 GB in 50,000 files, 100 attempts that each change it.

Disk is what the file system of the temporary folder lost at the worst moment of a run with parallel attempts: keep
the machine quiet. Time per attempt comes from runs with nothing side by side: (100 attempts - 1 attempt) / 99, less
the command alone. It holds everything `flaky` does for an attempt, so it bounds set-up and restoring from above; what
is done once per slot shows in the row of one attempt.

Aims: at most 1.2 times the tree with an overlay, one tree per slot without; 20 ms and 0.5 s per attempt.
"""

import json
import os
import random
import statistics
from pathlib import Path

from measure import Contender, binary, machine, parser, print_commands, run, spread, workplace

FILES_PER_FOLDER = 100
# Changes one file, removes one and makes one.
CHANGE = "echo more >> d00000/f00; rm d00001/f00; echo new > new"
MEGABYTE = 1e6


def make_tree(root: Path, files: int, total: int) -> None:
    chance = random.Random(1)
    for number in range(files):
        folder, name = divmod(number, FILES_PER_FOLDER)
        path = root / f"d{folder:05}"
        if name == 0:
            path.mkdir()
        (path / f"f{name:02}").write_bytes(chance.randbytes(total // files))
    os.sync()


def free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bfree * status.f_frsize


def most_disk(contender: Contender, folder: Path) -> int:
    """Bytes that the file system lost at the worst moment."""
    os.sync()
    before = least = free(folder)

    def look(_pid: int) -> None:
        nonlocal least
        least = min(least, free(folder))

    run(contender, look)
    return before - least


def main() -> None:
    options = parser(__doc__, rounds=3)
    options.add_argument("--files", type=int, default=50_000)
    options.add_argument("--bytes", type=int, default=1_000_000_000)
    options.add_argument("--attempts", type=int, default=100)
    options.add_argument("--parallelism", type=int, default=4)
    options.set_defaults(levels=["copy", "full"])
    asked = options.parse_args()
    flaky = binary(asked.flaky)
    with workplace() as (folder, env):
        project = folder / "project"
        make_tree(project, asked.files, asked.bytes)
        report = folder / "report.json"

        def contender(level: str, runs: int, parallelism: int) -> Contender:
            argv = [flaky, "run", "--isolation", level, "--runs", str(runs), "--parallelism", str(parallelism)]
            argv += ["--first-seed", "1", "--quiet", "--report", f"json={report}", "--", "sh", "-c", CHANGE]
            name = f"{level}, {runs} attempts, {parallelism} side by side"
            return Contender(name, argv, project, env, codes=(0, 12))

        title = f"{asked.bytes / MEGABYTE:.0f} MB in {asked.files} files"
        print(f"\n### {title}, {asked.attempts} attempts\n\n{machine()}; {asked.rounds} rounds, in turn\n")
        print("| isolation | reached | extra disk MB | of the tree | 1 attempt, wall s | per further attempt, ms |")
        print("|---|---|---|---|---|---|")
        shown = []
        for level in asked.levels:
            many = contender(level, asked.attempts, asked.parallelism)
            one, all_in_turn = contender(level, 1, 1), contender(level, asked.attempts, 1)
            disk = most_disk(many, folder)
            reached = json.loads(report.read_bytes())["isolation"]["used"]
            for _ in range(asked.rounds):
                one.samples.append(run(one))
                all_in_turn.samples.append(run(all_in_turn))
            alone = command_alone(folder, env, asked.rounds)
            further = [
                (a.wall - o.wall) / (asked.attempts - 1) - alone
                for a, o in zip(all_in_turn.samples, one.samples, strict=True)
            ]
            share = f"{disk / asked.bytes:.2f} x"
            walls = [s.wall for s in one.samples]
            print(f"| {level} | {reached} | {disk / MEGABYTE:.0f} | {share} | {spread(walls)} | {spread(further, 1000)} |")
            shown += [many, one, all_in_turn]
        print_commands(shown)


def command_alone(folder: Path, env: dict[str, str], rounds: int) -> float:
    """Median wall seconds of the command in a tree that has just what it touches."""
    small = folder / "small"
    walls = []
    for _ in range(rounds):
        for name in ("d00000", "d00001"):
            (small / name).mkdir(parents=True, exist_ok=True)
            (small / name / "f00").write_bytes(b"")
        walls.append(run(Contender("command alone", ["sh", "-c", CHANGE], small, env)).wall)
    return statistics.median(walls)


if __name__ == "__main__":
    main()
