//! Single lines of nextest.

use flaky_plugin_sdk::Outcome;

/// `  TRY 2 FAIL [   0.012s] (10/15) shop tests::never`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status<'l> {
    pub(super) kind: Kind,
    /// Which try it is, where nextest tries again.
    pub(super) attempt: Option<u32>,
    /// Whether no other try follows, as far as the line says.
    pub(super) is_last: bool,
    pub(super) nanoseconds: Option<u64>,
    /// Whether the line says where in the run the test stands: all lines of a run do, or none.
    pub(super) is_placed: bool,
    pub(super) binary: &'l str,
    pub(super) test: &'l str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Is(Outcome),
    /// Its output follows as it comes, and then its result: nextest captures nothing.
    Begins,
    /// It runs, or will run again.
    Running,
}

/// Status words end in this column.
const COLUMN: usize = 12;

/// Words for signals, as nextest prints them.
const SIGNALS: &[&str] = &[
    "ABORT", "ABRT", "SEGV", "BUS", "FPE", "ILL", "KILL", "TERM", "INT", "QUIT", "TRAP", "PIPE", "HUP",
    "ALRM", "SYS", "XCPU", "XFSZ",
];

pub(super) fn status(line: &str) -> Option<Status<'_>> {
    let (words, rest) = line.split_once(" [")?;
    if words.len() < COLUMN || words.len() > COLUMN && words.starts_with(' ') {
        return None;
    }
    let (time, rest) = rest.split_once("] ")?;
    let words = words.trim_start();
    let (attempt, word) = match words.strip_prefix("TRY ").and_then(|words| words.split_once(' ')) {
        Some((number, word)) => (Some(number.parse().ok()?), word),
        None => (None, words),
    };
    let kind = kind(word)?;
    // Since 0.9.90 the place in the run stands before the test.
    let (place, rest) = match rest.strip_prefix('(') {
        Some(counted) => counted.split_once(") ")?,
        None => ("", rest),
    };
    let passed = kind == Kind::Is(Outcome::Passed);
    let (binary, test) = rest.split_once(' ')?;
    (!binary.is_empty() && !test.is_empty()).then_some(Status {
        kind,
        attempt,
        is_last: attempt.is_none() || passed || place.contains('/'),
        nanoseconds: seconds(time.trim_start_matches(['>', ' '])),
        is_placed: !place.is_empty(),
        binary,
        test,
    })
}

fn kind(word: &str) -> Option<Kind> {
    let outcome = match word {
        "PASS" | "LEAK" | "TIMEOUT-PASS" | "TMPASS" => Outcome::Passed,
        "FAIL" | "FAIL + LEAK" | "FL+LK" | "LEAK-FAIL" | "LKFAIL" | "FAIL+LEAK" => Outcome::Failed,
        "TIMEOUT" | "TMT" | "TIMEOUT-FAIL" => Outcome::TimedOut,
        // It could not be started.
        "XFAIL" => Outcome::Errored,
        "SKIP" => Outcome::Skipped,
        "START" => return Some(Kind::Begins),
        "SLOW" | "TERMINATING" | "TRMNTG" | "KILLING" => return Some(Kind::Running),
        _ if word.strip_prefix("RETRY ").or_else(|| word.strip_prefix("DELAY ")).is_some() => {
            return Some(Kind::Running);
        }
        _ => {
            let name = word.strip_prefix("SIG").unwrap_or(word);
            let known = SIGNALS.contains(&name) || name.parse::<u32>().is_ok();
            return known.then_some(Kind::Is(Outcome::Crashed));
        }
    };
    Some(Kind::Is(outcome))
}

/// The number of tests of `    Starting 15 tests across 3 binaries (1 test skipped)`.
pub(super) fn starting(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("    Starting ")?;
    let (count, rest) = rest.split_once(' ')?;
    let rest = rest.strip_prefix("tests across ").or_else(|| rest.strip_prefix("test across "))?;
    let (binaries, word) = rest.split_once(' ')?;
    binaries.parse::<u64>().ok()?;
    word.starts_with("binar").then(|| count.parse().ok())?
}

