//! What pytest said, from the best source that an attempt has.

mod ending;
mod failure;
mod json;
mod log;
mod longrepr;
mod records;
mod report;
mod session;
mod text;
mod xml;

use flaky_plugin_sdk::{Attempt, Blob, Outcome, PackedAttempt, Source};

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-pytest";

/// Our own reports (one file per session of pytest), and what a user's options may leave in the report folder: JUnit
/// XML, JSON lines of pytest-reportlog, JSON of pytest-json-report.
pub(crate) const REPORTS: [&str; 4] = ["flaky-pytest/*.jsonl", "**/*.xml", "**/*.jsonl", "**/*.json"];

/// The same in the work tree, where only likely names are asked for: every match is copied out of every attempt.
pub(crate) const TREE_FILES: [&str; 5] =
    ["**/*.xml", "**/.report.json", "**/*report*.json", "**/*report*.jsonl", "**/*log*.jsonl"];

/// Reads our own report; without one, a report that pytest was asked for; without that, what was printed.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let death = ending::death(attempt);
    let parsed = report::parse(attempt, death)
        .or_else(|| xml::parse(attempt))
        .or_else(|| json_files(attempt, death))
        .or_else(|| printed(&attempt.stdout(), &Source::Stdout, death))
        .or_else(|| printed(&attempt.stderr(), &Source::Stderr, death));
    let mut parsed = parsed.unwrap_or_default();
    ending::diagnose(attempt, &mut parsed);
    parsed
}

/// The first file that holds JSON of one of pytest's plugins.
fn json_files(attempt: &Attempt<'_>, death: Outcome) -> Option<PackedAttempt> {
    let reports = attempt.reports().map(|(path, blob)| (Source::Report(path.to_owned()), blob));
    let tree = attempt.tree_files().map(|(path, blob)| (Source::Tree(path.to_owned()), blob));
    reports
        .chain(tree)
        .filter(|(source, _)| is_json(source))
        .find_map(|(source, blob)| of_plugin(&blob, &source, death))
}

fn is_json(source: &Source) -> bool {
    match source {
        Source::Report(path) => {
            (path.ends_with(".json") || path.ends_with(".jsonl")) && !path.starts_with("flaky-")
        }
        Source::Tree(path) => path.ends_with(".json") || path.ends_with(".jsonl"),
        Source::Stdout | Source::Stderr => false,
    }
}

fn of_plugin(blob: &Blob<'_>, source: &Source, death: Outcome) -> Option<PackedAttempt> {
    log::parse(blob, source, death).or_else(|| json::parse(blob, death))
}

fn printed(blob: &Blob<'_>, source: &Source, death: Outcome) -> Option<PackedAttempt> {
    of_plugin(blob, source, death).or_else(|| text::parse(blob, death))
}

/// The test's own name: what stands behind the last `::` that is not in its parameters.
pub(crate) fn own_name(id: &str) -> &str {
    let bytes = id.as_bytes();
    let is_double = |at: &usize| bytes.get(at + 1) == Some(&b':');
    let Some(file) = memchr::memchr_iter(b':', bytes).find(is_double) else { return id };
    let parameters = memchr::memchr_iter(b'[', bytes).find(|at| *at > file).unwrap_or(bytes.len());
    let names = bytes.get(..parameters).unwrap_or(bytes);
    let last = memchr::memrchr_iter(b':', names).find(|at| *at > 0 && names.get(at - 1) == Some(&b':'));
    last.and_then(|at| id.get(at + 1..)).filter(|name| !name.is_empty()).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::own_name;

    #[test]
    fn the_own_name_keeps_its_parameters() {
        let cases = [
            ("tests/a.py::test_x", "test_x"),
            ("tests/a.py::TestA::TestB::test_x[a::b]", "test_x[a::b]"),
            ("tests/a.py::test_x[[ 50%] - x]", "test_x[[ 50%] - x]"),
            ("tests/a.py", "tests/a.py"),
            ("tests/a.py::", "tests/a.py::"),
            ("tests[1]/a.py::test_x", "test_x"),
        ];
        for (id, name) in cases {
            assert_eq!(own_name(id), name, "{id}");
        }
    }
}
