//! Tests from what Robot prints: blocks between rules, each with the name of a test or suite and its verdict.

use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder};

use crate::model::{self, Status, Test, long_name, suite_error};

/// Robot's own lines are short; of what tests print, only the beginning matters.
const LONGEST_LINE: usize = 64 * 1024;

/// So much of a block is kept: a name, a verdict and a message. Tests may print anything between.
const LONGEST_BLOCK: usize = 256 * 1024;

/// Narrower consoles than this are nobody's, and a rule of a few characters is anybody's.
const NARROWEST: usize = 30;

/// `| PASS |`.
const MARK: usize = 8;

/// `None` when the output is not Robot's. `death` is the outcome of a test that was running at the end.
pub(crate) fn parse(printed: &Blob<'_>, death: Outcome) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut lines = printed.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = line.text();
        let whole = matches!(line.end, LineEnd::LineFeed | LineEnd::TooLong);
        if line.bytes.contains(&0x1b) {
            reading.take(&plain(&text), whole);
        } else {
            reading.take(&text, whole);
        }
    }
    reading.finish(death)
}

/// Without control sequences (ECMA-48: parameters and intermediates, then one final character).
fn plain(line: &str) -> String {
    let mut seen = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            seen.push(c);
        } else if chars.next_if_eq(&'[').is_some() {
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    seen
}

#[derive(Debug, Default)]
enum State {
    /// No suite has begun.
    #[default]
    Outside,
    /// Behind a rule of `=`: a suite begins or ends here.
    BelowRule,
    /// The name of a suite was read; another rule has to follow.
    Header(String),
    /// In the block of a test or of a suite's end.
    Block,
}

