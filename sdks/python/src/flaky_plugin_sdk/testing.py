"""Inputs for tests of plugins that run without WebAssembly.

    from flaky_plugin_sdk import FailureGroup
    from flaky_plugin_sdk.testing import configured, evidence

    def test_failures_of_legacy_tests_are_low():
        verdict = configured(Legacy).judge(evidence("tests/legacy/test_a.py::test_b", ran=20, failed=3))
        assert verdict is not None and verdict.severity is Severity.LOW
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .contract import (
    AttemptInfo,
    Bounds,
    Counts,
    Evidence,
    Exit,
    FailureGroup,
    Interval,
    ReportFile,
    Source,
    Stderr,
    Stdout,
    TreeFile,
)
from .inputs import CHUNK, Attempt, Blob, Memory
from .roles import Plugin

P = TypeVar("P", bound=Plugin)


def configured(plugin: type[P], settings: Mapping[str, Any] | None = None) -> P:
    """The plugin with these settings. They are not held against its schema: the host does that."""
    made = plugin()
    made.configure(dict(settings or {}))
    return made


def evidence(
    id: str = "tests/test_a.py::test_b",
    *,
    ran: int = 20,
    failed: int = 0,
    groups: Sequence[FailureGroup] | None = None,
    **fields: Any,
) -> Evidence:
    """Evidence of a test that failed in some of its attempts. The interval is the rate alone and the bounds are 1:
    tests of rules that look at them name them. `fields` are any others of `Evidence`."""
    rate = failed / ran if ran else 0.0
    if groups is None:
        groups = [FailureGroup("0" * 16, failed, "AssertionError", "assert 1 == 2")] if failed else []
    given: dict[str, Any] = {
        "counts": Counts(ran=ran, passed=ran - failed, failed=failed),
        "failures": failed,
        "rate": rate,
        "interval": Interval(rate, rate),
        "bounds": Bounds(1.0, 1.0),
        "failing_seeds": list(range(1, failed + 1)),
        "groups": list(groups),
    }
    return Evidence(id=id, **(given | fields))


class RecordedAttempt(Attempt):
    """An attempt made of bytes."""

    def __init__(self, info: AttemptInfo, contents: Mapping[Source, Memory]) -> None:
        self._info = info
        self._contents = contents

    @property
    def info(self) -> AttemptInfo:
        return self._info

    def open(self, source: Source) -> Blob | None:
        content = self._contents.get(source)
        return None if content is None else Blob(content)


def attempt(
    stdout: str | bytes = b"",
    stderr: str | bytes = b"",
    *,
    reports: Mapping[str, str | bytes] | None = None,
    tree_files: Mapping[str, str | bytes] | None = None,
    exit_code: int | None = 0,
    command: Sequence[str] = (),
    cut: tuple[int, int] | None = None,
    chunk: int = CHUNK,
) -> Attempt:
    """An attempt that printed and wrote this. `cut` is what the host cut out of the standard output, `chunk` how many
    bytes it gives at once: a parser has to read the same with any."""
    given: dict[Source, str | bytes] = {Stdout(): stdout, Stderr(): stderr}
    given |= {ReportFile(path): content for path, content in (reports or {}).items()}
    given |= {TreeFile(path): content for path, content in (tree_files or {}).items()}
    contents = {
        source: Memory(_bytes(content), cut=cut if source == Stdout() else None, chunk=chunk)
        for source, content in given.items()
    }
    info = AttemptInfo(command=list(command), exit=Exit(code=exit_code), sources=list(given))
    return RecordedAttempt(info, contents)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
