//! What holds of every result, whatever was printed. The host refuses most of what is checked here, and the attempt
//! with it.

use flaky_plugin_sdk::{Completeness, PackedAttempt, PackedTests};

/// Outcomes that the contract knows.
const OUTCOMES: u8 = 10;

/// Diagnostics, tests and names that are not of the input: what a parser says of the attempt as a whole (that it was
/// killed, say).
const OF_THE_ATTEMPT: usize = 8;

/// Tries of one test that the host takes.
const TRIES: usize = 1_000;

/// # Panics
/// With what does not hold.
pub(crate) fn check(parsed: &PackedAttempt, size: usize) {
    let tests = &parsed.tests;
    let count = tests.id_ends.len();
    ids(tests);
    for (name, length) in [
        ("outcomes", tests.outcomes.len()),
        ("name_starts", tests.name_starts.len()),
        ("durations_ns", tests.durations_ns.len()),
        ("file_of", tests.file_of.len()),
        ("lines", tests.lines.len()),
    ] {
        assert!(length == 0 || length == count, "{length} {name} of {count} tests");
    }
    assert!(tests.outcomes.iter().all(|outcome| *outcome < OUTCOMES), "an outcome that nobody knows");
    let files = tests.files.len();
    assert!(
        tests.file_of.iter().all(|file| *file == u32::MAX || (*file as usize) < files),
        "a file that is not there"
    );
    ascending("failures", tests.failures.iter().map(|(index, _)| *index), count);
    ascending("tries", tests.tries.iter().map(|(index, _)| *index), count);
    assert!(tests.tries.windows(2).all(|pair| pair[0].0 != pair[1].0), "tries told twice");
    assert!(tests.tries.iter().all(|(_, tries)| tries.len() <= TRIES), "more tries than the host takes");
    assert!(count <= size + OF_THE_ATTEMPT, "{count} tests of {size} bytes");
    assert!(
        parsed.announced.len() <= size + OF_THE_ATTEMPT,
        "{} names of {size} bytes",
        parsed.announced.len()
    );
    assert!(parsed.diagnostics.len() <= size + OF_THE_ATTEMPT, "{} diagnostics", parsed.diagnostics.len());
    if parsed.completeness == Completeness::NothingRecognised {
        assert!(count == 0, "{count} tests of what was not recognised");
    } else {
        assert!(!parsed.format.is_empty(), "recognised, and no format");
    }
}

/// Every id is text of its own, and its name its end. Frameworks do have tests without a name; the host gives them one.
fn ids(tests: &PackedTests) {
    let whole = std::str::from_utf8(&tests.ids).unwrap_or_else(|error| panic!("ids are not UTF-8: {error}"));
    let mut start = 0;
    for (index, end) in tests.id_ends.iter().enumerate() {
        let id =
            whole.get(start..*end as usize).unwrap_or_else(|| panic!("id {index} is not text of its own"));
        let name = tests.name_starts.get(index).map_or(0, |name| *name as usize);
        assert!(id.get(name..).is_some(), "the name of id {index} begins nowhere in it");
        start = *end as usize;
    }
    assert_eq!(start, whole.len(), "ids that belong to no test");
}

fn ascending(what: &str, indices: impl Iterator<Item = u32>, count: usize) {
    let mut last = 0;
    for index in indices {
        assert!((index as usize) < count, "{what} of a test that is not there");
        assert!(index >= last, "{what} are not in the order of tests");
        last = index;
    }
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::{Outcome, PackedTestsBuilder};

    use super::*;

    fn one() -> PackedAttempt {
        let mut tests = PackedTestsBuilder::default();
        tests.push("a", Outcome::Passed);
        let completeness = Completeness::Complete;
        PackedAttempt { format: "x".into(), completeness, tests: tests.finish(), ..PackedAttempt::default() }
    }

    #[test]
    fn a_sound_result_passes() {
        check(&one(), 10);
    }

    #[test]
    #[should_panic(expected = "belong to no test")]
    fn ids_that_do_not_end_are_found() {
        let mut parsed = one();
        parsed.tests.ids.push(b'b');
        check(&parsed, 10);
    }

    #[test]
    #[should_panic(expected = "nobody knows")]
    fn an_unknown_outcome_is_found() {
        let mut parsed = one();
        parsed.tests.outcomes = vec![10];
        check(&parsed, 10);
    }

    #[test]
    #[should_panic(expected = "not recognised")]
    fn tests_of_nothing_are_found() {
        let mut parsed = one();
        parsed.completeness = Completeness::NothingRecognised;
        check(&parsed, 10);
    }
}
