"""Drives the local server with RunPod's own Python client: every call it has, and callers of the tutorial's shape.

Usage: RUNPOD_ENDPOINT_BASE_URL=... drive_client.py PART; prints what it did, fails at the first surprise.

What a job does is in its input; see `tests/scripted/mod.rs`.
"""

import asyncio
import json
import os
import sys
import tempfile
import time

import runpod


def check(what, is_so, *shown):
    if not is_so:
        raise AssertionError(f"{what}: {shown}")
    print(f"ok: {what}", flush=True)


def ask_once():
    """Run, then ask for the output once without a timeout; the job takes longer than the client waits for an answer."""
    runpod.api_key = "rpa_ANY"
    endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
    started = time.monotonic()
    job = endpoint.run(
        {
            "repo": "https://github.com/your-username/flaky-test-detector",
            "test_command": "pytest tests/test_flaky.py -v",
            "runs": 50,
            "parallelism": 5,
            "seconds": 12,
        }
    )
    result = job.output()
    print(f"Total runs: {result['total_runs']}")
    print(f"Failures: {result['failures']}")
    print(f"Reproduction rate: {result['repro_rate'] * 100:.1f}%")
    check("one call of output() waits for the end", time.monotonic() - started >= 12)
    check("its result is the job's", result["total_runs"] == 50 and len(result["results"]) == 50, result)


def in_a_workflow():
    """As a step of a workflow does it: key and endpoint from the environment, the result into a file."""
    runpod.api_key = os.environ["RUNPOD_API_KEY"]
    endpoint = runpod.Endpoint(os.environ["RUNPOD_ENDPOINT_ID"])
    job = endpoint.run(
        {
            "repo": "https://github.com/your-username/flaky-test-detector",
            "test_command": "pytest tests/ -v",
            "runs": 100,
            "parallelism": 10,
            "seconds": 1,
        }
    )
    result = job.output()
    with tempfile.TemporaryFile("w+") as file:
        json.dump(result, file)
        file.seek(0)
        check("the result is written and read as JSON", json.load(file) == result)
    failed = [attempt for attempt in result["results"] if not attempt["passed"]]
    check("the fields that workflows read are there", result["repro_rate"] == 0 and failed == [], result)


def calls():
    """Every call of the client, with the platform's manners."""
    endpoint = runpod.Endpoint("mine")

    job = endpoint.run({"input": {"hold": True, "progress": {"done": 1}}})
    check("status() answers at once", job.status() in ("IN_QUEUE", "IN_PROGRESS"))
    while job.status() != "IN_PROGRESS":
        time.sleep(0.05)
    check("health() counts what runs", endpoint.health()["jobs"]["inProgress"] == 1, endpoint.health())
    workers = endpoint.health()["workers"]
    check("health() counts workers", workers["running"] == 1 and workers["idle"] == 1, workers)
    try:
        job.output(timeout=1)
        check("output() gives up", False)
    except TimeoutError:
        check("output() gives up", True)
    answer = job.cancel()
    check("cancel() says so", answer == {"id": job.job_id, "status": "CANCELLED"}, answer)
    check("status() says so too", job.status() == "CANCELLED")

    job = endpoint.run({"input": {"seconds": 2, "say": {"a": 1}}})
    check("output() waits", job.output(timeout=60) == {"a": 1})
    check("status() is final", job.status() == "COMPLETED")

    job = endpoint.run({"say": "bare"})
    check("an input without `input` around it is taken", job.output(timeout=60) == "bare")

    job = endpoint.run({"input": {"fail": "no such repository"}})
    check("a failure has no output", job.output(timeout=60) is None and job.status() == "FAILED")

    chunks = [{"part": number} for number in range(30)]
    job = endpoint.run({"input": {"chunks": chunks, "seconds": 2, "say": "all"}})
    check("stream() yields every chunk once", list(job.stream()) == chunks)
    check("and output() the whole", job.output(timeout=60) == "all")

    check("run_sync() waits", endpoint.run_sync({"input": {"say": [1, 2]}}) == [1, 2])
    check("run_sync() of a failure is None", endpoint.run_sync({"input": {"fail": "no"}}) is None)
    endpoint.run_sync({"input": {"x": "x" * 1_000_000}})

    held = [endpoint.run({"input": {"hold": True}}) for _ in range(4)]
    while endpoint.health()["jobs"]["inProgress"] != 2:
        time.sleep(0.05)
    answer = endpoint.purge_queue()
    check("purge_queue() says how many", answer == {"removed": 2, "status": "completed"}, answer)
    for job in held:
        job.cancel()
    check("all are cancelled", [job.status() for job in held] == ["CANCELLED"] * 4)

    body = {"input": {"say": 1}, "webhook": None, "policy": {"executionTimeout": 60000, "lowPriority": True}}
    check("policies are taken", endpoint.run(body).output(timeout=60) == 1)


def at_the_root():
    """The endpoint `.` is how the client is pointed at servers that know no endpoints."""
    endpoint = runpod.Endpoint(".")
    check("run_sync() works at the root", endpoint.run_sync({"input": {"say": 1}}) == 1)
    job = endpoint.run({"input": {"seconds": 1, "say": 2}})
    check("status() waits there", job.status() == "COMPLETED" and job.output() == 2)
    check("health() works there", "idle" in endpoint.health()["workers"])


def asynchronous():
    """The client's asyncio twin."""

    async def drive():
        async with runpod.http_client.ClientSession() as session:
            endpoint = runpod.AsyncioEndpoint("mine", session)
            job = await endpoint.run({"seconds": 1, "say": {"a": 1}})
            check("async output() waits", await job.output(timeout=60) == {"a": 1})
            job = await endpoint.run({"chunks": [1, 2], "say": 3})
            check("async stream() yields", [chunk async for chunk in job.stream()] == [1, 2])
            job = await endpoint.run({"hold": True})
            check("async cancel() says so", (await job.cancel())["status"] == "CANCELLED")
            check("async health() counts", (await endpoint.health())["jobs"]["completed"] >= 2)
            check("async purge_queue() says how many", (await endpoint.purge_queue())["removed"] == 0)

    asyncio.run(drive())


PARTS = {
    "ask-once": ask_once,
    "in-a-workflow": in_a_workflow,
    "calls": calls,
    "at-the-root": at_the_root,
    "asynchronous": asynchronous,
}

if __name__ == "__main__":
    runpod.api_key = "any"
    PARTS[sys.argv[1]]()
