//! When a test belongs into quarantine.
//!
//! A test is suggested when all of these hold:
//!
//! 1. It failed and passed at one commit, so that no change of the code explains it: what defines a flaky test (Q. Luo et al.,
//!    "An Empirical Analysis of Flaky Tests", FSE 2014). A test that always fails where it fails hides a bug.
//! 2. It failed twice or more. By one failure a flaky test cannot be told from a machine that had a bad minute: tests fail
//!    together, mostly for the network (arXiv 2504.16777: 75 % of 810 flaky tests).
//! 3. That was in two runs or more, or a run's verdict was "flaky", which the run made sure of.
//! 4. Its last verdict is not "broken": that is a bug, and quarantine would hide it.
//! 5. The clean attempts since do not release it already ([`Release`]): it would leave on the day it enters.
//!
//! That the lower bound of its rate is above 0 is no rule: one failure is enough for that.
//! The tests that cost most come first, by the CPU time of the attempts that they spoiled.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Release, Share, TestHistory, TestSummary, Timestamp};
use crate::verdict::Category;

/// Failures below which nothing is suggested.
const LEAST_FAILURES: u32 = 2;

/// Runs in which it failed that need no verdict to be believed.
const RUNS_WITHOUT_VERDICT: u32 = 2;

/// What speaks for quarantine: numbers of the unchanged work trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryEvidence {
    /// Failed attempts.
    pub failed: u32,
    /// Attempts.
    pub ran: u32,
    /// Runs in which it failed, at a commit at which it passed as well.
    pub runs: u32,
    /// Commits at which it failed and passed.
    pub commits: u32,
    /// When it first failed.
    pub first_failed: Timestamp,
    /// When it last failed.
    pub last_failed: Timestamp,
}

/// Why a test is not suggested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoEntry {
    /// It never failed.
    NeverFailed,
    /// It failed once, which may have been the machine.
    FailedOnce,
    /// At no commit did it fail and pass.
    NeverMixed,
    /// In one run alone, and that was not sure.
    NotSure,
    /// Its last verdict is "broken": a bug.
    Broken,
    /// Clean for long enough.
    Clean(Release),
}

impl std::fmt::Display for NoEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NeverFailed => f.write_str("it never failed"),
            Self::FailedOnce => f.write_str("it failed once, which may have been the machine"),
            Self::NeverMixed => {
                f.write_str("it never failed and passed at the same commit, so it may be a bug")
            }
            Self::NotSure => f.write_str("it failed in one run alone, whose verdict was not flaky"),
            Self::Broken => {
                f.write_str("its last verdict is broken: that is a bug, which quarantine would hide")
            }
            Self::Clean(release) => {
                write!(f, "{} clean attempts since its last failure would release it", release.clean)
            }
        }
    }
}

/// Whether a test belongs into quarantine, by the rules above.
///
/// # Errors
/// Why not.
pub fn entry(history: &TestHistory, release_below: f64) -> Result<EntryEvidence, NoEntry> {
    let evidence = evidence(history).ok_or(NoEntry::NeverFailed)?;
    if history.unchanged().next_back().is_some_and(|(_, result)| result.verdict == Category::Broken) {
        return Err(NoEntry::Broken);
    }
    if evidence.failed < LEAST_FAILURES {
        return Err(NoEntry::FailedOnce);
    }
    if evidence.commits == 0 {
        return Err(NoEntry::NeverMixed);
    }
    let said = history.unchanged().any(|(_, result)| result.verdict == Category::Flaky);
    if evidence.runs < RUNS_WITHOUT_VERDICT && !said {
        return Err(NoEntry::NotSure);
    }
    let release = Release::of(history.clean_stretch(Timestamp(i64::MIN)), release_below);
    if release.is_due() { Err(NoEntry::Clean(release)) } else { Ok(evidence) }
}

