//! What a parser saw, as people read it: how it was read, counts, what failed, then the tests.

use std::fmt::Write as _;

use flaky_core::parse_document::{Chosen, ParseDocument, ParsedTest};
use flaky_core::parsed::Outcome;
use flaky_core::text::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How to lay it out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Columns; `None` where it is no terminal: nothing is shortened there.
    pub(crate) width: Option<u32>,
    pub(crate) colour: bool,
    /// Every test, however many.
    pub(crate) all: bool,
}

/// From this many on, tests that passed are only counted: more fills a screen.
const MOST_LISTED: usize = 50;

/// Columns of the longest outcome.
const OUTCOME: usize = "expected-failure".len();

/// The sixteen colours that every theme sets (ECMA-48, 8.3.117).
const fn parameters(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed | Outcome::ExpectedFailure => "32",
        Outcome::Skipped | Outcome::NotRun => "2",
        Outcome::Unknown => "35",
        Outcome::Failed
        | Outcome::Errored
        | Outcome::TimedOut
        | Outcome::Crashed
        | Outcome::UnexpectedPass => "1;31",
    }
}

pub(crate) fn page(document: &ParseDocument, layout: &Layout) -> String {
    let mut text = String::new();
    let line = |text: &mut String, line: &str| {
        let _ = writeln!(text, "{line}");
    };
    line(&mut text, &format!("{}: {}", layout.painted(&shown_file(document), "1"), how(document)));
    if document.parser.is_none() {
        text.push('\n');
        return text;
    }
    line(&mut text, &format!("  {}", counts(document, layout)));
    for error in &document.errors {
        let place = place(error.file.as_deref(), error.line);
        line(&mut text, &layout.short(&format!("  {}: {place}{}", error.code, first_line(&error.message))));
    }
    for warning in &document.warnings {
        let at = match (&warning.source, warning.offset) {
            (Some(source), Some(offset)) => format!(" (byte {offset} of {})", visible(source)),
            _ => String::new(),
        };
        line(&mut text, &layout.short(&format!("  doubt: {}{at}", first_line(&warning.message))));
    }
    let failed: Vec<&ParsedTest> = document.tests.iter().filter(|t| t.outcome.is_failure()).collect();
    let list_all = layout.all || document.tests.len() <= MOST_LISTED;
    if !failed.is_empty() {
        text.push('\n');
        failed.iter().for_each(|test| row(&mut text, test, layout));
    }
    let others = document.tests.iter().filter(|t| !t.outcome.is_failure());
    if list_all && failed.len() < document.tests.len() {
        text.push('\n');
        others.for_each(|test| row(&mut text, test, layout));
    } else if failed.len() < document.tests.len() {
        let others = document.tests.len() - failed.len();
        line(
            &mut text,
            &layout.painted(&format!("\n  … and {others} that did not fail; `--all` lists them"), "2"),
        );
    }
    if !document.announced.is_empty() {
        text.push('\n');
        for id in &document.announced {
            line(&mut text, &layout.short(&format!("  {:OUTCOME$}  {}", "no outcome", visible(id.as_str()))));
        }
    }
    text.push('\n');
    text
}

fn shown_file(document: &ParseDocument) -> String {
    if document.file == "-" { "standard input".into() } else { visible(&document.file) }
}

/// How it was read, and why by that parser.
fn how(document: &ParseDocument) -> String {
    let Some(parser) = &document.parser else {
        return "no parser recognised it".into();
    };
    let format = document.format.as_deref().unwrap_or("something unnamed");
    let why = match document.chosen {
        Some(Chosen::Named) => "which was named".to_owned(),
        Some(Chosen::Among) => {
            let others: Vec<String> = document.also_recognised_by.iter().map(|n| visible(n)).collect();
            format!("chosen by rule: {} recognised it too", others.join(", "))
        }
        Some(Chosen::Only) | None => "the only parser that recognised it".to_owned(),
    };
    format!("read as {} by {}, {why}", visible(format), visible(parser))
}

fn counts(document: &ParseDocument, layout: &Layout) -> String {
    let total = document.tests.len();
    let mut text = format!("{total} {}", if total == 1 { "test" } else { "tests" });
    let mut separator = ": ";
    for outcome in Outcome::ALL {
        let count = document.tests.iter().filter(|t| t.outcome == outcome).count();
        if count > 0 {
            let part = layout.painted(&format!("{count} {}", name(outcome)), parameters(outcome));
            let _ = write!(text, "{separator}{part}");
            separator = " · ";
        }
    }
    let retried = document.tests.iter().filter(|t| t.attempts > 1).count();
    if retried > 0 {
        let _ = write!(text, "; {retried} tried more than once");
    }
    if !document.announced.is_empty() {
        let _ = write!(text, "; {} announced without an outcome", document.announced.len());
    }
    if !document.complete {
        let _ =
            write!(text, "; {}", layout.painted("in part: the framework did not come to its end", "1;33"));
    }
    text
}

fn row(text: &mut String, test: &ParsedTest, layout: &Layout) {
    let outcome = layout.painted(&format!("{:OUTCOME$}", name(test.outcome)), parameters(test.outcome));
    let mut after = String::new();
    if test.attempts > 1 {
        let tries: Vec<&str> = test.tries.iter().map(|o| name(*o)).collect();
        let _ = write!(after, "  ({} tries: {})", test.attempts, tries.join(", "));
    }
    if let Some(ms) = test.duration_ms {
        let _ = write!(after, "  {}", duration(ms));
    }
    // Two columns at the left, two between: the rest is the id's.
    let id = layout.short_by(&format!("{}{after}", visible(test.id.as_str())), OUTCOME + 4);
    let _ = writeln!(text, "  {outcome}  {id}");
    if !test.outcome.is_failure() {
        return;
    }
    if let Some(message) = &test.message {
        let message = layout.short_by(&first_line(message), OUTCOME + 4);
        let _ = writeln!(text, "  {:OUTCOME$}  {message}", "");
    }
}

