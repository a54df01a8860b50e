//! Tests that can still be taken back.

use flaky_plugin_sdk::{Failure, Location, Outcome, PackedTests, PackedTestsBuilder};

/// A test that was told of.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its id.
    pub id: String,
    /// Where in the id its own name begins, in bytes.
    pub name_start: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// `None` where unknown.
    pub duration_ns: Option<u64>,
    /// The ways in which it failed.
    pub failures: Vec<Failure>,
    /// Where it is written.
    pub location: Option<Location>,
    /// Outcomes of the framework's own tries; empty when there was one.
    pub tries: Vec<Outcome>,
}

impl Test {
    /// A test of which nothing but the outcome is known.
    #[must_use]
    pub fn new(id: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            id: id.into(),
            name_start: 0,
            outcome,
            duration_ns: None,
            failures: Vec::new(),
            location: None,
            tries: Vec::new(),
        }
    }

    /// A test of a suite; without one the name is the id.
    #[must_use]
    pub fn of_suite(suite: &str, separator: &str, name: &str, outcome: Outcome) -> Self {
        if suite.is_empty() {
            return Self::new(name, outcome);
        }
        let mut id = String::with_capacity(suite.len() + separator.len() + name.len());
        id.push_str(suite);
        id.push_str(separator);
        let name_start = id.len();
        id.push_str(name);
        Self { name_start, ..Self::new(id, outcome) }
    }
}

/// The tests that a text told of so far.
#[derive(Debug, Clone, Default)]
pub struct TestsSoFar(pub Vec<Test>);

impl TestsSoFar {
    /// The tests as columns.
    #[must_use]
    pub fn pack(self) -> PackedTests {
        let id_bytes = self.0.iter().map(|test| test.id.len()).sum();
        let mut packed = PackedTestsBuilder::with_capacity(self.0.len(), id_bytes);
        for test in self.0 {
            let index = packed.push(&test.id, test.outcome);
            if test.name_start > 0 {
                packed.set_name(index, test.id.get(test.name_start..).unwrap_or_default());
            }
            if let Some(duration) = test.duration_ns {
                packed.set_duration(index, duration);
            }
            if let Some(location) = &test.location {
                packed.set_location(index, &location.file, location.line);
            }
            for failure in test.failures {
                packed.add_failure(index, failure);
            }
            if test.tries.len() > 1 {
                packed.set_tries(index, test.tries);
            }
        }
        packed.finish()
    }
}
