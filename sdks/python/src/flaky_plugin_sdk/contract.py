"""The records, variants and enums of the contract `flaky:plugin@0.1.0`, under their names there.

The values of enums are their positions in the contract: the component is handed these very objects.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object, parsed."""

Tag: TypeAlias = tuple[str, str]
"""`key`, in lower-case snake case, and value."""


class Outcome(enum.Enum):
    """What became of one test in one attempt."""

    PASSED = 0
    FAILED = 1
    """The test's own assertion or code failed."""
    ERRORED = 2
    """Set-up, tear-down, collection or a hook failed, not the test itself."""
    SKIPPED = 3
    EXPECTED_FAILURE = 4
    """Failed, and was meant to."""
    UNEXPECTED_PASS = 5
    """Passed, and was meant to fail."""
    TIMED_OUT = 6
    CRASHED = 7
    """The process died while it ran the test."""
    NOT_RUN = 8
    """Announced, and never started."""
    UNKNOWN = 9


class Severity(enum.IntEnum):
    """How bad it is; ordered, so that `max` of several is the worst."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Category(enum.Enum):
    """What a test is."""

    STABLE = 0
    FLAKY = 1
    BROKEN = 2
    INCONCLUSIVE = 3


class Completeness(enum.Enum):
    """How sure a parser is that the framework finished and told everything."""

    COMPLETE = 0
    TRUNCATED = 1
    NOTHING_RECOGNISED = 2


class DiagnosticLevel(enum.Enum):
    """Whose problem a diagnostic is."""

    ERROR = 0
    """Something went wrong in the attempt: a file, package, build or hook."""
    WARNING = 1
    """The parser could not be sure: something was cut, broken or doubtful."""


class Change(enum.Enum):
    """What a change did to a test."""

    INTRODUCED = 0
    WORSENED = 1
    WAS_THERE_BEFORE = 2
    FIXED = 3
    NO_EVIDENCE = 4


class AnnotationLevel(enum.Enum):
    """How loud an annotation is."""

    NOTICE = 0
    WARNING = 1
    FAILURE = 2


# --- where bytes come from --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stdout:
    """The standard output of an attempt."""


@dataclass(frozen=True)
class Stderr:
    """The standard error of an attempt."""


@dataclass(frozen=True)
class ReportFile:
    """A file in the attempt's report folder, by its path relative to it."""

    path: str


@dataclass(frozen=True)
class TreeFile:
    """A file of the work tree that the attempt wrote, relative to the tree."""

    path: str


Source: TypeAlias = Stdout | Stderr | ReportFile | TreeFile
"""Which part of an attempt some bytes come from."""


# --- every plugin -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WantReportFiles:
    """Files of the report folder that match a glob, given to `parse`."""

    glob: str


@dataclass(frozen=True)
class WantTreeFiles:
    """Files of the work tree that match a glob, given to `parse` when the attempt wrote them."""

    glob: str


@dataclass(frozen=True)
class WantHttp:
    """Requests to this origin, `https://host[:port]`."""

    origin: str


@dataclass(frozen=True)
class WantSecret:
    """A secret that deliveries name as `${{ secrets.NAME }}`."""

    name: str


Want: TypeAlias = WantReportFiles | WantTreeFiles | WantHttp | WantSecret
"""What a plugin asks for; the user's configuration decides whether it gets it."""


@dataclass(frozen=True)
class Manifest:
    """Who a plugin is."""

    name: str
    """Lower-case letters, digits and `-`; at most 64."""
    version: str
    summary: str
    """One line."""
    settings_schema: Mapping[str, Any] | None = None
    """JSON Schema of the settings; `None`: takes none."""
    wants: Sequence[Want] = ()


class PluginError(Exception):
    """The typed failure of a call. Raise it for what the user can mend; any other exception is a bug of the plugin."""

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, at: tuple[Source, int] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint
        self.at = at
        """Source and offset in bytes, when the error is about some input."""


# --- parsers ----------------------------------------------------------------------------------------------------


@dataclass
class Exit:
    """How the test command ended."""

    code: int | None = 0
    """`None` when a signal ended it."""
    signal: int | None = None
    timed_out: bool = False


