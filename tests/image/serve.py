#!/usr/bin/env python3
"""Has the worker of an image serve a job: starts `flaky-worker --serve-api` in a container and asks it to judge
`examples/python`, copied into the container. Called by `build.sh`."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Starting in a chroot and listening; far above what it takes.
PATIENCE_SECONDS = 60


def buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def job() -> dict:
    # Only what the image holds: no framework to install where the variant has no Python.
    return {"repo": "/srv/project", "test_command": "pytest -v", "runs": 20, "parallelism": 2, "seed": 7}


def ask(port: int) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/runsync?wait=300000",
        data=json.dumps({"input": job()}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=320) as answer:
                return json.load(answer)
        except (ConnectionError, urllib.error.URLError) as error:
            if time.monotonic() > deadline or isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.2)


def main() -> None:
    variant = sys.argv[1]
    port = 20000 + os.getpid() % 20000
    container = buildah("from", "--pull-never", f"flaky-worker:{variant}")
    try:
        mount = Path(buildah("mount", container))
        shutil.copytree(ROOT / "examples/python", mount / "srv/project", dirs_exist_ok=True)
        command = ["buildah", "run", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro", container, "--"]
        worker = subprocess.Popen([*command, "flaky-worker", "--serve-api", "--port", str(port)])
        try:
            answer = ask(port)
        finally:
            worker.terminate()
            worker.wait(timeout=30)
    finally:
        buildah("rm", container)
    print(json.dumps({k: v for k, v in answer.items() if k != "output"}))
    output = answer.get("output") or {}
    verdicts = {test["id"]: test["verdict"] for test in output.get("tests", [])}
    print(json.dumps(verdicts, indent=1))
    assert answer["status"] == "COMPLETED", answer
    assert sorted(verdicts.values()) == ["broken", "flaky", "stable"], verdicts
    print(f"flaky-worker:{variant} served a job")


if __name__ == "__main__":
    main()
