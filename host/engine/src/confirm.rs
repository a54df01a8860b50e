//! Side by side, copies of a suite can disturb each other: by a port, a file in `/tmp`, a service. Where attempts
//! have no network of their own, what failed is repeated with nothing beside it before it is called flaky.

use std::collections::BTreeSet;

use flaky_core::ids::{AttemptIndex, TestId};
use flaky_core::report::IsolationUsed;

use crate::backend::{Backend, BackendError, Manner};
use crate::conduct::{DoneAttempt, PlannedAttempt};
use crate::limits::Limits;

/// How many attempts are repeated at most: as many clean ones as make a test stable at the default `stable_below`
/// (`1 - 0.05^(1/14) < 0.20`).
pub(crate) const AT_MOST: u32 = 14;

/// Whether a failure at this level may come from the copies beside it. The first attempt always runs alone.
pub(crate) const fn is_needed(level: IsolationUsed, parallelism: u32, planned: usize) -> bool {
    parallelism > 1 && planned > 2 && !matches!(level, IsolationUsed::Full)
}

/// Which attempts to repeat, in order: those in which suspects failed, each first for a suspect that no earlier
/// one covers; then the others of the plan; then all over again.
pub(crate) fn order(
    suspects: &[(TestId, Vec<AttemptIndex>)],
    plan: &[PlannedAttempt],
) -> Vec<PlannedAttempt> {
    let mut indices: Vec<AttemptIndex> = Vec::new();
    let mut add = |index: AttemptIndex| {
        if !indices.contains(&index) {
            indices.push(index);
        }
    };
    for (_, failing) in suspects {
        failing.first().copied().into_iter().for_each(&mut add);
    }
    let rest: BTreeSet<AttemptIndex> = suspects.iter().flat_map(|(_, f)| f.iter().copied()).collect();
    rest.into_iter().for_each(&mut add);
    plan.iter().map(|p| p.index).for_each(&mut add);
    let known = indices.iter().filter_map(|i| plan.iter().find(|p| p.index == *i)).cloned();
    let once: Vec<PlannedAttempt> = known.collect();
    once.iter().cycle().take(if once.is_empty() { 0 } else { AT_MOST as usize }).cloned().collect()
}

/// Repeats attempts one after the other until every suspect failed again or [`AT_MOST`] are done. Hands each to
/// `take`, which says which tests failed in it.
pub(crate) async fn confirm(
    backend: &Backend,
    level: IsolationUsed,
    suspects: Vec<(TestId, Vec<AttemptIndex>)>,
    plan: &[PlannedAttempt],
    limits: &Limits,
    mut take: impl FnMut(DoneAttempt) -> Vec<TestId>,
) -> Result<(), BackendError> {
    let ordered = order(&suspects, plan);
    let mut open: BTreeSet<TestId> = suspects.into_iter().map(|(id, _)| id).collect();
    let mut attempts = backend.attempts(ordered, level, Manner::Alone);
    let mut result = Ok(());
    while !open.is_empty() {
        match attempts.next_read(limits).await {
            Ok(None) => break,
            Ok(Some(done)) => {
                for failed in take(*done) {
                    open.remove(&failed);
                }
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    attempts.stop().await;
    result
}

#[cfg(test)]
mod tests {
    use flaky_core::ids::Seed;

    use super::*;

    fn plan(n: u32) -> Vec<PlannedAttempt> {
        (0..n).map(|i| PlannedAttempt::new(AttemptIndex(i), i, Seed(u64::from(i) + 100))).collect()
    }

    fn indices(suspects: &[(&str, &[u32])], attempts: u32) -> Vec<u32> {
        let suspects: Vec<_> = suspects
            .iter()
            .map(|(id, f)| (TestId::new(id), f.iter().map(|i| AttemptIndex(*i)).collect()))
            .collect();
        order(&suspects, &plan(attempts)).iter().map(|p| p.index.0).collect()
    }

    #[test]
    fn failing_attempts_come_first_and_cover_every_suspect_before_any_is_met_twice() {
        let got = indices(&[("a", &[7, 9]), ("b", &[3, 7])], 20);
        assert_eq!(got[..5], [7, 3, 9, 0, 1]);
        assert_eq!(got.len(), AT_MOST as usize);
    }

    #[test]
    fn a_short_plan_is_gone_through_again() {
        assert_eq!(indices(&[("a", &[1])], 3), [1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0]);
        assert_eq!(indices(&[("a", &[1])], 0), Vec::<u32>::new());
    }

    #[test]
    fn attempts_with_a_network_of_their_own_need_no_confirmation() {
        for (level, parallelism, planned, needed) in [
            (IsolationUsed::Full, 8, 10, false),
            (IsolationUsed::FullSharedNetwork, 8, 10, true),
            (IsolationUsed::Copy, 8, 10, true),
            (IsolationUsed::Shared, 8, 3, true),
            (IsolationUsed::Shared, 8, 2, false),
            (IsolationUsed::Copy, 1, 10, false),
        ] {
            assert_eq!(is_needed(level, parallelism, planned), needed);
        }
    }
}
