#!/usr/bin/env python3
"""Tests the SDKs for Python and JavaScript, their templates and examples, without building a component.

`.ci/sdks.py` tests; `.ci/sdks.py --tools` only installs what components are built with, for the end-to-end tests. Tools
are pinned, and installed once into `sdks/` of the target folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "sdks"
PYTHON_SDK, JAVASCRIPT_SDK = ROOT / "sdks/python", ROOT / "sdks/javascript"
TEMPLATES, EXAMPLES = ROOT / "host/plugin-kit/templates", ROOT / "examples/plugins"
CONTRACT = ROOT / "wit/0.1.0/plugin.wit"
COPIES = [PYTHON_SDK / "src/flaky_plugin_sdk/wit/plugin.wit", JAVASCRIPT_SDK / "wit/plugin.wit"]
REPOSITORY = "https://github.com/flaky-rs/flaky"
KINDS = ["policy", "parser", "reporter"]

PYTHON_TOOLS = ["componentize-py==0.25.1", "flit_core==3.12.0", "mypy==2.4.1", "pytest==9.2.0"]
TYPESCRIPT = "7.0.2"

# An install over a slow network, with 400 MB for JavaScript, and a test that must not hang.
INSTALL_SECONDS, TEST_SECONDS = 1200, 300


def run(*command: str | Path, at: Path, seconds: int = TEST_SECONDS, **environment: str) -> None:
    print(f"  $ {' '.join(str(part) for part in command)}", flush=True)
    subprocess.run(command, cwd=at, check=True, timeout=seconds, env=os.environ | environment, stdin=subprocess.DEVNULL)


def once(folder: Path, pins: object, install) -> None:
    """Installs into an empty folder, unless exactly this stands there: the marker is written last."""
    marker, wanted = folder / ".installed", json.dumps(pins)
    if marker.is_file() and marker.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    marker.write_text(wanted)


def python_tools() -> Path:
    folder = TARGET / "python"
    python = folder / "bin/python"

    def install() -> None:
        venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, *PYTHON_TOOLS, at=folder, seconds=INSTALL_SECONDS)

    once(folder, PYTHON_TOOLS, install)
    # The SDK anew each time: it is what changes.
    flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--force-reinstall"]
    run(python, "-m", "pip", "install", *flags, PYTHON_SDK, at=folder)
    return python


def javascript_tools() -> Path:
    folder = TARGET / "javascript"
    pins = json.loads((JAVASCRIPT_SDK / "package.json").read_text())["dependencies"] | {"typescript": TYPESCRIPT}

    def install() -> None:
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": pins}))
        flags = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        run("npm", "install", *flags, at=folder, seconds=INSTALL_SECONDS)

    once(folder, pins, install)
    return folder


def compare_contracts() -> None:
    for copy in COPIES:
        if copy.read_bytes() != CONTRACT.read_bytes():
            sys.exit(f"error: {copy.relative_to(ROOT)} is not {CONTRACT.relative_to(ROOT)}; copy it")


def test_python(python: Path, scratch: Path) -> None:
    bindings = []
    for kind in KINDS:
        folder = scratch / f"bindings-{kind}"
        run(python.parent / "componentize-py", "-q", "-d", CONTRACT, "-w", f"flaky:plugin/{kind}-plugin", "bindings", folder, at=scratch)
        bindings.append(str(folder))
    every = scratch / "bindings"
    worlds = [part for kind in ["plugin", *KINDS] for part in ("-w", f"flaky:plugin/as-{kind}")]
    run(python.parent / "componentize-py", "-q", "-d", CONTRACT, *worlds, "bindings", every, at=scratch)
    quiet = ["-q", "-p", "no:cacheprovider"]
    cache = f"--cache-dir={TARGET / 'mypy'}"
    run(python, "-m", "pytest", *quiet, at=PYTHON_SDK, FLAKY_BINDINGS=os.pathsep.join(bindings), PYTHONDONTWRITEBYTECODE="1")
    # The bindings are somebody else's code: their types count, their style does not.
    silent = "--follow-imports=silent"
    run(python, "-m", "mypy", "--strict", silent, cache, "src/flaky_plugin_sdk", "tests", at=PYTHON_SDK, MYPYPATH=f"src{os.pathsep}{every}")
    for project in [EXAMPLES / "owners", *(TEMPLATES / "python" / kind for kind in KINDS)]:
        options = ["-o", "pythonpath=src", "--rootdir", project]
        run(python, "-m", "pytest", *quiet, *options, "tests", at=project, PYTHONDONTWRITEBYTECODE="1")
        run(python, "-m", "mypy", "--strict", cache, "src", "tests", at=project, MYPYPATH="src")


def test_javascript(tools: Path) -> None:
    tsc = tools / "node_modules/.bin/tsc"
    run("node", "--test", *sorted(JAVASCRIPT_SDK.glob("test/*.test.js")), at=JAVASCRIPT_SDK)
    run(tsc, "-p", "tsconfig.json", at=JAVASCRIPT_SDK)
    with tempfile.TemporaryDirectory(dir=tools) as work:
        for project in [EXAMPLES / "table", *(TEMPLATES / "javascript" / kind for kind in KINDS)]:
            copy = Path(work) / project.name
            shutil.copytree(project, copy, ignore=shutil.ignore_patterns("node_modules"))
            if not (copy / "package.json").is_file():
                shutil.copytree(TEMPLATES / "javascript/common", copy, dirs_exist_ok=True)
            (copy / "node_modules").mkdir()
            (copy / "node_modules/flaky-plugin-sdk").symlink_to(JAVASCRIPT_SDK)
            run("npm", "test", "--silent", at=copy)
            run(tsc, "-p", "jsconfig.json", at=copy)


def test_packages(scratch: Path) -> None:
    """What is published, as the release makes it: with what it needs, and a project can take it."""
    for language in ["python", "javascript"]:
        run(ROOT / ".ci/release/packages.sh", language, "build", scratch, at=ROOT)
    wheel, package = next(scratch.glob("*.whl")), next(scratch.glob("*.tgz"))
    names = [name.split("/", 1)[1] for name in zipfile.ZipFile(wheel).namelist()]
    expect(wheel, names, ["py.typed", "wit/plugin.wit", "component/policy.py", "licenses/LICENSE-MIT", "licenses/LICENSE-APACHE"])
    with tarfile.open(package) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]
        archive.extractall(scratch, filter="data")
    expect(package, names, ["bin/flaky-plugin.js", "src/index.d.ts", "wit/plugin.wit", "LICENSE-MIT", "LICENSE-APACHE"])
    # A provenance is refused for a package that names another repository than the workflow's.
    told = json.loads((JAVASCRIPT_SDK / "package.json").read_text())["repository"]["url"]
    if told != f"git+{REPOSITORY}.git":
        sys.exit(f"error: sdks/javascript/package.json: the repository is {REPOSITORY}, not {told}")
    # What it needs beside is 400 MB and for building a component alone.
    modules = scratch / "node_modules"
    modules.mkdir()
    (scratch / "package").rename(modules / "flaky-plugin-sdk")
    run("node", "--input-type=module", "--eval", "import 'flaky-plugin-sdk'; import 'flaky-plugin-sdk/testing'", at=scratch)


def expect(package: Path, names: list[str], wanted: list[str]) -> None:
    for name in wanted:
        if name not in names:
            sys.exit(f"error: {package.name} lacks {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", action="store_true", help="only install what components are built with")
    tools_only = parser.parse_args().tools
    python, javascript = python_tools(), javascript_tools()
    if tools_only:
        return
    compare_contracts()
    with tempfile.TemporaryDirectory() as scratch:
        test_python(python, Path(scratch))
        test_packages(Path(scratch))
    test_javascript(javascript)


if __name__ == "__main__":
    main()
