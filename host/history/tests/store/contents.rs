//! What went in comes out.

use flaky_core::evidence::Counts;
use flaky_core::history::{HistoryFilter, Share, Timestamp};
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::report::RunReport;
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_history::{HistoryErrorKind, Recorded};

use crate::places::on_both;
use crate::reports::{all, context, report, series, suite, test};

#[tokio::test]
async fn a_run_comes_back_as_it_was_told() {
    on_both(|place| async move {
        let history = place.open().await;
        let told = suite("run-1", &[2, 5]);
        assert_eq!(history.record(&told, &context(1000)).await.unwrap(), Recorded::New);
        assert_eq!(history.record(&told, &context(1000)).await.unwrap(), Recorded::Known);

        let (run, tests) = history.run(&told.run).await.unwrap().unwrap();
        assert_eq!((run.attempts, run.tests, run.failures, run.cpu_seconds), (10, 30, 2, 20.0));
        assert_eq!((run.context, run.commit), (context(1000), told.subject.commit.clone()));
        assert_eq!((run.command.as_str(), run.isolation), ("pytest -k 'a b'", told.isolation.used));
        assert_eq!(tests.len(), 30);
        for ((id, result), told) in tests.iter().zip(&told.tests) {
            let of_test = (id, result.counts, result.verdict, result.severity, result.ignored);
            assert_eq!(of_test, (&told.id, told.counts, told.verdict, told.severity, false));
        }
        let (_, flaky) = &tests[4];
        assert_eq!(flaky.median_seconds, Some(0.25));
        let failing: Vec<_> = flaky.failing.iter().map(|f| (f.attempt, f.seed)).collect();
        assert_eq!(failing, [(Some(AttemptIndex(2)), Seed(102)), (Some(AttemptIndex(5)), Seed(105))]);
        assert!(flaky.failing.iter().all(|f| f.fingerprint.as_deref() == Some("0000000000000005")));
        assert_eq!(history.series().await.unwrap(), [series()]);
    })
    .await;
}

