"""The report document, as reporters get it: the fields that reporters use most, typed.

The whole document is described by its JSON Schema, `docs/schema/report.schema.json` in flaky's repository. It may be
read with `report.get("…")` as well: later versions add fields.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

VerdictWord = Literal["stable", "flaky", "broken", "inconclusive"]
"""What a test or a run is."""

SeverityWord = Literal["NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
"""How bad it is."""


class IntervalReport(TypedDict):
    """Interval of the failure rate."""

    low: float
    high: float
    level: float


class FailureGroupReport(TypedDict, total=False):
    """Failures of a test that look alike."""

    fingerprint: str
    count: int
    kind: str
    message: str
    trace: str
    seeds: list[int]


class LocationReport(TypedDict, total=False):
    """Where a test stands."""

    file: str
    line: int | None


class _TestReport(TypedDict):
    id: str
    ran: int
    failures: int
    rate: float
    verdict: VerdictWord


class TestReport(_TestReport, total=False):
    """One test."""

    interval: IntervalReport
    severity: SeverityWord | None
    confidence: float
    reason: str
    decided_by: str
    failing_seeds: list[int]
    failure_groups: list[FailureGroupReport]
    tags: list[tuple[str, str]]
    location: LocationReport | None
    median_seconds: float | None
    reproduction: dict[str, Any] | None


class Subject(TypedDict, total=False):
    """What was run."""

    source: str
    commit: str | None
    reference: str | None
    command: list[str]
    working_directory: str
    framework: str | None
    parser: str | None


class _Report(TypedDict):
    report_version: int
    total_runs: int
    failures: int
    verdict: VerdictWord


class Report(_Report, total=False):
    """The result of a run."""

    run: str
    flaky_version: str
    repro_rate: float
    severity: SeverityWord | None
    cause: str | None
    reason: str
    hint: str | None
    subject: Subject
    execution: dict[str, Any]
    isolation: dict[str, Any]
    tests: list[TestReport]
    notes: list[dict[str, Any]]
    plugins: list[dict[str, Any]]
    ci: dict[str, Any] | None
