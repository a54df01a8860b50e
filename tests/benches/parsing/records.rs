//! Results as plain records, and whether two are the same.

use flaky_core::parsed::ParsedAttempt;
use flaky_plugin_sdk::{Failure, Location, Outcome, PackedAttempt};

/// A test as a program without plugins would keep it.
pub(crate) struct TestRecord {
    id: String,
    outcome: Outcome,
    duration_ns: Option<u64>,
    location: Option<Location>,
    failures: Vec<Failure>,
    tries: Vec<Outcome>,
}

/// Columns to records; what is owned already is moved.
pub(crate) fn records(parsed: PackedAttempt) -> Vec<TestRecord> {
    let tests = parsed.tests;
    let mut records = Vec::with_capacity(tests.id_ends.len());
    let mut start = 0;
    for (i, end) in tests.id_ends.iter().enumerate() {
        let end = *end as usize;
        let file = tests.file_of.get(i).and_then(|file| tests.files.get(*file as usize));
        let line = tests.lines.get(i).copied().filter(|line| *line != 0);
        records.push(TestRecord {
            id: String::from_utf8_lossy(tests.ids.get(start..end).unwrap_or_default()).into_owned(),
            outcome: tests.outcomes.get(i).and_then(|o| outcome(*o)).unwrap_or(Outcome::Unknown),
            duration_ns: tests.durations_ns.get(i).copied().filter(|ns| *ns != u64::MAX),
            location: file.map(|file| Location { file: file.clone(), line }),
            failures: Vec::new(),
            tries: Vec::new(),
        });
        start = end;
    }
    for (i, failure) in tests.failures {
        records[i as usize].failures.push(failure);
    }
    for (i, tries) in tests.tries {
        records[i as usize].tries = tries;
    }
    records
}

fn outcome(position: u8) -> Option<Outcome> {
    let all = [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::Errored,
        Outcome::Skipped,
        Outcome::ExpectedFailure,
        Outcome::UnexpectedPass,
        Outcome::TimedOut,
        Outcome::Crashed,
        Outcome::NotRun,
        Outcome::Unknown,
    ];
    all.get(usize::from(position)).copied()
}

pub(crate) fn same(ours: &[TestRecord], theirs: &ParsedAttempt) -> bool {
    let tests = &theirs.tests;
    // The host numbers tests of one name: `a`, `a #2`.
    let ids = ours.len() == tests.ids.len()
        && ours.iter().zip(&tests.ids).all(|(ours, theirs)| theirs.as_str().starts_with(&ours.id));
    let outcomes =
        ours.iter().map(|test| test.outcome as u8).eq(tests.outcomes.iter().map(|outcome| *outcome as u8));
    let durations = ours
        .iter()
        .enumerate()
        .all(|(i, test)| test.duration_ns == tests.durations_ns.get(i).copied().filter(|ns| *ns != u64::MAX));
    let locations = ours
        .iter()
        .filter_map(|test| test.location.as_ref())
        .map(|place| (place.file.as_str(), place.line))
        .eq(tests.locations.iter().map(|(_, place)| (place.file.as_str(), place.line)));
    let failures = ours
        .iter()
        .flat_map(|test| &test.failures)
        .map(|failure| [&failure.kind, &failure.message, &failure.trace])
        .eq(tests.failures.iter().map(|(_, failure)| [&failure.kind, &failure.message, &failure.trace]));
    let tries = ours.iter().map(|test| test.tries.len()).sum::<usize>()
        == tests.tries.iter().map(|(_, tries)| tries.len()).sum::<usize>();
    ids && outcomes && durations && locations && failures && tries
}
