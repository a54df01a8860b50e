//! A run as PHPUnit prints it.

use std::borrow::Cow;

use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder, Source, plain,
};

use super::debug::{Debug, Totals};
use super::defects::Defects;
use super::testdox::Testdox;

/// PHPUnit's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 64 * 1024;

/// `None` when neither of the outputs is PHPUnit's.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let death = if attempt.info().exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed };
    [Source::Stdout, Source::Stderr].iter().find_map(|source| {
        let blob = attempt.open(source)?;
        let mut reading = Reading::default();
        let mut lines = blob.lines_up_to(LONGEST_LINE);
        while let Some(line) = lines.next_line() {
            let text = line.text();
            if matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong) {
                reading.take(&seen(&text));
            } else {
                reading.last(&seen(&text));
            }
        }
        reading.finish(blob.cut().is_some(), death)
    })
}

/// A line as it would be seen without colours. With them, PHPUnit writes names of data sets and white space in another
/// way, which only the control sequences tell, and fills lines up.
fn seen(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return plain(line);
    }
    let line = data_set(line).map_or(Cow::Borrowed(line), Cow::Owned);
    let mut parts = line.split("\u{1b}[2m");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (dim, rest) = part.split_once("\u{1b}[22m").unwrap_or(("", part));
        text.push_str(&dim.replace('·', " ").replace('⇥', "\t").replace('↵', ""));
        text.push_str(rest);
    }
    Cow::Owned(plain(&text).trim_end().to_owned())
}

/// ` with data set ` or ` with `, dim, and the name of the set in cyan.
fn data_set(line: &str) -> Option<String> {
    let end = "\u{1b}[22m\u{1b}[36m";
    let (before, rest) = line
        .split_once(&format!("\u{1b}[2m with data set {end}"))
        .or_else(|| line.split_once(&format!("\u{1b}[2m with {end}")))?;
    let (name, after) = rest.split_once("\u{1b}[0m")?;
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let name = if is_number { format!("#{name}") } else { format!("\"{name}\"") };
    Some(format!("{before} with data set {name}{after}"))
}

#[derive(Debug, Default)]
struct Reading {
    /// `PHPUnit 9.6.7 by Sebastian Bergmann and contributors.`
    started: bool,
    testdox: Testdox,
    /// After `Time: …`.
    timed: bool,
    repeated: bool,
    defects: Defects,
    totals: Option<Totals>,
    debug: Debug,
    diagnostics: Vec<Diagnostic>,
    /// It writes messages for TeamCity, which are read elsewhere.
    is_log: bool,
}

impl Reading {
    fn take(&mut self, line: &str) {
        if !self.started {
            self.started =
                line.starts_with("PHPUnit ") && line.contains(" by Sebastian Bergmann and contributors.");
            return;
        }
        self.is_log |= line.starts_with("##teamcity[");
        if line.starts_with("Time: ") && line.contains("Memory: ") {
            self.timed = true;
            return;
        }
        if let Some(totals) = Totals::read(line).filter(|_| self.timed) {
            self.totals = Some(totals);
            self.defects.close();
            return;
        }
        if self.timed {
            // PHPUnit 9 repeats there what did not pass.
            self.repeated |= line.starts_with("Summary of ");
            // PHPUnit 10 and later tell of the tests after the time.
            if self.totals.is_none() && !self.defects.take(line) && !self.repeated {
                self.testdox.take(line);
            }
            return;
        }
        self.complaint(line);
        self.debug.take(line);
        self.testdox.take(line);
    }

    /// What PHPUnit says instead of running tests.
    fn complaint(&mut self, line: &str) {
        let usage = ["Unknown option \"", "Cannot open file \"", "Could not read \"", "Test file \""];
        let code = match line {
            "No tests executed!" => "no-tests",
            _ if usage.iter().any(|start| line.starts_with(start)) => "usage-error",
            _ if line.starts_with("An error occurred inside PHPUnit.") => "internal-error",
            _ if line.starts_with("Fatal error: ") || line.starts_with("PHP Fatal error: ") => {
                "internal-error"
            }
            _ => return,
        };
        let message = if code == "no-tests" { "PHPUnit found no test to run" } else { line };
        self.diagnostics.push(Diagnostic::new(code, message));
    }

    /// A line without an end: PHPUnit's own totals may be the last line, and nothing else may.
    fn last(&mut self, line: &str) {
        if line.ends_with(['.', ')', '!']) {
            self.take(line);
        }
    }