/// How many tests ran, of `     Summary [   2.061s] 15 tests run: 7 passed, …` or `… 3/15 tests run: …`.
pub(super) fn summary(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix("     Summary [")?.split_once("] ")?;
    let (count, rest) = rest.split_once(' ')?;
    let is_count = rest.starts_with("tests run: ") || rest.starts_with("test run: ");
    count.split('/').next()?.parse().ok().filter(|_| is_count)
}

/// The frame around the summary.
pub(super) fn is_rule(line: &str) -> bool {
    line.chars().count() >= 12 && (line.chars().all(|c| c == '─') || line.bytes().all(|byte| byte == b'-'))
}

/// Whether what a test printed follows: `  stdout ───`, and `--- STDOUT:  shop tests::a ---` before 0.9.86.
pub(super) fn opens_output(line: &str) -> Option<Output> {
    let new = ["stdout", "stderr", "output"].iter().any(|name| {
        line.strip_prefix("  ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with(" ─"))
    });
    let old =
        ["--- STDOUT:", "--- STDERR:", "--- OUTPUT:", "--- TRY "].iter().any(|start| line.starts_with(start));
    match (new, old) {
        (true, _) => Some(Output::Indented),
        (_, true) if line.ends_with("---") => Some(Output::Plain),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Indented,
    Plain,
}

fn seconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.trim().strip_suffix('s')?.parse().ok()?;
    nanoseconds(seconds)
}

pub(super) fn nanoseconds(seconds: f64) -> Option<u64> {
    let nanoseconds = (seconds * 1e9).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..9.0e15).contains(&nanoseconds).then_some(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_told_by_their_column() {
        use Kind::{Begins, Is, Running};
        let cases = [
            (
                "        PASS [   0.048s] ( 1/15) shop tests::adds",
                Some((Is(Outcome::Passed), None, "shop", "tests::adds")),
            ),
            (
                "        PASS [   0.048s] shop::first adds",
                Some((Is(Outcome::Passed), None, "shop::first", "adds")),
            ),
            (
                "  TRY 2 FAIL [   0.018s] (─────) shop tests::x",
                Some((Is(Outcome::Failed), Some(2), "shop", "tests::x")),
            ),
            (
                "  TRY 1 ABRT [   0.018s] shop tests::x",
                Some((Is(Outcome::Crashed), Some(1), "shop", "tests::x")),
            ),
            ("     SIGSEGV [   0.018s] shop x", Some((Is(Outcome::Crashed), None, "shop", "x"))),
            ("     TIMEOUT [   2.006s] (15/15) shop x", Some((Is(Outcome::TimedOut), None, "shop", "x"))),
            ("       START [         ] ( 1/15) shop x", Some((Begins, None, "shop", "x"))),
            ("        SLOW [>  1.000s] shop x", Some((Running, None, "shop", "x"))),
            ("        SKIP [         ] (───) shop x", Some((Is(Outcome::Skipped), None, "shop", "x"))),
            ("            PASS [   0.001s] shop tests::invented", None),
            ("PASS [   0.001s] shop x", None),
            ("   FLAKY 3/3 [   0.007s] shop x", None),
            ("     Summary [   0.007s] 1 test run: 1 passed", None),
        ];
        for (line, expected) in cases {
            assert_eq!(status(line).map(|s| (s.kind, s.attempt, s.binary, s.test)), expected, "{line}");
        }
    }

    #[test]
    fn beginning_and_end_are_counted() {
        assert_eq!(starting("    Starting 15 tests across 3 binaries (1 test skipped)"), Some(15));
        assert_eq!(starting("    Starting 1 test across 1 binary"), Some(1));
        assert_eq!(starting("Starting 1 test"), None);
        assert_eq!(summary("     Summary [   2.061s] 15 tests run: 7 passed, 1 skipped"), Some(15));
        assert_eq!(summary("     Summary [   2.061s] 3/15 tests run: 2 passed, 1 failed"), Some(3));
        assert_eq!(summary("     Summary [   2.061s] nothing"), None);
    }
}
