//! The ledger as a whole: records in, evidence out.

use proptest::prelude::*;

mod told_apart;

use super::*;
use crate::evidence::{Counts, Tried};
use crate::parsed::{Failure, Outcome, TestColumns};
use Outcome::{
    Crashed, Errored, ExpectedFailure, Failed, NotRun, Passed, Skipped, TimedOut, UnexpectedPass, Unknown,
};

fn id(text: &str) -> TestId {
    TestId::new(text)
}

fn failed_with(kind: &str, message: &str) -> Failure {
    Failure { kind: kind.into(), message: message.into(), trace: String::new() }
}

/// A complete attempt side by side, whose seed is its index plus 1000.
fn attempt(index: u32, tests: &[(&str, Outcome)]) -> AttemptRecord {
    AttemptRecord {
        index: AttemptIndex(index),
        seed: Seed(u64::from(index) + 1000),
        kind: AttemptKind::SideBySide,
        conditions: Vec::new(),
        parsed: ParsedAttempt {
            format: String::new(),
            tests: TestColumns {
                ids: tests.iter().map(|(name, _)| id(name)).collect(),
                outcomes: tests.iter().map(|(_, outcome)| *outcome).collect(),
                ..TestColumns::default()
            },
            completeness: Completeness::Complete,
            announced: Vec::new(),
            diagnostics: Vec::new(),
        },
    }
}

fn with(mut record: AttemptRecord, change: impl FnOnce(&mut AttemptRecord)) -> AttemptRecord {
    change(&mut record);
    record
}

fn ledger(records: impl IntoIterator<Item = AttemptRecord>) -> Ledger {
    let mut ledger = Ledger::new();
    records.into_iter().for_each(|record| ledger.record(record));
    ledger
}

fn of(evidence: &[Evidence], test: &str) -> Evidence {
    evidence.iter().find(|e| e.id.as_str() == test).unwrap_or_else(|| panic!("no `{test}`")).clone()
}

#[test]
fn every_outcome_is_counted_under_its_name() {
    let one = |change: fn(&mut Counts)| {
        let mut counts = Counts::default();
        change(&mut counts);
        counts
    };
    let table: [(Outcome, Counts); 10] = [
        (Passed, one(|c| (c.ran, c.passed) = (1, 1))),
        (ExpectedFailure, one(|c| (c.ran, c.passed, c.expected_failures) = (1, 1, 1))),
        (Failed, one(|c| (c.ran, c.failed) = (1, 1))),
        (UnexpectedPass, one(|c| (c.ran, c.failed, c.unexpected_passes) = (1, 1, 1))),
        (Errored, one(|c| (c.ran, c.errored) = (1, 1))),
        (TimedOut, one(|c| (c.ran, c.timed_out) = (1, 1))),
        (Crashed, one(|c| (c.ran, c.crashed) = (1, 1))),
        (Skipped, one(|c| c.skipped = 1)),
        (NotRun, one(|c| c.missing = 1)),
        (Unknown, one(|c| c.missing = 1)),
    ];
    for (outcome, want) in table {
        let evidence = of(&ledger([attempt(0, &[("t", outcome)])]).evidence(0.95), "t");
        assert_eq!(evidence.counts, want, "{outcome:?}");
        assert_eq!(evidence.failing_seeds, if outcome.is_failure() { vec![Seed(1000)] } else { vec![] });
        assert_eq!(evidence.rate, if outcome.is_failure() { 1.0 } else { 0.0 });
    }
}

#[test]
fn rates_intervals_and_bounds_come_from_the_counts() {
    let records =
        (0..100).map(|i| attempt(i, &[("t", if i < 31 { Failed } else { Passed }), ("ok", Passed)]));
    let evidence = ledger(records).evidence(0.95);
    let flaky = of(&evidence, "t");
    assert_eq!(flaky.rate, 0.31);
    assert_eq!(flaky.interval, crate::stats::wilson(31, 100, 0.95));
    assert_eq!(flaky.bounds, crate::stats::bounds(31, 100, 0.95));
    assert_eq!(flaky.failing_attempts, (0..31).map(AttemptIndex).collect::<Vec<_>>());
    assert!((of(&evidence, "ok").bounds.failure_at_most - 0.0295).abs() < 1e-4);
}