    /// `death` is what became of a test that ran when the output ended.
    fn finish(mut self, cut: bool, death: Outcome) -> Option<PackedAttempt> {
        if !self.started || self.is_log {
            return None;
        }
        let mut parsed = PackedAttempt {
            format: "phpunit-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        let counted = self.totals.map(|totals| totals.tests);
        self.testdox.drop_uncertain(counted);
        let described = !self.testdox.tests.is_empty();
        if described {
            parsed.format = "phpunit-testdox".to_owned();
            self.testdox.drop_printed(counted.unwrap_or(0));
        }
        let mut tests = PackedTestsBuilder::default();
        if described {
            self.described(&mut tests)
        } else {
            self.listed(death, &mut tests, &mut parsed)
        }
        let stopped =
            self.diagnostics.iter().any(|found| matches!(found.code.as_str(), "no-tests" | "usage-error"));
        if let Some(totals) = self.totals {
            let unnamed = totals.tests.saturating_sub(tests.len());
            if unnamed > 0 {
                let message = format!("{unnamed} tests ran that the output does not name");
                let diagnostic = Diagnostic::new("unnamed-tests", message);
                parsed.diagnostics.push(diagnostic.hint("run phpunit with `--log-junit` or `--testdox`"));
            } else if !cut {
                parsed.completeness = Completeness::Complete;
            }
        } else if stopped && tests.is_empty() && !self.timed {
            parsed.completeness = Completeness::Complete;
        }
        // Where PHPUnit came to its totals, a test printed those lines.
        if self.totals.is_none() {
            parsed.diagnostics.append(&mut self.diagnostics);
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }

    fn described(&self, tests: &mut PackedTestsBuilder) {
        for test in &self.testdox.tests {
            let (outcome, failure) = test.told();
            let index = tests.push(&format!("{}::{}", test.class, test.name), outcome);
            tests.set_name(index, &test.name);
            if let Some(nanoseconds) = test.nanoseconds {
                tests.set_duration(index, nanoseconds);
            }
            if let Some(failure) = failure {
                tests.add_failure(index, failure);
            }
        }
    }

    /// With dots, only what did not pass has a name. What has one and is no test is a class whose hook failed.
    fn listed(&self, death: Outcome, tests: &mut PackedTestsBuilder, parsed: &mut PackedAttempt) {
        let found = &self.defects.found;
        let is_told = self.totals.is_some_and(|totals| self.debug.tell(totals, found, tests));
        for defect in found {
            let failure = defect.failure();
            let Some((_, name)) = defect.id.split_once("::") else {
                if defect.outcome != Outcome::Skipped {
                    let message = format!("{}: {}", defect.id, failure.message);
                    parsed.diagnostics.push(Diagnostic::new("hook-failed", message));
                }
                continue;
            };
            if is_told {
                continue;
            }
            let index = tests.push(&defect.id, defect.outcome);
            tests.set_name(index, name);
            tests.add_failure(index, failure);
        }
        if let Some(running) = self.debug.running().filter(|_| self.totals.is_none()) {
            let index = tests.push(&running, death);
            if let Some((_, name)) = running.split_once("::") {
                tests.set_name(index, name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_may_be_told_after_the_time() {
        let text = "PHPUnit 11.5.2 by Sebastian Bergmann and contributors.\n\nRuntime:       PHP 8.3.1\n\nTime: 00:00.012, Memory: 8.00 MB\n\nCart (Shop\\Cart)\n ✔ Adds\n ✘ Rounds\n   │\n   │ Failed asserting that 1 is 2.\n   │\n   │ /p/CartTest.php:7\n   │\n\nFAILURES!\nTests: 2, Assertions: 2, Failures: 1.\n";
        let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(text);
        let parsed = parse(&recorded.attempt()).unwrap();
        let told: Vec<_> = parsed.tests.results().into_iter().map(|test| (test.id, test.outcome)).collect();
        let expected = [("Shop\\Cart::Adds", Outcome::Passed), ("Shop\\Cart::Rounds", Outcome::Failed)];
        assert_eq!(told, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
        assert_eq!(parsed.completeness, Completeness::Complete);
    }

    #[test]
    fn with_debug_all_tests_are_named_but_skipped_ones_are_only_counted() {
        let told = "PHPUnit 9.6.7 by Sebastian Bergmann and contributors.\n\nTest 'A::a' started\nTest 'A::a' ended\nTest 'A::b' started\nTest 'A::b' ended\n\n\nTime: 00:00.006, Memory: 4.00 MB\n\nThere was 1 failure:\n\n1) A::b\nno\n\n/a.php:7\n\nFAILURES!\nTests: 2, Assertions: 2, Failures: 1";
        for (end, expected) in [(".\n", 2), (", Skipped: 1.\n", 1)] {
            let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(format!("{told}{end}"));
            assert_eq!(parse(&recorded.attempt()).unwrap().tests.results().len(), expected);
        }
    }

    #[test]
    fn colours_change_nothing() {
        let cases = [
            (
                "\u{1b}[32m ✔\u{1b}[0m Is small\u{1b}[2m with \u{1b}[22m\u{1b}[36mhas\u{1b}[2m·\u{1b}[22mspaces\u{1b}[0m",
                " ✔ Is small with data set \"has spaces\"",
            ),
            (
                " ✘ Is small\u{1b}[2m with data set \u{1b}[22m\u{1b}[36m1\u{1b}[0m",
                " ✘ Is small with data set #1",
            ),
            ("\u{1b}[41;37ma reason   \u{1b}[0m", "a reason"),
            ("a · b  ", "a · b  "),
        ];
        for (line, expected) in cases {
            assert_eq!(seen(line), expected);
        }
    }
}
