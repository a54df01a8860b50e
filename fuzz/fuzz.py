#!/usr/bin/env python3
"""Fuzz targets of the parsers: which there are, what they start from, and runs of a given CPU time.

    fuzz/fuzz.py check                          every parser has a target (no toolchain needed)
    fuzz/fuzz.py seeds                          recorded output as inputs, in fuzz/corpus
    fuzz/fuzz.py run --seconds 120 NAME…        runs targets (all when none is named), prints a table

A run needs cargo-fuzz (`cargo install cargo-fuzz`) and works with the stable toolchain. Seconds are of CPU, so that figures
of a busy machine count as much. A finding ends the target's run; its input is in fuzz/artifacts.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parent
TARGETS = FUZZ / "fuzz_targets"
SEPARATOR = b"\x1c"
# Inputs are cut to this: the largest that a target reads some hundred times a second.
MOST_BYTES = 32 * 1024
# Of the whole process, instrumentation and corpus included; what a parser may hold is checked by the target itself.
RSS_MB = 2048
# Seconds for one input, where even the target's own check of the time is not reached.
TIMEOUT = 10
# Parsers that read JUnit XML from files.
JUNIT_XML = ["junit", "maven", "gradle", "nextest", "pytest"]
# Exits and pieces that a seed is tried with: the code that says nothing, and an odd number of bytes.
HEADER = bytes([1, 36, 0])


def parsers() -> list[str]:
    """Folders of plugins that read what tests print."""
    role = re.compile(r"export!\([^)]*\b(packed_)?parser\b")
    folders = (path for path in (ROOT / "plugins").iterdir() if (path / "src").is_dir() and path.name != "sdk")
    return sorted(f.name for f in folders if any(role.search(s.read_text()) for s in f.glob("src/*.rs")))


def places(target: str) -> list[str]:
    """Sources that a target gives its parser, in the order of its first byte."""
    return ["stdout", "stderr", *re.findall(r'"((?:report|tree)/[^"]*)"', (TARGETS / f"{target}.rs").read_text())]


def check() -> None:
    wanted = set(parsers())
    files = {path.stem for path in TARGETS.glob("*.rs")}
    manifest = tomllib.loads((FUZZ / "Cargo.toml").read_text())
    bins = {entry["name"] for entry in manifest["bin"]}
    problems = [f"plugins/{name} is a parser without fuzz/fuzz_targets/{name}.rs" for name in wanted - files]
    problems += [f"fuzz_targets/{name}.rs is of no parser" for name in files - wanted]
    problems += [f"fuzz/Cargo.toml: no [[bin]] for {name}" for name in files - bins]
    for name in wanted & files:
        crate = f"flaky_plugin_{name.replace('-', '_')}::"
        if crate not in (TARGETS / f"{name}.rs").read_text():
            problems.append(f"fuzz_targets/{name}.rs does not call {crate}")
        missing = {s for sources in fixtures(name) for s in sources} - set(places(name))
        problems += [f"fuzz_targets/{name}.rs: recorded output has {source}" for source in missing]
    if problems:
        sys.exit("\n".join(sorted(problems)))
    print(f"{len(wanted)} parsers, each with a fuzz target")


def fixtures(name: str) -> list[dict[str, bytes]]:
    """Sources of every recorded attempt."""
    found = []
    for expected in sorted((ROOT / "plugins" / name / "fixtures").rglob("expected.json")):
        folder = expected.parent
        files = [folder / "stdout", folder / "stderr", *folder.glob("report/**/*"), *folder.glob("tree/**/*")]
        found.append({str(f.relative_to(folder)): f.read_bytes() for f in sorted(files) if f.is_file()})
    return found


def attempts(name: str) -> list[dict[str, bytes]]:
    """Recorded attempts, and files that stand for one: of JUnit's dialects, and of our own reports."""
    found = fixtures(name)
    extra = sorted((FUZZ / "seeds" / name).glob("*"))
    if name in JUNIT_XML:
        extra += sorted((ROOT / "plugins/junit/tests/fixtures").glob("*.xml"))
    for path in extra:
        place = next((p for p in places(name) if Path(p).suffix == path.suffix and path.suffix), "stdout")
        found.append({place: path.read_bytes()})
    return found


