#!/usr/bin/env python3
"""Checks the licence and the source of every dependency against deny.toml, offline.

The same rules as `cargo deny check licenses sources`, for machines that do not have it. Needs Python 3.11.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES_IO = {
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
}


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be met with `licences`. `A/B` is the old way to write `A OR B`."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        met = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        token = tokens.pop(0)
        if token == "(":
            met = either()
            if tokens.pop(0) != ")":
                raise ValueError(f"`{expression}` is no licence expression")
            return met
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in licences

    met = either()
    if tokens:
        raise ValueError(f"`{expression}` is no licence expression")
    return met


def problem(package: dict, licences: set[str]) -> str | None:
    if package["source"] is not None and package["source"] not in CRATES_IO:
        return f"comes from `{package['source']}`, not from crates.io"
    if not package["license"]:
        return "names no licence"
    try:
        if not allowed(package["license"], licences):
            return f"has the licence `{package['license']}`, which deny.toml does not allow"
    except (ValueError, IndexError):
        return f"has the unreadable licence `{package['license']}`"
    return None


def self_check() -> None:
    """The expressions that decide whether the rest can be believed."""
    cases = {
        "MIT": True,
        "GPL-3.0": False,
        "GPL-3.0 OR MIT": True,
        "MIT/GPL-3.0": True,
        "MIT AND GPL-3.0": False,
        "(GPL-3.0 OR MIT) AND Zlib": True,
        "GPL-3.0 OR MIT AND GPL-3.0": False,
        "MIT WITH Some-exception": False,
    }
    for expression, expected in cases.items():
        if allowed(expression, {"MIT", "Zlib"}) is not expected:
            sys.exit(f"licences.py misjudges `{expression}`")


def main() -> None:
    self_check()
    licences = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE)
    if told.returncode != 0:
        sys.exit("cargo could not tell the dependencies")  # it has said why
    packages = json.loads(told.stdout)["packages"]
    problems = [f"{p['name']} {p['version']}: {text}" for p in packages if (text := problem(p, licences))]
    if problems:
        sys.exit("\n".join(sorted(problems)))
    print(f"{len(packages)} packages, all from here or crates.io and under {len(licences)} allowed licences")


if __name__ == "__main__":
    main()
