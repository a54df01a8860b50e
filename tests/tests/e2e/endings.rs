//! However an attempt or the run ends, nothing is left running.

use std::thread;

use flaky_core::parsed::Outcome;
use flaky_core::verdict::{Category, Cause};
use flaky_tests::processes::{eventually, wait_for_mark, wait_for_no_mark};
use flaky_tests::{Ended, Flaky, ended};
use nix::sys::signal::Signal;

/// What a user can choose, without the comparison of levels that `auto` begins with.
const LEVELS: [&str; 3] = ["--isolation shared", "--isolation copy", ""];

fn grandchild(mark: &str) -> Flaky {
    // In the environment, not in an argument: only the grandchild shows it among all processes.
    Flaky::sample("grandchild").env("GRANDCHILD_MARK", mark)
}

/// Unlike that of any other test, and of any other run of the tests.
fn mark(name: &str, level: usize) -> String {
    format!("flaky-mark-{}-{name}-{level}", std::process::id())
}

/// Every level beside the others: most of the time is waiting.
fn at_every_level(name: &'static str, check: impl Fn(&str, String) + Sync) {
    thread::scope(|scope| {
        for (number, level) in LEVELS.into_iter().enumerate() {
            let check = &check;
            scope.spawn(move || check(level, mark(name, number)));
        }
    });
}

#[test]
fn a_timeout_ends_grandchildren_in_sessions_of_their_own_and_names_the_test() {
    at_every_level("timeout", |level, mark| {
        let ended = grandchild(&mark).run(&format!("{level} --runs 1 --timeout 6 -- pytest -v"));
        let report = ended.report();
        wait_for_no_mark(&mark);
        assert_eq!((report.total_runs, report.failures), (1, 1), "{level}\n{}", ended.everything());
        let endless = ended::test(&report, "test_never_ends");
        assert_eq!((endless.counts.timed_out, endless.ran), (1, 1), "{level}\n{}", ended.everything());
        assert_eq!(ended::test(&report, "test_first_passes").failures, 0, "{level}");
        // So that the name of the outcome stays what the report says.
        assert!(Outcome::TimedOut.is_failure());
    });
}

#[test]
fn ctrl_c_gives_a_partial_report_and_leaves_nothing_running() {
    at_every_level("interrupt", |level, mark| interrupted(level, &mark, Signal::SIGINT, 130));
}

#[test]
fn a_request_to_terminate_does_the_same() {
    at_every_level("terminate", |level, mark| interrupted(level, &mark, Signal::SIGTERM, 143));
}

fn interrupted(level: &str, mark: &str, signal: Signal, code: i32) {
    let flaky = grandchild(mark);
    let running = flaky.start_run(&format!("{level} --runs 30 --timeout 1000 -- pytest -v"));
    wait_for_mark(mark);
    running.signal(signal);
    let ended = running.ended().exits(code).says("interrupted");
    wait_for_no_mark(mark);
    let report = ended.report();
    assert!(report.execution.interrupted, "{level}\n{}", ended.everything());
    assert_eq!(
        (report.verdict, report.cause, report.severity),
        (Category::Inconclusive, Some(Cause::Interrupted), None)
    );
    assert_eq!(report.execution.planned, 30);
    assert_no_folder_is_left(&flaky, &ended);
}

#[test]
fn what_finished_before_ctrl_c_is_in_the_partial_report() {
    let mark = mark("partial", 0);
    // The first attempt ends, the others do not.
    let script = "#!/bin/sh\n[ \"$ATTEMPT\" = 0 ] && exit 0\nexec python3 -c 'import time; time.sleep(1000)' \"$MARK\"\n";
    let flaky = Flaky::new().file("check.sh", script).env("MARK", &mark);
    let running = flaky.start_run("--runs 8 --timeout 1000 -- sh check.sh");
    wait_for_mark(&mark);
    running.signal(Signal::SIGINT);
    let ended = running.ended().exits(130).says("interrupted");
    wait_for_no_mark(&mark);
    let report = ended.report();
    assert_eq!((report.total_runs, report.execution.finished, report.execution.planned), (1, 1, 8));
    assert_eq!(report.tests.iter().map(|t| (t.ran, t.failures)).collect::<Vec<_>>(), [(1, 0)]);
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_leaves_nothing_running_either() {
    let mark = mark("twice", 0);
    let flaky = grandchild(&mark);
    let running = flaky.start_run("--runs 3 --timeout 1000 -- pytest -v");
    wait_for_mark(&mark);
    running.signal(Signal::SIGINT);
    // It may be gone by itself before the second one arrives.
    let id = i32::try_from(running.id()).unwrap();
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), Signal::SIGINT);
    let _ = running.ended().exits(130);
    wait_for_no_mark(&mark);
}

#[test]
fn nothing_survives_the_death_of_flaky_itself() {
    at_every_level("killed", |level, mark| {
        let flaky = grandchild(&mark);
        let running = flaky.start_run(&format!("{level} --runs 3 --timeout 1000 -- pytest -v"));
        wait_for_mark(&mark);
        running.signal(Signal::SIGKILL);
        let _ = running.ended().exits(137);
        wait_for_no_mark(&mark);
    });
}

#[test]
fn an_interrupted_installation_is_interrupted_not_failed() {
    let mark = mark("install", 0);
    let backend = "import os, subprocess, sys\ndef build_wheel(*args, **kwargs):\n    subprocess.run([sys.executable, '-c', 'import time; time.sleep(1000)', os.environ['MARK']])\n";
    let flaky = Flaky::sample("failing-install/broken-build").file("backend.py", backend).env("MARK", &mark);
    let running = flaky.start_run("--runs 14 -- pytest");
    wait_for_mark(&mark);
    running.signal(Signal::SIGINT);
    let ended = running.ended().exits(130);
    wait_for_no_mark(&mark);
    assert_eq!(ended.report().cause, Some(Cause::Interrupted), "{}", ended.everything());
}

#[test]
fn a_run_leaves_nothing_behind_in_the_folder_for_temporary_files() {
    let flaky = Flaky::sample("always-passes");
    let ended = flaky.run("--runs 3 -- pytest");
    assert_no_folder_is_left(&flaky, &ended);
}

fn assert_no_folder_is_left(flaky: &Flaky, ended: &Ended) {
    let tmp = flaky.beside("tmp");
    let left = || std::fs::read_dir(&tmp).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    eventually(&format!("an empty {}; {:?}\n{}", tmp.display(), left(), ended.everything()), || {
        left().is_empty().then_some(())
    });
}
