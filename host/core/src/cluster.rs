//! Tests that fail together: one cause, many victims.
//!
//! Tests belong together when they failed in nearly the same attempts, and when that is more than chance. Three
//! quarters of the flaky tests of a large study failed in such clusters, mostly for networks and other services
//! (O. Parry et al., "Systemic Flakiness", arXiv 2504.16777, which compares sets of failing runs by the same index).

use std::collections::BTreeMap;

use crate::cause::{ProbableCause, probable_cause};
use crate::evidence::Evidence;
use crate::ids::{AttemptIndex, TestId};
use crate::report::ClusterReport;
use crate::stats::{benjamini_hochberg, fisher_exact_greater};

/// Least Jaccard index (P. Jaccard, 1901: shared over all) of two sets of failing attempts: half of what either test
/// failed in, it shares with the other.
const LEAST_SHARED: f64 = 0.5;

/// Largest expected share of false links among all links.
const FALSE_LINKS: f64 = 0.01;

/// Distinct sets of failing attempts that are compared with one another, those of most tests first: a hundred thousand
/// comparisons, well under a second. Where there are more, tests fail in their own ways.
const MOST_SETS: usize = 450;

/// Tests that failed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// By id; two at least.
    pub tests: Vec<TestId>,
    /// Attempts in which more than half of them failed, ascending.
    pub attempts: Vec<AttemptIndex>,
    /// Mean Jaccard index of their failing attempts with those of the most typical test: 1 is "always together".
    pub together: f64,
    /// The kind of failure that most of the tests have most often.
    pub kind: String,
    /// An example of it.
    pub message: String,
    /// What it speaks for, if for anything.
    pub cause: Option<ProbableCause>,
}

impl Cluster {
    /// One line for people: `7 tests fail together in the same 5 of 60 attempts: ConnectionRefusedError, probably one
    /// cause (port 5432)`. `attempts` is the number of attempts that counted.
    #[must_use]
    pub fn sentence(&self, attempts: u32) -> String {
        // Rounding may leave a sum of ones a little below.
        let same = if self.together > 1.0 - 1e-9 { "the same" } else { "mostly the same" };
        let (tests, shared) = (self.tests.len(), self.attempts.len());
        let kind: String = self.kind.chars().take(LONGEST_KIND).collect();
        let kind = if kind.is_empty() { kind } else { format!(" {kind},") };
        let cause =
            self.cause.as_ref().map(|found| format!(" ({})", found.seen.as_deref().unwrap_or(found.cause)));
        format!(
            "{tests} tests fail together in {same} {shared} of {attempts} attempts:{kind} probably one cause{}",
            cause.unwrap_or_default()
        )
    }

    /// For the report.
    #[must_use]
    pub fn report(&self, attempts: u32) -> ClusterReport {
        ClusterReport {
            tests: self.tests.clone(),
            attempts: self.attempts.clone(),
            together: self.together,
            kind: self.kind.clone(),
            message: self.message.clone(),
            cause: self.cause.as_ref().map(|found| found.cause.to_owned()),
            seen: self.cause.as_ref().and_then(|found| found.seen.clone()),
            text: self.sentence(attempts),
        }
    }
}

/// Characters of a kind on the line about a cluster; the longest names of types are shorter.
const LONGEST_KIND: usize = 120;

/// Clusters among the tests, those of most tests first. `attempts` is the number of attempts that counted; tests that
/// failed in all of them say nothing about togetherness and are left out.
#[must_use]
pub fn clusters<'a>(evidence: impl IntoIterator<Item = &'a Evidence>, attempts: u32) -> Vec<Cluster> {
    let mut by_set: BTreeMap<&[AttemptIndex], Vec<&Evidence>> = BTreeMap::new();
    for test in evidence {
        let failing = test.failing_attempts.as_slice();
        // Of a test whose copies disturb each other, what failed alone is told: other attempts than those of the others.
        let is_comparable = test.side_by_side.is_none();
        if is_comparable && !failing.is_empty() && failing.len() < attempts as usize {
            by_set.entry(failing).or_default().push(test);
        }
    }
    let mut sets: Vec<(&[AttemptIndex], Vec<&Evidence>)> = by_set.into_iter().collect();
    sets.sort_by_key(|(failing, tests)| (std::cmp::Reverse(tests.len()), std::cmp::Reverse(failing.len())));
    sets.truncate(MOST_SETS);
    let linked = links(&sets, attempts);
    let mut leaders: Vec<Vec<usize>> = Vec::new();
    for index in 0..sets.len() {
        // The first of a group has the most tests: it is the typical one, and links never form chains.
        let home =
            leaders.iter_mut().find(|group| group.first().is_some_and(|l| linked.contains(&(*l, index))));
        match home {
            Some(group) => group.push(index),
            None => leaders.push(vec![index]),
        }
    }
    let mut clusters: Vec<Cluster> = leaders
        .iter()
        .filter_map(|group| cluster(group, &sets, |index| linked.contains(&(index, index))))
        .collect();
    clusters.sort_by(|a, b| b.tests.len().cmp(&a.tests.len()).then_with(|| a.tests.cmp(&b.tests)));
    clusters
}

