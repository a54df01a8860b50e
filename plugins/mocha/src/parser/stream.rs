//! The reporter `json-stream`: an array per line. It does not tell of tests that are skipped.

use flaky_plugin_javascript::{Kept, Root};
use flaky_plugin_sdk::{Completeness, Diagnostic, Outcome, PackedAttempt, PackedTestsBuilder};
use serde::Deserialize;

use super::failed_outcome;
use super::json::Entry;

/// Stacks are long; nothing that mocha writes in a line is longer.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Start {
    #[serde(rename = "total")]
    _total: u64,
}

#[derive(Debug, Deserialize)]
struct End {
    passes: u64,
    failures: u64,
    #[serde(rename = "suites")]
    _suites: u64,
}

/// `None` when no such stream begins.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut started = false;
    let mut told: Vec<(bool, Entry)> = Vec::new();
    let mut end: Option<End> = None;
    let mut lines = kept.blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
        if !bytes.starts_with(b"[\"") {
            continue;
        }
        if bytes.starts_with(b"[\"start\",") {
            started |= event::<Start>(bytes).is_some();
        } else if bytes.starts_with(b"[\"pass\",") {
            told.extend(event(bytes).map(|entry| (true, entry)));
        } else if bytes.starts_with(b"[\"fail\",") {
            told.extend(event(bytes).map(|entry| (false, entry)));
        } else if bytes.starts_with(b"[\"end\",") {
            end = event(bytes).or(end);
        }
    }
    if !started {
        return None;
    }
    let root = Root::of(told.iter().filter_map(|(_, entry)| entry.file.as_deref()));
    let mut parsed = PackedAttempt {
        format: "mocha-json-stream".to_owned(),
        completeness: Completeness::Truncated,
        ..PackedAttempt::default()
    };
    let passes = told.iter().filter(|(passed, _)| *passed).count() as u64;
    let failures = told.len() as u64 - passes;
    match end {
        Some(end) if end.passes == passes && end.failures == failures => {
            parsed.completeness = Completeness::Complete
        }
        Some(end) => {
            let said = format!(
                "{} tests passed and {} failed, and {passes} and {failures} are named",
                end.passes, end.failures
            );
            parsed.diagnostics.push(Diagnostic::warning("counters-disagree", said));
        }
        None => {}
    }
    if told.is_empty() && parsed.completeness == Completeness::Complete {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "mocha ran no test"));
    }
    let mut tests = PackedTestsBuilder::default();
    for (passed, entry) in told {
        let message = entry.failure().map(|failure| failure.message).unwrap_or_default();
        let outcome = if passed { Outcome::Passed } else { failed_outcome(&entry.title, &message) };
        entry.tell(outcome, &root, &mut tests);
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

fn event<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Option<T> {
    serde_json::from_slice::<(&str, T)>(line).ok().map(|(_, value)| value)
}
