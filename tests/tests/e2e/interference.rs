//! Copies of a suite that disturb each other, by a fixed port or a fixed path below `/tmp`: as root, as a user, and
//! as a user whom the kernel refuses name spaces. What the machine allows is asked of `flaky doctor`; what is
//! expected follows from that.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use flaky_core::report::{IsolationUsed, RunReport};
use flaky_core::verdict::{Category, Severity};
use flaky_tests::{Ended, Flaky, Who, ended};

/// The port and the path are the machine's: tests that use them outside of name spaces take turns.
pub(crate) static TURN: Mutex<()> = Mutex::new(());

/// Sample, the test that is disturbed, the one beside it.
const SAMPLES: [(&str, &str); 2] = [
    ("fixed-port", "test_every_message_comes_back"),
    ("writes-tmp", "test_scratch_file_keeps_what_was_written"),
];

#[test]
fn copies_side_by_side_do_not_disturb_each_other_as_root_or_whoever_runs_the_tests() {
    side_by_side(Who::Myself);
}

#[test]
fn nor_as_an_ordinary_user() {
    side_by_side(Who::User);
}

#[test]
fn without_user_namespaces_failures_are_confirmed_alone_and_reported_as_interference() {
    let level = best_level(Who::UserWithoutNamespaces);
    assert_eq!(level, IsolationUsed::Copy, "the kernel refuses name spaces, so a copy is all there is");
    side_by_side(Who::UserWithoutNamespaces);
}

fn side_by_side(who: Who) {
    let level = best_level(who);
    for (sample, test) in SAMPLES {
        let flaky = Flaky::of(who).with_copy_of(&Path::new("tests/samples").join(sample));
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = flaky.run("--runs 16 --parallelism 8 -- pytest");
        drop(turn);
        let report = ended.report();
        assert_eq!(report.isolation.used, level, "{sample} as {who:?}\n{}", ended.everything());
        if level == IsolationUsed::Full {
            undisturbed(&ended, &report, test);
        } else {
            disturbed(&ended, &report, test);
        }
    }
}

/// No failure that a serial run does not have.
fn undisturbed(ended: &Ended, report: &RunReport, name: &str) {
    let told = ended.everything();
    assert_eq!((report.total_runs, report.failures, report.verdict), (16, 0, Category::Stable), "{told}");
    assert_eq!(report.isolation.why, None, "{told}");
    assert_eq!((report.execution.alone, ended.code), (0, 0), "{told}");
    let test = ended::test(report, name);
    assert!(test.side_by_side.is_none() && test.alone.is_none(), "{test:#?}");
}

/// Confirmed alone: the numbers of the test are those of the attempts without copies, and both are told.
fn disturbed(ended: &Ended, report: &RunReport, name: &str) {
    let told = ended.everything();
    assert!(report.isolation.why.as_ref().is_some_and(|why| !why.is_empty()), "{told}");
    assert!(report.failures > 0, "eight copies at once always collide\n{told}");
    assert!(report.execution.alone > 0, "{told}");
    let test = ended::test(report, name);
    let (side_by_side, alone) = (test.side_by_side.unwrap(), test.alone.unwrap());
    assert!(side_by_side.failed > 0 && side_by_side.ran > 0, "{test:#?}");
    assert!(alone.failed == 0 && alone.ran > 0, "{test:#?}");
    assert_eq!((test.ran, test.failures), (alone.ran, 0), "{test:#?}");
    assert_eq!(test.severity, Some(Severity::None), "{test:#?}");
    assert!(!matches!(test.verdict, Category::Flaky | Category::Broken), "{test:#?}");
    assert!(!matches!(report.verdict, Category::Flaky | Category::Broken), "{told}");
    assert!(ended.stdout.contains("with copies side by side it failed"), "said in words\n{told}");
}

/// What `flaky doctor` says that this user can have.
fn best_level(who: Who) -> IsolationUsed {
    let ended = Flaky::of(who).flaky("doctor").exits(0);
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix("isolation: "));
    let levels =
        [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy, IsolationUsed::Shared];
    let level = levels.into_iter().find(|level| Some(level.name()) == line);
    level.unwrap_or_else(|| panic!("`flaky doctor` names a level\n{}", ended.everything()))
}

#[test]
fn doctor_names_the_level_and_where_it_is_not_the_highest_the_line_that_raises_it() {
    for who in [Who::Myself, Who::User, Who::UserWithoutNamespaces] {
        let ended = Flaky::of(who).flaky("doctor").exits(0).says("isolation: ").says("work trees: ");
        if ended.stdout.contains("isolation: full\n") {
            assert!(ended.stdout.contains("every attempt has"), "{}", ended.everything());
        } else {
            let line = ended.stdout.lines().find_map(|l| l.trim().strip_prefix("to raise it: "));
            assert!(line.is_some_and(|l| l.len() > 10), "{who:?}\n{}", ended.everything());
        }
    }
}