/// Pairs of sets (a set with itself included) that share more than chance would, the lesser position first.
fn links(
    sets: &[(&[AttemptIndex], Vec<&Evidence>)],
    attempts: u32,
) -> std::collections::BTreeSet<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut chances = Vec::new();
    for (first, (a, tests)) in sets.iter().enumerate() {
        for (second, (b, _)) in sets.iter().enumerate().skip(first) {
            let itself = first == second;
            if (itself && tests.len() < 2) || jaccard(a, b) < LEAST_SHARED {
                continue;
            }
            pairs.push((first, second));
            chances.push(chance(a, b, attempts));
        }
    }
    // Every pair of tests was looked at, not only these: as many comparisons count, most of which found nothing.
    let tests: usize = sets.iter().map(|(_, tests)| tests.len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "numbers of tests are far below 2^26")]
    let looked_at = (tests * tests.saturating_sub(1)) as f64 / 2.0 / chances.len().max(1) as f64;
    for chance in &mut chances {
        *chance *= looked_at.max(1.0);
    }
    let adjusted = benjamini_hochberg(&chances);
    pairs.into_iter().zip(adjusted).filter(|(_, q)| *q <= FALSE_LINKS).map(|(pair, _)| pair).collect()
}

/// How likely two tests that fail in as many attempts as these would share as many, were they strangers.
fn chance(a: &[AttemptIndex], b: &[AttemptIndex], attempts: u32) -> f64 {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (both, in_a, in_b) = (count(shared(a, b)), count(a.len()), count(b.len()));
    fisher_exact_greater(both, in_a, in_b - both, attempts.saturating_sub(in_a))
}

fn cluster(
    group: &[usize],
    sets: &[(&[AttemptIndex], Vec<&Evidence>)],
    sure_of_itself: impl Fn(usize) -> bool,
) -> Option<Cluster> {
    let (typical, first) = group.first().and_then(|index| sets.get(*index))?;
    let alone = group.len() == 1;
    if alone && !(first.len() > 1 && group.first().is_some_and(|index| sure_of_itself(*index))) {
        return None;
    }
    let members: Vec<&Evidence> = group
        .iter()
        .filter_map(|index| sets.get(*index))
        .flat_map(|(_, tests)| tests.iter().copied())
        .collect();
    let mut times: BTreeMap<AttemptIndex, usize> = BTreeMap::new();
    for attempt in members.iter().flat_map(|test| &test.failing_attempts) {
        *times.entry(*attempt).or_default() += 1;
    }
    let mut tests: Vec<TestId> = members.iter().map(|test| test.id.clone()).collect();
    tests.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "numbers of tests are far below 2^53")]
    let together = members.iter().map(|test| jaccard(typical, &test.failing_attempts)).sum::<f64>()
        / members.len() as f64;
    let (kind, message) = common_failure(&members);
    let attempts =
        times.into_iter().filter(|(_, n)| n * 2 > members.len()).map(|(attempt, _)| attempt).collect();
    let cause = probable_cause(&kind, &message);
    Some(Cluster { tests, attempts, together, kind, message, cause })
}

/// The kind of failure that is the most frequent one of most tests, with the first example.
fn common_failure(members: &[&Evidence]) -> (String, String) {
    let mut kinds: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for group in members.iter().filter_map(|test| test.groups.first()) {
        kinds.entry(&group.kind).or_insert((0, &group.message)).0 += 1;
    }
    let most = kinds.into_iter().max_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then_with(|| b.cmp(a)));
    most.map(|(kind, (_, message))| (kind.to_owned(), message.to_owned())).unwrap_or_default()
}

/// Shared over all; both ascending.
#[expect(clippy::cast_precision_loss, reason = "numbers of attempts are far below 2^53")]
fn jaccard(a: &[AttemptIndex], b: &[AttemptIndex]) -> f64 {
    let both = shared(a, b);
    let all = a.len() + b.len() - both;
    if all == 0 { 0.0 } else { both as f64 / all as f64 }
}

