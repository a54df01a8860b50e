//! What attempts say: with no parser, with a report that was never finished, with files that cannot be imported.

use flaky_core::attempt::Exit;
use flaky_core::verdict::{Category, Cause};
use flaky_tests::{Flaky, ended};

#[test]
fn output_that_no_parser_knows_is_judged_as_one_test_by_its_exit_code_and_the_report_says_so() {
    let ended = Flaky::sample("unrecognised").run("--first-seed 1 --runs 20 -- ./check.sh").exits(10);
    let ended = ended.says("no parser recognised the output");
    let report = ended.report();
    assert_eq!((report.total_runs, report.failures, report.verdict), (20, 10, Category::Flaky));
    assert_eq!(report.subject.parser, None);
    let [test] = report.tests.as_slice() else { panic!("one test: {:#?}", report.tests) };
    assert_eq!((test.id.as_str(), test.ran, test.failures), ("./check.sh", 20, 10));
    assert!(test.failing_seeds.iter().all(|seed| seed.0 % 2 == 1), "{:?}", test.failing_seeds);
    assert_eq!(test.failure_groups.len(), 1, "{:#?}", test.failure_groups);
    assert_eq!(test.failure_groups[0].message, "the seed is odd");
    assert!(report.notes.iter().any(|note| note.code == "not-recognised"), "{:#?}", report.notes);
}

#[test]
fn a_framework_that_is_killed_midway_still_tells_of_the_tests_it_ran_and_the_others_are_named() {
    for options in ["-v", "-q"] {
        let flaky = Flaky::sample("killed-midrun");
        let ended = flaky.run(&format!("--first-seed 1 --runs 12 -- pytest {options}"));
        let report = ended.report();
        let name = format!("{options}\n{}", ended.everything());
        assert_eq!((report.total_runs, report.failures), (12, 4), "{name}");
        for early in ["test_1_passes", "test_2_passes"] {
            let test = ended::test(&report, early);
            assert_eq!(
                (test.counts.passed, test.failures, test.counts.missing),
                (12, 0, 0),
                "{early}: {name}"
            );
        }
        let killer = ended::test(&report, "test_3_may_kill_the_run").counts;
        assert_eq!((killer.passed, killer.crashed + killer.missing), (8, 4), "{name}");
        let last = ended::test(&report, "test_4_passes_if_it_runs").counts;
        assert_eq!((last.passed, last.missing), (8, 4), "{name}");
        let killed: Vec<_> =
            report.attempts.iter().filter(|a| !a.alone && a.exit == Exit::Signal(9)).collect();
        assert_eq!(killed.iter().map(|a| a.seed.0).collect::<Vec<_>>(), [3, 6, 9, 12], "{name}");
        for attempt in killed {
            let named = |id: &str| attempt.missing.iter().any(|m| m.as_str().ends_with(id));
            assert!(named("test_4_passes_if_it_runs"), "{:?} {name}", attempt.missing);
            assert!(!named("test_2_passes"), "{:?} {name}", attempt.missing);
        }
    }
}

#[test]
fn a_file_that_cannot_be_imported_stops_pytest_and_is_no_failure_of_a_test() {
    // Half of the attempts say nothing about any test: no verdict can be had from the other half.
    let ended = Flaky::sample("collection-error").run("--first-seed 1 --runs 20 -- pytest").exits(12);
    let report = ended.report();
    assert_eq!(
        (report.verdict, report.cause),
        (Category::Inconclusive, Some(Cause::Infrastructure)),
        "{}",
        ended.everything()
    );
    assert_eq!(
        (report.severity, report.total_runs, report.failures),
        (None, 10, 0),
        "{}",
        ended.everything()
    );
    assert!(report.reason.contains("10 of 20"), "{}", report.reason);
    let aside: Vec<u64> =
        report.attempts.iter().filter(|a| a.set_aside.is_some()).map(|a| a.seed.0).collect();
    assert_eq!(aside, (1..=19).step_by(2).collect::<Vec<_>>());
    assert_eq!(ended::test(&report, "test_nothing_is_wrong_here").failures, 0);
}

#[test]
fn tests_beside_a_file_that_cannot_be_imported_are_judged_where_pytest_goes_on() {
    let flaky = Flaky::sample("collection-error");
    let ended = flaky.run("--first-seed 1 --runs 20 -- pytest --continue-on-collection-errors");
    let report = ended.report();
    let fine = ended::test(&report, "test_nothing_is_wrong_here");
    assert_eq!((fine.ran, fine.failures, fine.verdict), (20, 0, Category::Stable), "{}", ended.everything());
    assert_eq!((report.total_runs, report.failures), (20, 10), "{}", ended.everything());
}

#[test]
fn every_way_of_pytest_to_print_gives_the_same_counts() {
    for options in ["", "-v", "-q", "-rA", "-x --tb=line", "-p no:terminal", "--junitxml=mine.xml"] {
        let ended = Flaky::sample("always-fails").run(&format!("--runs 3 -j 3 -- pytest {options}"));
        let report = ended.report();
        let broken = ended::test(&report, "test_half_is_rounded_up");
        assert_eq!((broken.ran, broken.failures), (3, 3), "{options}\n{}", ended.everything());
        if !options.starts_with("-x") {
            let fine = ended::test(&report, "test_one_and_a_half_is_rounded_up");
            assert_eq!((fine.ran, fine.failures), (3, 0), "{options}\n{}", ended.everything());
        }
    }
}

#[test]
fn ignored_tests_are_run_and_listed_and_do_not_decide() {
    let flaky = Flaky::sample("always-fails")
        .file(".flaky-detector.yml", "ignore_patterns: [\"*test_half_is_rounded_up\"]\nruns: 14\n");
    let ended = flaky.run("-- pytest").exits(0).says("ignored");
    let report = ended.report();
    assert_eq!(report.verdict, Category::Stable);
    let ignored = ended::test(&report, "test_half_is_rounded_up");
    assert!(ignored.ignored && ignored.failures == 14, "{ignored:#?}");
}
