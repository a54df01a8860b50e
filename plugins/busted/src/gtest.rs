//! The output `gtest`: lines of the form that Google Test has, under a heading of busted's own.

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Exit, Failure, Outcome, PackedAttempt, PackedTestsBuilder,
};

use crate::{each_line, outside, place, said};

/// Google Test itself says how many tests it is going to run.
const HEADING: &str = "[==========] Running tests from scanned files.";
/// Of a longer message the rest is left out; nobody reads more.
const LONGEST_MESSAGE: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Reading {
    /// Headings, and the totals that ended a run.
    runs: usize,
    ended: usize,
    in_summary: bool,
    /// By the totals.
    counted: usize,
    told: usize,
    tests: PackedTestsBuilder,
    /// What stands after the brackets, and what was printed since.
    running: Option<(String, String)>,
    diagnostics: Vec<Diagnostic>,
}

pub(crate) fn parse(blob: &Blob<'_>, exit: &Exit) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    each_line(blob, |line, whole| reading.take(line, whole));
    if reading.runs == 0 {
        return None;
    }
    // Of several runs the last may not have begun.
    let killed = exit.timed_out || exit.signal.is_some();
    let ended = reading.ended == reading.runs && reading.counted == reading.told && !killed;
    let complete = ended && reading.running.is_none() && blob.cut().is_none();
    if let Some((shown, _)) = reading.running.take() {
        let outcome = if exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed };
        push(&mut reading.tests, &shown, outcome);
    }
    if complete && reading.told == 0 && reading.diagnostics.is_empty() {
        reading.diagnostics.push(Diagnostic::new("no-tests", "busted found no test to run"));
    }
    Some(PackedAttempt {
        format: "busted-gtest".to_owned(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        tests: reading.tests.finish(),
        diagnostics: reading.diagnostics,
        ..PackedAttempt::default()
    })
}

impl Reading {
    fn take(&mut self, line: &str, whole: bool) {
        if line == HEADING && self.running.is_none() {
            // Repetitions (`--repeat`) have a heading each.
            self.runs += 1;
            self.in_summary = false;
            return;
        }
        if self.runs == 0 || !whole {
            return;
        }
        if self.in_summary {
            self.summary(line);
            return;
        }
        if let Some(shown) = line.strip_prefix("[ RUN      ] ")
            && self.running.is_none()
            && shown.contains(" @ ")
        {
            self.running = Some((shown.to_owned(), String::new()));
            return;
        }
        if let Some((shown, text)) = &mut self.running {
            if let Some((outcome, nanoseconds)) = result(line, shown) {
                let (shown, text) = (std::mem::take(shown), std::mem::take(text));
                self.running = None;
                self.end(&shown, outcome, nanoseconds, &text);
            } else if text.len() < LONGEST_MESSAGE {
                text.push_str(line);
                text.push('\n');
            }
            return;
        }
        let total = line.strip_prefix("[==========] ").and_then(|rest| rest.split_once(' '));
        if let Some((number, rest)) = total
            && rest.contains(" ran. (")
        {
            self.counted += number.parse().unwrap_or(0);
            self.ended += 1;
            self.in_summary = true;
        }
    }

    fn end(&mut self, shown: &str, outcome: Outcome, nanoseconds: u64, text: &str) {
        self.told += 1;
        let index = push(&mut self.tests, shown, outcome);
        self.tests.set_duration(index, nanoseconds);
        if outcome != Outcome::Passed {
            let file = shown.split(" @ ").next().unwrap_or_default();
            let (message, trace) = text.split_once("\nstack traceback:").unwrap_or((text, ""));
            let failure =
                Failure { kind: String::new(), message: said(message, file), trace: trace.trim().to_owned() };
            if !failure.message.is_empty() {
                self.tests.add_failure(index, failure);
            }
        }
    }

    /// Errors that belong to no test are named there alone.
    fn summary(&mut self, line: &str) {
        let shown = line.strip_prefix("[  ERROR   ] ").or_else(|| line.strip_prefix("[  FAILED  ] "));
        let Some((place, name)) = shown.and_then(|shown| shown.split_once(": ")) else { return };
        self.diagnostics.extend(outside(name, place));
    }
}

/// `[       OK ] spec/cart_spec.lua @ 3: cart adds (0.34 ms)`, of the test that runs.
fn result(line: &str, shown: &str) -> Option<(Outcome, u64)> {
    const WORDS: [(&str, Outcome); 4] = [
        ("[       OK ] ", Outcome::Passed),
        ("[  FAILED  ] ", Outcome::Failed),
        ("[  ERROR   ] ", Outcome::Errored),
        ("[ SKIPPED  ] ", Outcome::Skipped),
    ];
    // The test may have printed something before it without ending the line.
    let (rest, outcome) = WORDS.iter().find_map(|(word, outcome)| {
        let at = line.rfind(&format!("{word}{shown} ("))?;
        Some((line.get(at + word.len()..)?, *outcome))
    })?;
    let time = rest.strip_prefix(shown)?.strip_prefix(" (")?.strip_suffix(" ms)")?;
    let milliseconds: f64 = time.parse().ok()?;
    // Casts of floats saturate.
    Some((outcome, (milliseconds * 1e6) as u64))
}

fn push(tests: &mut PackedTestsBuilder, shown: &str, outcome: Outcome) -> flaky_plugin_sdk::TestIndex {
    let (at, name) = shown.split_once(": ").unwrap_or(("", shown));
    let index = tests.push(name, outcome);
    if let Some((file, line)) = place(at) {
        tests.set_location(index, file.strip_prefix("./").unwrap_or(file), Some(line));
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_may_stand_behind_what_the_test_printed() {
        let shown = "a_spec.lua @ 2: cart adds";
        let cases = [
            ("[       OK ] a_spec.lua @ 2: cart adds (0.22 ms)", Some(Outcome::Passed)),
            ("no newline[  FAILED  ] a_spec.lua @ 2: cart adds (0.22 ms)", Some(Outcome::Failed)),
            ("[       OK ] a_spec.lua @ 3: cart adds (0.22 ms)", None),
            ("[       OK ] a_spec.lua @ 2: cart adds (0.22 ms) and more", None),
        ];
        for (line, expected) in cases {
            assert_eq!(result(line, shown).map(|(outcome, _)| outcome), expected, "{line}");
        }
    }
}
