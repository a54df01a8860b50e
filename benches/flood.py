#!/usr/bin/env python3
"""What attempts that print a lot cost: 8 side by side, a gigabyte each.

Aim: the peak memory of `flaky` (its own process, the kernel's high-water mark) stays under 100 MB.
"""

import shutil
import sys
from pathlib import Path

from measure import ROOT, Contender, binary, machine, parser, print_commands, run, spread, workplace

ATTEMPTS = 8
KIB_PER_MB = 1e6 / 1024


def peak_kib(pid: int) -> int:
    """The high-water mark of the resident set; 0 when the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def run_watched(contender: Contender) -> float:
    """Runs once and returns the peak in MB. The mark never falls, so only the last 10 ms can be missed."""
    most = 0

    def look(pid: int) -> None:
        nonlocal most
        most = max(most, peak_kib(pid))

    contender.samples.append(run(contender, look))
    return most / KIB_PER_MB


def main() -> None:
    options = parser(__doc__, rounds=3)
    options.add_argument("--bytes", type=int, default=1_000_000_000)
    asked = options.parse_args()
    flaky = binary(asked.flaky)
    with workplace() as (folder, env):
        project, env["FLOOD_BYTES"] = folder / "project", str(asked.bytes)
        shutil.copy(ROOT / "tests/samples/flood/flood.py", project)
        numbers = folder / "numbers"
        numbers.write_text("".join(f"{n}\n" for n in range(ATTEMPTS)))
        flood = [sys.executable, "flood.py"]
        xargs = ["xargs", "-P", str(ATTEMPTS), "-I{}", *flood]
        contenders = [Contender("xargs -P, into /dev/null", xargs, project, env, stdin=numbers)]
        for level in asked.levels:
            argv = [flaky, "run", "--isolation", level, "--runs", str(ATTEMPTS), "--parallelism", str(ATTEMPTS)]
            argv += ["--first-seed", "1", "--quiet", "--", *flood]
            # Eight passes are too few for a verdict: 12.
            contenders.append(Contender(f"flaky, isolation {level}", argv, project, env, codes=(12,)))
        peaks = {c.name: [] for c in contenders}
        for _ in range(asked.rounds):
            for c in contenders:
                peaks[c.name].append(run_watched(c))
        print(f"\n### {ATTEMPTS} floods of {asked.bytes / 1e6:.0f} MB, side by side\n\n{machine()}; {asked.rounds} rounds, in turn\n")
        print("| | peak MB of the process itself | wall s | CPU s |\n|---|---|---|---|")
        for c in contenders:
            walls, cpus = [s.wall for s in c.samples], [s.cpu for s in c.samples]
            print(f"| {c.name} | {spread(peaks[c.name])} | {spread(walls)} | {spread(cpus)} |")
        print_commands(contenders)


if __name__ == "__main__":
    main()