#[derive(Debug, Default)]
struct Reading {
    state: State,
    /// Of the rules.
    width: usize,
    /// Long names of the suites that have begun.
    suites: Vec<String>,
    block: String,
    /// The last line of the block has no end: the writer was stopped.
    is_cut: bool,
    tests: Vec<Test>,
    diagnostics: Vec<Diagnostic>,
    /// Tests as the outermost suite counts them at its end.
    counted: Option<usize>,
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        match std::mem::take(&mut self.state) {
            State::Outside => {
                if let Some(width) = rule(line, b'=').filter(|_| whole) {
                    self.width = width;
                    self.state = State::BelowRule;
                }
            }
            State::BelowRule => self.below_rule(line, whole),
            State::Header(name) => {
                if self.is_rule(line, b'=') && whole {
                    self.suites.push(name);
                    self.state = State::Block;
                } else if !self.suites.is_empty() {
                    self.state = State::Block;
                }
            }
            State::Block => {
                self.state = State::Block;
                self.in_block(line, whole);
            }
        }
    }

    fn is_rule(&self, line: &str, c: u8) -> bool {
        rule(line, c) == Some(self.width)
    }

    fn below_rule(&mut self, line: &str, whole: bool) {
        if self.is_rule(line, b'=') {
            self.state = State::BelowRule;
        } else if verdict(line).is_some() && self.ends_suite(line) {
            self.state = State::Block;
            self.in_block(line, whole);
        } else if self.suites.is_empty() && self.counted.is_some() {
            // `Output: …`, or what somebody else prints behind the run.
        } else if whole {
            self.state = State::Header(without_documentation(line.trim_end()).to_owned());
        }
    }

    /// Whether a line with a verdict names the innermost suite, perhaps with its documentation.
    fn ends_suite(&self, line: &str) -> bool {
        let Some(suite) = self.suites.last() else { return false };
        let shortened = suite.strip_suffix("...").unwrap_or(suite);
        let rest = line.strip_prefix(suite.as_str());
        let rest = rest.or_else(|| {
            // Beside its verdict a long name has less room than above.
            let own = line.get(..line.find("...")?)?;
            shortened.starts_with(own).then_some(" ")
        });
        rest.is_some_and(|rest| rest.starts_with(' '))
    }

    fn in_block(&mut self, line: &str, whole: bool) {
        if self.block.is_empty() && self.is_rule(line, b'=') {
            self.state = State::BelowRule;
            return;
        }
        if self.is_rule(line, b'-') && self.test_ends() {
            return;
        }
        if self.is_rule(line, b'=') && self.suite_ends() {
            self.state = State::BelowRule;
            return;
        }
        if self.is_rule(line, b'=')
            && whole
            && let Some(name) = self.inner_suite()
        {
            self.block.clear();
            self.suites.push(name);
            return;
        }
        if self.block.is_empty() && line.trim().is_empty() {
            return;
        }
        self.is_cut = !whole;
        if self.block.len() < LONGEST_BLOCK {
            self.block.push_str(line);
            self.block.push('\n');
        }
    }

    /// The block as the heading of a suite inside, which stands directly below that of the suite around it.
    fn inner_suite(&self) -> Option<String> {
        let mut lines = self.block.lines();
        let name = self.name_inside(lines.next()?)?;
        lines.next().is_none().then(|| name.to_owned())
    }

    /// The name of a suite inside the innermost one, if a line begins with such.
    fn name_inside<'l>(&self, line: &'l str) -> Option<&'l str> {
        let name = without_documentation(line.trim_end());
        let is_inside = name.strip_prefix(self.suites.last()?.as_str())?.starts_with('.');
        is_inside.then_some(name)
    }

    /// Takes the block as a test's, if it has a verdict.
    fn test_ends(&mut self) -> bool {
        let Some(test) = self.test_of_block() else { return false };
        self.block.clear();
        self.tests.push(test);
        true
    }

    fn test_of_block(&self) -> Option<Test> {
        let suite = self.suites.last()?;
        let first = self.block.lines().next()?;
        let (name, status, message) = match verdict(first).filter(|_| columns(first) == self.width) {
            Some((name, status)) => (name, status, self.block.get(first.len() + 1..)?),
            None => {
                let (status, message) = late_verdict(self.block.get(first.len()..)?)?;
                (first_columns(first, self.width.saturating_sub(MARK)), status, message)
            }
        };
        Some(Test {
            suite: suite.clone(),
            name: without_documentation(name.trim()).to_owned(),
            status,
            message: message.trim().to_owned(),
            duration_ns: None,
        })
    }

    /// Takes the block as the end of a suite, if it ends with the number of its tests.
    fn suite_ends(&mut self) -> bool {
        let mut lines = self.block.trim_end().lines();
        let Some(first) = lines.next() else { return false };
        let Some(count) = lines.next_back().and_then(counts) else { return false };
        if verdict(first).is_none() || !self.ends_suite(first) {
            return false;
        }
        let message: Vec<&str> = lines.collect();
        let Some(suite) = self.suites.pop() else { return false };
        self.diagnostics.extend(suite_error(&suite, message.join("\n").trim()));
        if self.suites.is_empty() {
            self.counted = Some(self.counted.unwrap_or(0) + count);
        }
        self.block.clear();
        true
    }

    fn finish(mut self, death: Outcome) -> Option<PackedAttempt> {
        let has_ended = self.counted.is_some() && self.suites.is_empty();
        let running = if has_ended || self.block.is_empty() { None } else { self.last_block() };
        // A rule above and below a line is no mark yet.
        if self.tests.is_empty() && running.is_none() && !has_ended {
            return None;
        }
        let mut tests = PackedTestsBuilder::default();
        let told = self.tests.len();
        self.tests.into_iter().for_each(|test| test.tell(&mut tests));
        if let Some(name) = running {
            let id = long_name(self.suites.last().map_or("", String::as_str), &name);
            let index = tests.push(&id, death);
            tests.set_name(index, &name);
        }
        let mut parsed = PackedAttempt {
            format: model::TEXT.to_owned(),
            completeness: if has_ended { Completeness::Complete } else { Completeness::Truncated },
            diagnostics: self.diagnostics,
            ..PackedAttempt::default()
        };
        if let Some(counted) = self.counted.filter(|counted| *counted != told && has_ended) {
            let message = format!("Robot counts {counted} tests and names {told}");
            parsed.diagnostics.push(Diagnostic::warning("contradicting-counts", message));
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }

    /// What to make of a block that the end cut: a test with its verdict, or the name of one that was running.
    fn last_block(&mut self) -> Option<String> {
        let first = self.block.lines().next()?.to_owned();
        let is_one_line = self.block.trim_end_matches('\n').len() == first.len();
        // Robot fills the name up to where the verdict will stand before the test begins.
        if self.ends_suite(&first)
            || self.name_inside(&first).is_some()
            || columns(&first) < self.width.saturating_sub(MARK)
        {
            return None;
        }
        // Of the last line the end may be missing.
        let is_told =
            !(self.is_cut && is_one_line) && verdict(&first).is_some() && columns(&first) == self.width;
        if is_told {
            self.tests.extend(self.test_of_block());
            return None;
        }
        let name = first_columns(&first, self.width.saturating_sub(MARK)).trim();
        Some(without_documentation(name).to_owned()).filter(|name| !name.is_empty())
    }
}

