//! Reads lines such as `PASS sums` and `FAIL rounding: 1 != 2`; the last line is `DONE`.

use flaky_plugin_sdk::{
    Attempt, Completeness, Failure, Manifest, Outcome, ParsedAttempt, Parser, Plugin, Result, TestResult,
};

/// Takes no settings.
#[derive(Debug, Default)]
struct Lines;

impl Plugin for Lines {
    fn describe() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"), "reads `PASS NAME` and `FAIL NAME: MESSAGE`")
    }
}

impl Parser for Lines {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<ParsedAttempt> {
        let mut parsed = ParsedAttempt::default();
        let mut done = false;
        let stdout = attempt.stdout();
        let mut lines = stdout.lines();
        while let Some(line) = lines.next_line() {
            let line = line.text();
            done |= line.trim() == "DONE";
            parsed.tests.extend(test(&line));
        }
        if parsed.tests.is_empty() {
            // Not ours: the next parser is asked.
            return Ok(ParsedAttempt::default());
        }
        parsed.format = "{{name}}".into();
        parsed.completeness = if done { Completeness::Complete } else { Completeness::Truncated };
        Ok(parsed)
    }
}

fn test(line: &str) -> Option<TestResult> {
    let (word, rest) = line.trim_end().split_once(' ')?;
    match (word, rest.split_once(": ")) {
        ("PASS", _) => Some(TestResult::new(rest, Outcome::Passed)),
        ("FAIL", Some((id, message))) => {
            let failure = Failure::new("", message);
            Some(TestResult { failure: Some(failure), ..TestResult::new(id, Outcome::Failed) })
        }
        ("FAIL", None) => Some(TestResult::new(rest, Outcome::Failed)),
        _ => None,
    }
}

flaky_plugin_sdk::export!(Lines: parser);

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    #[test]
    fn an_output_that_ends_early_is_not_complete() {
        let recorded = Recorded::default().stdout("PASS sums\nPASS rou");
        let parsed = Lines.parse(&recorded.attempt()).unwrap();
        assert_eq!((parsed.tests.len(), parsed.completeness), (2, Completeness::Truncated));
    }
}
