//! Suites with one planted thing each, and what has to be said of it, with a reason. Rates are planted so that chance
//! explains a miss less than once in a million runs.
//!
//! `FLAKY_PLANTED_TIMES=20` runs each so many times, each time under other seeds where these are not what was planted.

use std::sync::PoisonError;

use flaky_core::report::{RunReport, TestReport};
use flaky_core::verdict::{Category, Cause};
use flaky_tests::{Ended, Flaky, ended};

use crate::interference::TURN;

/// How often each suite is judged.
fn times() -> u32 {
    std::env::var("FLAKY_PLANTED_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Runs a sample so many times, and has each report looked at.
#[track_caller]
fn each(sample: &str, args: &str, check: impl Fn(&Ended, &RunReport)) {
    let flaky = Flaky::sample(sample);
    for _ in 0..times() {
        let ended = flaky.run(args);
        let report = ended.report();
        check(&ended, &report);
    }
}

#[track_caller]
fn verdict<'r>(report: &'r RunReport, test: &str, category: Category) -> &'r TestReport {
    let found = ended::test(report, test);
    assert_eq!(found.verdict, category, "{found:#?}");
    assert!(found.reason.contains(&found.ran.to_string()), "a reason with n: {}", found.reason);
    found
}

/// 40 seeds from 1: which of them fail is known.
#[test]
fn a_test_that_fails_by_its_seed_is_flaky_and_fails_ten_of_ten_times_under_the_command_that_is_told() {
    each(
        "planted/by-seed",
        "--first-seed 1 --runs 40 --stop never --reproduce 10 -- pytest",
        |ended, report| {
            let drawn = verdict(report, "test_draw_is_high", Category::Flaky);
            assert_eq!(drawn.failures, 12, "of seeds 1 to 40\n{}", ended.everything());
            verdict(report, "test_draw_is_a_share", Category::Stable);
            let way = drawn.reproduction.as_ref().unwrap();
            assert_eq!((way.failed, way.ran, way.only_this_test), (10, 10, true), "{way:?}");
            assert_eq!(way.seed, drawn.failing_seeds[0]);
            assert!(ended.stdout.contains("it failed 10 of 10 when tried"), "{}", ended.everything());
            assert_eq!(ended.code, 10);
        },
    );
}

/// Missed with probability 2 * 0.5^30.
#[test]
fn a_test_that_fails_by_the_clock_is_flaky() {
    each("planted/by-time", "--runs 30 --stop never --reproduce 0 -- pytest", |_, report| {
        verdict(report, "test_clock_is_in_its_first_half", Category::Flaky);
        verdict(report, "test_clock_goes_on", Category::Stable);
    });
}

/// Half of the attempts are shuffled, and in half of these the victim comes first: missed with probability 0.5^24.
#[test]
fn a_test_that_depends_on_order_is_flaky_when_orders_are_tried_and_the_order_is_named() {
    each("planted/by-order", "--runs 48 --stop never --shuffle --reproduce 0 -- pytest", |ended, report| {
        let victim = verdict(report, "test_shelf_has_an_apple", Category::Flaky);
        assert!(victim.reason.contains("order"), "{}", victim.reason);
        verdict(report, "test_shelf_is_filled", Category::Stable);
        assert_eq!(ended.code, 10);
    });
}

#[test]
fn without_other_orders_the_same_test_is_stable() {
    each("planted/by-order", "--runs 14 --stop never --reproduce 0 -- pytest", |_, report| {
        verdict(report, "test_shelf_has_an_apple", Category::Stable);
    });
}

#[test]
fn a_test_that_always_fails_is_broken() {
    each("always-fails", "--runs 14 --stop never --reproduce 10 -- pytest", |ended, report| {
        let broken = report.tests.iter().find(|t| t.verdict == Category::Broken).unwrap();
        assert_eq!((broken.failures, broken.ran), (14, 14));
        assert_eq!(
            broken.selected.map(|s| (s.failed, s.ran)),
            Some((3, 3)),
            "it fails without the others too"
        );
        assert_eq!(ended.code, 11);
    });
}

