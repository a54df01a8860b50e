//! Tests from the JUnit report that we asked nextest for.

use flaky_plugin_junit::{Options, Reading, Recognised, read_file};
use flaky_plugin_sdk::{Attempt, Blob, Completeness, PackedAttempt, PackedTestsBuilder};

use super::FOLDER;

/// `None` without a whole report: nextest writes it at its end.
pub(super) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut recognised = false;
    let mut binaries = Vec::new();
    for (path, blob) in attempt.reports() {
        if path.strip_prefix(FOLDER).is_some_and(|path| path.starts_with('/')) {
            note_binaries(&blob, &mut binaries);
            recognised |= read_file(blob.reader(), Options::default(), &mut reading) == Recognised::Yes;
        }
    }
    if !recognised || reading.ending != flaky_plugin_junit::Ending::Whole {
        return None;
    }
    let mut tests = PackedTestsBuilder::default();
    for test in reading.tests {
        let index = tests.push(&test.id, test.outcome);
        tests.set_name(index, name_of(&test.id, &binaries));
        if let Some(duration) = test.duration_ns {
            tests.set_duration(index, duration);
        }
        for failure in test.failures {
            tests.add_failure(index, failure);
        }
        if !test.tries.is_empty() {
            tests.set_tries(index, test.tries);
        }
    }
    Some(PackedAttempt {
        format: "junit-xml".to_owned(),
        tests: tests.finish(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    })
}

/// The names of the suites, which are those of the binaries: `<testsuite name="shop::first" …`. Text is escaped, so none
/// stands in what a test printed.
fn note_binaries(blob: &Blob<'_>, binaries: &mut Vec<String>) {
    let mut lines = blob.lines_up_to(64 * 1024);
    while let Some(line) = lines.next_line() {
        let text = line.text();
        if let Some(rest) = text.trim_start().strip_prefix("<testsuite name=\"")
            && let Some((name, _)) = rest.split_once('"')
        {
            binaries.push(name.to_owned());
        }
    }
    binaries.sort();
    binaries.dedup();
}

/// The test's own path: what follows the longest name of a binary that the id begins with.
fn name_of<'i>(id: &'i str, binaries: &[String]) -> &'i str {
    let mut ends: Vec<usize> = id.match_indices("::").map(|(at, _)| at).collect();
    ends.reverse();
    let is_binary = |end: &usize| {
        id.get(..*end).is_some_and(|name| binaries.binary_search_by(|known| known.as_str().cmp(name)).is_ok())
    };
    ends.iter().find(|end| is_binary(end)).and_then(|end| id.get(end + 2..)).unwrap_or(id)
}
