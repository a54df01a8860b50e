//! What the runs of one test come to: by commit, and since its last failure.

use std::collections::BTreeMap;

use super::{CommitShare, PastResult, PastRun, Share, TestHistory, Timestamp};

impl PastResult {
    /// Failures among the attempts that count.
    #[must_use]
    pub const fn share(&self) -> Share {
        Share { ran: self.counts.ran, failed: self.counts.failures() }
    }

    /// Something went wrong: it failed, or passed only when the framework tried again.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.counts.failures() > 0 || self.counts.retried > 0
    }
}

/// Clean attempts at the end of what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanStretch {
    /// Attempts, all of them clean.
    pub ran: u32,
    /// In so many runs.
    pub runs: u32,
    /// When the first of these runs began; `None` without any.
    pub began: Option<Timestamp>,
}

impl TestHistory {
    /// Its runs with what it did in them, oldest first; those of changed work trees left out, as nobody knows what was run there.
    pub fn unchanged(&self) -> impl DoubleEndedIterator<Item = (&PastRun, &PastResult)> {
        self.runs.iter().zip(&self.results).filter(|(run, _)| !run.context.changed)
    }

    /// By commit, in the order in which commits were first run. All runs of a commit are taken together.
    #[must_use]
    pub fn commits(&self) -> Vec<CommitShare> {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut commits: Vec<CommitShare> = Vec::new();
        for (run, result) in self.unchanged() {
            let Some(commit) = &run.commit else { continue };
            let place = *places.entry(commit).or_insert_with(|| {
                let (commit, first_run) = (commit.clone(), run.context.started);
                commits.push(CommitShare { commit, first_run, share: Share::default() });
                commits.len() - 1
            });
            if let Some(known) = commits.get_mut(place) {
                known.share = Share::total([&known.share, &result.share()]);
            }
        }
        commits
    }

    /// The clean attempts since it last failed; where it never did, those of runs that began at `entry` or later.
    #[must_use]
    pub fn clean_stretch(&self, entry: Timestamp) -> CleanStretch {
        let ever = self.unchanged().any(|(_, result)| result.has_failed());
        let since = self.unchanged().rev().take_while(|(_, result)| !result.has_failed());
        let counted =
            since.filter(|(run, result)| result.counts.ran > 0 && (ever || run.context.started >= entry));
        counted.fold(CleanStretch::default(), |stretch, (run, result)| CleanStretch {
            ran: stretch.ran.saturating_add(result.counts.ran),
            runs: stretch.runs.saturating_add(1),
            began: Some(run.context.started),
        })
    }
}
