//! What goes where: the result to standard output, progress to standard error, and no escape bytes into files.

use std::io::Read;
use std::process::Stdio;

use flaky_core::report::RunReport;
use flaky_tests::Flaky;

#[test]
fn standard_output_carries_the_result_and_standard_error_the_progress() {
    let flaky = Flaky::new();
    let ended = flaky.flaky("run --runs 14 -- true").exits(0);
    assert!(ended.stderr.contains("14 attempts, 4 side by side"), "{}", ended.everything());
    assert!(!ended.stdout.contains("14 attempts, 4 side by side\n"), "{}", ended.everything());
    assert!(ended.stdout.contains("STABLE") && !ended.stderr.contains("STABLE"), "{}", ended.everything());
    let quiet = flaky.flaky("run --quiet --runs 14 -- true").exits(0).says("STABLE");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_report_on_standard_output_stands_there_alone() {
    let ended = Flaky::new().flaky("run --report json=- --runs 14 -- true").exits(0);
    let report: RunReport =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}\n{}", ended.everything()));
    assert_eq!(report.total_runs, 14);
    let ended = Flaky::new().flaky("run --report markdown=- --runs 14 -- true").exits(0);
    assert!(ended.stdout.starts_with(['#', '*', '|', '<']), "{}", ended.everything());
    assert!(ended.stdout.contains("stable"), "{}", ended.everything());
}

#[test]
fn what_is_no_terminal_gets_no_escape_bytes() {
    for args in ["", "--no-color"] {
        let ended = Flaky::sample("unrecognised")
            .flaky(&format!("run {args} --first-seed 1 --runs 4 -- ./check.sh"))
            .exits(10);
        assert!(
            !ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'),
            "{}",
            ended.everything()
        );
        assert!(!ended.stderr.contains('\r'), "{}", ended.everything());
    }
}

#[test]
fn a_reader_that_closes_early_is_no_reason_to_panic() {
    for args in [
        ["help", "exit-codes"].as_slice(),
        &["help", "run"],
        &["completions", "bash"],
        &["man"],
        &["doctor"],
        &["run", "--runs", "14", "--", "true"],
    ] {
        let flaky = Flaky::new();
        let mut command = flaky.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closed before anything can have been written: every write fails.
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        assert_eq!(status.code(), Some(0), "{args:?}: {stderr}");
    }
}

#[test]
fn a_closed_standard_error_costs_the_progress_alone() {
    let flaky = Flaky::new();
    let mut command = flaky.command(&["run", "--runs", "14", "--", "true"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(stdout.contains("STABLE"), "{stdout}");
}

/// Clears the screen, turns the reading direction, hides, names another file, breaks a table.
const HOSTILE_TEST: &str = r#"
import pytest

@pytest.mark.parametrize("value", ["\x1b[2J\x1b[31mred", "right\u202eleft", "a|b<script>", "zero\u200bwidth", "\x07bell", "new\nline"])
def test_with(value):
    assert value == "x\x1b[31m\u202e", "\x1b]0;title\x07 \u202e\n```\n````\n~~~\n<script>alert(1)</script>\n"
"#;

/// Without this pytest escapes what is not ASCII; other frameworks do not.
const UNESCAPED: &str =
    "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n";

#[test]
fn names_and_messages_of_tests_cannot_play_with_the_terminal() {
    let flaky = Flaky::new().file("test_hostile.py", HOSTILE_TEST).file("pytest.ini", UNESCAPED);
    let ended = flaky.run("--runs 2 --report markdown=out.md -- pytest");
    let told = ended.everything();
    let report = ended.report();
    assert!(report.tests.len() >= 6, "{told}");
    assert!(report.tests.iter().all(|test| test.failures == 2), "{told}");
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let on_terminal = format!("{}{}", ended.stdout, ended.stderr);
    assert!(
        !on_terminal.contains(harmful),
        "{:?}",
        on_terminal.chars().filter(|c| harmful(*c)).collect::<String>()
    );
    let markdown = std::fs::read_to_string(flaky.project().join("out.md")).unwrap();
    assert!(!markdown.contains(harmful) && !outside_of_fences(&markdown).contains("<script>"), "{markdown}");
    let _ = flaky.flaky(&format!("reproduce {}", report.run));
    let again = flaky.flaky(&format!("reproduce {}", report.run)).exits(10);
    assert!(!again.stdout.contains(harmful), "{}", again.everything());
}

/// What is left of a page without its fenced blocks, where everything is shown as it is (CommonMark 4.5: a fence ends
/// with one of the same character that is at least as long).
fn outside_of_fences(page: &str) -> String {
    let fence = |line: &str| {
        let line = line.trim_start_matches(' ');
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = line.chars().take_while(|c| *c == mark).count();
        (length >= 3).then(|| (mark, length, line.trim_start_matches(mark).trim().is_empty()))
    };
    let mut open: Option<(char, usize)> = None;
    let mut outside = String::new();
    for line in page.lines() {
        match (open, fence(line)) {
            (None, Some((mark, length, _))) => open = Some((mark, length)),
            (None, None) => outside.push_str(line),
            (Some((mark, least)), Some((same, length, true))) if same == mark && length >= least => {
                open = None
            }
            (Some(_), _) => {}
        }
    }
    outside
}

#[test]
fn help_completions_and_the_manual_page_are_there() {
    for (args, said) in [
        ("--help", "reproduce"),
        ("help", "reproduce"),
        ("help run", "--first-seed"),
        ("run --help", "--first-seed"),
        ("help exit-codes", "nothing can be said"),
        ("completions bash", "_flaky"),
        ("completions zsh", "#compdef flaky"),
        ("completions fish", "complete -c flaky"),
        ("man", ".TH flaky"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ] {
        let ended = Flaky::new().flaky(args).exits(0).says(said);
        assert_eq!(ended.stderr, "", "{args}");
    }
}
