//! What policies are given beside the evidence.

use flaky_core::ids::TestId;
use flaky_core::verdict::Verdict;

/// The run as a whole, for [`Plugin::summarise`](crate::Plugin::summarise).
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Attempts that counted.
    pub total_runs: u32,
    /// Attempts in which anything failed.
    pub failures: u32,
    /// What was said of each test.
    pub verdicts: Vec<(TestId, Verdict)>,
}
