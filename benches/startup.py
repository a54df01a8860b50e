#!/usr/bin/env python3
"""What starting costs: `flaky --version`, and a run of one attempt of `true` with a warm cache.

Aims: under 20 ms of CPU for the first; under 40 ms for the second, beside what `true` itself takes.
"""

import shutil
import statistics

from measure import Contender, binary, machine, parser, print_commands, spread, take_turns, workplace

MILLI = 1000.0


def main() -> None:
    asked = parser(__doc__, rounds=30).parse_args()
    flaky, true = binary(asked.flaky), shutil.which("true")
    with workplace() as (folder, env):
        project = folder / "project"
        alone = Contender("`true` alone", [true], project, env)
        contenders = [alone, Contender("flaky --version", [flaky, "--version"], project, env)]
        for level in asked.levels:
            argv = [flaky, "run", "--isolation", level, "--runs", "1", "--first-seed", "1", "--quiet", "--", true]
            # One attempt is too few for a verdict: 12.
            contenders.append(Contender(f"flaky run, isolation {level}", argv, project, env, codes=(12,)))
        take_turns(contenders, asked.rounds)

        own = statistics.median(s.cpu for s in alone.samples)
        print(f"\n### Start-up\n\n{machine()}; {asked.rounds} rounds, in turn; median (least–most)\n")
        print("| | wall ms | CPU ms | CPU ms beside `true` |\n|---|---|---|---|")
        for c in contenders:
            walls, cpus = [s.wall for s in c.samples], [s.cpu for s in c.samples]
            beside = f"{(statistics.median(cpus) - own) * MILLI:.1f}" if "run" in c.argv else "–"
            print(f"| {c.name} | {spread(walls, MILLI)} | {spread(cpus, MILLI)} | {beside} |")
        print_commands(contenders)


if __name__ == "__main__":
    main()
