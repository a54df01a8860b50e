"""Tells flaky what pytest did, as lines of JSON in a file of its own.

Loaded by PYTEST_PLUGINS. It prints nothing, changes no option that its user chose, no outcome and no exit code, and
whatever goes wrong in here is swallowed: then the report is shorter, and the output of pytest is read instead.
Plugins that draw a seed get flaky's; where flaky is asked to shuffle and no plugin does, the collected tests are
shuffled here, each for itself. Standard library only, Python 3.6 or later, pytest 6 or later. PYTEST_DONT_REWRITE
"""

import json
import os
import sys

import pytest

_NAME = "flaky_pytest_report"
_FOLDER = "FLAKY_PYTEST_REPORT"
_SEED = "FLAKY_PYTEST_SEED"
_SHUFFLE = "FLAKY_PYTEST_SHUFFLE"
_WORKERS = "FLAKY_PYTEST_WORKERS"

# Texts longer than this are cut in the middle; more than _ALL_TRACES bytes of traces are dropped.
_LONGEST_MESSAGE = 16 * 1024
_LONGEST_TRACE = 64 * 1024
_ALL_TRACES = 32 * 1024 * 1024


def _take_settings():
    """Takes what flaky put into the environment out again: neither tests nor what they start shall see it."""
    settings = {name: os.environ.pop(name, None) for name in (_FOLDER, _SEED, _SHUFFLE, _WORKERS)}
    here = os.path.dirname(os.path.abspath(__file__))
    _leave_out("PYTEST_PLUGINS", ",", lambda entry: entry.strip() == _NAME)
    _leave_out("PYTHONPATH", os.pathsep, lambda entry: entry and os.path.abspath(entry) == here)
    # The module stands in sys.modules already; the folder must not shadow anything.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    return settings


def _leave_out(variable, separator, is_ours):
    value = os.environ.get(variable)
    if value is None:
        return
    kept = [entry for entry in value.split(separator) if not is_ours(entry)]
    if kept:
        os.environ[variable] = separator.join(kept)
    else:
        del os.environ[variable]


try:
    _settings = _take_settings()
except Exception:
    _settings = {}


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Asks xdist for workers, before it looks how many it is asked for."""
    try:
        option = config.option
        workers = int(_settings.get(_WORKERS) or 0)
        if workers > 1 and getattr(option, "numprocesses", "absent") is None and not option.usepdb:
            option.numprocesses = workers
    except Exception:
        pass


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Starts the report, except in the workers of xdist: their controller tells all that they do."""
    folder = _settings.pop(_FOLDER, None)
    try:
        if _settings.get(_SEED) is not None:
            _seed_plugins(config, _settings[_SEED])
            if _settings.get(_SHUFFLE) is not None:
                config.pluginmanager.register(_Shuffle(config, _settings[_SEED]), _NAME + "_shuffle")
    except Exception:
        pass
    if folder is None or hasattr(config, "workerinput"):
        return
    try:
        report = _Report(_File(folder), config)
        config.pluginmanager.register(report, _NAME + "_hooks")
    except Exception:
        pass


def _seed_plugins(config, seed):
    """Gives the seed to plugins that would draw one: what their user chose stays."""
    if getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = int(seed)
    if str(getattr(config.option, "random_order_seed", "")).startswith("default_value"):
        config.option.random_order_seed = seed


class _Shuffle:
    def __init__(self, config, seed):
        self._config = config
        self._seed = seed

    def _is_done_by_others(self):
        option, plugins = self._config.option, self._config.pluginmanager
        randomly = plugins.hasplugin("randomly") and getattr(option, "randomly_reorganize", False)
        return randomly or plugins.hasplugin("random_order") and getattr(option, "random_order_bucket", None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        try:
            if not self._is_done_by_others():
                import random

                # Of its own, so that no test's random numbers depend on it.
                random.Random("%s" % self._seed).shuffle(items)
        except Exception:
            pass

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config, specs):
        """Workers collect for themselves, all in the same order. They take this out of their environment again."""
        try:
            here = os.path.dirname(os.path.abspath(__file__))
            for variable, separator, entry in (("PYTEST_PLUGINS", ",", _NAME), ("PYTHONPATH", os.pathsep, here)):
                value = os.environ.get(variable)
                os.environ[variable] = separator.join([value, entry] if value else [entry])
            os.environ[_SEED], os.environ[_SHUFFLE] = self._seed, "1"
        except Exception:
            pass


