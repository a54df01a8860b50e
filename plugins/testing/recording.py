"""For the `make` scripts beside fixtures: runs a real tool and writes down what it left, next to what is true of it."""

import json
import os
import pathlib
import shutil
import signal
import subprocess


def test(id, outcome="passed", message=None, **more):
    """What is true of a test; `name` and `suite` by hand where the id alone does not say them."""
    told = {"id": id, "outcome": outcome}
    if message is not None:
        told["message"] = message
    told.update(more)
    return told


class Recorder:
    """Writes fixtures below a folder. `paths` are machine paths and what stands for them."""

    def __init__(self, folder, paths):
        self.folder = pathlib.Path(folder)
        self.paths = [(str(path).encode(), stable.encode()) for path, stable in paths]

    def stable(self, data):
        for path, stable in self.paths:
            data = data.replace(path, stable)
        return data

    def case(self, name, argv, tests, format, complete=True, announced=(), errors=(), env=None, cwd=None,
             report=None, tree=None, command=None, keep=("stdout", "stderr"), timeout=None, edit=None):
        """Runs `argv`; `report` and `tree` map names in the fixture to files that the tool wrote."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        environment = dict(os.environ, LC_ALL="C.UTF-8", **(env or {}))
        process = subprocess.Popen(argv, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        timed_out = False
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        for stream, data in (("stdout", out), ("stderr", err)):
            if stream in keep and data:
                (folder / stream).write_bytes(self.stable(edit(data) if edit else data))
        for kind, files in (("report", report or {}), ("tree", tree or {})):
            for target, source in files.items():
                path = folder / kind / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.stable(pathlib.Path(source).read_bytes()))
        attempt = {"command": command or [os.path.basename(argv[0])] + argv[1:]}
        attempt["command"] = [self.stable(word.encode()).decode() for word in attempt["command"]]
        if timed_out:
            attempt["timed_out"] = True
        elif process.returncode < 0:
            attempt["signal"] = -process.returncode
        else:
            attempt["exit_code"] = process.returncode
        (folder / "attempt.json").write_text(json.dumps(attempt) + "\n")
        expected = {"format": format, "complete": complete, "tests": list(tests)}
        if announced:
            expected["announced"] = list(announced)
        if errors:
            expected["errors"] = list(errors)
        lines = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in expected.pop("tests"))
        head = json.dumps(expected, ensure_ascii=False)[:-1]
        tests_text = f"[\n  {lines}\n]" if lines else "[]"
        (folder / "expected.json").write_text(f"{head}, \"tests\": {tests_text}}}\n")
