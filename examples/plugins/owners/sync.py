#!/usr/bin/env python3
"""Copies CODEOWNERS into the block `codeowners: |` of a configuration, or checks that it stands there."""

import argparse
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^(?P<indent> *)codeowners: \|\n(?:(?P=indent) +.*\n|[ \t]*\n)*", re.MULTILINE)


def with_owners(configuration: str, owners: str) -> str:
    """The configuration with this text in its block."""
    found = BLOCK.search(configuration)
    if found is None:
        sys.exit("error: the configuration has no block `codeowners: |`")
    indent = found["indent"]
    lines = "".join(f"{indent}  {line}".rstrip() + "\n" for line in owners.splitlines())
    return configuration[: found.start()] + f"{indent}codeowners: |\n" + lines + configuration[found.end() :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("owners", type=Path)
    parser.add_argument("configuration", type=Path)
    arguments = parser.parse_args()
    before = arguments.configuration.read_text(encoding="utf-8")
    after = with_owners(before, arguments.owners.read_text(encoding="utf-8"))
    if arguments.check and before != after:
        sys.exit(f"error: {arguments.configuration} does not hold {arguments.owners}; run this without --check")
    if not arguments.check:
        arguments.configuration.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