@dataclass
class AttemptInfo:
    """What is known of an attempt beside its output."""

    index: int = 0
    seed: int = 0
    command: list[str] = field(default_factory=list)
    """What ran, after instrumentation."""
    exit: Exit = field(default_factory=Exit)
    duration_ns: int = 0
    conditions: list[tuple[str, str]] = field(default_factory=list)
    """What differed between attempts: (condition, value)."""
    sources: list[Source] = field(default_factory=list)
    """Everything `Attempt.open` can give."""


@dataclass
class Failure:
    """What went wrong in one test of one attempt. May be empty in parts."""

    kind: str = ""
    """The exception or assertion type, e.g. `AssertionError`."""
    message: str = ""
    """What it said, without the kind."""
    trace: str = ""
    """Stack trace or the framework's own account, as printed."""


@dataclass
class Location:
    """Where a test stands."""

    file: str
    """Relative to the project's root, with `/`."""
    line: int | None = None
    """Counted from 1."""


@dataclass
class TestResult:
    """One test of one attempt."""

    __test__ = False  # pytest takes classes called Test… for tests

    id: str
    """As the framework names it, stable across attempts: at most 4096 bytes, no control characters."""
    outcome: Outcome
    name: str | None = None
    """The end of `id` that is the test's own name; `None` where the id is all there is."""
    duration_ns: int | None = None
    failure: Failure | None = None
    location: Location | None = None
    tries: list[Outcome] = field(default_factory=list)
    """Outcomes of the tries that the framework itself made; empty when there was one."""


@dataclass
class Diagnostic:
    """A problem of the attempt, or of a file, package or build, rather than of a test."""

    level: DiagnosticLevel
    code: str
    """`collection-error`, `no-tests`, `usage-error`, `command-not-found`, `build-failed`, `internal-error`, or another
    in the same style."""
    message: str
    hint: str | None = None
    location: Location | None = None
    at: tuple[Source, int] | None = None


@dataclass
class ParsedAttempt:
    """What a parser read. As it stands it says that nothing was recognised: the next parser is asked."""

    format: str = ""
    """What was read, in kebab case; empty when nothing was recognised."""
    tests: list[TestResult] = field(default_factory=list)
    """In the order in which they ran."""
    completeness: Completeness = Completeness.NOTHING_RECOGNISED
    announced: list[str] = field(default_factory=list)
    """Tests the framework announced but gave no outcome for."""
    diagnostics: list[Diagnostic] = field(default_factory=list)


# --- policies ---------------------------------------------------------------------------------------------------


@dataclass
class Interval:
    """Two-sided interval of the failure rate."""

    low: float
    high: float
    level: float = 0.95


@dataclass
class Bounds:
    """One-sided bounds (Clopper-Pearson) at `level`."""

    failure_at_most: float
    pass_at_most: float
    level: float = 0.95


@dataclass
class Counts:
    """How many attempts ended how."""

    ran: int = 0
    """Attempts that gave the test an outcome that counts."""
    passed: int = 0
    failed: int = 0
    errored: int = 0
    timed_out: int = 0
    crashed: int = 0
    skipped: int = 0
    missing: int = 0
    """Attempts that should have told of the test and did not."""
    retried: int = 0
    """Passed only after the framework tried again."""
    expected_failures: int = 0
    """Of `passed`."""
    unexpected_passes: int = 0
    """Of `failed`."""


@dataclass
class FailureGroup:
    """Failures of one test with the same fingerprint."""

    fingerprint: str
    count: int
    kind: str = ""
    message: str = ""
    """One example, capped."""
    trace: str = ""


@dataclass
class ConditionEffect:
    """Attempts under one value of one condition."""

    condition: str
    value: str
    ran: int
    failed: int
    p_value: float
    """Exact test against the attempts under the other values, corrected for how many were tried."""


@dataclass
class Tried:
    """Attempts of a test that are told apart from those in `counts`."""

    ran: int
    failed: int