fn rule(line: &str, c: u8) -> Option<usize> {
    (line.len() >= NARROWEST && line.bytes().all(|byte| byte == c)).then_some(line.len())
}

/// What stands before `| PASS |` at the end of a line.
fn verdict(line: &str) -> Option<(&str, Status)> {
    let at = line.len().checked_sub(MARK)?;
    let word = line.get(at..)?.strip_prefix("| ")?.strip_suffix(" |")?;
    Some((line.get(..at)?, Status::of(word)?))
}

/// The verdict of a test that printed: on a line of its own, or behind the last thing that was printed. What follows
/// is the message.
fn late_verdict(text: &str) -> Option<(Status, &str)> {
    let mut last = None;
    let mut alone = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end_matches('\n');
        if let Some((before, status)) = verdict(line) {
            last = Some((status, at));
            if before.is_empty() {
                alone = last;
            }
        }
    }
    let (status, at) = alone.or(last)?;
    Some((status, text.get(at..)?))
}

/// `12` of `12 tests, 4 passed, 6 failed, 2 skipped`.
fn counts(line: &str) -> Option<usize> {
    let mut parts = line.trim().split(", ");
    let (number, what) = parts.next()?.split_once(' ')?;
    let rest = |part: &str| {
        part.split_once(' ').is_some_and(|(n, word)| {
            n.parse::<usize>().is_ok() && matches!(word, "passed" | "failed" | "skipped")
        })
    };
    let known =
        matches!(what, "test" | "tests" | "task" | "tasks") && parts.clone().count() >= 2 && parts.all(rest);
    known.then(|| number.parse().ok())?
}

/// `Name :: documentation`.
fn without_documentation(text: &str) -> &str {
    text.split_once(" :: ").map_or(text, |(name, _)| name)
}

/// Wide characters of East Asia take two columns; Robot counts them so.
fn columns(line: &str) -> usize {
    line.chars().map(width_of).sum()
}

fn first_columns(line: &str, columns: usize) -> &str {
    let mut seen = 0;
    let end = line.char_indices().find_map(|(at, c)| {
        seen += width_of(c);
        (seen > columns).then_some(at)
    });
    line.get(..end.unwrap_or(line.len())).unwrap_or(line)
}

fn width_of(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_counts_are_exactly_what_robot_prints() {
        assert_eq!(verdict("a | PASS | b   | FAIL |"), Some(("a | PASS | b   ", Status::Fail)));
        assert_eq!(verdict("| SKIP |"), Some(("", Status::Skip)));
        assert_eq!(verdict("| OKAY |"), None);
        let cases = [
            ("12 tests, 4 passed, 6 failed, 2 skipped", Some(12)),
            ("1 test, 0 passed, 1 failed", Some(1)),
            ("3 tasks, 3 passed, 0 failed", Some(3)),
            ("12 tests, 4 green", None),
            ("12 tests", None),
        ];
        for (line, count) in cases {
            assert_eq!(counts(line), count, "{line}");
        }
    }

    #[test]
    fn rules_around_a_line_are_not_enough() {
        let rule = "=".repeat(78);
        for text in
            [format!("{rule}\nSome title\n{rule}\nname   | PASS\n"), format!("{rule}\n"), String::new()]
        {
            assert!(parse(&Blob::in_memory(text.as_bytes()), Outcome::Crashed).is_none(), "{text}");
        }
    }
}
