"""The role `policy`."""

from __future__ import annotations

from wit_world.exports import policy as exported
from wit_world.imports import types

from ..contract import (
    Base,
    Bounds,
    Category,
    Change,
    ConditionEffect,
    Counts,
    Durations,
    Evidence,
    FailureGroup,
    History,
    Interval,
    RunSummary,
    Severity,
    Tried,
    Verdict,
)
from ..roles import Policy
from .plugin import current, guarded, json_object


def _tried(tried: exported.Tried | None) -> Tried | None:
    return None if tried is None else Tried(tried.ran, tried.failed)


def _counts(c: exported.Counts) -> Counts:
    return Counts(
        c.ran, c.passed, c.failed, c.errored, c.timed_out, c.crashed, c.skipped, c.missing, c.retried,
        c.expected_failures, c.unexpected_passes,
    )  # fmt: skip


def _durations(d: exported.Durations | None) -> Durations | None:
    if d is None:
        return None
    return Durations(d.told, d.median_ns, d.largest_ns, d.median_failed_ns, d.slower_when_failing)


def _base(b: exported.Base | None) -> Base | None:
    return None if b is None else Base(b.ran, b.failed, Change(b.change.value), b.p_value, b.paired)


def _history(h: exported.History | None) -> History | None:
    return None if h is None else History(h.runs, h.ran, h.failed, h.first_failed, h.last_failed)


def _evidence(e: exported.Evidence) -> Evidence:
    return Evidence(
        id=e.id,
        counts=_counts(e.counts),
        failures=e.failures,
        rate=e.rate,
        interval=Interval(e.interval.low, e.interval.high, e.interval.level),
        bounds=Bounds(e.bounds.failure_at_most, e.bounds.pass_at_most, e.bounds.level),
        failing_seeds=list(e.failing_seeds),
        first_failing=e.first_failing,
        last_failing=e.last_failing,
        durations=_durations(e.durations),
        groups=[FailureGroup(g.fingerprint, g.count, g.kind, g.message, g.trace) for g in e.groups],
        effects=[ConditionEffect(c.condition, c.value, c.ran, c.failed, c.p_value) for c in e.effects],
        alone=_tried(e.alone),
        side_by_side=_tried(e.side_by_side),
        selected=_tried(e.selected),
        base=_base(e.base),
        failed_in_ci=e.failed_in_ci,
        history=_history(e.history),
        tags=list(e.tags),
        more=json_object(e.more),
    )


def _verdict(v: exported.Verdict) -> Verdict:
    return Verdict(Category(v.category.value), Severity(v.severity.value), v.reason, v.confidence, list(v.tags))


def _lower(v: Verdict | None) -> exported.Verdict | None:
    if v is None:
        return None
    category, severity = types.Category(v.category.value), types.Severity(v.severity.value)
    return exported.Verdict(category, severity, float(v.confidence), v.reason, list(v.tags))


def policy(cls: type[Policy]) -> type:
    """The class that the component exports as `policy`."""

    class Exported:
        def classify(self, batch: list[exported.Evidence]) -> list[exported.Verdict | None]:
            with guarded():
                return [_lower(v) for v in current(cls).classify([_evidence(e) for e in batch])]

        def summarise(self, run: exported.RunSummary) -> exported.Verdict | None:
            verdicts = [(test, _verdict(v)) for test, v in run.verdicts]
            summary = RunSummary(run.total_runs, run.failures, verdicts, json_object(run.more))
            with guarded():
                return _lower(current(cls).summarise(summary))

    return Exported
