//! What is told apart in the ledger: near failures, kinds of attempts, conditions, mass failures, commits.

use super::*;

/// Every attempt fails in its own words; near ones become one group, with the example that tells most.
#[test]
fn failures_that_are_nearly_the_same_are_one_group_with_the_most_telling_example() {
    let failing = |index, kind: &str, message: &str, trace: &str| {
        let failure = Failure { trace: trace.into(), ..failed_with(kind, message) };
        with(attempt(index, &[("t", Failed)]), |r| r.parsed.tests.failures = vec![(0, failure)])
    };
    let words = "the shelf of warehouse north should hold the items";
    let records = [
        failing(0, "E", &format!("{words} ash, birch and cedar"), ""),
        failing(1, "E", &format!("{words} ash, birch and cedar"), ""),
        failing(2, "E", &format!("{words} cedar, ash and birch"), "tests/t.py:1: E"),
        failing(3, "E", &format!("{words} cedar, ash and birch"), ""),
        failing(4, "Other", &format!("{words} ash, birch and cedar"), ""),
        failing(5, "E", "another thing altogether that shares not a word", ""),
    ];
    let told = |records: Vec<AttemptRecord>| -> Vec<(Vec<u32>, usize, String, String)> {
        let groups = of(&ledger(records).evidence(0.95), "t").groups;
        let attempts = |g: &crate::evidence::FailureGroup| g.attempts.iter().map(|a| a.0).collect();
        groups.iter().map(|g| (attempts(g), g.also.len(), g.message.clone(), g.trace.clone())).collect()
    };
    let first = told(records.to_vec());
    assert_eq!(first.iter().map(|g| g.0.clone()).collect::<Vec<_>>(), [vec![0, 1, 2, 3], vec![4], vec![5]]);
    assert_eq!(first[0].1, 2, "two more fingerprints are nearly the same");
    assert_eq!(
        (first[0].2.as_str(), first[0].3.as_str()),
        (&*format!("{words} cedar, ash and birch"), "tests/t.py:1: E")
    );
    let mut turned = records.to_vec();
    turned.reverse();
    assert_eq!(told(turned), first, "whatever order they come in");
}

#[test]
fn the_example_of_a_fingerprint_is_the_one_with_message_and_trace() {
    let kept = |index: u32, trace: &str| {
        let failure = Failure { trace: trace.into(), ..failed_with("E", "refused") };
        with(attempt(index, &[("t", Failed)]), |r| r.parsed.tests.failures = vec![(0, failure)])
    };
    for records in [[kept(0, ""), kept(1, "words only")], [kept(1, "words only"), kept(0, "")]] {
        let groups = of(&ledger(records).evidence(0.95), "t").groups;
        assert_eq!((groups.len(), groups[0].trace.as_str()), (1, "words only"));
    }
}

#[test]
fn attempts_of_chosen_tests_are_a_tally_of_their_own() {
    let chosen = |index, outcome| with(attempt(index, &[("a", outcome)]), |r| r.kind = AttemptKind::Selected);
    let records = [
        attempt(0, &[("a", Failed), ("b", Passed)]),
        chosen(0, Passed),
        chosen(1, Failed),
        chosen(2, Skipped),
        with(chosen(3, Passed), |r| r.kind = AttemptKind::Alone),
    ];
    let ledger = ledger(records);
    let evidence = ledger.evidence(0.95);
    let a = of(&evidence, "a");
    assert_eq!((a.counts.ran, a.failing_attempts.len(), a.groups[0].attempts.len()), (1, 1, 1));
    assert_eq!(a.selected, Some(Tried { ran: 2, failed: 1 }));
    assert_eq!(a.alone, Some(Tried { ran: 1, failed: 0 }));
    let b = of(&evidence, "b");
    assert_eq!((b.counts.missing, b.selected, b.alone), (0, None, None));
    assert_eq!(ledger.standings().map(|(_, s)| s.ran).collect::<Vec<_>>(), [1, 1]);
}

