//! What the exit code says. Scripts build on these numbers: none changes its meaning.

use flaky_core::report::{RunReport, TestReport};
use flaky_core::settings::FailOn;
use flaky_core::verdict::Category;

/// How `flaky` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Nothing at or above `fail_on`.
    Fine,
    /// Our own fault.
    Fault,
    /// Usage or configuration.
    Usage,
    /// A file ends before the framework did.
    ReadInPart,
    /// No parser recognised a file.
    NotRecognised,
    /// A plugin does not build, or fails its tests.
    PluginFails,
    /// An entry of the quarantine should not be there any more.
    QuarantineStale,
    /// A test is flaky.
    Flaky,
    /// A test is broken.
    Broken,
    /// Nothing can be said.
    Inconclusive,
    /// The change brought it.
    Introduced,
    /// The report was made, a delivery failed.
    DeliveryFailed,
    /// Ended by Ctrl-C.
    Interrupted,
    /// Ended by a request to terminate.
    Terminated,
}

impl ExitStatus {
    /// All that `flaky` ends with, in the order of the table.
    pub(crate) const ALL: [Self; 14] = [
        Self::Fine,
        Self::Fault,
        Self::Usage,
        Self::ReadInPart,
        Self::NotRecognised,
        Self::PluginFails,
        Self::QuarantineStale,
        Self::Flaky,
        Self::Broken,
        Self::Inconclusive,
        Self::Introduced,
        Self::DeliveryFailed,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::ReadInPart => 3,
            Self::NotRecognised => 4,
            Self::PluginFails => 5,
            Self::QuarantineStale => 6,
            Self::Flaky => 10,
            Self::Broken => 11,
            Self::Inconclusive => 12,
            Self::Introduced => 13,
            Self::DeliveryFailed => 20,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// One line for `flaky help exit-codes`.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "nothing at or above `--fail-on` (default: flaky)",
            Self::Fault => "a fault of flaky itself",
            Self::Usage => "wrong usage or configuration: nothing was run",
            Self::ReadInPart => "`flaky parse` read a file in part: it ends before the framework did",
            Self::NotRecognised => "`flaky parse` read nothing: no parser recognised a file",
            Self::PluginFails => {
                "`flaky plugin`: a plugin does not build or fails its tests, or a tool for it is missing"
            }
            Self::QuarantineStale => {
                "`flaky quarantine check`: an entry is expired, unknown, or can be released"
            }
            Self::Flaky => "a test is flaky, and none is broken",
            Self::Broken => "a test is broken: a genuine bug",
            Self::Inconclusive => {
                "inconclusive: nothing can be said; the report names the cause and what to do"
            }
            Self::Introduced => {
                "with `--fail-on introduced`: the change brought a test that fails, or made one fail, or fail more often"
            }
            Self::DeliveryFailed => "the report was made, but writing or sending it failed",
            Self::Interrupted => "interrupted (Ctrl-C): a partial report is written",
            Self::Terminated => "terminated (SIGTERM): a partial report is written",
        }
    }

    /// What a finished run's report says.
    pub(crate) fn of_report(report: &RunReport, fail_on: FailOn) -> Self {
        match (report.verdict, fail_on) {
            (Category::Inconclusive, _) => Self::Inconclusive,
            (_, FailOn::Introduced) if report.tests.iter().any(TestReport::is_introduced) => Self::Introduced,
            (Category::Broken, FailOn::Flaky | FailOn::Broken) => Self::Broken,
            (Category::Flaky, FailOn::Flaky) => Self::Flaky,
            (Category::Stable | Category::Flaky | Category::Broken, _) => Self::Fine,
        }
    }
}

/// The table that `flaky help exit-codes` prints.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes of flaky:\n\n");
    for status in ExitStatus::ALL {
        text.push_str(&format!("  {:>3}  {}\n", status.code(), status.meaning()));
    }
    text.push_str(
        "\n`--fail-on broken` gives 0 for flaky; `--fail-on introduced` (with `--base`) gives 13 or 0; `--fail-on never` gives 0 for any verdict but keeps 1, 2, 12\nand everything from 20 on.\n",
    );
    text
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
