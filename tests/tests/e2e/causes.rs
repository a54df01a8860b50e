//! What cannot be judged is inconclusive, with its cause and what to do, and never has a severity.

use std::net::TcpListener;

use flaky_core::verdict::{Category, Cause};
use flaky_tests::Flaky;

/// Sample, arguments, cause, and a text that the reason holds.
const CASES: &[(&str, &str, Cause, &str)] = &[
    ("always-passes", "-- pytset -q", Cause::CommandNotFound, "does not exist"),
    ("always-passes", "-- ./no/such/script.sh", Cause::CommandNotFound, "does not exist"),
    ("no-tests", "-- pytest", Cause::NoTests, ""),
    ("always-passes", "-- pytest -k nothing_is_called_like_this", Cause::NoTests, ""),
    ("usage-error", "-- pytest --no-such-option", Cause::UsageError, "--no-such-option"),
    ("usage-error", "-- pytest test_gone.py", Cause::UsageError, "test_gone.py"),
    ("failing-install/missing-package", "-- pytest", Cause::InstallFailed, "flaky-no-such-package-xyz"),
    ("failing-install/broken-pyproject", "-- pytest", Cause::InstallFailed, ""),
    ("failing-install/broken-build", "-- pytest", Cause::InstallFailed, ""),
];

#[test]
fn an_obstacle_is_inconclusive_with_its_cause_and_what_to_do() {
    for (sample, args, cause, said) in CASES {
        let flaky = Flaky::sample(sample);
        // Enough attempts for a verdict, were there one.
        let ended = flaky.run(&format!("--runs 14 {args}")).exits(12).says(cause.name()).says("hint:");
        let report = ended.report();
        let name = format!("{sample} {args}\n{}", ended.everything());
        assert_eq!(
            (report.verdict, report.cause, report.severity),
            (Category::Inconclusive, Some(*cause), None),
            "{name}"
        );
        assert!(report.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{name}");
        assert!(report.reason.contains(said), "the reason lacks `{said}`: {name}");
        assert_eq!((report.total_runs, report.failures, report.repro_rate), (0, 0, None), "{name}");
        assert!(report.tests.iter().all(|test| test.severity.is_none()), "{name}");
        assert!(report.execution.finished <= 1, "one attempt is enough to know: {name}");
    }
}

#[test]
fn a_repository_that_does_not_answer_is_inconclusive() {
    // A port of this machine that was free a moment ago refuses connections.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("https://127.0.0.1:{port}/team/project.git");
    let ended =
        Flaky::new().run(&format!("{url} -- pytest")).exits(12).says("repository-unreachable").says("hint:");
    let report = ended.report();
    assert_eq!((report.verdict, report.cause), (Category::Inconclusive, Some(Cause::RepositoryUnreachable)));
    assert_eq!((report.severity, report.repro_rate), (None, None));
    assert_eq!(report.subject.source, url);
    assert!(report.hint.is_some(), "{}", ended.everything());
}

#[test]
fn a_folder_without_command_and_framework_is_refused_with_what_to_type() {
    let ended = Flaky::new().flaky("run").exits(2);
    let _ = ended.warns("no test command was given").warns("hint:").warns("flaky run -- COMMAND");
}
