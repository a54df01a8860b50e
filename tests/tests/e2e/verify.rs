//! `flaky verify`, budgets, tests chosen by id.

use flaky_core::verdict::{Category, Cause};
use flaky_tests::Flaky;

const TEST: &str = "test_draw.py::test_draw_is_high";

#[test]
fn a_mended_test_refutes_its_old_rate_with_as_many_attempts_as_that_takes() {
    let flaky = Flaky::new().file("test_draw.py", "def test_draw_is_high():\n    pass\n");
    let _ = flaky
        .flaky(&format!("verify {TEST} --was 20% -- pytest"))
        .exits(0)
        .says("mended: `test_draw.py::test_draw_is_high` passed 14 of 14: a rate of 20 % is refuted");
}

/// Three of ten seeds fail: 14 attempts miss them all once in 150 runs, so the seeds are the test's own.
#[test]
fn a_test_that_still_fails_is_not_mended() {
    let flaky = Flaky::new().file(
        "test_draw.py",
        "import os\n\ndef test_draw_is_high():\n    assert int(os.environ['ATTEMPT']) % 3\n",
    );
    let ended = flaky.flaky(&format!("verify {TEST} --was 1/5 --only -- pytest")).exits(10);
    assert!(
        ended.stdout.contains("not mended: `test_draw.py::test_draw_is_high` failed 5 of 14"),
        "{}",
        ended.everything()
    );
}

#[test]
fn a_test_that_does_not_run_tells_nothing() {
    let flaky = Flaky::new().file("test_draw.py", "def test_other():\n    pass\n");
    let verify = |was: &str| flaky.flaky(&format!("verify {TEST} --was {was} -- pytest"));
    let _ = verify("0.5").exits(12).says("did not run in any of 5 attempts");
    let _ = verify("0.001").exits(2).warns("a run has at most 1000");
    let _ = verify("2").exits(2).warns("not a rate above 0 and below 1");
}

#[test]
fn a_budget_of_time_ends_a_run_and_what_is_known_then_decides() {
    let flaky = Flaky::new().file("test_slow.py", "import time\n\ndef test_slow():\n    time.sleep(0.2)\n");
    let ended = flaky.run("--runs 1000 --stop never --budget 10s -- pytest");
    let report = ended.report();
    assert!(!report.execution.interrupted, "{}", ended.everything());
    assert!(report.total_runs > 0 && report.total_runs < 1000, "{}", ended.everything());
    // How many attempts ten seconds hold is the machine's; what they tell is not.
    let expected = if report.total_runs < 14 { Category::Inconclusive } else { Category::Stable };
    assert_eq!(report.verdict, expected, "{}", ended.everything());
    assert!(report.notes.iter().any(|n| n.code == "budget-spent" && n.text.contains("budget of 10s")));
    let ended = flaky.run("--runs 10 --budget 1s -- sleep 30").exits(12);
    assert_eq!(ended.report().cause, Some(Cause::TooFewAttempts));
}

#[test]
fn chosen_tests_run_without_the_others() {
    let flaky = Flaky::sample("planted/always-fails-beside");
    let ended = flaky.run("--test test_rates.py::test_full_rate_is_twenty --runs 14 -- pytest").exits(0);
    let report = ended.report();
    assert_eq!(report.tests.len(), 1, "{:#?}", report.tests);
}

/// Frameworks that choose by name tell of the others that they were skipped.
#[test]
fn tests_that_were_not_chosen_are_not_told_of() {
    let flaky = Flaky::new().file(
        "cart.test.js",
        "const test = require('node:test');\ntest('adds', () => {});\ntest('prices', () => { throw new Error('2 == 3'); });\n",
    );
    let report = flaky.run("--test prices --runs 14 -- node --test").exits(11).report();
    let ids: Vec<&str> = report.tests.iter().map(|test| test.id.as_str()).collect();
    assert_eq!(ids, ["prices"]);
}

/// What a run tells to type is typed.
#[test]
fn the_command_that_is_told_repeats_the_failure() {
    let flaky = Flaky::sample("planted/by-seed");
    let report =
        flaky.run("--first-seed 1 --runs 20 --stop never --reproduce 3 -- pytest").exits(10).report();
    let command = report.execution.reproduce.unwrap();
    assert!(command.contains("--test"), "{command}");
    let typed = command.strip_prefix("flaky ").unwrap();
    let _ = flaky.flaky(&format!("{typed} --repeat 2")).exits(10).says("failed 2 of 2");
}
