"""Tells flaky what unittest did, as lines of JSON in a file of its own.

Python imports it at its start as `sitecustomize`, because PYTHONPATH names its folder; a module of that name that
would have been imported instead is imported behind it. It prints nothing and changes no option, outcome or exit code,
and the order of tests only when it is asked to shuffle. Whatever goes wrong in here is swallowed: then the report is
shorter, and the output of unittest is read instead. Standard library only, Python 3.6 or later.
"""

import os
import sys

_FOLDER = "FLAKY_UNITTEST_REPORT"
_SHUFFLE = "FLAKY_UNITTEST_SHUFFLE"

# Texts longer than this are cut in the middle; more than _ALL_TRACES characters of traces are dropped.
_LONGEST_MESSAGE = 16 * 1024
_LONGEST_TRACE = 64 * 1024
_ALL_TRACES = 32 * 1024 * 1024


def _take_settings():
    """Takes what flaky put into the environment out again: neither tests nor what they start shall see it."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder, seed = os.environ.pop(_FOLDER, None), os.environ.pop(_SHUFFLE, None)
    paths = os.environ.get("PYTHONPATH")
    if paths is not None:
        kept = [entry for entry in paths.split(os.pathsep) if not entry or os.path.abspath(entry) != here]
        if kept:
            os.environ["PYTHONPATH"] = os.pathsep.join(kept)
        else:
            del os.environ["PYTHONPATH"]
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    return folder, seed


def _import_hidden():
    """Imports the module that this one has taken the place of."""
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", own)


class _Finder:
    """Calls `then` with a module as soon as somebody imports it, and not before."""

    def __init__(self, name, then):
        self._name = name
        self._then = then

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_then(module):
            run(module)
            try:
                self._then(module)
            except Exception:
                pass

        spec.loader.exec_module = run_and_then
        return spec


def _shuffle(seed):
    def patch(module):
        original = module.TestLoader.getTestCaseNames

        def getTestCaseNames(self, testCaseClass):
            names = original(self, testCaseClass)
            try:
                import random

                # Of its own, so that no test's random numbers depend on it; another order in every class.
                random.Random("%s %s" % (seed, testCaseClass.__qualname__)).shuffle(names)
            except Exception:
                pass
            return names

        module.TestLoader.getTestCaseNames = getTestCaseNames

    return patch


class _File:
    """A file of its own for every process that runs tests; each line is out of it when `write` returns."""

    def __init__(self, folder):
        import json

        # Kept here, because tests replace functions of modules.
        self._os = (os.write, os.fstat, os.open, os.getpid)
        self._flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._dumps = json.dumps
        self._pid = os.getpid()
        os.makedirs(folder, exist_ok=True)
        for number in range(1, 1000):
            self._path = os.path.join(folder, "unittest-%03d.jsonl" % number)
            try:
                self._fd = os.open(self._path, self._flags | os.O_EXCL, 0o644)
            except FileExistsError:
                continue
            self._id = self._identity()
            return
        raise OSError("too many processes")

    def _identity(self):
        status = self._os[1](self._fd)
        return (status.st_dev, status.st_ino)

    def write(self, record):
        write, _, open_, getpid = self._os
        # What a test forked is not the session.
        if getpid() != self._pid:
            return
        line = self._dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        line = line.encode("utf-8", "replace")
        # A test may have closed the descriptor, and another file may have got its number.
        try:
            ours = self._identity() == self._id
        except OSError:
            ours = False
        if not ours:
            self._fd = open_(self._path, self._flags, 0o644)
        while line:
            line = line[write(self._fd, line) :]


class _Report:
    """What the result of the outermost runner is told. Tests may run test suites of their own: those are not told."""

    def __init__(self, folder):
        import time

        self._folder = folder
        self._file = None
        self._clock = time.perf_counter
        self._base = os.getcwd()
        self._owner = None
        self._running = None
        self._started = 0.0
        self._number = -1
        self._traces = 0

    def _tell(self, **record):
        if self._file is None:
            self._file = _File(self._folder)
            self._file.write({"e": "run", "format": 1, "python": ".".join(map(str, sys.version_info[:3]))})
        self._file.write(record)

    def _is_ours(self, result):
        return result is self._owner

    def startTestRun(self, result):
        if self._owner is None or self._running is None:
            self._owner = result
            self._tell(e="begin")

    def stopTestRun(self, result):
        if self._is_ours(result):
            self._owner = None
            self._tell(e="finish")

    def startTest(self, result, test):
        if self._owner is None or (self._running is None and not self._is_ours(result)):
            self._owner = result
        if not self._is_ours(result):
            return
        self._running = test
        self._number += 1
        self._started = self._clock()
        record = {"e": "start", "n": self._number, "id": test.id()}
        try:
            self._place(test, record)
        except Exception:
            pass
        self._tell(**record)

    def _place(self, test, record):
        method = getattr(type(test), test._testMethodName)
        while hasattr(method, "__wrapped__"):
            method = method.__wrapped__
        path = os.path.relpath(os.path.join(self._base, method.__code__.co_filename), self._base)
        if not path.startswith(os.pardir):
            record["file"] = path
            record["line"] = method.__code__.co_firstlineno

    def stopTest(self, result, test):
        if self._is_ours(result):
            self._running = None
            self._tell(e="stop", n=self._number, s=self._clock() - self._started)

    def addSuccess(self, result, test):
        self._outcome(result, test, "passed")

    def addFailure(self, result, test, err):
        self._outcome(result, test, "failed", err)

    def addError(self, result, test, err):
        self._outcome(result, test, "errored", err)

    def addSkip(self, result, test, reason):
        # A subtest that is skipped says nothing of its test.
        if getattr(test, "test_case", None) is None:
            self._outcome(result, test, "skipped")

    def addExpectedFailure(self, result, test, err):
        self._outcome(result, test, "expected-failure")

    def addUnexpectedSuccess(self, result, test):
        self._outcome(result, test, "unexpected-pass")

    def addSubTest(self, result, test, subtest, err):
        if err is None:
            return
        failure = getattr(test, "failureException", AssertionError)
        outcome = "failed" if issubclass(err[0], failure) else "errored"
        self._outcome(result, test, outcome, err, sub=subtest._subDescription())

    def _outcome(self, result, test, outcome, err=None, **more):
        if not self._is_ours(result):
            return
        record = {"e": "outcome", "outcome": outcome}
        record.update(more)
        # Hooks of classes and modules, and classes that are skipped as a whole, were not started.
        if self._running is None or test is not self._running:
            record["id"] = test.id()
            record["hook"] = True
        else:
            record["n"] = self._number
        if err is not None:
            self._failure(result, test, err, record)
        self._tell(**record)

    def _failure(self, result, test, err, record):
        kind, value = err[0], err[1]
        module = kind.__module__
        record["kind"] = kind.__qualname__ if module in ("builtins", "__main__") else module + "." + kind.__qualname__
        record["message"] = _cut(str(value), _LONGEST_MESSAGE)
        try:
            trace = _cut(result._exc_info_to_string(err, test), _LONGEST_TRACE)
        except Exception:
            return
        self._traces += len(trace)
        if self._traces <= _ALL_TRACES:
            record["trace"] = trace


def _cut(text, longest):
    if len(text) <= longest:
        return text
    half = longest // 2
    return text[:half] + "\n[...]\n" + text[-half:]


_EVENTS = (
    "startTestRun",
    "stopTestRun",
    "startTest",
    "stopTest",
    "addSuccess",
    "addFailure",
    "addError",
    "addSkip",
    "addExpectedFailure",
    "addUnexpectedSuccess",
    "addSubTest",
)


def _report(folder):
    def patch(module):
        report = _Report(folder)
        for name in _EVENTS:
            _listen(module.TestResult, name, getattr(report, name))

    return patch


def _listen(result, name, tell):
    original = getattr(result, name)

    def method(self, *arguments, **named):
        try:
            tell(self, *arguments)
        except Exception:
            pass
        return original(self, *arguments, **named)

    method.__name__, method.__doc__ = name, original.__doc__
    setattr(result, name, method)


try:
    _folder, _seed = _take_settings()
    if _folder is not None:
        sys.meta_path.insert(0, _Finder("unittest.result", _report(_folder)))
    if _seed is not None:
        sys.meta_path.insert(0, _Finder("unittest.loader", _shuffle(_seed)))
except Exception:
    pass
_import_hidden()
