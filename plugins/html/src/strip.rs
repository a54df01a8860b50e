//! Which attempts failed, and how, in few characters.

use std::collections::HashMap;
use std::fmt::Write as _;

use flaky_plugin_sdk::report::{Report, Seeds, Test};

/// Ways of failing that have a colour of their own; the others share one.
pub(crate) const MOST_WAYS: usize = 10;

/// Attempts that a strip can show; of a report that claims more, strips are left out.
const MOST_ATTEMPTS: u32 = 100_000;

/// Where in the run an attempt with some seed was.
#[derive(Debug)]
pub(crate) struct Places {
    listed: HashMap<u64, u32>,
    first: Option<u64>,
    /// How many attempts there were.
    pub(crate) attempts: u32,
}

impl Places {
    pub(crate) fn of(report: &Report) -> Self {
        let listed = report.attempts.iter().filter(|attempt| !attempt.alone);
        Self {
            listed: listed.map(|attempt| (attempt.seed, attempt.attempt)).collect(),
            first: match report.execution.seeds {
                Seeds::First(first) => Some(first),
                Seeds::Drawn { .. } | Seeds::Other => None,
            },
            attempts: if report.execution.finished <= MOST_ATTEMPTS { report.execution.finished } else { 0 },
        }
    }

    fn of_seed(&self, seed: u64) -> Option<u32> {
        let by_first = || u32::try_from(seed.checked_sub(self.first?)?).ok();
        self.listed.get(&seed).copied().or_else(by_first).filter(|place| *place < self.attempts)
    }
}

/// The attempts of a test in order: `.` where it did not fail, `a` to `j` for its ways of failing in order, `k` for any
/// other; a number in front says how often. Empty when the report does not place its failures: because its numbers
/// are those of attempts alone, or because it never failed.
pub(crate) fn of(test: &Test, places: &Places) -> String {
    if test.side_by_side.is_some() || test.failing_seeds.is_empty() {
        return String::new();
    }
    let mut ways: HashMap<u32, char> = HashMap::new();
    for (group, letter) in test.failure_groups.iter().take(MOST_WAYS).zip('a'..) {
        for place in group.seeds.iter().filter_map(|seed| places.of_seed(*seed)) {
            ways.entry(place).or_insert(letter);
        }
    }
    for place in test.failing_seeds.iter().filter_map(|seed| places.of_seed(*seed)) {
        ways.entry(place).or_insert('k');
    }
    let mut failed: Vec<(u32, char)> = ways.into_iter().collect();
    failed.sort_unstable();
    packed(&failed, places.attempts)
}

/// The attempts of the run: `a` where anything failed, `s` where one was set aside.
pub(crate) fn of_run(report: &Report, places: &Places) -> String {
    let listed = report.attempts.iter().filter(|a| !a.alone && a.attempt < places.attempts);
    let mut failed: Vec<(u32, char)> = listed
        .filter(|a| a.set_aside.is_some() || a.failed_tests > 0)
        .map(|a| (a.attempt, if a.set_aside.is_some() { 's' } else { 'a' }))
        .collect();
    failed.sort_unstable();
    failed.dedup_by_key(|(place, _)| *place);
    packed(&failed, places.attempts)
}

fn packed(failed: &[(u32, char)], attempts: u32) -> String {
    let mut out = String::new();
    let mut run = |count: u32, letter: char| {
        if count > 1 {
            let _ = write!(out, "{count}");
        }
        if count > 0 {
            out.push(letter);
        }
    };
    let mut next = 0;
    let mut same: Option<(u32, u32, char)> = None;
    for &(place, letter) in failed {
        match &mut same {
            Some((from, count, of)) if *of == letter && *from + *count == place => *count += 1,
            _ => {
                if let Some((from, count, of)) = same.take() {
                    run(count, of);
                    next = from + count;
                }
                run(place - next, '.');
                next = place;
                same = Some((place, 1, letter));
            }
        }
    }
    if let Some((from, count, of)) = same {
        run(count, of);
        next = from + count;
    }
    if !failed.is_empty() {
        run(attempts.saturating_sub(next), '.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_are_counted() {
        for (failed, attempts, expected) in [
            (vec![], 9, ""),
            (vec![(0, 'a')], 1, "a"),
            (vec![(0, 'a')], 4, "a3."),
            (vec![(2, 'a'), (3, 'a'), (4, 'b'), (8, 'a')], 9, "2.2ab3.a"),
            (vec![(1, 'k'), (3, 'k')], 5, ".k.k."),
        ] {
            assert_eq!(packed(&failed, attempts), expected);
        }
    }
}