/// `n` attempts under each of three conditions that differ: load decides, colour does not, and the clock is another
/// one in every attempt.
#[test]
fn what_a_test_does_under_each_value_of_a_condition_is_told_with_a_corrected_p_value() {
    let records = (0..40_u32).map(|i| {
        let (load, colour) = (["low", "high"][i as usize % 2], ["red", "green", "blue"][i as usize % 3]);
        let fails = load == "high" && i % 4 == 1;
        with(attempt(i, &[("t", if fails { Failed } else { Passed }), ("s", Passed)]), |r| {
            r.conditions = vec![
                ("clock".into(), i.to_string()),
                ("load".into(), load.into()),
                ("colour".into(), colour.into()),
                ("fixed".into(), "x".into()),
            ];
        })
    });
    let evidence = ledger(records).evidence(0.95);
    let effects = of(&evidence, "t").effects;
    let told: Vec<_> =
        effects.iter().map(|e| (e.condition.as_str(), e.value.as_str(), e.ran, e.failed)).collect();
    assert_eq!(told[..2], [("load", "high", 20, 10), ("load", "low", 20, 0)]);
    assert_eq!(
        told.len(),
        5,
        "neither what is the same everywhere nor what is different everywhere: {told:?}"
    );
    // Fisher's two-sided value for 10 of 20 against 0 of 20, times 1 + 3 comparisons.
    let chance = crate::stats::fisher_exact(10, 20, 0, 20);
    assert!(
        (effects[0].p_value - 4.0 * chance).abs() < 1e-12
            && (effects[1].p_value - 4.0 * chance).abs() < 1e-12
    );
    assert!(effects[2..].iter().all(|e| e.p_value > 0.5), "{effects:?}");
    assert!(of(&evidence, "s").effects.is_empty());
}

#[test]
fn slow_attempts_that_fail_are_told() {
    let told = |outcome: Outcome, ns: u64, index| {
        with(attempt(index, &[("t", outcome)]), |r| r.parsed.tests.durations_ns = vec![ns])
    };
    let passing = (0..8).map(|i| told(Passed, 100 + u64::from(i), i));
    let failing = (8..12).map(|i| told(Failed, 1000 + u64::from(i), i));
    let durations = of(&ledger(passing.chain(failing)).evidence(0.95), "t").durations.unwrap();
    assert_eq!((durations.told, durations.median_failed_ns), (12, Some(1010)));
    // One way of C(12, 4) = 495 to have all four on top.
    assert!((durations.slower_when_failing.unwrap() - 1.0 / 495.0).abs() < 1e-12);
    let passed = of(&ledger([told(Passed, 5, 0)]).evidence(0.95), "t").durations.unwrap();
    assert_eq!((passed.median_failed_ns, passed.slower_when_failing), (None, None));
}

/// `good` attempts in which `broken` tests of ten fail, then one in which `failing` of the ten do.
fn after_good_ones(good: u32, broken: u32, failing: u32) -> Ledger {
    let names: Vec<String> = (0..10).map(|i| format!("t{i}")).collect();
    let of = |index, failing: u32| {
        let tests: Vec<(&str, Outcome)> = (0..)
            .zip(&names)
            .map(|(i, name)| (name.as_str(), if i < failing { Failed } else { Passed }))
            .collect();
        with(attempt(index, &tests), |r| {
            r.parsed.tests.failures =
                (0..failing).map(|i| (i, failed_with("ConnectionRefusedError", "port 5432"))).collect();
        })
    };
    ledger((0..good).map(|i| of(i, broken)).chain([of(good, failing)]))
}