@dataclass
class Durations:
    """How long the test took, in the attempts that told."""

    told: int
    median_ns: int
    largest_ns: int
    median_failed_ns: int | None = None
    slower_when_failing: float | None = None
    """p-value; `None` where there are no failed or no passed attempts."""


@dataclass
class Base:
    """The same test at another commit, under the same seeds and conditions."""

    ran: int
    failed: int
    change: Change
    p_value: float
    paired: bool


@dataclass
class History:
    """What earlier runs know of the test."""

    runs: int
    ran: int
    failed: int
    first_failed: int | None = None
    """Seconds since 1970."""
    last_failed: int | None = None


@dataclass
class Evidence:
    """All numbers known about one test."""

    id: str
    counts: Counts
    failures: int
    """Failed, errored, timed-out, crashed and unexpected-pass attempts, of `counts.ran`."""
    rate: float
    interval: Interval
    bounds: Bounds
    failing_seeds: list[int] = field(default_factory=list)
    """At most 1000, ascending by attempt."""
    first_failing: int | None = None
    """Position in the run, from 0."""
    last_failing: int | None = None
    durations: Durations | None = None
    groups: list[FailureGroup] = field(default_factory=list)
    effects: list[ConditionEffect] = field(default_factory=list)
    alone: Tried | None = None
    """The whole suite with no other attempt beside it."""
    side_by_side: Tried | None = None
    """With other attempts beside it, where these disturbed each other."""
    selected: Tried | None = None
    """Without the other tests of the suite."""
    base: Base | None = None
    failed_in_ci: bool = False
    """Somebody said that it failed elsewhere, which is why the run was made."""
    history: History | None = None
    tags: list[Tag] = field(default_factory=list)
    """What earlier policies in the chain said."""
    more: JsonObject = field(default_factory=dict)
    """What later hosts know."""


@dataclass
class Verdict:
    """What a policy says of a test, or of the run."""

    category: Category
    severity: Severity
    reason: str
    """One sentence, with n."""
    confidence: float = 1.0
    """0.0 to 1.0."""
    tags: list[Tag] = field(default_factory=list)


@dataclass
class RunSummary:
    """The run as a whole, with the verdict of every test."""

    total_runs: int
    """Attempts that counted."""
    failures: int
    """Attempts in which anything failed."""
    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)
    more: JsonObject = field(default_factory=dict)


# --- reporters --------------------------------------------------------------------------------------------------


@dataclass
class RenderContext:
    """Where a report is rendered for."""

    width: int | None = None
    """Columns of the terminal; `None` when the output is not one."""
    colour: bool = False
    report_version: int = 1
    more: JsonObject = field(default_factory=dict)
    """What is known of where the result is told: CI job, commit, pull request, results told before."""


@dataclass
class Print:
    """Text for standard output."""

    text: str


@dataclass
class File:
    """A file that the host writes."""

    path: str
    """Relative to the output folder, or empty for the path that the user gave to this reporter."""
    content: bytes


@dataclass
class HttpRequest:
    """A request that the host sends. URL, headers and body may hold `${{ secrets.NAME }}`."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class PullRequestComment:
    """Markdown that replaces the earlier comment with the same key."""

    key: str
    body: str


@dataclass
class JobSummary:
    """Markdown for the summary of the CI job."""

    markdown: str


@dataclass
class Annotation:
    """A remark at a line of a file."""

    level: AnnotationLevel
    file: str
    title: str
    message: str
    line: int | None = None


@dataclass
class Annotations:
    """Remarks that the CI platform shows beside the code."""

    annotations: list[Annotation]


@dataclass
class CheckRun:
    """A check of the commit."""

    name: str
    conclusion: str
    """`success`, `neutral` or `failure`."""
    title: str
    summary: str
    annotations: list[Annotation] = field(default_factory=list)


@dataclass
class Outputs:
    """For later steps of a workflow: enumerations and numbers only."""

    values: list[tuple[str, str]]


@dataclass
class Other:
    """A kind that this version of the contract does not know."""

    kind: str
    body: JsonObject


Delivery: TypeAlias = (
    Print | File | HttpRequest | PullRequestComment | JobSummary | Annotations | CheckRun | Outputs | Other
)
"""Something that the host writes or sends."""
