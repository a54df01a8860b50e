//! What a run may take from the history before it has seen anything itself.
//!
//! **Nothing of the history shortens a run.** A beta-binomial prior from earlier runs would: after ten thousand clean attempts three
//! more would seem to make a test stable. But the run is there because something changed, and what the old attempts say of the
//! new code is just what is asked. The error rates that a run states (`core::stop`) are those of its own attempts; with a prior they would
//! hold for the mixture of all tests at all commits, and be wrong for the one test that a change broke: a rate that jumps from 0.1 % to
//! 30 % is called stable after three passes with a chance of 34 %. Even at one commit the conditions differ (machine,
//! isolation, load), and what was measured in one way is never counted with what was measured in another.
//!
//! What is sound, because it changes no number of the run: a test that is [known to be flaky](known_at) at the base commit
//! needs no attempts there to be called "was there before", and [the order](flakiest_first) in which tests are looked at.

use std::cmp::Ordering;

use super::{HistoryWindow, Share};

/// What is known of the test at a commit, where it failed and passed there: whatever a change on top of it does, it did not
/// bring the flakiness.
#[must_use]
pub fn known_at(window: &HistoryWindow, commit: &str) -> Option<Share> {
    window
        .commits
        .iter()
        .find(|known| known.commit == commit)
        .map(|known| known.share)
        .filter(Share::is_mixed)
}

/// Tests of which most is to be expected first: those that failed in most runs, then the higher rate.
#[must_use]
pub fn flakiest_first(a: &HistoryWindow, b: &HistoryWindow) -> Ordering {
    let rate = |window: &HistoryWindow| Share { ran: window.ran, failed: window.failed }.rate();
    b.flaky_runs.cmp(&a.flaky_runs).then_with(|| rate(b).total_cmp(&rate(a)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::commits;

    #[test]
    fn a_test_is_known_to_be_flaky_where_it_failed_and_passed() {
        let window =
            HistoryWindow { commits: commits(&[(20, 0), (20, 3), (20, 20)]), ..HistoryWindow::default() };
        for (commit, expected) in
            [("c0", None), ("c1", Some(Share { ran: 20, failed: 3 })), ("c2", None), ("c3", None)]
        {
            assert_eq!(known_at(&window, commit), expected, "{commit}");
        }
    }

    /// What the text above says a prior would do.
    #[test]
    fn three_passes_of_a_test_that_now_fails_at_30_percent_are_common() {
        assert!((0.7_f64.powi(3) - 0.343).abs() < 1e-12);
    }

    #[test]
    fn what_failed_in_most_runs_comes_first() {
        let window =
            |flaky_runs, ran, failed| HistoryWindow { flaky_runs, ran, failed, ..HistoryWindow::default() };
        let mut windows = [window(1, 10, 9), window(3, 100, 4), window(3, 100, 40), window(0, 5, 0)];
        windows.sort_by(flakiest_first);
        assert_eq!(windows.map(|w| (w.flaky_runs, w.failed)), [(3, 40), (3, 4), (1, 9), (0, 0)]);
    }
}