#[test]
fn a_test_that_fails_only_beside_another_is_told_to_pass_without_it() {
    each("planted/always-fails-beside", "--runs 14 --stop never --reproduce 10 -- pytest", |_, report| {
        let victim = verdict(report, "test_full_rate_is_twenty", Category::Broken);
        let alone = victim.selected.unwrap();
        assert_eq!((alone.failed, alone.ran), (0, 3));
        assert!(
            victim.reason.contains("only together with the other tests: 0 of 3 without them"),
            "{}",
            victim.reason
        );
        verdict(report, "test_rate_can_be_changed", Category::Stable);
    });
}

/// Seeds 1 to 30: three attempts in which everything fails, a tenth of all.
#[test]
fn attempts_in_which_everything_fails_that_passes_elsewhere_are_set_aside_and_named() {
    each("planted/mass-failure", "--first-seed 1 --runs 30 --stop never -- pytest", |ended, report| {
        assert_eq!((report.total_runs, report.failures, report.verdict), (27, 0, Category::Stable));
        let aside: Vec<_> = report.attempts.iter().filter_map(|a| a.set_aside.as_ref()).collect();
        assert_eq!(aside.len(), 3, "{}", ended.everything());
        assert!(aside[0].contains("8 of its 8 tests failed") && aside[0].contains("refused"), "{aside:?}");
        assert_eq!(ended.code, 0);
    });
}

/// Seeds 10, 20, … of nine: every attempt fails as a whole, or too many of them do.
#[test]
fn too_many_of_them_make_the_run_inconclusive() {
    let ended = Flaky::sample("planted/mass-failure").run("--first-seed 9 --runs 4 --stop never -- pytest");
    let report = ended.report();
    assert_eq!((report.verdict, report.cause), (Category::Inconclusive, Some(Cause::Infrastructure)));
    assert_eq!(ended.code, 12);
}

#[test]
fn a_suite_that_cannot_be_collected_on_some_seeds_is_never_a_failure_of_its_tests() {
    each("collection-error", "--first-seed 1 --runs 20 --stop never -- pytest", |ended, report| {
        assert_eq!((report.verdict, report.cause), (Category::Inconclusive, Some(Cause::Infrastructure)));
        assert!(report.tests.iter().all(|t| t.failures == 0), "{}", ended.everything());
    });
}

/// Eight copies at once, twice: that none of them meets another is out of the question, each holds what it shares for
/// most of its time.
#[track_caller]
fn only_beside_copies(sample: &str, test: &str, resource: &str) {
    each(sample, "--isolation copy --runs 16 --parallelism 8 --stop never -- pytest", |ended, report| {
        let told = ended.everything();
        let found = verdict(report, test, Category::Stable);
        let (beside, alone) = (found.side_by_side.unwrap(), found.alone.unwrap());
        assert!(beside.failed > 0 && alone.failed == 0, "{told}");
        assert!(ended.stdout.contains("fails only with copies side by side"), "{told}");
        assert!(ended.stdout.contains(resource), "the shared resource\n{told}");
        assert_eq!(ended.code, 0, "{told}");
    });
}

#[test]
fn a_test_that_fails_by_a_port_that_its_copies_share_is_told_to_be_disturbed_by_them() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    only_beside_copies("fixed-port", "test_every_message_comes_back", "a port");
}

#[test]
fn so_is_one_that_fails_by_a_file_that_its_copies_share() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    only_beside_copies("writes-tmp", "test_scratch_file_keeps_what_was_written", "a file");
}

#[test]
fn what_failed_in_ci_and_passes_here_is_said_in_these_words() {
    let test = "test_cart.py::test_sums";
    let flaky = Flaky::new().file("test_cart.py", "def test_sums():\n    assert 1 + 1 == 2\n");
    let args = format!("--runs 60 --stop never --failed-in-ci {test} --failed-in-ci gone::test -- pytest");
    let ended = flaky.run(&args).exits(0);
    let report = ended.report();
    let found = ended::test(&report, test);
    assert!(found.failed_in_ci);
    assert_eq!(found.reason, "failed in CI, passed 60 of 60 here: not reproduced, at most 4.9 %");
    assert!(report.notes.iter().any(|n| n.code == "failed-in-ci-not-met" && n.text.contains("gone::test")));
}
