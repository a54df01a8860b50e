"""The role `parser`."""

from __future__ import annotations

from typing import cast

from wit_world.exports import parser as exported
from wit_world.imports import inputs, types

from ..contract import (
    AttemptInfo,
    Diagnostic,
    Exit,
    ParsedAttempt,
    ReportFile,
    Source,
    Stderr,
    Stdout,
    TreeFile,
)
from ..inputs import Attempt, Blob
from ..roles import Parser
from .plugin import current, guarded, lower_source


def _source(source: types.Source) -> Source:
    match source:
        case types.Source_Stdout():
            return Stdout()
        case types.Source_Stderr():
            return Stderr()
        case types.Source_Report(path):
            return ReportFile(path)
        case _:
            return TreeFile(source.value)


class Lent(Attempt):
    """An attempt that the host lends for one call."""

    def __init__(self, attempt: inputs.Attempt) -> None:
        self._attempt = attempt
        info = attempt.info()
        self._info = AttemptInfo(
            index=info.index,
            seed=info.seed,
            command=list(info.command),
            exit=Exit(info.exit.code, info.exit.signal, info.exit.timed_out),
            duration_ns=info.duration_ns,
            conditions=list(info.conditions),
            sources=[_source(source) for source in info.sources],
        )

    @property
    def info(self) -> AttemptInfo:
        return self._info

    def open(self, source: Source) -> Blob | None:
        blob = self._attempt.open(lower_source(source))
        return None if blob is None else Blob(blob)


def _diagnostic(d: Diagnostic) -> types.Diagnostic:
    location = None if d.location is None else types.Location(d.location.file, d.location.line)
    at = None if d.at is None else (lower_source(d.at[0]), d.at[1])
    return types.Diagnostic(types.DiagnosticLevel(d.level.value), d.code, d.message, d.hint, location, at)


def _parsed(parsed: ParsedAttempt) -> exported.ParsedAttempt:
    # Tests are many, and their fields and the values of their enums are those of the bindings: they go as they are.
    return exported.ParsedAttempt(
        parsed.format,
        cast(list[types.TestResult], parsed.tests),
        types.Completeness(parsed.completeness.value),
        list(parsed.announced),
        [_diagnostic(d) for d in parsed.diagnostics],
    )


def parser(cls: type[Parser]) -> type:
    """The class that the component exports as `parser`."""

    class Exported:
        def parse(self, attempt: inputs.Attempt) -> exported.ParsedAttempt:
            with guarded():
                return _parsed(current(cls).parse(Lent(attempt)))

    return Exported
