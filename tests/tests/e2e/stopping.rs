//! Ending a run when enough is known.

use flaky_core::verdict::Category;
use flaky_tests::Flaky;

/// 29 attempts of one kind decide (10 % at 5 % error) where all tests go the same way; one that fails beside one that
/// passes takes 7 more, so that the error holds for the suite. Those that run when the last one comes in may still end.
#[test]
fn a_run_that_may_stop_does_when_every_test_is_decided_and_says_so() {
    for (sample, exit, verdict) in [
        ("always-passes", 0, Category::Stable),
        ("always-fails", 11, Category::Broken),
        ("unrecognised", 10, Category::Flaky),
    ] {
        let command = if sample == "unrecognised" { "./check.sh" } else { "pytest" };
        let flaky = Flaky::sample(sample);
        let asked = format!("--first-seed 1 --runs 200 --parallelism 2 --stop certain -- {command}");
        let ended = flaky.run(&asked).exits(exit).says("every test is decided");
        let report = ended.report();
        let least = match verdict {
            Category::Flaky => 10,
            Category::Broken => 36,
            _ => 29,
        };
        assert_eq!(report.verdict, verdict, "{sample}");
        assert!((least..least + 3).contains(&report.total_runs), "{sample}: {}", report.total_runs);
        assert_eq!(report.execution.planned, 200, "{sample}");
        assert!(!report.execution.interrupted, "{sample}");
        let expected = format!("stopped after {} of 200 attempts: every test is decided", report.total_runs);
        assert!(
            report.notes.iter().any(|n| n.code == "stopped-early" && n.text == expected),
            "{:#?}",
            report.notes
        );
    }
}

#[test]
fn a_run_that_may_stop_goes_on_to_its_end_while_a_test_is_undecided() {
    let ended = Flaky::sample("always-passes").run("--runs 20 --stop certain -- pytest").exits(0);
    let report = ended.report();
    assert_eq!(report.total_runs, 20);
    assert!(report.notes.iter().all(|n| n.code != "stopped-early"), "{:#?}", report.notes);
}
