"""Shared by the benchmarks: run contenders in turn, account for them, print Markdown.

Only the standard library. CPU is user + system time of a process and of all descendants that were waited for, as
`wait4` gives it; wall is the monotonic clock around the process. Contenders take turns within a round, and the order
rotates, so that a machine that gets slower or busier does so for all of them.
"""

import argparse
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEVELS = ("shared", "copy", "full")


@dataclass(frozen=True)
class Sample:
    wall: float
    cpu: float


@dataclass
class Contender:
    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str]
    stdin: Path | None = None
    # Any other exit code means that the wrong thing was measured.
    codes: tuple[int, ...] = (0,)
    samples: list[Sample] = field(default_factory=list)


def run(contender: Contender, while_running=None) -> Sample:
    """Runs a contender once. `while_running(pid)` is called about every 10 ms until it ends."""
    stdin = open(contender.stdin, "rb") if contender.stdin else subprocess.DEVNULL
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            contender.argv, cwd=contender.cwd, env=contender.env, stdin=stdin, stdout=subprocess.DEVNULL, stderr=errors
        )
        pid = 0
        while while_running is not None and pid == 0:
            while_running(process.pid)
            time.sleep(0.01)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid == 0:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in contender.codes:
            errors.seek(0)
            tail = errors.read()[-2000:].decode(errors="replace")
            sys.exit(f"{contender.name}: exit code {process.returncode}, expected {contender.codes}\n{tail}")
    if contender.stdin:
        stdin.close()
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def take_turns(contenders: list[Contender], rounds: int) -> None:
    """One unmeasured turn each, to warm caches; then `rounds` measured ones."""
    for contender in contenders:
        run(contender)
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            contender.samples.append(run(contender))


def spread(values: list[float], unit: float = 1.0) -> str:
    """Median (least to most)."""
    return f"{statistics.median(values) * unit:.3f} ({min(values) * unit:.3f}–{max(values) * unit:.3f})"


def ratio(contender: Contender, base: Contender, what: str) -> str:
    """Median over the rounds of the quotient within a round."""
    pairs = zip(contender.samples, base.samples, strict=True)
    quotients = [getattr(a, what) / getattr(b, what) for a, b in pairs if getattr(b, what) > 0]
    return f"{statistics.median(quotients):.2f}" if quotients else "–"


def print_table(title: str, contenders: list[Contender]) -> None:
    """The first contender is what the others are compared with."""
    base = contenders[0]
    print(f"\n### {title}\n\n{machine()}; {len(base.samples)} rounds, in turn; median (least–most)\n")
    print("| | wall s | CPU s | wall ratio | CPU ratio |\n|---|---|---|---|---|")
    for c in contenders:
        walls, cpus = [s.wall for s in c.samples], [s.cpu for s in c.samples]
        print(f"| {c.name} | {spread(walls)} | {spread(cpus)} | {ratio(c, base, 'wall')} | {ratio(c, base, 'cpu')} |")
    print_commands(contenders)


def print_commands(contenders: list[Contender]) -> None:
    """What ran, without what differs from machine to machine."""
    print("\n```sh")
    for c in contenders:
        line = shlex.join(c.argv) + (" < numbers" if c.stdin else "")
        # The temporary folder is the parent of the project that every contender runs in.
        for path, name in ((f"{c.cwd.parent}/", ""), (sys.executable, "python3"), (f"{ROOT}/", "")):
            line = line.replace(path, name)
        print(line)
    print("```")


def machine() -> str:
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--flaky", type=Path, default=target / "release" / "flaky", help="the binary to measure")
    options.add_argument("--rounds", type=int, default=rounds)
    options.add_argument("--levels", nargs="+", default=list(LEVELS), help="isolation levels")
    return options


def binary(path: Path) -> str:
    if not os.access(path, os.X_OK):
        sys.exit(f"{path}: no such program (hint: cargo build --release, or name it with --flaky)")
    return str(path.resolve())


@contextmanager
def workplace():
    """A folder for everything, and the environment that keeps `flaky` inside it; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="flaky-bench-"))
    try:
        env = dict(os.environ)
        for name, below in (("FLAKY_STATE_DIR", "state"), ("FLAKY_CACHE_DIR", "cache"), ("TMPDIR", "tmp")):
            (folder / below).mkdir()
            env[name] = str(folder / below)
        (folder / "project").mkdir()
        yield folder, env
    finally:
        shutil.rmtree(folder, ignore_errors=True)
