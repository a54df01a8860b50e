//! The main job: verdicts of tests whose rates are known, and repeating what failed.

use std::path::Path;

use flaky_core::report::{RunReport, SeedReport};
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_tests::processes::{wait_for_mark, wait_for_no_mark};
use flaky_tests::{Flaky, ended, python};
use nix::sys::signal::Signal;

const ORDERS: &str = "test_order_is_processed_in_time";

/// The tutorial's test alone.
fn orders() -> Flaky {
    let file = include_str!("../../../examples/python/tests/test_orders.py");
    Flaky::new().file("test_orders.py", file)
}

fn failing_seeds(report: &RunReport, name: &str) -> Vec<u64> {
    ended::test(report, name).failing_seeds.iter().map(|seed| seed.0).collect()
}

/// What the generator itself says about the seeds from 1 to `last`, without pytest and without `flaky`.
fn expected_failures(last: u32) -> Vec<u64> {
    let code = format!(
        "import random\nfor seed in range(1, {last} + 1):\n    random.seed(seed)\n    if random.uniform(0.0, 0.3) >= 0.18: print(seed)"
    );
    python::evaluate(&code).lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn the_tutorials_test_fails_thirty_times_of_a_hundred_and_every_failure_can_be_repeated() {
    let flaky = orders();
    let ended = flaky.run("--first-seed 1 --runs 100 --parallelism 10 -- pytest test_orders.py").exits(10);
    let ended = ended.says("flaky").says("MEDIUM").says("30/100");
    let report = ended.report();
    assert_eq!((report.total_runs, report.failures, report.repro_rate), (100, 30, Some(0.3)));
    assert_eq!((report.verdict, report.severity), (Category::Flaky, Some(Severity::Medium)));
    let test = ended::test(&report, ORDERS);
    assert_eq!((test.ran, test.failures, test.verdict), (100, 30, Category::Flaky));
    let seeds = failing_seeds(&report, ORDERS);
    assert_eq!(seeds, expected_failures(100));
    assert_eq!(seeds.len(), 30);

    // The first, one in the middle, the last.
    for seed in [seeds[0], seeds[14], seeds[29]] {
        let message = message_of(&report, seed);
        let again = flaky.flaky(&format!("reproduce {} --seed {seed} --repeat 10", report.run)).exits(10);
        let _ = again.says(&format!("seed {seed}: failed 10 of 10")).says(&format!("10 of 10: {message}"));
    }
    // What the report proposes can be typed as it stands.
    let command = report.execution.reproduce.as_deref().unwrap().strip_prefix("flaky ").unwrap();
    let _ = flaky.flaky(command).exits(10).says("failed 1 of 1");
    let passing = (1..=100).find(|seed| !seeds.contains(seed)).unwrap();
    let fine = flaky.flaky(&format!("reproduce {} --seed {passing} --repeat 3", report.run)).exits(0);
    let _ = fine.says("failed 0 of 3");
}

/// What failed under this seed, as the test itself words it: it names the time, which differs from seed to seed.
fn message_of(report: &RunReport, seed: u64) -> String {
    let took = python::evaluate(&format!(
        "import random\nrandom.seed({seed})\nprint('%.3f' % random.uniform(0.0, 0.3))"
    ));
    let groups = &ended::test(report, ORDERS).failure_groups;
    assert!(groups.iter().any(|g| g.seeds.iter().any(|s| s.0 == seed)), "no failure group holds seed {seed}");
    assert!(groups.iter().all(|g| g.message.contains("Order not processed in time")), "{groups:#?}");
    format!("AssertionError: Order not processed in time (took {}s)", took.trim())
}

#[test]
fn one_after_the_other_the_same_seeds_fail() {
    let report =
        orders().run("--first-seed 1 --runs 30 --parallelism 1 -- pytest test_orders.py").exits(10).report();
    assert_eq!(failing_seeds(&report, ORDERS), expected_failures(30));
}

#[test]
fn a_run_with_the_printed_master_seed_is_the_same_run() {
    let flaky = orders();
    let first = flaky.run("--runs 12 --parallelism 6 -- pytest test_orders.py");
    let first_report = first.report();
    let SeedReport::Drawn { master, .. } = first_report.execution.seeds else {
        panic!("seeds are drawn: {:?}", first_report.execution.seeds)
    };
    let first = first.says(&format!("--seed {master}")).warns(&format!("--seed {master}"));
    let again = flaky
        .run(&format!("--seed {master} --runs 12 --parallelism 3 -- pytest test_orders.py"))
        .exits(first.code);
    assert_eq!(failing_seeds(&again.report(), ORDERS), failing_seeds(&first_report, ORDERS));
    // Fewer attempts are the beginning of the same plan.
    let fewer = flaky.run(&format!("--seed {master} --runs 4 -- pytest test_orders.py"));
    let beginning: Vec<u64> = failing_seeds(&fewer.report(), ORDERS);
    assert!(failing_seeds(&first_report, ORDERS).starts_with(&beginning), "{beginning:?}");
}

#[test]
fn a_test_that_always_passes_is_stable_from_fourteen_attempts_on_and_the_bound_is_said() {
    let sums = Flaky::sample("always-passes");
    let cases = [
        (10, 12, Category::Inconclusive, "at most 25.9 %"),
        (14, 0, Category::Stable, "at most 19.3 %"),
        (100, 0, Category::Stable, "at most 2.95 %"),
    ];
    for (runs, code, verdict, bound) in cases {
        let ended = sums.run(&format!("--runs {runs} --parallelism 10 -- pytest")).exits(code).says(bound);
        let report = ended.report();
        assert_eq!((report.total_runs, report.failures, report.verdict), (runs, 0, verdict));
        let inconclusive = verdict == Category::Inconclusive;
        assert_eq!(report.cause, inconclusive.then_some(Cause::TooFewAttempts));
        assert_eq!(report.severity, (!inconclusive).then_some(Severity::None));
        assert_eq!(report.tests.len(), 3, "{:#?}", report.tests);
        for test in &report.tests {
            assert_eq!((test.ran, test.failures, test.verdict), (runs, 0, verdict), "{}", test.id);
        }
    }
}

#[test]
fn a_test_that_always_fails_is_broken_and_the_one_beside_it_is_stable() {
    let report = Flaky::sample("always-fails")
        .run("--runs 14 --parallelism 4 -- pytest")
        .exits(11)
        .says("BROKEN")
        .report();
    assert_eq!(
        (report.verdict, report.severity, report.failures),
        (Category::Broken, Some(Severity::Critical), 14)
    );
    let broken = ended::test(&report, "test_half_is_rounded_up");
    assert_eq!((broken.verdict, broken.failures), (Category::Broken, 14));
    assert_eq!(broken.failure_groups.len(), 1);
    assert_eq!(ended::test(&report, "test_one_and_a_half_is_rounded_up").verdict, Category::Stable);
}

#[test]
fn a_job_file_and_flags_over_it_decide_the_run() {
    let flaky = Flaky::sample("always-passes");
    let job = format!(
        r#"{{"input": {{"repo": {:?}, "test_command": "pytest -q", "runs": 20, "parallelism": 4, "seed": 7}}}}"#,
        flaky.project()
    );
    let flaky = flaky.file("job.json", job);
    let report = flaky.run("--input job.json --runs 14").exits(0).report();
    assert_eq!(report.total_runs, 14, "flags win over the job");
    assert_eq!(
        (report.execution.parallelism, report.subject.command.as_slice()),
        (4, ["pytest".into(), "-q".into()].as_slice())
    );
    assert!(
        matches!(report.execution.seeds, SeedReport::Drawn { master: 7, .. }),
        "{:?}",
        report.execution.seeds
    );
    assert!(Path::new(&report.subject.source).ends_with("project"), "{}", report.subject.source);
}

#[test]
fn two_runs_of_one_project_do_not_wait_for_each_other() {
    let mark = format!("flaky-mark-{}-beside", std::process::id());
    let flaky = Flaky::sample("always-passes")
        .file("slow/test_slow.py", "import os, subprocess\ndef test_slow():\n    subprocess.run(['python3', '-c', 'import time; time.sleep(1000)', os.environ['MARK']])\n")
        .env("MARK", &mark);
    let slow = flaky.start_run("--runs 1 -- pytest slow");
    wait_for_mark(&mark);
    let _ = flaky.run("--runs 14 -- pytest test_sums.py").exits(0);
    slow.signal(Signal::SIGTERM);
    let _ = slow.ended().exits(143);
    wait_for_no_mark(&mark);
}