#[test]
fn an_empty_ledger_has_no_evidence() {
    let empty = Ledger::default();
    assert!(empty.evidence(0.95).is_empty() && empty.attempts().is_empty() && empty.test_count() == 0);
    assert!(empty.missing_in(AttemptIndex(0)).is_empty());
}

#[test]
fn what_an_attempt_does_not_tell_is_missing_and_no_failure() {
    let all = attempt(0, &[("a", Passed), ("b", Passed), ("c", Passed)]);
    let truncated = with(attempt(1, &[("a", Passed)]), |r| r.parsed.completeness = Completeness::Truncated);
    let complete = attempt(2, &[("a", Passed), ("b", Failed)]);
    let announced = with(attempt(3, &[("a", Passed), ("b", Passed), ("c", Passed)]), |r| {
        r.parsed.announced = vec![id("d"), id("a")];
    });
    let unknown = with(attempt(4, &[]), |r| r.parsed.completeness = Completeness::NothingRecognised);
    let empty = attempt(5, &[]);
    let ledger = ledger([all, truncated, complete, announced, unknown, empty]);

    let missing =
        |index| ledger.missing_in(AttemptIndex(index)).iter().map(TestId::to_string).collect::<Vec<_>>();
    assert_eq!(missing(0), ["d"]);
    assert_eq!(missing(1), ["b", "c", "d"]);
    assert_eq!(missing(2), ["c", "d"]);
    assert_eq!(missing(3), ["d"]);
    assert!(missing(4).is_empty());
    assert_eq!(missing(5), ["a", "b", "c", "d"]);

    let evidence = ledger.evidence(0.95);
    let counts = |test| of(&evidence, test).counts;
    assert_eq!(counts("a"), Counts { ran: 4, passed: 4, missing: 1, ..Counts::default() });
    assert_eq!(counts("b"), Counts { ran: 3, passed: 2, failed: 1, missing: 2, ..Counts::default() });
    assert_eq!(counts("c"), Counts { ran: 2, passed: 2, missing: 3, ..Counts::default() });
    assert_eq!(counts("d"), Counts { missing: 5, ..Counts::default() });
    assert_eq!(of(&evidence, "d").interval, crate::stats::wilson(0, 0, 0.95));
}

#[test]
fn an_attempt_alone_may_tell_of_few_tests() {
    let alone = |index, outcome| {
        with(attempt(index, &[("a", outcome)]), |r| {
            r.kind = AttemptKind::Alone;
            r.parsed.announced = vec![id("lost")];
        })
    };
    let ledger = ledger([attempt(0, &[("a", Failed), ("b", Passed)]), alone(1, Passed)]);
    let evidence = ledger.evidence(0.95);
    assert_eq!(of(&evidence, "b").counts.missing, 0);
    assert_eq!(ledger.missing_in(AttemptIndex(1)), [id("lost")]);
    assert_eq!(of(&evidence, "b").alone, None);
    assert_eq!(of(&evidence, "a").alone, Some(Tried { ran: 1, failed: 0 }));
}

/// `side` of 10 attempts fail side by side, then `alone` of 10 alone.
fn confirmed(side: u32, alone: u32) -> Ledger {
    let outcome = |fails: bool| if fails { Failed } else { Passed };
    let beside = (0..10).map(move |i| attempt(i, &[("t", outcome(i < side))]));
    let by_itself = (0..10)
        .map(move |i| with(attempt(10 + i, &[("t", outcome(i < alone))]), |r| r.kind = AttemptKind::Alone));
    ledger(beside.chain(by_itself))
}

