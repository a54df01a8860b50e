#!/usr/bin/env python3
"""Checks the action, the workflows of examples/github and our own: by zizmor, by schema, by shellcheck, and by running them;
and the jobs of docs/gitlab.md by GitLab's schema.

`--pin COMMIT` writes the commit that the examples take the action from, as a release does.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ZIZMOR = "zizmor==1.32.0"
# Brings the schemas of GitHub's workflows and actions and of GitLab's CI/CD files along.
SCHEMAS = "check-jsonschema==0.39.0"
GITLAB_PAGE = ROOT / "docs/gitlab.md"
STAND_IN = ROOT / "tests/github"
EXAMPLES = sorted((ROOT / "examples/github").glob("*.yml"))
INPUTS = [ROOT / "action.yml", *EXAMPLES, *sorted((ROOT / ".github/workflows").glob("*.yml"))]
# Shell that workflows and people run.
SCRIPTS = [ROOT / "install.sh", *sorted(path for folder in ("action", ".ci/release", "tests/dist") for path in (ROOT / folder).glob("*.sh"))]
# A workflow that holds a token and is started by somebody else's change.
PRIVILEGED = re.compile(r"^\s*workflow_run:", re.MULTILINE)
# Ways to get at code of the head.
CHECKS_OUT = re.compile(r"actions/checkout|\bgit\s+(?:clone|fetch|pull|checkout|switch)\b|\bgh\s+(?:pr|repo)\b|refs/pull|/(?:tar|zip)ball\b")
CACHES = re.compile(r"actions/cache|^\s*cache:", re.MULTILINE)
OUR_PIN = re.compile(r"(?<=uses: flaky-rs/flaky@)([0-9a-f]{40})")


def program(package: str, name: str) -> Path:
    """Of a package, in a virtual environment of its own that is made once."""
    folder = TARGET / f"venv-{package.replace('==', '-')}"
    found = folder / "bin" / name
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", package], check=True)
    return found


def findings(*options: str) -> list[tuple[str, str]]:
    """What zizmor finds, as rule and file."""
    command = [program(ZIZMOR, "zizmor"), "--persona=pedantic", "--offline", "--no-config", "--no-exit-codes", "--strict-collection", "--format=json", *options]
    told = subprocess.run([*command, *INPUTS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if told.returncode != 0:
        sys.exit(f"zizmor failed:\n{told.stderr}")
    return sorted((f["ident"], Path(f["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"]).name) for f in json.loads(told.stdout))


def code(path: Path) -> str:
    """A file without its comments: they may speak of what is not done."""
    return re.sub(r"(?m)(?:^|\s)#.*$", "", path.read_text())


def privileged() -> list[Path]:
    return [path for path in INPUTS if PRIVILEGED.search(code(path))]


def ignores(path: Path) -> list[str]:
    return re.findall(r"#\s*zizmor:\s*(.*)", path.read_text())


def problems() -> list[str]:
    found = [f"{name}: zizmor finds {rule}" for rule, name in findings()]
    expected = sorted(("dangerous-triggers", path.name) for path in privileged())
    if (all_of_them := findings("--no-ignores")) != expected:
        found.append(f"without ignores zizmor should find {expected}, and finds {all_of_them}")
    if not expected:
        found.append("no workflow is started by workflow_run: is the check looking at the right files?")
    for path in INPUTS:
        reasons = [re.fullmatch(r"ignore\[dangerous-triggers\] \S.{20,}", text) for text in ignores(path)]
        if len(reasons) != (path in privileged()) or not all(reasons):
            found.append(f"{path.name}: one ignore of dangerous-triggers with its reason where workflow_run is, none elsewhere")
    for path in privileged():
        for pattern, told in ((CHECKS_OUT, "gets at code of the head"), (CACHES, "uses a cache")):
            if match := pattern.search(code(path)):
                found.append(f"{path.name}: {told}: {match[0].strip()}")
    return found + pin_problems()


def pin_problems() -> list[str]:
    """Whether the examples take the action from one commit of ours, which has what they ask of it."""
    pins = {pin for path in EXAMPLES for pin in OUR_PIN.findall(path.read_text())}
    if len(pins) != 1:
        return [f"the examples take the action from {len(pins)} commits: `.ci/workflows.py --pin COMMIT`"]
    for file in ["action.yml", *(f"action/{path.name}" for path in (ROOT / "action").iterdir())]:
        told = subprocess.run(["git", "show", f"{pins.copy().pop()}:{file}"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if told.stdout != (ROOT / file).read_bytes():
            return [f"the examples take the action from a commit whose {file} is another: commit, then `.ci/workflows.py --pin COMMIT`"]
    return []


def fits(schema: str, *options: str | Path) -> str:
    """What of these files is not as the schema has it; empty: nothing."""
    command = [program(SCHEMAS, "check-jsonschema"), "--no-cache", "--builtin-schema", f"vendor.{schema}", *options]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return told.stdout if told.returncode != 0 else ""


def schema_problems() -> list[str]:
    """The platforms' own schemas. GitLab's jobs stand in a page: they are written where the checker finds them."""
    action = ROOT / "action.yml"
    found = [fits("github-actions", action), fits("github-workflows", *(path for path in INPUTS if path != action))]
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", GITLAB_PAGE.read_text())
    if not blocks:
        found.append(f"{GITLAB_PAGE.name}: no job to check")
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(blocks, 1):
            path = Path(folder) / f"{GITLAB_PAGE.stem}-{number}.yml"
            path.write_text(block)
            found.append(fits("gitlab-ci", "--data-transform", "gitlab-ci", path))
            # What the checker does not see it does not check.
            path.write_text(block.replace("when: always", "when: sometimes"))
            if "when: always" in block and not fits("gitlab-ci", "--data-transform", "gitlab-ci", path):
                found.append("GitLab's schema takes `when: sometimes`: is it looked at?")
    return [problem for problem in found if problem]


def self_check() -> None:
    """The patterns that decide whether the rest can be believed."""
    for text in ("uses: actions/checkout@x", "run: git fetch origin pull/1/head", "run: gh pr checkout 1", "run: curl $API/tarball/x"):
        if not CHECKS_OUT.search(text):
            sys.exit(f"workflows.py does not see that `{text}` gets at code")
    if CHECKS_OUT.search("uses: actions/download-artifact@x") or not PRIVILEGED.search("on:\n  workflow_run:\n"):
        sys.exit("workflows.py misjudges what it looks for")


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    environment = {**os.environ, "FLAKY_TEST_CACHE": str(TARGET / "github")}
    if subprocess.run(command, cwd=cwd, env=environment).returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def main() -> None:
    self_check()
    if len(sys.argv) == 3 and sys.argv[1] == "--pin":
        for path in EXAMPLES:
            path.write_text(OUR_PIN.sub(sys.argv[2], path.read_text()))
        return
    if found := problems() + schema_problems():
        sys.exit("\n".join(found))
    if shutil.which("shellcheck") is None:
        sys.exit("shellcheck is missing")
    run("shellcheck", *SCRIPTS)
    run("npm", "ci", "--silent", cwd=STAND_IN)
    run("node", "cut.mjs", "--check", cwd=STAND_IN)
    run("node", "events/make.mjs", "--check", cwd=STAND_IN)
    run("node", "--test", "--test-reporter=dot", cwd=STAND_IN)
    print(f"\n{len(INPUTS)} files, {len(privileged())} of them started by workflow_run")


if __name__ == "__main__":
    main()
