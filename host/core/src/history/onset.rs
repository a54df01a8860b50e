//! Since when a test is flaky, and since when it no longer is: the commits that can have been the cause.
//!
//! The commits are those at which the test ran, in an order in which each can have inherited from the one before: of one
//! branch, oldest first. Attempts of changed work trees are in none of them.
//!
//! *When it began.* Let the test have become flaky at some commit, with one rate from there on. Then its failures are spread
//! by chance over the attempts since, and that all of them fell behind the first `k` attempts is as likely as the
//! hypergeometric distribution says: Fisher's exact test of those `k` clean attempts against the attempts since the first
//! failing commit. (With a known rate `p` it would be `(1 - p)^k`, which the test approaches as more is known of the rate.) Commits
//! for which this is at most 5 % are excluded. As the clean attempts only grow towards older commits, what is left is a range that
//! ends at the first failing commit, and holds the true one with 95 % or more, whatever the rate. The set of parameters that a
//! test does not reject is a confidence set (E. L. Lehmann, J. P. Romano, "Testing Statistical Hypotheses", 3rd ed. (2005),
//! theorem 3.5.1).
//!
//! *When it ended.* The same from the other side, for the clean attempts behind the last failing commit. The first and
//! last failing commit were chosen because something failed there, so their own attempts say nothing about the other
//! end and are left out; otherwise a single failure between clean commits would seem to prove both a beginning and an end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommitShare, LEVEL, Share};
use crate::stats::fisher_exact_greater;

/// Since when a test fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// The newest commit at which it surely was not flaky yet; null when the attempts exclude none.
    pub last_clean: Option<String>,
    /// The first one at which it failed.
    pub first_failed: String,
    /// Those that can have brought it, oldest first; the last is `first_failed`.
    pub could_be: Vec<String>,
    /// There may be commits before the first of `could_be` at which it never ran, and that could be the cause as well.
    pub open: bool,
    /// Clean attempts at the commits of `could_be` before the first failing one.
    pub clean: u32,
    /// What was seen while it was flaky, by which older commits are excluded.
    pub since: Share,
    /// How likely the clean attempts up to and including `last_clean` were, had it been flaky there already; null without one.
    pub luck: Option<f64>,
}

/// Since when a test is clean again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The last commit at which it failed.
    pub last_failed: String,
    /// The first one behind it; null when it has not run since.
    pub clean_since: Option<String>,
    /// Those that can have mended it, oldest first; empty when nothing shows that it was mended.
    pub could_be: Vec<String>,
    /// Attempts since, all of them clean.
    pub clean: u32,
    /// The failure rate since is at most this (one-sided, 95 %).
    pub at_most: f64,
    /// How likely the clean attempts were, had nothing changed.
    pub luck: f64,
}

impl Recovery {
    /// Whether the clean attempts are more than luck.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.luck <= 1.0 - LEVEL
    }
}

/// When it began to fail; `None` when it never did.
#[must_use]
pub fn onset(commits: &[CommitShare]) -> Option<Onset> {
    let ran: Vec<&CommitShare> = commits.iter().filter(|commit| commit.share.ran > 0).collect();
    let first = ran.iter().position(|commit| commit.share.failed > 0)?;
    let (before, behind) = ran.split_at(first);
    let since = while_flaky(behind);
    let first_failed = behind.first()?.commit.clone();
    let mut clean = 0_u32;
    let mut could_be = vec![first_failed.clone()];
    let mut excluded = None;
    for commit in before.iter().rev() {
        let with_it = clean.saturating_add(commit.share.ran);
        let luck = fisher_exact_greater(since.failed, since.ran, 0, with_it);
        if luck <= 1.0 - LEVEL {
            excluded = Some((commit.commit.clone(), luck));
            break;
        }
        clean = with_it;
        could_be.push(commit.commit.clone());
    }
    could_be.reverse();
    let (last_clean, luck) = excluded.unzip();
    Some(Onset { open: last_clean.is_none(), last_clean, first_failed, could_be, clean, since, luck })
}

/// The attempts that tell of the rate, from the first failing commit on: all of them, or, where it was mended, those before
/// the last failing commit.
fn while_flaky(behind: &[&CommitShare]) -> Share {
    let all = Share::total(behind.iter().map(|commit| &commit.share));
    let Some(last) = behind.iter().rposition(|commit| commit.share.failed > 0) else { return all };
    let mended = luck_of_the_end(behind, last) <= 1.0 - LEVEL;
    let until = if mended { last } else { behind.len() };
    Share::total(behind.iter().take(until).map(|commit| &commit.share))
}

/// How likely as many clean attempts as those behind the last failing commit are, had nothing changed.
fn luck_of_the_end(behind: &[&CommitShare], last: usize) -> f64 {
    let clean = Share::total(behind.iter().skip(last + 1).map(|commit| &commit.share)).ran;
    let before = Share::total(behind.iter().take(last + 1).skip(1).map(|commit| &commit.share));
    fisher_exact_greater(before.failed, before.ran, 0, clean)
}

/// When it failed last, and what is known since; `None` when it never failed.
#[must_use]
pub fn recovery(commits: &[CommitShare]) -> Option<Recovery> {
    let ran: Vec<&CommitShare> = commits.iter().filter(|commit| commit.share.ran > 0).collect();
    let first = ran.iter().position(|commit| commit.share.failed > 0)?;
    let (_, behind) = ran.split_at(first);
    let last = behind.iter().rposition(|commit| commit.share.failed > 0)?;
    let clean = Share::total(behind.iter().skip(last + 1).map(|commit| &commit.share));
    let luck = luck_of_the_end(behind, last);
    let mended = luck <= 1.0 - LEVEL;
    Some(Recovery {
        last_failed: behind.get(last)?.commit.clone(),
        clean_since: behind.get(last + 1).map(|commit| commit.commit.clone()),
        could_be: if mended { mended_by(behind, last) } else { Vec::new() },
        clean: clean.ran,
        at_most: clean.at_most(),
        luck,
    })
}

/// The commits behind the last failing one, up to the first before which the clean attempts are more than luck.
fn mended_by(behind: &[&CommitShare], last: usize) -> Vec<String> {
    let before = Share::total(behind.iter().take(last + 1).skip(1).map(|commit| &commit.share));
    let mut clean = 0_u32;
    let mut could_be = Vec::new();
    for commit in behind.iter().skip(last + 1) {
        // Mended here, it was still flaky at those before.
        if fisher_exact_greater(before.failed, before.ran, 0, clean) <= 1.0 - LEVEL {
            break;
        }
        could_be.push(commit.commit.clone());
        clean = clean.saturating_add(commit.share.ran);
    }
    could_be
}

#[cfg(test)]
mod tests;