/// What is known of its failures, whether or not that is enough; `None` where there is none.
#[must_use]
pub fn evidence(history: &TestHistory) -> Option<EntryEvidence> {
    let commits = history.commits();
    let mixed = |commit: &str| commits.iter().any(|c| c.commit == commit && c.share.is_mixed());
    let failing = || history.unchanged().filter(|(_, result)| result.has_failed());
    let (first, _) = failing().next()?;
    let (last, _) = failing().next_back()?;
    let shares: Vec<Share> = history.unchanged().map(|(_, result)| result.share()).collect();
    let Share { ran, failed } = Share::total(&shares);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Some(EntryEvidence {
        failed,
        ran,
        // A run that failed and passed needs no commit to show what it shows.
        runs: count(
            failing()
                .filter(|(run, r)| r.share().is_mixed() || run.commit.as_deref().is_some_and(mixed))
                .count(),
        ),
        commits: count(commits.iter().filter(|commit| commit.share.is_mixed()).count()),
        first_failed: first.context.started,
        last_failed: last.context.started,
    })
}

/// The most costly first, then the one that fails most often, then by id.
#[must_use]
pub fn costliest_first(a: &TestSummary, b: &TestSummary) -> Ordering {
    (b.cost_cpu_seconds.total_cmp(&a.cost_cpu_seconds))
        .then(b.rate.total_cmp(&a.rate))
        .then_with(|| (&a.series, &a.id).cmp(&(&b.series, &b.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{Told, history};

    fn run(commit: &'static str, ran: u32, failed: u32, verdict: Category) -> Told {
        Told { commit, ran, failed, verdict, changed: false }
    }

    #[test]
    fn a_test_enters_on_evidence_and_only_then() {
        use Category::{Broken, Flaky, Inconclusive, Stable};
        let changed = |told: Told| Told { changed: true, ..told };
        for (runs, expected) in [
            (vec![], Err("it never failed")),
            (vec![run("a", 60, 0, Stable)], Err("it never failed")),
            (vec![run("a", 60, 1, Flaky)], Err("it failed once")),
            (vec![run("a", 60, 3, Flaky)], Ok((3, 60, 1, 1))),
            (vec![run("a", 10, 3, Inconclusive)], Err("in one run alone")),
            (vec![run("a", 10, 1, Inconclusive), run("b", 10, 1, Inconclusive)], Ok((2, 20, 2, 2))),
            // Once red and once green at one commit, as CI sees it.
            (
                vec![
                    run("a", 1, 1, Inconclusive),
                    run("a", 1, 0, Inconclusive),
                    run("a", 1, 1, Inconclusive),
                ],
                Ok((2, 3, 2, 1)),
            ),
            (
                vec![run("a", 10, 0, Stable), run("b", 10, 10, Broken), run("c", 10, 10, Broken)],
                Err("broken"),
            ),
            (vec![run("b", 3, 3, Inconclusive), run("c", 3, 3, Inconclusive)], Err("at the same commit")),
            (vec![run("a", 60, 3, Flaky), run("b", 60, 60, Broken)], Err("broken")),
            (vec![run("a", 60, 3, Flaky), run("b", 59, 0, Stable)], Err("59 clean attempts")),
            (vec![run("a", 60, 3, Flaky), run("b", 58, 0, Stable)], Ok((3, 118, 1, 1))),
            // What was run with changes that are in no commit proves nothing.
            (vec![changed(run("a", 60, 30, Flaky))], Err("it never failed")),
            (vec![run("a", 60, 3, Flaky), changed(run("a", 600, 0, Stable))], Ok((3, 60, 1, 1))),
        ] {
            let got = entry(&history(&runs), 0.05);
            let case = format!("{runs:?}: {got:?}");
            match (got, expected) {
                (Ok(found), Ok(wanted)) => {
                    assert_eq!((found.failed, found.ran, found.runs, found.commits), wanted, "{case}");
                }
                (Err(why), Err(wanted)) => assert!(why.to_string().contains(wanted), "{case} {why}"),
                _ => panic!("{case}"),
            }
        }
    }
}