#[test]
fn an_attempt_in_which_four_fifths_fail_that_pass_elsewhere_is_a_mass_failure() {
    for (good, broken, failing, expected) in [
        (9, 0, 8, Some((10, 8))),
        (9, 0, 10, Some((10, 10))),
        (9, 0, 7, None),
        // Two of the ten fail everywhere: 8 are left, which is four fifths; with three it is less.
        (9, 2, 10, Some((10, 8))),
        (9, 3, 10, None),
        // Nothing passes elsewhere: that is a bug.
        (9, 10, 10, None),
        (0, 0, 10, None),
    ] {
        let ledger = after_good_ones(good, broken, failing);
        let found = ledger.mass_failures();
        let told: Vec<_> = found.iter().map(|m| (m.kind, m.index.0, m.ran, m.failed)).collect();
        let expected: Vec<_> =
            expected.map(|(ran, failed)| (AttemptKind::SideBySide, good, ran, failed)).into_iter().collect();
        assert_eq!(told, expected, "{good} {broken} {failing}");
    }
    let four =
        |index, outcome| attempt(index, &[("a", outcome), ("b", outcome), ("c", outcome), ("d", outcome)]);
    assert_eq!(ledger([four(0, Passed), four(1, Failed)]).mass_failures(), [], "four are too few");
}

#[test]
fn a_mass_failure_says_what_it_saw_and_leaves_nothing_behind_when_set_aside() {
    let mut with_it = after_good_ones(9, 0, 9);
    let found = with_it.mass_failures();
    assert_eq!(
        found[0].why(),
        "9 of its 10 tests failed that pass in other attempts, most with ConnectionRefusedError: port 5432"
    );
    with_it.set_aside(&[(found[0].kind, found[0].index), (AttemptKind::Alone, AttemptIndex(0))]);
    let without = after_good_ones(8, 0, 0);
    assert_eq!(with_it.evidence(0.95), without.evidence(0.95));
    assert_eq!(with_it.attempts(), without.attempts());
    assert!(with_it.standings().eq(without.standings()));
    assert_eq!(with_it.mass_failures(), []);
}

#[test]
fn a_change_is_told_by_what_the_same_seeds_did_at_the_base() {
    // `t` fails at the same seeds in both, and at six more now; `new` is only here, `gone` only there.
    let side = |index: u32, failing: bool, extra: &'static str| {
        attempt(index, &[("t", if failing { Failed } else { Passed }), (extra, Passed), ("s", Passed)])
    };
    let base = ledger((0..100).map(|i| side(i, i < 20, "gone")));
    let head = ledger((0..100).rev().map(|i| side(i, i < 26, "new")));
    let found = head.compare_with_base(&base);
    assert_eq!(found.keys().map(TestId::as_str).collect::<Vec<_>>(), ["s", "t"]);
    let t = found[&id("t")];
    assert_eq!((t.ran, t.failed, t.change, t.paired), (100, 20, crate::evidence::Change::Worsened, true));
    assert_eq!(found[&id("s")].change, crate::evidence::Change::NoEvidence);
    // With other seeds there are no pairs, and 20 against 26 says nothing.
    let elsewhere = ledger((0..100).map(|i| with(side(i, i < 20, "gone"), |r| r.seed = Seed(7))));
    let t = head.compare_with_base(&elsewhere)[&id("t")];
    assert_eq!((t.change, t.paired), (crate::evidence::Change::WasThereBefore, false));
}

#[test]
fn a_test_that_fails_and_is_not_at_the_base_is_the_changes_own_where_the_base_was_measured() {
    let head = ledger((0..10).map(|i| {
        attempt(i, &[("s", Passed), ("new", if i < 1 { Failed } else { Passed }), ("new_and_fine", Passed)])
    }));
    let measured = ledger((0..10).map(|i| attempt(i, &[("s", Passed), ("new", Skipped)])));
    let found = head.compare_with_base(&measured);
    assert_eq!(found.keys().map(TestId::as_str).collect::<Vec<_>>(), ["new", "s"]);
    let new = found[&id("new")];
    assert_eq!((new.ran, new.failed, new.change), (0, 0, crate::evidence::Change::Introduced));
    // Where nothing ran at the base, its tests are not known.
    for unknown in [ledger([]), ledger((0..10).map(|i| attempt(i, &[("s", Skipped)])))] {
        assert!(head.compare_with_base(&unknown).is_empty());
    }
}
