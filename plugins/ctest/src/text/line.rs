//! One line of `ctest`.

use flaky_plugin_console::seconds;
use flaky_plugin_sdk::Outcome;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// `      Start 12: name`
    Start {
        number: u64,
        name: &'l str,
    },
    /// ` 2/19 Test  #2: name ....***Failed    0.01 sec`
    Result(Result<'l>),
    /// `12: text`, as `--verbose` prints it.
    Output {
        number: u64,
        text: &'l str,
    },
    /// `44% tests passed, 10 tests failed out of 18`
    Summary {
        all: u64,
        failed: Option<u64>,
    },
    /// `No tests were found!!!`
    None,
    Text,
}

/// A line with a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Result<'l> {
    /// `2` and `19`; missing where a test was tried again.
    pub(super) position: Option<(u64, u64)>,
    pub(super) number: u64,
    /// Name, dots, status and time.
    pub(super) rest: &'l str,
}

/// What stands behind the dots.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status<'l> {
    pub(super) outcome: Outcome,
    pub(super) words: &'l str,
    pub(super) duration_ns: Option<u64>,
}

/// Whether a line cannot be CTest's: one byte tells of nearly all. Colours come first where there are any.
pub(super) fn is_text(line: &[u8]) -> bool {
    !matches!(line.trim_ascii_start().first(), Some(b'S' | b'T' | b'N' | b'0'..=b'9' | 0x1b))
}

pub(super) fn read(line: &str) -> Line<'_> {
    let text = line.trim_start();
    if is_text(text.as_bytes()) {
        return Line::Text;
    }
    if let Some(rest) = text.strip_prefix("Start ") {
        let started =
            rest.trim_start().split_once(": ").and_then(|(number, name)| Some((number.parse().ok()?, name)));
        return started.map_or(Line::Text, |(number, name)| Line::Start { number, name });
    }
    if let Some(result) = result(text) {
        return Line::Result(result);
    }
    if let Some(summary) = summary(line) {
        return summary;
    }
    if line == super::NONE {
        return Line::None;
    }
    match line.split_once(": ").and_then(|(number, text)| Some((number.parse().ok()?, text))) {
        Some((number, text)) => Line::Output { number, text },
        None => Line::Text,
    }
}

fn result(text: &str) -> Option<Result<'_>> {
    let (position, rest) = match text.strip_prefix("Test") {
        Some(rest) => (None, rest),
        None => {
            let (position, rest) = text.split_once(" Test")?;
            let (n, m) = position.split_once('/')?;
            (Some((n.parse().ok()?, m.parse().ok()?)), rest)
        }
    };
    let (number, rest) = rest.trim_start().strip_prefix('#')?.split_once(": ")?;
    Some(Result { position, number: number.parse().ok()?, rest })
}

/// Reads what follows the name of a test, which is known from the line in which it began: names may hold dots and
/// words of results.
pub(super) fn status<'l>(rest: &'l str, name: &str) -> Option<Status<'l>> {
    let rest = rest.strip_prefix(name)?.strip_prefix(' ')?;
    let words = rest.trim_start_matches('.');
    if words.len() == rest.len() {
        return None;
    }
    let words = words.trim();
    let (words, duration_ns) = match words.strip_suffix(" sec").and_then(|words| words.rsplit_once(' ')) {
        Some((words, time)) => (words.trim_end(), Some(seconds(time)?)),
        None => (words, None),
    };
    Some(Status { outcome: outcome(words)?, words: words.trim_start_matches('*'), duration_ns })
}

fn outcome(words: &str) -> Option<Outcome> {
    // `Subprocess aborted***Exception:`
    let (before, mark) = words.split_once("***").unwrap_or(("", words));
    if mark.starts_with("Exception") {
        return Some(Outcome::Crashed);
    }
    if !before.is_empty() {
        return None;
    }
    let word =
        |start: &str| mark == start || mark.strip_prefix(start).is_some_and(|rest| rest.starts_with(' '));
    Some(match mark {
        "Passed" => Outcome::Passed,
        "Not Run (Disabled)" => Outcome::Skipped,
        _ if word("Skipped") => Outcome::Skipped,
        _ if word("Not Run") => Outcome::NotRun,
        _ if word("Timeout") => Outcome::TimedOut,
        // What a regular expression did or did not find may follow.
        _ if word("Failed") => Outcome::Failed,
        _ => return None,
    })
}

/// `44% tests passed, 10 tests failed out of 18`; newer versions leave the second count out where it is 0.
fn summary(line: &str) -> Option<Line<'static>> {
    let (percent, rest) = line.split_once("% tests passed")?;
    percent.parse::<u8>().ok()?;
    let (failed, all) = rest.rsplit_once(" out of ")?;
    let failed = match failed.strip_prefix(", ") {
        Some(failed) => Some(
            failed
                .strip_suffix(" tests failed")
                .or_else(|| failed.strip_suffix(" test failed"))?
                .parse()
                .ok()?,
        ),
        None => None,
    };
    Some(Line::Summary { all: all.parse().ok()?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_line_tells_the_result_whatever_is_in_the_name() {
        let cases = [
            ("a .......   Passed    0.01 sec", "a", Some(Outcome::Passed)),
            ("a .......***Failed    0.01 sec", "a", Some(Outcome::Failed)),
            (
                "a ...***Failed  Required regular expression not found. Regex=[x .. y\n]  0.01 sec",
                "a",
                Some(Outcome::Failed),
            ),
            ("a ...***Timeout   1.01 sec", "a", Some(Outcome::TimedOut)),
            ("a ...***Skipped   0.01 sec", "a", Some(Outcome::Skipped)),
            ("a ...***Not Run   0.00 sec", "a", Some(Outcome::NotRun)),
            ("a ...***Not Run (Disabled)   0.00 sec", "a", Some(Outcome::Skipped)),
            ("a ...***Exception: SegFault  0.01 sec", "a", Some(Outcome::Crashed)),
            ("a ...Subprocess aborted***Exception:   0.00 sec", "a", Some(Outcome::Crashed)),
            ("a ... Passed 1 sec ...***Failed    0.01 sec", "a ... Passed 1 sec", Some(Outcome::Failed)),
            ("a ...   Passed", "a", Some(Outcome::Passed)),
            ("a Passed 0.01 sec", "a", None),
            ("ab ...   Passed    0.01 sec", "a", None),
            ("a ...   Went well    0.01 sec", "a", None),
        ];
        for (rest, name, expected) in cases {
            assert_eq!(status(rest, name).map(|status| status.outcome), expected, "{rest}");
        }
    }

    #[test]
    fn summaries_of_all_versions_are_known() {
        let cases = [
            ("100% tests passed, 0 tests failed out of 3", Some((3, Some(0)))),
            ("50% tests passed, 1 test failed out of 2", Some((2, Some(1)))),
            ("100% tests passed out of 3", Some((3, None))),
            ("most tests passed out of 3", None),
            ("100% tests passed", None),
        ];
        for (line, expected) in cases {
            let found = match summary(line) {
                Some(Line::Summary { all, failed }) => Some((all, failed)),
                _ => None,
            };
            assert_eq!(found, expected, "{line}");
        }
    }
}
