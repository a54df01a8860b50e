//! What `--json` prints. docs/history.md says what is in it; fields are only ever added within one version.

use flaky_core::history::{
    Compared, HistoryFilter, Onset, PastRun, Recovery, Step, TestHistory, TestSummary,
};
use serde::Serialize;

/// Version of all these documents.
pub(super) const VERSION: u32 = 1;

/// `flaky history --json`.
#[derive(Debug, Serialize)]
pub(super) struct TestList<'a> {
    pub(super) history_version: u32,
    pub(super) filter: &'a HistoryFilter,
    pub(super) tests: &'a [TestSummary],
}

/// `flaky history runs --json`.
#[derive(Debug, Serialize)]
pub(super) struct RunList<'a> {
    pub(super) history_version: u32,
    pub(super) filter: &'a HistoryFilter,
    pub(super) runs: &'a [PastRun],
}

/// `flaky history show --json`.
#[derive(Debug, Serialize)]
pub(super) struct TestPages<'a> {
    pub(super) history_version: u32,
    pub(super) filter: &'a HistoryFilter,
    /// One for each suite that has a test of this name.
    pub(super) tests: &'a [TestPage],
}

/// One test of one suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TestPage {
    #[serde(flatten)]
    pub(super) history: TestHistory,
    pub(super) onset: Option<Onset>,
    pub(super) recovery: Option<Recovery>,
    pub(super) step: Option<Step>,
    /// What may have made it flaky, newest first; null where this folder's repository does not have the commits.
    pub(super) suspects: Option<Vec<Suspect>>,
}

/// A commit that may have been the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Suspect {
    pub(super) commit: String,
    pub(super) title: String,
}

/// `flaky history compare --json`.
#[derive(Debug, Serialize)]
pub(super) struct Comparison<'a> {
    pub(super) history_version: u32,
    pub(super) then: &'a Side,
    pub(super) now: &'a Side,
    pub(super) tests: &'a [Compared],
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Side {
    /// `run`, `commit`, `branch` or `period`.
    pub(super) kind: &'static str,
    /// As it was typed; of a commit, in full.
    pub(super) name: String,
    /// How many runs; null where that was not counted.
    pub(super) runs: Option<usize>,
}

/// What `prune`, `import`, `merge` and `export` did.
#[derive(Debug, Default, Serialize)]
pub(super) struct Done {
    pub(super) history_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<u64>,
}

/// `flaky history check --json`.
#[derive(Debug, Serialize)]
pub(super) struct Faults {
    pub(super) history_version: u32,
    pub(super) faults: Vec<FaultLine>,
}

/// Something that should not be.
#[derive(Debug, Serialize)]
pub(super) struct FaultLine {
    pub(super) place: String,
    pub(super) what: String,
}