/// As JSON has it.
const fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Errored => "errored",
        Outcome::Skipped => "skipped",
        Outcome::ExpectedFailure => "expected-failure",
        Outcome::UnexpectedPass => "unexpected-pass",
        Outcome::TimedOut => "timed-out",
        Outcome::Crashed => "crashed",
        Outcome::NotRun => "not-run",
        Outcome::Unknown => "unknown",
    }
}

fn duration(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

fn place(file: Option<&str>, line: Option<u32>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", visible(file)),
        (Some(file), None) => format!("{}: ", visible(file)),
        (None, _) => String::new(),
    }
}

fn first_line(text: &str) -> String {
    visible(text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default())
}

impl Layout {
    fn painted(&self, text: &str, parameters: &str) -> String {
        if self.colour { format!("\u{1b}[{parameters}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn short(&self, line: &str) -> String {
        self.short_by(line, 0)
    }

    /// In one line of the terminal of which `used` columns are taken.
    fn short_by(&self, text: &str, used: usize) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let room = (width as usize).saturating_sub(used).max(LEAST_ROOM);
        if text.width() <= room {
            return text.to_owned();
        }
        let mut columns = 1;
        let fits = |c: &char| {
            columns += c.width().unwrap_or(0);
            columns <= room
        };
        format!("{}…", text.chars().take_while(fits).collect::<String>())
    }
}

/// Text never gets less room than this, however narrow the terminal.
const LEAST_ROOM: usize = 16;

#[cfg(test)]
mod tests {
    use flaky_core::ids::TestId;
    use flaky_core::parse_document::{ParsedError, ParsedWarning};

    use super::*;

    fn test(id: &str, outcome: Outcome, message: Option<&str>) -> ParsedTest {
        ParsedTest {
            id: TestId::new(id),
            name: id.into(),
            suite: None,
            file: None,
            line: None,
            outcome,
            duration_ms: Some(1234.5),
            message: message.map(str::to_owned),
            kind: None,
            trace: None,
            attempts: 1,
            tries: Vec::new(),
        }
    }

    fn document() -> ParseDocument {
        let retried = ParsedTest {
            attempts: 2,
            tries: vec![Outcome::Failed, Outcome::Passed],
            duration_ms: Some(3.2),
            ..test("b", Outcome::Passed, None)
        };
        ParseDocument {
            parser: Some("go".into()),
            format: Some("go-test-json".into()),
            chosen: Some(Chosen::Only),
            complete: true,
            tests: vec![retried, test("a", Outcome::Failed, Some("\n1 != 2\u{1b}[2J\nmore"))],
            ..ParseDocument::not_recognised("out.log")
        }
    }

    const PLAIN: Layout = Layout { width: None, colour: false, all: false };

    #[test]
    fn what_failed_comes_before_what_did_not_and_nothing_acts_on_the_terminal() {
        assert_eq!(
            page(&document(), &PLAIN),
            "out.log: read as go-test-json by go, the only parser that recognised it\n  \
             2 tests: 1 passed · 1 failed; 1 tried more than once\n\n  \
             failed            a  1.2 s\n                    1 != 2\\u{1b}[2J\n\n  \
             passed            b  (2 tries: failed, passed)  3 ms\n\n"
        );
    }

    #[test]
    fn more_tests_than_a_screen_holds_are_counted_unless_all_are_asked_for() {
        let mut long = document();
        long.tests.extend((0..60).map(|i| test(&format!("t{i}"), Outcome::Passed, None)));
        let short = page(&long, &PLAIN);
        assert!(short.contains("… and 61 that did not fail; `--all` lists them"), "{short}");
        assert!(short.lines().count() < 10, "{short}");
        assert!(page(&long, &Layout { all: true, ..PLAIN }).contains("t59"));
    }

    #[test]
    fn doubts_errors_and_tests_without_an_outcome_are_told_and_so_is_why_this_parser() {
        let mut other = document();
        other.complete = false;
        other.chosen = Some(Chosen::Among);
        other.also_recognised_by = vec!["tap".into()];
        other.announced = vec![TestId::new("later")];
        other.errors = vec![ParsedError {
            code: "build-failed".into(),
            message: "no such package".into(),
            hint: None,
            file: Some("x.go".into()),
            line: Some(3),
        }];
        other.warnings = vec![ParsedWarning {
            code: "cut".into(),
            message: "the last line is cut".into(),
            source: Some("stdout".into()),
            offset: Some(99),
        }];
        let text = page(&other, &PLAIN);
        for expected in [
            "chosen by rule: tap recognised it too",
            "in part: the framework did not come to its end",
            "1 announced without an outcome",
            "  build-failed: x.go:3: no such package\n",
            "  doubt: the last line is cut (byte 99 of stdout)\n",
            "  no outcome        later\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let nobody = page(&ParseDocument::not_recognised("-"), &PLAIN);
        assert_eq!(nobody, "standard input: no parser recognised it\n\n");
    }

    #[test]
    fn on_a_terminal_lines_have_its_width_and_colours_where_they_are_wanted() {
        let mut wide = document();
        wide.tests.push(test(&"日本".repeat(50), Outcome::Passed, None));
        let narrow = page(&wide, &Layout { width: Some(60), ..PLAIN });
        for row in narrow.lines().skip(2) {
            assert!(row.width() <= 60, "{row}");
        }
        let coloured = page(&document(), &Layout { colour: true, ..PLAIN });
        assert!(coloured.contains("\u{1b}[1;31m1 failed\u{1b}[0m"), "{coloured}");
    }
}