/// How many both hold; both ascending.
fn shared(a: &[AttemptIndex], b: &[AttemptIndex]) -> usize {
    let mut rest = b.iter().peekable();
    a.iter()
        .filter(|x| {
            while rest.next_if(|y| y < x).is_some() {}
            rest.peek() == Some(x)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Counts, FailureGroup};

    fn test(id: &str, failing: &[u32], kind: &str) -> Evidence {
        let attempts: Vec<AttemptIndex> = failing.iter().copied().map(AttemptIndex).collect();
        Evidence {
            counts: Counts { ran: 100, failed: u32::try_from(failing.len()).unwrap(), ..Counts::default() },
            groups: vec![FailureGroup {
                fingerprint: kind.into(),
                also: Vec::new(),
                kind: kind.into(),
                message: format!("{kind} said"),
                trace: String::new(),
                attempts: attempts.clone(),
                seeds: Vec::new(),
            }],
            failing_attempts: attempts,
            ..Evidence::new(TestId::new(id))
        }
    }

    fn names(found: &[Cluster]) -> Vec<Vec<&str>> {
        found.iter().map(|c| c.tests.iter().map(TestId::as_str).collect()).collect()
    }

    #[test]
    fn tests_that_fail_in_the_same_attempts_are_one_cluster_with_a_common_cause() {
        let evidence = [
            test("a", &[3, 17, 40, 41], "ConnectionRefusedError"),
            test("b", &[3, 17, 40, 41], "ConnectionRefusedError"),
            test("c", &[3, 17, 41], "TimeoutError"),
            test("lonely", &[5, 60, 61], "AssertionError"),
            test("broken", &(0..100).collect::<Vec<_>>(), "ValueError"),
            test("stable", &[], ""),
        ];
        let found = clusters(&evidence, 100);
        assert_eq!(names(&found), [vec!["a", "b", "c"]]);
        let cluster = &found[0];
        assert_eq!(cluster.attempts, [3, 17, 40, 41].map(AttemptIndex));
        assert_eq!(
            (cluster.kind.as_str(), cluster.message.as_str()),
            ("ConnectionRefusedError", "ConnectionRefusedError said")
        );
        assert!((cluster.together - (1.0 + 1.0 + 0.75) / 3.0).abs() < 1e-12);
        assert_eq!(
            cluster.sentence(100),
            "3 tests fail together in mostly the same 4 of 100 attempts: ConnectionRefusedError, probably one cause (network)"
        );
    }

    #[test]
    fn a_cluster_is_one_line_that_names_what_was_seen() {
        let mut evidence: Vec<Evidence> =
            (0..7).map(|i| test(&format!("t{i}"), &[3, 17, 40, 41, 52], "ConnectionRefusedError")).collect();
        for test in &mut evidence {
            test.groups[0].message = "[Errno 111] Connection refused: 127.0.0.1:5432".into();
        }
        let found = clusters(&evidence, 60);
        assert_eq!(
            found[0].sentence(60),
            "7 tests fail together in the same 5 of 60 attempts: ConnectionRefusedError, probably one cause (port 5432)"
        );
        let report = found[0].report(60);
        assert_eq!((report.cause.as_deref(), report.seen.as_deref()), (Some("network"), Some("port 5432")));
        for test in &mut evidence {
            test.groups[0] =
                FailureGroup { kind: String::new(), message: "no".into(), ..test.groups[0].clone() };
        }
        assert_eq!(
            clusters(&evidence, 60)[0].sentence(60),
            "7 tests fail together in the same 5 of 60 attempts: probably one cause"
        );
    }

    #[test]
    fn what_is_told_of_attempts_alone_is_not_mixed_with_what_failed_side_by_side() {
        let mut pair = [test("a", &[3, 5, 9], "E"), test("b", &[3, 5, 9], "E")];
        assert_eq!(clusters(&pair, 100).len(), 1);
        pair[0].side_by_side = Some(crate::evidence::Tried { ran: 100, failed: 50 });
        assert_eq!(clusters(&pair, 100), []);
    }

    #[test]
    fn failing_together_once_is_no_cluster_among_few_attempts_and_one_among_many() {
        let pair = [test("a", &[3], "E"), test("b", &[3], "E")];
        assert_eq!(clusters(&pair, 10), []);
        assert_eq!(names(&clusters(&pair, 500)), [vec!["a", "b"]]);
    }

    #[test]
    fn strangers_are_rarely_taken_for_relatives() {
        // A thousand suites of 40 tests that each fail in 10 of 100 attempts, independently.
        let mut state = 1_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut alarms = 0;
        for _ in 0..1000 {
            let evidence: Vec<Evidence> = (0..40)
                .map(|i| {
                    let mut failing: Vec<u32> = (0..100).filter(|_| next() % 10 == 0).collect();
                    failing.sort_unstable();
                    test(&format!("t{i}"), &failing, "E")
                })
                .collect();
            alarms += usize::from(!clusters(&evidence, 100).is_empty());
        }
        assert!(alarms <= 10, "{alarms} of 1000 suites, at most 1 %");
    }

    #[test]
    fn two_causes_are_two_clusters_and_chains_do_not_join_them() {
        let evidence = [
            test("a1", &[1, 2, 3, 4, 5, 6], "X"),
            test("a2", &[1, 2, 3, 4, 5, 6], "X"),
            test("between", &[4, 5, 6, 7, 8, 9], "X"),
            test("b1", &[7, 8, 9, 10, 11, 12], "Y"),
            test("b2", &[7, 8, 9, 10, 11, 12], "Y"),
        ];
        assert_eq!(names(&clusters(&evidence, 100)), [vec!["a1", "a2"], vec!["b1", "b2"]]);
    }
}
