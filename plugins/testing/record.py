"""Records what a real framework prints, for the scripts `fixtures/make`.

A case is a folder beside the script: `stdout`, `stderr`, `report/…`, `attempt.json` as the command left them, and
`expected.json` with what the script says is true. The script knows that from the sample's source; nothing here looks at
what a parser made of it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Where the sample seems to have been, whatever folder it ran in.
PROJECT = "/project"


class Recorder:
    def __init__(self, script):
        self.fixtures = Path(script).resolve().parent
        self.only = set(sys.argv[1:])

    def record(self, case, argv, expected, *, env=None, report=None, cut_stderr=True, setup=None, edit=None, command=True):
        """Runs `argv` in a fresh copy of the sample; `{report}` in it stands for the case's report folder."""
        if self.only and case not in self.only:
            return
        folder = self.fixtures / case
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "report").mkdir(parents=True)
        with tempfile.TemporaryDirectory() as temp:
            project = Path(temp) / "project"
            shutil.copytree(self.fixtures / "sample", project)
            if setup:
                subprocess.run(setup, cwd=project, shell=True, check=True, capture_output=True)
            words = [word.replace("{report}", str(folder / "report")) for word in argv]
            environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(env or {})}
            environment = {k: v.replace("{report}", str(folder / "report")) for k, v in environment.items()}
            run = subprocess.run(words, cwd=project, env=environment, capture_output=True, timeout=300)
            clean = lambda data: self.clean(data, [str(project), os.path.realpath(project)], folder, edit)
            (folder / "stdout").write_bytes(clean(run.stdout))
            if run.stderr and not cut_stderr:
                (folder / "stderr").write_bytes(clean(run.stderr))
            for file in (folder / "report").rglob("*"):
                if file.is_file():
                    file.write_bytes(clean(file.read_bytes()))
        for number, file in enumerate(sorted((folder / "report").rglob("*.jsonl"))):
            file.rename(file.with_name(f"{number + 1}.jsonl"))
        if not any((folder / "report").iterdir()):
            (folder / "report").rmdir()
        shown = [portable(word.replace(str(folder / "report"), "/report")) for word in words]
        attempt = {"command": shown, "exit_code": run.returncode}
        if run.returncode < 0:
            attempt = {"command": shown, "signal": -run.returncode}
        if command:
            (folder / "attempt.json").write_text(json.dumps(attempt, ensure_ascii=False) + "\n")
        (folder / "expected.json").write_text(laid_out(expected))
        print(f"{case}: {len(run.stdout)} bytes", file=sys.stderr)

    def clean(self, data, projects, folder, edit):
        for project in projects:
            data = data.replace(project.encode(), PROJECT.encode())
        data = data.replace(str(folder).encode(), b"")
        # Frames of Ruby's own gems, of which only the end says something.
        data = re.sub(rb"/usr/share/rubygems-integration/all/gems/", b"/gems/", data)
        return edit(data) if edit else data


def portable(word):
    """A tool's name, wherever it is installed."""
    return word if word.startswith("/report") else re.sub(r"^/.*/", "", word)


def laid_out(expected):
    """JSON with a line per test."""
    expected = dict(expected)
    tests = expected.pop("tests")
    head = json.dumps(expected, ensure_ascii=False)[1:-1]
    lines = ",\n".join("  " + json.dumps(test, ensure_ascii=False) for test in tests)
    return "{" + head + ', "tests": [' + ("\n" + lines + "\n" if lines else "") + "]}\n"
