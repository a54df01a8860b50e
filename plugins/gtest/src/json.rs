//! The report that `--gtest_output=json` writes at the end of a program.

use flaky_plugin_console::{Test, TestsSoFar, seconds};
use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt};
use serde::Deserialize;

/// Largest report that is read: a test takes some 300 bytes, so this is half a million of them.
const LARGEST: u64 = 200 * 1024 * 1024;

/// How much of a file is looked at to see whose it is: the counters stand before the suites.
const BEGINNING: usize = 512;

#[derive(Debug, Deserialize)]
struct Report {
    /// Counters are not trusted; that they are there tells whose report it is.
    #[serde(rename = "tests")]
    _tests: u64,
    #[serde(rename = "disabled")]
    _disabled: u64,
    testsuites: Vec<Suite>,
}

#[derive(Debug, Deserialize)]
struct Suite {
    name: String,
    testsuite: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    file: Option<String>,
    line: Option<u32>,
    status: String,
    /// Since 1.10.
    result: Option<String>,
    time: Option<String>,
    classname: Option<String>,
    #[serde(default)]
    failures: Vec<CaseFailure>,
}

#[derive(Debug, Deserialize)]
struct CaseFailure {
    failure: String,
}

/// Reads every file that is a report; `None` when there is none.
pub(crate) fn read(files: &[Blob<'_>]) -> Option<PackedAttempt> {
    let mut whole: Option<Reading> = None;
    for file in files {
        let beginning = file.read_at(0, 512);
        if !is_beginning(&beginning) {
            continue;
        }
        let Some(report) = file.read_to_end(LARGEST).ok().and_then(|bytes| parse(&bytes)) else { continue };
        whole.get_or_insert_default().add(report);
    }
    whole.map(Reading::finish)
}

/// Reads a report among printed text (`--gtest_output=json:/dev/stdout`).
pub(crate) fn read_printed(blob: &Blob<'_>) -> Option<PackedAttempt> {
    let mut lines = blob.lines();
    let mut start = None;
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line() {
        if line.bytes == b"{" {
            start = Some(line.offset);
            seen.clear();
        }
        if start.is_some() && seen.len() < BEGINNING {
            seen.extend_from_slice(line.bytes);
            if is_beginning(&seen) {
                break;
            }
        }
    }
    let start = start.filter(|_| is_beginning(&seen))?;
    let bytes = blob.read_to_end(LARGEST).ok()?;
    let report = parse(bytes.get(usize::try_from(start).ok()?..)?)?;
    let mut reading = Reading::default();
    reading.add(report);
    Some(reading.finish())
}

/// Whether this begins as a report does, so that other JSON files of a tree are not read whole.
fn is_beginning(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('{') && text.contains("\"tests\"") && text.contains("\"disabled\"")
}

fn parse(bytes: &[u8]) -> Option<Report> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    // Text may follow a printed report.
    serde_json::Deserializer::from_slice(bytes).into_iter::<Report>().next()?.ok()
}

#[derive(Debug, Default)]
struct Reading {
    tests: TestsSoFar,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    fn add(&mut self, report: Report) {
        for suite in report.testsuites {
            for case in suite.testsuite {
                // What failed outside of tests stands in a case without a name.
                if case.name.is_empty() {
                    let said: Vec<_> = case.failures.into_iter().map(|failure| failure.failure).collect();
                    let message = format!("`{}`: {}", suite.name, said.join("\n"));
                    self.diagnostics.push(Diagnostic::new("suite-error", message));
                    continue;
                }
                self.tests.0.push(test(case, &suite.name));
            }
        }
    }

    fn finish(mut self) -> PackedAttempt {
        if self.tests.0.is_empty() && self.diagnostics.is_empty() {
            self.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
        }
        PackedAttempt {
            format: "gtest-json".to_owned(),
            tests: self.tests.pack(),
            completeness: Completeness::Complete,
            announced: Vec::new(),
            diagnostics: self.diagnostics,
        }
    }
}

fn test(case: Case, suite: &str) -> Test {
    let skipped = case.status == "NOTRUN" || matches!(case.result.as_deref(), Some("SKIPPED" | "SUPPRESSED"));
    let outcome = if !case.failures.is_empty() {
        Outcome::Failed
    } else if skipped {
        Outcome::Skipped
    } else {
        Outcome::Passed
    };
    let suite = case.classname.as_deref().unwrap_or(suite);
    let time = case.time.as_deref().filter(|_| outcome != Outcome::Skipped);
    Test {
        duration_ns: time.and_then(|time| seconds(time.strip_suffix('s')?)),
        failures: case.failures.into_iter().map(|failure| failure_of(&failure.failure)).collect(),
        location: case.file.map(|file| Location { file: file.replace('\\', "/"), line: case.line }),
        ..Test::of_suite(suite, ".", &case.name, outcome)
    }
}

/// The first line is the place.
fn failure_of(text: &str) -> Failure {
    let message = match text.split_once('\n') {
        Some((place, message)) if is_place(place) => message,
        _ => text,
    };
    Failure { kind: String::new(), message: message.trim_end().to_owned(), trace: text.trim_end().to_owned() }
}

fn is_place(line: &str) -> bool {
    let numbered =
        line.rsplit_once(':').is_some_and(|(_, line)| line.bytes().all(|byte| byte.is_ascii_digit()));
    numbered || line == "unknown file"
}
