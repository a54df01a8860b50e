"""Tells in JSON lines what pytest does. PYTEST_DONT_REWRITE

Loaded by PYTEST_PLUGINS into pytest 6 to 9 on Python 3.7 and later. It appends to the file that
FLAKY_PYTEST_REPORT names, one `os.write` per line, so that what was told stays when the process is killed.

It must not be noticed: every hook swallows its own faults, nothing is printed, and the three variables that
brought it here are put back as soon as it is loaded, so that tests and the processes they start (a pytest
inside a test among them) see the environment that they would have seen without it.
"""
import functools
import json
import os
import sys

import pytest

# Longest text of one failure, in characters: a page or two of a trace at each end.
TRACE = 16000
# Longest message: a diff of two long values is no better for being longer.
MESSAGE = 4000
# Ids per line of the collection.
CHUNK = 200


def _claim():
    """Takes the path of the report, and leaves the environment as the user made it."""
    path = os.environ.pop("FLAKY_PYTEST_REPORT", None)
    folder = os.path.dirname(os.path.abspath(__file__))
    names = os.environ.get("PYTEST_PLUGINS", "").split(",")
    if __name__ in names:
        names.remove(__name__)
    _restore("PYTEST_PLUGINS", ",".join(names))
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if folder in paths:
        paths.remove(folder)
    _restore("PYTHONPATH", os.pathsep.join(paths))
    if folder in sys.path:
        sys.path.remove(folder)
    return path


def _restore(name, value):
    if value:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)


try:
    _path = _claim()
except Exception:
    _path = None


class _Report:
    """The file, once the session is known to be one that reports."""

    fd = None
    owner = None
    collected = False


def _quietly(hook):
    @functools.wraps(hook)
    def guarded(*args, **kwargs):
        try:
            hook(*args, **kwargs)
        except Exception:
            pass

    return guarded


def _tell(event, **fields):
    # A child that a test forked runs through the same hooks; only the session's own process tells.
    if _Report.fd is None or os.getpid() != _Report.owner:
        return
    fields = {key: value for key, value in fields.items() if value is not None}
    line = json.dumps(dict(fields, e=event), separators=(",", ":"), ensure_ascii=False)
    os.write(_Report.fd, line.encode("utf-8", "replace") + b"\n")


def _text(value, most):
    text = str(value)
    if len(text) <= most:
        return text
    half = most // 2
    return text[:half] + "\n[... %d characters left out ...]\n" % (len(text) - 2 * half) + text[-half:]


def _failure(report):
    """What went wrong: the line of the exception, and the whole account."""
    longrepr = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    message = getattr(crash, "message", None)
    if message is not None:
        message = _text(message, MESSAGE)
    return {"message": message, "trace": _text(getattr(report, "longreprtext", None) or longrepr, TRACE)}


def _place(report):
    """File, unless it is the one in the id, and line, from 1."""
    place = getattr(report, "location", None)
    if not place:
        return {}
    file = place[0].replace(os.sep, "/")
    line = place[1]
    return {
        "file": None if report.nodeid.startswith(file + "::") else file,
        "line": None if line is None or line < 0 else line + 1,
    }


def _subtest(report):
    """Which part of a test the report is about; None for the whole test."""
    context = getattr(report, "context", None)
    if context is None or "sub" not in type(report).__name__.lower():
        return None
    parts = []
    if getattr(context, "msg", None) is not None:
        parts.append("[%s]" % (context.msg,))
    kwargs = getattr(context, "kwargs", None)
    if kwargs:
        parts.append("(%s)" % ", ".join("%s=%s" % (key, kwargs[key]) for key in sorted(kwargs)))
    return _text(" ".join(parts) or "(<subtest>)", MESSAGE)


@pytest.hookimpl(trylast=True)
@_quietly
def pytest_configure(config):
    # Workers of xdist send what they see to the one that reports.
    if not _path or _Report.fd is not None or hasattr(config, "workerinput"):
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    _Report.fd = os.open(_path, flags, 0o644)
    _Report.owner = os.getpid()
    _tell("start", pytest=pytest.__version__, python="%d.%d.%d" % sys.version_info[:3])


@_quietly
def pytest_collection_finish(session):
    _collected([item.nodeid for item in session.items])


@pytest.hookimpl(optionalhook=True)
@_quietly
def pytest_xdist_node_collection_finished(node, ids):
    # Every worker collects the same; the first is enough.
    _collected(list(ids))


def _collected(ids):
    if _Report.collected or not ids:
        return
    _Report.collected = True
    for start in range(0, len(ids), CHUNK):
        _tell("collected", ids=ids[start : start + CHUNK])


@pytest.hookimpl(tryfirst=True)
@_quietly
def pytest_runtest_logstart(nodeid, location):
    _tell("begin", id=nodeid)


@pytest.hookimpl(tryfirst=True)
@_quietly
def pytest_runtest_logreport(report):
    outcome = report.outcome
    sub = _subtest(report)
    if outcome == "passed" and (sub is not None or report.when in ("setup", "teardown")):
        return
    fields = {}
    if outcome not in ("passed", "skipped"):
        fields.update(_failure(report))
    fields.update(_place(report))
    _tell(
        "report",
        id=report.nodeid,
        when=report.when,
        outcome=outcome,
        duration=round(getattr(report, "duration", 0.0) or 0.0, 6),
        xfail=True if hasattr(report, "wasxfail") else None,
        sub=sub,
        **fields
    )


@pytest.hookimpl(tryfirst=True)
@_quietly
def pytest_collectreport(report):
    if report.outcome == "failed":
        _tell("collect", id=report.nodeid, outcome="failed", **_failure(report))
    elif report.outcome == "skipped":
        reason = report.longrepr
        if isinstance(reason, tuple) and len(reason) == 3:
            reason = reason[2]
        _tell("collect", id=report.nodeid, outcome="skipped", message=_text(reason, MESSAGE))


@pytest.hookimpl(tryfirst=True)
@_quietly
def pytest_internalerror(excrepr):
    crash = getattr(excrepr, "reprcrash", None)
    message = getattr(crash, "message", None) or str(excrepr)
    _tell("internal", message=_text(message, MESSAGE), trace=_text(excrepr, TRACE))


@pytest.hookimpl(trylast=True)
@_quietly
def pytest_sessionfinish(session, exitstatus):
    _tell("end", exit=int(exitstatus))
