"""`python -m flaky_plugin_sdk build [FOLDER] [--out FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .build import BuildError, Project, build


def main() -> int:
    """Builds a plugin."""
    parser = argparse.ArgumentParser(prog="flaky_plugin_sdk", description="Makes a component of a plugin in Python.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="make the component of a project")
    building.add_argument("folder", nargs="?", type=Path, default=Path(), help="the project [default: here]")
    building.add_argument("--out", type=Path, help="the component [default: NAME.wasm in the project]")
    building.add_argument("--json", action="store_true", help="say what was made as JSON, on the last line")
    arguments = parser.parse_args()
    try:
        folder = arguments.folder.resolve()
        name = Project.read(folder).name
        out = arguments.out or folder / f"{name}.wasm"
        role = build(folder, out)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"name": name, "role": role}) if arguments.json else f"{out}: {role}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
