#!/usr/bin/env python3
"""What it costs to tell a large report: 100,000 tests, by every reporter alone and by all of them together.

The report is a real one: a command that prints TAP, of which one test in a hundred fails in some attempts. Aims: no reporter
takes more than 10 s of CPU or 1.5 GB, and all together no more memory than the hungriest alone and half as much again.
"""

import statistics
import sys

from flood import peak_kib
from measure import Contender, binary, machine, parser, print_commands, run, spread, workplace

# Long enough names, as paths and parameters make them.
PRINTS = """import os
attempt, tests = int(os.environ["ATTEMPT"]), {tests}
print(f"1..{{tests}}")
for n in range(tests):
    fails = n % 100 == 0 and (attempt + n // 100) % 3 == 0
    print(f"{{'not ok' if fails else 'ok'}} {{n + 1}} - tests/module_{{n // 50}}/test_of_carts.py checks that the sum is right [{{n % 50}}]")
raise SystemExit(1)
"""
FILES = ("json", "html", "markdown", "junit", "ctrf", "results", "terminal")
SENT = ("github", "gitlab", "slack", "discord", "webhook")
MIB = 1024


def main() -> None:
    options = parser(__doc__, rounds=3)
    options.add_argument("--tests", type=int, default=100_000)
    options.add_argument("--attempts", type=int, default=15)
    asked = options.parse_args()
    flaky = binary(asked.flaky)
    with workplace() as (folder, env):
        project, report = folder / "project", folder / "report.json"
        (project / "suite.py").write_text(PRINTS.format(tests=asked.tests))
        argv = [flaky, "run", "--quiet", "--runs", str(asked.attempts), "--stop", "never", "--reproduce", "0", "--first-seed", "1"]
        argv += ["--report", f"json={report}", "--", sys.executable, "suite.py"]
        run(Contender("the run", argv, project, env, codes=(10, 11)))
        contenders = []

        def contender(name: str, *words: str) -> None:
            argv = [flaky, "report", str(report), "--fail-on", "never", "--quiet", *words]
            contenders.append(Contender(name, argv, project, env))

        for kind in FILES:
            contender(f"`{kind}`", "--report", f"{kind}={folder / kind}")
        for name in SENT:
            contender(f"`{name}`, not sent", "--to", name, "--dry-run")
        everything = [word for kind in FILES for word in ("--report", f"{kind}={folder / kind}")]
        contender("all of them", *everything, *(word for name in SENT for word in ("--to", name)), "--dry-run")

        peaks = {each.name: [] for each in contenders}
        for number in range(asked.rounds + 1):
            for each in contenders:
                seen = [0]
                sample = run(each, lambda pid, seen=seen: seen.append(peak_kib(pid)))
                # The first turn warms caches.
                if number > 0:
                    each.samples.append(sample)
                    peaks[each.name].append(max(seen) / MIB)
        size = report.stat().st_size / 1e6
        print(f"\n### {asked.tests} tests, {asked.attempts} attempts, a report of {size:.0f} MB\n")
        print(f"{machine()}; {asked.rounds} rounds, in turn; median (least–most); each writes the terminal's table to nowhere as well\n")
        print("| | wall s | CPU s | peak MiB | written MB |\n|---|---|---|---|---|")
        for each in contenders:
            walls, cpus = [s.wall for s in each.samples], [s.cpu for s in each.samples]
            file = folder / each.name.strip("`")
            written = f"{file.stat().st_size / 1e6:.1f}" if file.is_file() else "–"
            peak = f"{statistics.median(peaks[each.name]):.0f}"
            print(f"| {each.name} | {spread(walls)} | {spread(cpus)} | {peak} | {written} |")
        print_commands(contenders)


if __name__ == "__main__":
    main()