def seeds() -> None:
    for name in parsers():
        folder = FUZZ / "corpus" / name
        folder.mkdir(parents=True, exist_ok=True)
        known = places(name)
        for number, sources in enumerate(attempts(name)):
            parts = [bytes([known.index(place)]) + data for place, data in sources.items() if data]
            whole = SEPARATOR.join(part for part in parts)
            (folder / f"recorded-{number:03}").write_bytes(whole[:1] + HEADER + whole[1:])
        print(f"{name}: {len(list(folder.glob('recorded-*')))}")


class Run:
    """What libFuzzer said of one target."""

    def __init__(self, name: str) -> None:
        self.name, self.cpu, self.executions, self.edges, self.features, self.finding = name, 0.0, 0, 0, 0, ""

    def once(self, seconds: int) -> None:
        """One process of so many seconds of wall time."""
        (FUZZ / "artifacts" / self.name).mkdir(parents=True, exist_ok=True)
        command = [
            str(binary(self.name)), str(FUZZ / "corpus" / self.name), f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}",
            f"-timeout={TIMEOUT}", f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={FUZZ}/artifacts/{self.name}/",
            "-print_final_stats=1", "-use_value_profile=0", "-reload=0",
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        for line in done.stdout.splitlines():
            if match := re.search(r"^#(\d+).*cov: (\d+) ft: (\d+)", line):
                last, self.edges, self.features = (int(group) for group in match.groups())
        executions = re.search(r"stat::number_of_executed_units: (\d+)", done.stdout)
        self.executions += int(executions.group(1)) if executions else last
        if done.returncode != 0:
            said = re.findall(r"panicked at (.*)\n(.*)|ERROR: (libFuzzer: (?!deadly).*)", done.stdout)
            self.finding = " ".join(filter(None, said[0])) if said else f"exit {done.returncode}"
            artifact = re.search(r"Test unit written to (\S+)", done.stdout)
            self.finding += f" [{artifact.group(1) if artifact else 'no artifact'}]"

    def row(self) -> str:
        rate = self.executions / self.cpu if self.cpu else 0
        return (
            f"| {self.name} | {self.cpu / 60:.1f} | {self.executions:,} | {rate:,.0f} | {self.edges:,} | {self.features:,}"
            f" | {self.finding or 'none'} |"
        )


def binary(name: str) -> Path:
    # As cargo-fuzz does: the triple is named, so that build scripts are not instrumented.
    target = Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target"))
    return target / "x86_64-unknown-linux-gnu" / "release" / name


def build() -> None:
    # Coverage needs no nightly compiler (a sanitizer would); only cargo-fuzz asks for its options.
    env = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    subprocess.run(["cargo", "fuzz", "build", "--sanitizer", "none"], cwd=FUZZ, env=env, check=True)


def run(names: list[str], seconds: int, log: Path | None) -> None:
    print("| target | CPU minutes | executions | per second | edges | features | finding |\n|---|---|---|---|---|---|---|")
    failed = False
    for name in names:
        state = Run(name)
        while state.cpu < seconds and not state.finding:
            state.once(max(1, min(60, round(seconds - state.cpu))))
        failed |= bool(state.finding)
        print(state.row(), flush=True)
        if log:
            with log.open("a") as out:
                out.write(json.dumps(vars(state)) + "\n")
    sys.exit(1 if failed else 0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("task", choices=["check", "seeds", "run"])
    options.add_argument("names", nargs="*")
    options.add_argument("--seconds", type=int, default=120, help="of CPU, per target")
    options.add_argument("--log", type=Path, help="a JSON line per target is added to this file")
    options.add_argument("--no-build", action="store_true")
    given = options.parse_intermixed_args()
    if given.task == "check":
        check()
    elif given.task == "seeds":
        seeds()
    else:
        if not given.no_build:
            build()
        run(given.names or parsers(), given.seconds, given.log)


if __name__ == "__main__":
    main()
