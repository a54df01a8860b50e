//! Ids, the same from every format: the file, the enclosing blocks, the title.

use flaky_plugin_sdk::{Failure, Location, Outcome, PackedTestsBuilder, TestIndex};

/// Between the parts of an id.
pub const SEPARATOR: &str = " > ";

/// One test as a format tells it.
#[derive(Debug, Clone)]
pub struct Test {
    /// File, enclosing blocks, title, as far as they are known.
    pub path: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Nanoseconds.
    pub duration: Option<u64>,
    /// Where it is written.
    pub location: Option<Location>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// Outcomes of the tries, when there was more than one.
    pub tries: Vec<Outcome>,
}

impl Test {
    /// A test of which nothing but the outcome is known.
    #[must_use]
    pub fn new(path: Vec<String>, outcome: Outcome) -> Self {
        Self { path, outcome, duration: None, location: None, failures: Vec::new(), tries: Vec::new() }
    }
}

/// The id of a path. Parts are one line each, whatever a title holds: text shows them so.
#[must_use]
pub fn id_of(path: &[String]) -> String {
    path.iter().filter(|part| !part.is_empty()).map(|part| one_line(part)).collect::<Vec<_>>().join(SEPARATOR)
}

/// Adds a test under the id of its path.
pub fn push(tests: &mut PackedTestsBuilder, test: Test) -> TestIndex {
    let id = id_of(&test.path);
    let name = test.path.last().map(|name| one_line(name)).unwrap_or_default();
    push_as(tests, &id, &name, test)
}

/// Adds a test under an id of its format's own, which ends in its name.
pub fn push_as(tests: &mut PackedTestsBuilder, id: &str, name: &str, test: Test) -> TestIndex {
    let index = tests.push(id, test.outcome);
    tests.set_name(index, name);
    if let Some(duration) = test.duration {
        tests.set_duration(index, duration);
    }
    if let Some(place) = &test.location {
        tests.set_location(index, &place.file, place.line);
    }
    for failure in test.failures {
        tests.add_failure(index, failure);
    }
    if test.tries.len() > 1 {
        tests.set_tries(index, test.tries);
    }
    index
}

/// A title without colours and line ends; what is no text in a title (a tab, a bell) is a space.
#[must_use]
pub fn one_line(part: &str) -> String {
    let plain = crate::strip_colours(part);
    if plain.contains(char::is_control) {
        plain
            .split(char::is_control)
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_owned()
    } else {
        plain.trim().to_owned()
    }
}