#[test]
fn copies_that_disturb_each_other_do_not_count() {
    let ledger = confirmed(10, 0);
    let plain = of(&ledger.evidence(0.95), "t");
    assert_eq!((plain.counts.ran, plain.counts.failed, plain.side_by_side), (10, 10, None));
    assert_eq!(plain.alone, Some(Tried { ran: 10, failed: 0 }));

    let judged = of(&ledger.judge_interference(0.95), "t");
    assert_eq!(judged.counts, Counts { ran: 10, passed: 10, ..Counts::default() });
    assert_eq!(judged.rate, 0.0);
    assert_eq!(judged.interval, crate::stats::wilson(0, 10, 0.95));
    assert_eq!(judged.bounds, crate::stats::bounds(0, 10, 0.95));
    assert!(
        judged.groups.is_empty() && judged.failing_attempts.is_empty() && judged.failing_seeds.is_empty()
    );
    assert_eq!(judged.alone, Some(Tried { ran: 10, failed: 0 }));
    assert_eq!(judged.side_by_side, Some(Tried { ran: 10, failed: 10 }));
}

#[test]
fn failures_that_happen_alone_too_or_prove_nothing_stay_side_by_side() {
    for (side, alone) in [(10, 1), (2, 0), (0, 3)] {
        let ledger = confirmed(side, alone);
        let judged = of(&ledger.judge_interference(0.95), "t");
        assert_eq!(judged, of(&ledger.evidence(0.95), "t"), "{side} side by side, {alone} alone");
        assert_eq!((judged.counts.ran, judged.counts.failed), (10, side));
        assert_eq!(judged.alone, Some(Tried { ran: 10, failed: alone }));
        assert_eq!(judged.side_by_side, None);
        assert_eq!(judged.failing_attempts.len(), side as usize);
    }
}

#[test]
fn a_pass_after_retries_is_a_pass_and_counted_as_retried() {
    let table: [(Outcome, &[Outcome], Outcome, u32); 6] = [
        (Failed, &[Failed, Passed], Passed, 1),
        (Passed, &[Failed, TimedOut, Passed], Passed, 1),
        (Passed, &[Passed], Passed, 0),
        (Errored, &[Passed, Passed], Errored, 0),
        (Failed, &[Failed, Failed], Failed, 0),
        (Failed, &[], Failed, 0),
    ];
    for (outcome, tries, want, retried) in table {
        let record = with(attempt(0, &[("t", outcome)]), |r| {
            r.parsed.tests.tries = vec![(0, tries.to_vec()), (9, tries.to_vec())];
            r.parsed.tests.failures = vec![(0, failed_with("E", "first try"))];
        });
        let evidence = of(&ledger([record]).evidence(0.95), "t");
        assert_eq!(evidence.counts.retried, retried, "{tries:?}");
        assert_eq!(evidence.counts.failures(), u32::from(want.is_failure()), "{tries:?}");
        assert_eq!(evidence.groups.len(), usize::from(want.is_failure()), "{tries:?}");
    }
}

#[test]
fn failures_are_grouped_by_fingerprint_most_frequent_first() {
    let failing = |index, message: &str| {
        let failure = failed_with("AssertionError", message);
        with(attempt(index, &[("t", Failed)]), |r| r.parsed.tests.failures = vec![(0, failure)])
    };
    let records = [
        failing(0, "refused"),
        failing(1, "took 0.3s"),
        failing(2, "took 0.4s"),
        attempt(3, &[("t", TimedOut)]),
    ];
    let groups = of(&ledger(records).evidence(0.95), "t").groups;
    let told: Vec<_> = groups
        .iter()
        .map(|g| (g.kind.as_str(), g.message.as_str(), g.attempts.iter().map(|a| a.0).collect::<Vec<_>>()))
        .collect();
    assert_eq!(
        told,
        [
            ("AssertionError", "took 0.3s", vec![1, 2]),
            ("AssertionError", "refused", vec![0]),
            ("timed-out", "", vec![3])
        ]
    );
    assert_eq!(groups[0].seeds, [Seed(1001), Seed(1002)]);
    assert_eq!(
        groups[0].fingerprint,
        crate::fingerprint::fingerprint(&failed_with("AssertionError", "took 9s"))
    );
}