class _File:
    """A file of its own for every session; each line is out of this process when `write` returns."""

    def __init__(self, folder):
        # Kept here, because tests replace functions of modules.
        self._os = (os.write, os.fstat, os.open, os.getpid)
        self._flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._dumps = json.dumps
        self._pid = os.getpid()
        os.makedirs(folder, exist_ok=True)
        self._open_first_free(folder)

    def _open_first_free(self, folder):
        for number in range(1, 1000):
            self._path = os.path.join(folder, "pytest-%03d.jsonl" % number)
            try:
                self._fd = os.open(self._path, self._flags | os.O_EXCL, 0o644)
            except FileExistsError:
                continue
            self._id = self._identity(self._fd)
            return
        raise OSError("too many sessions")

    def _identity(self, fd):
        status = self._os[1](fd)
        return (status.st_dev, status.st_ino)

    def write(self, record):
        write, _, open_, getpid = self._os
        # A test that forked and did not leave is not the session.
        if getpid() != self._pid:
            return
        line = self._dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        line = line.encode("utf-8", "replace")
        # A test may have closed the descriptor, and another file may have got its number.
        try:
            ours = self._identity(self._fd) == self._id
        except OSError:
            ours = False
        if not ours:
            self._fd = open_(self._path, self._flags, 0o644)
        while line:
            line = line[write(self._fd, line) :]


class _Report:
    """The hooks. Not one of them lets an exception out."""

    def __init__(self, file, config):
        self._file = file
        self._numbers = {}
        self._traces = 0
        self._repr_failed = False
        self._tell(e="session", format=1, pytest=pytest.__version__, python=".".join(map(str, sys.version_info[:3])))

    def _tell(self, **record):
        try:
            self._file.write(record)
        except Exception:
            pass

    def _number(self, nodeid):
        number = self._numbers.get(nodeid)
        if number is None:
            number = self._numbers[nodeid] = len(self._numbers)
            self._tell(e="test", n=number, id=nodeid)
        return number

    def pytest_collection_finish(self, session):
        try:
            for item in session.items:
                self._number(item.nodeid)
            self._tell(e="collected", only=bool(session.config.option.collectonly))
        except Exception:
            pass

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        try:
            for nodeid in ids:
                self._number(nodeid)
        except Exception:
            pass

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid, location):
        try:
            number = self._number(nodeid)
            line = location[1]
            self._tell(e="start", n=number, file=location[0], line=None if line is None else line + 1)
        except Exception:
            pass

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        try:
            self._phase(report)
        except Exception:
            pass

    def _phase(self, report):
        record = {"e": "phase", "n": self._number(report.nodeid), "when": report.when, "outcome": report.outcome}
        record["s"] = getattr(report, "duration", None)
        subtest = getattr(report, "context", None)
        if subtest is not None:
            record["sub"] = _subtest_name(report, subtest)
        if hasattr(report, "wasxfail"):
            record["xfail"] = _cut(str(report.wasxfail), _LONGEST_MESSAGE)
        if report.outcome != "passed":
            self._longrepr(report, record)
        self._tell(**record)

    def pytest_collectreport(self, report):
        try:
            if report.failed:
                record = {"e": "collect-error", "id": report.nodeid}
                self._longrepr(report, record)
                self._tell(**record)
        except Exception:
            pass

    def pytest_internalerror(self, excrepr):
        try:
            self._tell(e="internal-error", trace=_cut(str(excrepr), _LONGEST_TRACE))
        except Exception:
            pass

    def pytest_keyboard_interrupt(self, excinfo):
        try:
            self._tell(e="interrupted", message=_cut(excinfo.exconly(), _LONGEST_MESSAGE))
        except Exception:
            pass

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        try:
            self._tell(e="finish", status=int(exitstatus))
        except Exception:
            pass

    def _longrepr(self, report, record):
        longrepr = report.longrepr
        if longrepr is None:
            return
        if isinstance(longrepr, tuple) and len(longrepr) == 3:
            record["message"] = _cut(str(longrepr[2]), _LONGEST_MESSAGE)
            return
        crash = getattr(longrepr, "reprcrash", None)
        if crash is not None:
            record["message"] = _cut(str(crash.message), _LONGEST_MESSAGE)
        trace = _cut(str(longrepr), _LONGEST_TRACE)
        self._traces += len(trace)
        if "message" not in record:
            record["message"] = _cut(trace, _LONGEST_MESSAGE)
        if self._traces <= _ALL_TRACES:
            record["trace"] = trace


def _subtest_name(report, context):
    """As pytest prints it: `[message] (key=value)`."""
    name = ""
    if getattr(context, "msg", None) is not None:
        name = "[%s]" % (context.msg,)
    parameters = getattr(context, "kwargs", None)
    if parameters:
        name += " (%s)" % ", ".join("%s=%r" % pair for pair in parameters.items())
    return _cut(name.strip() or "(<subtest>)", 1024)


def _cut(text, longest):
    if len(text) <= longest:
        return text
    half = longest // 2
    return text[:half] + "\n[...]\n" + text[-half:]
