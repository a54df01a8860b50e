"""Write plugins for `flaky` in Python.

A plugin is a class with a manifest and one or more of the roles `Policy`, `Parser` and `Reporter`, which
`python -m flaky_plugin_sdk build` (or `flaky plugin build`) makes into a WebAssembly component. It has no files, network,
clock, environment or randomness: it gets inputs and returns a value. What it imports, it imports at the top of its
module: there is nothing to import from while it runs.

    from flaky_plugin_sdk import Category, Evidence, Manifest, Policy, Severity, Verdict


    class Legacy(Policy):
        manifest = Manifest("legacy", "1.0.0", "failures of legacy tests are LOW")

        def judge(self, test: Evidence) -> Verdict | None:
            if not test.failures or not test.id.startswith("tests/legacy/"):
                return None
            reason = f"failed {test.failures} of {test.counts.ran}, in legacy code"
            return Verdict(Category.FLAKY, Severity.LOW, reason)

`flaky_plugin_sdk.testing` makes inputs for tests that run without WebAssembly.
"""

from . import log
from .contract import (
    Annotation,
    AnnotationLevel,
    Annotations,
    AttemptInfo,
    Base,
    Bounds,
    Category,
    Change,
    CheckRun,
    Completeness,
    ConditionEffect,
    Counts,
    Delivery,
    Diagnostic,
    DiagnosticLevel,
    Durations,
    Evidence,
    Exit,
    Failure,
    FailureGroup,
    File,
    History,
    HttpRequest,
    Interval,
    JobSummary,
    JsonObject,
    Location,
    Manifest,
    Other,
    Outcome,
    Outputs,
    ParsedAttempt,
    PluginError,
    Print,
    PullRequestComment,
    RenderContext,
    ReportFile,
    RunSummary,
    Severity,
    Source,
    Stderr,
    Stdout,
    Tag,
    TestResult,
    TreeFile,
    Tried,
    Verdict,
    Want,
    WantHttp,
    WantReportFiles,
    WantSecret,
    WantTreeFiles,
)
from .inputs import Attempt, Blob
from .report import Report, TestReport
from .roles import Parser, Plugin, Policy, Reporter

__version__ = "0.1.0"

__all__ = [
    "Annotation", "AnnotationLevel", "Annotations", "Attempt", "AttemptInfo", "Base", "Blob", "Bounds", "Category",
    "Change", "CheckRun", "Completeness", "ConditionEffect", "Counts", "Delivery", "Diagnostic", "DiagnosticLevel",
    "Durations", "Evidence", "Exit", "Failure", "FailureGroup", "File", "History", "HttpRequest", "Interval",
    "JobSummary", "JsonObject", "Location", "Manifest", "Other", "Outcome", "Outputs", "ParsedAttempt", "Parser",
    "Plugin", "PluginError", "Policy", "Print", "PullRequestComment", "RenderContext", "Report", "ReportFile",
    "Reporter", "RunSummary", "Severity", "Source", "Stderr", "Stdout", "Tag", "TestReport", "TestResult", "TreeFile",
    "Tried", "Verdict", "Want", "WantHttp", "WantReportFiles", "WantSecret", "WantTreeFiles", "log",
]  # fmt: skip