#[test]
fn a_test_that_fails_in_two_ways_at_once_is_in_both_groups_and_counted_once() {
    let record = with(attempt(0, &[("t", Errored)]), |r| {
        let call = failed_with("AssertionError", "wrong 1");
        let again = failed_with("AssertionError", "wrong 2");
        r.parsed.tests.failures =
            vec![(0, call), (0, again), (0, failed_with("OSError", "tear-down")), (7, failed_with("X", ""))];
    });
    let evidence = of(&ledger([record]).evidence(0.95), "t");
    assert_eq!(evidence.groups.iter().map(|g| g.attempts.len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(evidence.failing_attempts, [AttemptIndex(0)]);
}

#[test]
fn rare_kinds_of_failure_past_the_limit_become_one_group() {
    let words = ["ash", "birch", "cedar", "fir", "elm"];
    let records = (0..25).map(|i: usize| {
        let failure = failed_with("E", &format!("{} {}", words[i / 5], words[i % 5]));
        with(attempt(u32::try_from(i).unwrap(), &[("t", Failed)]), |r| {
            r.parsed.tests.failures = vec![(0, failure)]
        })
    });
    let groups = of(&ledger(records).evidence(0.95), "t").groups;
    assert_eq!(groups.len(), 21);
    let other = &groups[20];
    assert_eq!((other.kind.as_str(), other.fingerprint.len()), ("other", 16));
    assert_eq!(other.message, "5 more kinds of failure, each rarer than those told");
    assert_eq!(other.attempts, (20..25).map(AttemptIndex).collect::<Vec<_>>());
}

#[test]
fn examples_are_cut_on_a_character() {
    let record = with(attempt(0, &[("t", Failed)]), |r| {
        let failure = Failure {
            kind: "E".into(),
            message: "ä".repeat(5000),
            trace: format!("x{}", "ä".repeat(20_000)),
        };
        r.parsed.tests.failures = vec![(0, failure)];
    });
    let group = &of(&ledger([record]).evidence(0.95), "t").groups[0];
    assert_eq!((group.message.len(), group.trace.len()), (4096, 16_383));
}

#[test]
fn durations_of_attempts_that_ran_give_median_and_largest() {
    type Told = &'static [(Outcome, u64)];
    let table: [(Told, Option<(u64, u64)>); 6] = [
        (&[(Passed, 5), (Passed, 1), (Failed, 9)], Some((5, 9))),
        (&[(Passed, 5), (Passed, 1), (Failed, 9), (Passed, 6)], Some((6, 9))),
        (&[(Passed, 7), (Skipped, 100), (NotRun, 100)], Some((7, 7))),
        (&[(Passed, u64::MAX), (Passed, 3)], Some((3, 3))),
        (&[(Passed, u64::MAX)], None),
        (&[(Passed, 0)], Some((0, 0))),
    ];
    for (attempts, want) in table {
        let records = (0..).zip(attempts).map(|(index, (outcome, ns))| {
            with(attempt(index, &[("t", *outcome)]), |r| r.parsed.tests.durations_ns = vec![*ns])
        });
        assert_eq!(
            of(&ledger(records).evidence(0.95), "t").durations.map(|d| (d.median_ns, d.largest_ns)),
            want,
            "{attempts:?}"
        );
    }
    let second = with(attempt(0, &[("t", Passed)]), |r| r.parsed.tests.durations_ns = vec![1_234_567_890]);
    let median = of(&ledger([second]).evidence(0.95), "t").durations.unwrap().median_ns;
    assert!(median.abs_diff(1_234_567_890) < 100, "{median}");
}

#[test]
fn columns_that_break_the_contract_do_no_harm() {
    let record = with(attempt(0, &[("t", Passed), ("t", Failed), ("u", Passed), ("v", Passed)]), |r| {
        r.parsed.tests.outcomes.truncate(3);
        r.parsed.tests.durations_ns = vec![1];
        r.parsed.tests.failures =
            vec![(2, failed_with("E", "of a test that passed")), (u32::MAX, Failure::default())];
        r.parsed.tests.locations = vec![(99, Location { file: "x".into(), line: None })];
        r.parsed.announced = vec![id("t"), id("w"), id("w")];
    });
    let ledger = ledger([record]);
    assert_eq!((ledger.test_count(), ledger.attempts()[0].failed_tests), (4, 1));
    let evidence = ledger.evidence(0.95);
    assert_eq!(of(&evidence, "t").counts, Counts { ran: 1, failed: 1, ..Counts::default() });
    assert!(of(&evidence, "u").groups.is_empty());
    assert_eq!((of(&evidence, "v").counts.missing, of(&evidence, "w").counts.missing), (1, 1));
}

#[test]
fn the_first_attempts_location_stands_whichever_arrives_first() {
    let at = |index, line| {
        with(attempt(index, &[("t", Passed)]), |r| {
            r.parsed.tests.locations = vec![(0, Location { file: "t.py".into(), line: Some(line) })];
        })
    };
    for records in [[at(0, 7), at(1, 9)], [at(1, 9), at(0, 7)]] {
        assert_eq!(of(&ledger(records).evidence(0.95), "t").location.unwrap().line, Some(7));
    }
}

#[test]
fn attempts_are_told_side_by_side_first_and_by_index() {
    let alone = with(attempt(0, &[("a", Failed)]), |r| r.kind = AttemptKind::Alone);
    let ledger = ledger([alone, attempt(2, &[]), attempt(0, &[("a", Failed), ("b", Crashed)])]);
    let told: Vec<_> = ledger.attempts().iter().map(|a| (a.kind, a.index.0, a.failed_tests)).collect();
    assert_eq!(
        told,
        [(AttemptKind::SideBySide, 0, 2), (AttemptKind::SideBySide, 2, 0), (AttemptKind::Alone, 0, 1)]
    );
}

#[test]
fn more_failing_tests_than_examples_still_have_a_short_text() {
    let count = 5000;
    let names: Vec<String> = (0..count).map(|i| format!("t{i:05}")).collect();
    let tests: Vec<(&str, Outcome)> = names.iter().map(|name| (name.as_str(), Failed)).collect();
    let record = |index| {
        with(attempt(index, &tests), |r| {
            let failure = Failure { trace: "trace".into(), ..failed_with("E", "refused") };
            r.parsed.tests.failures = (0..count).map(|i| (i, failure.clone())).collect();
        })
    };
    for records in [[record(0), record(1)], [record(1), record(0)]] {
        let evidence = ledger(records).evidence(0.95);
        let with_trace = evidence.iter().filter(|e| e.groups[0].trace == "trace").count();
        assert_eq!(with_trace, 4096);
        assert!(evidence[..4096].iter().all(|e| e.groups[0].trace == "trace"));
        assert!(evidence.iter().all(|e| e.groups.len() == 1 && e.groups[0].message == "refused"));
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    proptest::sample::select(Outcome::ALL.to_vec())
}

/// Attempts over six tests with every irregularity that a parser can hand over.
fn records() -> impl Strategy<Value = Vec<AttemptRecord>> {
    let test = (0_u8..6, outcomes(), 0_u64..50, proptest::option::of((0_u8..3, "[a-c] [0-9]s")));
    let completeness = proptest::sample::select(vec![
        Completeness::Complete,
        Completeness::Truncated,
        Completeness::NothingRecognised,
    ]);
    let kinds =
        proptest::sample::select(vec![AttemptKind::SideBySide, AttemptKind::Alone, AttemptKind::Selected]);
    let tries = proptest::collection::vec(outcomes(), 0..3);
    let record =
        ((0_u32..12, kinds, completeness, 0_u8..8), proptest::collection::vec(test, 0..6), (0_u32..6, tries));
    let record = record.prop_map(|((index, kind, completeness, announced), tests, tries)| {
        let columns = (0..).zip(&tests);
        AttemptRecord {
            index: AttemptIndex(index),
            seed: Seed(u64::from(index % 5)),
            kind,
            conditions: vec![("load".into(), ["low", "high"][index as usize % 2].into())],
            parsed: ParsedAttempt {
                format: String::new(),
                tests: TestColumns {
                    name_starts: Vec::new(),
                    ids: tests.iter().map(|t| id(&format!("t{}", t.0))).collect(),
                    outcomes: tests.iter().map(|t| t.1).collect(),
                    durations_ns: tests.iter().map(|t| t.2).collect(),
                    locations: columns
                        .clone()
                        .map(|(i, t)| (i, Location { file: format!("f{}", t.2), line: None }))
                        .collect(),
                    failures: columns
                        .filter_map(|(i, t)| {
                            t.3.as_ref().map(|(kind, text)| (i, failed_with(&format!("K{kind}"), text)))
                        })
                        .collect(),
                    tries: vec![tries],
                },
                completeness,
                announced: vec![id(&format!("t{announced}"))],
                diagnostics: Vec::new(),
            },
        }
    });
    proptest::collection::vec(record, 0..20)
}

proptest! {
    #[test]
    fn evidence_does_not_depend_on_the_order_of_arrival(
        (records, shuffled) in records().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))
    ) {
        let (one, other) = (ledger(records), ledger(shuffled));
        prop_assert_eq!(one.evidence(0.95), other.evidence(0.95));
        prop_assert_eq!(one.judge_interference(0.95), other.judge_interference(0.95));
    }

    #[test]
    fn the_numbers_of_every_test_add_up(records in records()) {
        let side_by_side = records.iter().filter(|r| r.kind == AttemptKind::SideBySide).count();
        let ledger = ledger(records);
        let evidence = ledger.evidence(0.95);
        prop_assert_eq!(evidence.len(), ledger.test_count());
        prop_assert!(evidence.is_sorted_by(|a, b| a.id < b.id));
        for e in &evidence {
            let c = e.counts;
            prop_assert_eq!(c.ran, c.passed + c.failures());
            prop_assert!((c.ran + c.skipped + c.missing) as usize <= side_by_side);
            prop_assert_eq!(e.failing_attempts.len(), c.failures() as usize);
            prop_assert_eq!(e.failing_seeds.len(), e.failing_attempts.len());
            prop_assert!(e.failing_attempts.is_sorted());
            prop_assert!(e.interval.low <= e.rate && e.rate <= e.interval.high);
            prop_assert!(c.failures() == 0 || !e.groups.is_empty());
            for group in &e.groups {
                prop_assert!(group.attempts.iter().all(|a| e.failing_attempts.contains(a)));
                prop_assert_eq!(group.attempts.len(), group.seeds.len());
            }
        }
    }

    #[test]
    fn standings_are_the_numbers_of_the_evidence_while_attempts_come_in(records in records()) {
        let ledger = ledger(records);
        let evidence = ledger.evidence(0.95);
        prop_assert_eq!(ledger.standings().count(), evidence.len());
        for (test, standing) in ledger.standings() {
            let counts = of(&evidence, test.as_str()).counts;
            prop_assert_eq!((standing.ran, standing.failures), (counts.ran, counts.failures()));
        }
    }

    #[test]
    fn missing_tests_are_those_that_the_counts_say(records in records()) {
        let mut records = records;
        records.retain(|r| r.kind == AttemptKind::SideBySide);
        records.sort_by_key(|r| r.index);
        records.dedup_by_key(|r| r.index);
        let ledger = ledger(records);
        for e in ledger.evidence(0.95) {
            let listed = ledger.attempts().iter().filter(|a| ledger.missing_in(a.index).contains(&e.id)).count();
            prop_assert_eq!(e.counts.missing as usize, listed);
        }
    }
}