#[tokio::test]
async fn tests_are_counted_over_runs_and_in_parts_of_the_period() {
    on_both(|place| async move {
        let history = place.open().await;
        for (run, started, failing) in [
            ("a", 0, &[][..]),
            ("b", 100, &[1, 2]),
            ("c", 200, &[]),
            ("d", 300, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ] {
            history.record(&suite(run, failing), &context(started)).await.unwrap();
        }
        let tests = history.tests(&all(), 2).await.unwrap();
        assert_eq!(tests.len(), 30);
        let flaky = &tests[4];
        assert_eq!((flaky.runs, flaky.flaky_runs, flaky.ran, flaky.failed), (4, 1, 40, 12));
        assert_eq!(flaky.trend, [Share { ran: 20, failed: 2 }, Share { ran: 20, failed: 10 }]);
        assert_eq!((flaky.first_seen, flaky.last_seen), (Timestamp(0), Timestamp(300)));
        assert_eq!((flaky.first_failed, flaky.last_failed), (Some(Timestamp(100)), Some(Timestamp(300))));
        assert!((flaky.cost_cpu_seconds - 24.0).abs() < 1e-9 && (flaky.rate - 0.3).abs() < 1e-9);
        assert_eq!((flaky.verdict, flaky.severity), (Category::Flaky, Some(Severity::Low)));
        let clean = &tests[5];
        assert_eq!((clean.runs, clean.ran, clean.failed, clean.first_failed), (4, 40, 0, None));
        let skipped = &tests[25];
        assert_eq!((skipped.runs, skipped.ran, skipped.verdict), (4, 0, Category::Inconclusive));

        let failed = HistoryFilter { failed_only: true, since: Some(Timestamp(100)), ..all() };
        assert_eq!(history.tests(&failed, 1).await.unwrap().len(), 1);
        let searched = HistoryFilter { search: Some("T::1".into()), until: Some(Timestamp(300)), ..all() };
        let found = history.tests(&searched, 1).await.unwrap();
        assert_eq!((found.len(), found[0].runs), (10, 3));
        let nowhere = HistoryFilter { branch: Some("other".into()), ..all() };
        assert!(history.tests(&nowhere, 1).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn one_test_has_its_runs_results_and_groups() {
    on_both(|place| async move {
        let history = place.open().await;
        for (run, started, failing) in [("a", 0, &[][..]), ("b", 100, &[1, 2]), ("c", 200, &[3])] {
            history.record(&suite(run, failing), &context(started)).await.unwrap();
        }
        history.record(&report("d", 10, vec![test("other", 10, &[])]), &context(300)).await.unwrap();
        let found = history.test(&series(), &TestId::new("t::04"), &all()).await.unwrap().unwrap();
        assert_eq!(found.runs.iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(found.results.iter().map(|r| r.counts.failed).collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!(found.location.unwrap().line, Some(7));
        let [group] = found.groups.as_slice() else { panic!("{:?}", found.groups) };
        assert_eq!(
            (group.count, group.runs, group.first_seen, group.last_seen),
            (3, 2, Timestamp(100), Timestamp(200))
        );
        assert_eq!((group.kind.as_str(), group.trace.as_str()), ("AssertionError", "at line 1"));
        assert!(history.test(&series(), &TestId::new("nowhere"), &all()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_window_has_the_newest_commits_and_none_of_changed_trees() {
    on_both(|place| async move {
        let history = place.open().await;
        for i in 0..60 {
            let failing: &[u32] = if i >= 50 { &[0] } else { &[] };
            history.record(&suite(&format!("r{i:02}"), failing), &context(i * 10)).await.unwrap();
        }
        let mut changed = context(1000);
        changed.changed = true;
        history.record(&suite("changed", &[1]), &changed).await.unwrap();
        let window = history.window(&series(), Timestamp(0)).await.unwrap();
        assert_eq!(window.len(), 30);
        let flaky = &window[&TestId::new("t::04")];
        assert_eq!((flaky.runs, flaky.flaky_runs, flaky.ran, flaky.failed), (61, 11, 610, 11));
        assert_eq!((flaky.first_failed, flaky.last_failed), (Some(Timestamp(500)), Some(Timestamp(1000))));
        assert_eq!(flaky.commits.len(), 50);
        assert_eq!(
            (flaky.commits[0].first_run, flaky.commits[49].first_run),
            (Timestamp(100), Timestamp(590))
        );
        assert_eq!(flaky.commits[49].share, Share { ran: 10, failed: 1 });
        assert_eq!(history.window(&series(), Timestamp(1001)).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn runs_come_newest_first_and_at_most_so_many() {
    on_both(|place| async move {
        let history = place.open().await;
        for (run, started) in [("b", 20), ("a", 10), ("c", 30)] {
            history.record(&suite(run, &[]), &context(started)).await.unwrap();
        }
        let runs = history.runs(&all(), 2).await.unwrap();
        assert_eq!(runs.iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    })
    .await;
}

#[tokio::test]
async fn an_inconclusive_run_is_kept_with_its_cause_and_one_that_never_began_is_not() {
    on_both(|place| async move {
        let history = place.open().await;
        let mut broken = report("broken", 0, vec![test("t", 0, &[])]);
        (broken.verdict, broken.cause, broken.severity) =
            (Category::Inconclusive, Some(Cause::NoTests), None);
        history.record(&broken, &context(0)).await.unwrap();
        let (run, tests) = history.run(&broken.run).await.unwrap().unwrap();
        assert_eq!((run.cause, run.severity, tests.len()), (Some(Cause::NoTests), None, 0));
        let never = RunReport::without_result(Cause::InstallFailed, "");
        let error = history.record(&never, &context(0)).await.unwrap_err();
        assert_eq!(error.kind(), &HistoryErrorKind::RunWithoutResult);
    })
    .await;
}

#[tokio::test]
async fn nothing_that_a_report_says_breaks_it() {
    on_both(|place| async move {
        let history = place.open().await;
        let long = "\0ä'\"; DROP TABLE flaky_runs; --".repeat(40_000);
        let mut hostile =
            report("h", u32::MAX, vec![test("a\0b", 1, &[0]), test("", 1, &[0]), test(&long, 1, &[0])]);
        for test in &mut hostile.tests {
            let n = u32::MAX;
            test.counts = Counts {
                ran: n,
                passed: n,
                failed: n,
                errored: n,
                timed_out: n,
                crashed: n,
                ..Counts::default()
            };
            test.failing_seeds = vec![Seed(u64::MAX), Seed(0), Seed(100)];
            test.median_seconds = Some(f64::NAN);
            test.failure_groups[0].message = long.clone();
            test.failure_groups[0].trace = long.clone();
            test.failure_groups[0].fingerprint = long.clone();
            test.location.as_mut().unwrap().file = long.clone();
        }
        hostile.tests.push(hostile.tests[0].clone());
        hostile.execution.planned = u32::MAX;
        hostile.execution.cpu_seconds = f64::NEG_INFINITY;
        hostile.execution.wall_seconds = f64::NAN;
        hostile.subject.commit = Some(long.clone());
        hostile.subject.command = vec![long.clone()];
        hostile.flaky_version = long.clone();
        let mut context = context(i64::MIN);
        context.series.suite = long.clone();
        (context.branch, context.url, context.pull_request) =
            (Some(long.clone()), Some(long.clone()), Some(u64::MAX));
        for (run, started) in [("h1", i64::MIN), ("h2", i64::MAX), ("h3", 0)] {
            hostile.run = run.parse().unwrap();
            context.started = Timestamp(started);
            assert_eq!(history.record(&hostile, &context).await.unwrap(), Recorded::New);
        }
        let (run, tests) = history.run(&hostile.run).await.unwrap().unwrap();
        assert_eq!((tests.len(), run.wall_seconds, run.cpu_seconds), (3, 0.0, 0.0));
        assert!(tests.iter().all(|(_, t)| t.counts.failures() > 0 && t.median_seconds.is_none()));
        let everything = history.tests(&all(), u32::MAX).await.unwrap();
        assert_eq!((everything.len(), everything[0].runs), (3, 3));
        let window = history.window(&context.series, Timestamp(i64::MIN)).await.unwrap();
        assert_eq!(window.len(), 3);
        let one = history.test(&context.series, &TestId::new(&long), &all()).await.unwrap().unwrap();
        assert!(one.groups[0].message.len() <= 2048 && one.groups[0].trace.len() <= 8192);
        let branch = HistoryFilter { branch: Some(long.clone()), ..all() };
        assert_eq!(history.runs(&branch, u32::MAX).await.unwrap().len(), 3);
    })
    .await;
}
