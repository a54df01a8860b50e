//! Recorded output of real test frameworks, and the checks that parsers are held against.
//!
//! A fixture is a folder: `stdout`, `stderr`, `report/…` and `tree/…` as an attempt left them (each may be missing),
//! `attempt.json` with command and exit when these matter, and `expected.json` with what the sample's source says.
//!
//! ```no_run
//! # use flaky_plugin_sdk::{Attempt, PackedAttempt};
//! # fn parse(_: &Attempt<'_>) -> PackedAttempt { PackedAttempt::default() }
//! flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), parse);
//! ```

#![expect(clippy::panic, reason = "checks for tests: what does not hold ends them, with its name")]

mod compare;
mod cuts;
mod fixture;
mod hostile;
pub mod reports;

use flaky_plugin_sdk::{Attempt, PackedAttempt};

pub use compare::{Expected, ExpectedTest, Score, compare};
pub use cuts::{CUTS, cuts};
pub use fixture::Fixture;
pub use hostile::hostile;

/// Reads every fixture below `crate_folder/fixtures` whole, and cut at every fiftieth of its length.
///
/// # Panics
/// With everything that is not as expected; and when there is no fixture.
pub fn check_fixtures(crate_folder: &str, parse: impl Fn(&Attempt<'_>) -> PackedAttempt) {
    let fixtures = Fixture::all(crate_folder);
    assert!(!fixtures.is_empty(), "no fixture below {crate_folder}/fixtures");
    let mut problems = Vec::new();
    for fixture in &fixtures {
        let parsed = parse(&fixture.recorded.attempt());
        let score = compare(&fixture.expected, &parsed);
        problems.extend(score.problems.into_iter().map(|problem| format!("{}: {problem}", fixture.name)));
        problems
            .extend(cuts(fixture, &parsed, &parse).into_iter().map(|cut| format!("{}: {cut}", fixture.name)));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Breaks every fixture below `crate_folder/fixtures` in ways that no framework would, and reads it.
///
/// # Panics
/// When the parser does, or what it returns does not fit together.
pub fn check_hostile(crate_folder: &str, parse: impl Fn(&Attempt<'_>) -> PackedAttempt) {
    let fixtures = Fixture::all(crate_folder);
    let problems: Vec<String> = fixtures
        .iter()
        .flat_map(|fixture| {
            hostile(fixture, &parse).into_iter().map(|problem| format!("{}: {problem}", fixture.name))
        })
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Checks that none of the fixtures below `crate_folder/fixtures`, which are another parser's, is recognised.
///
/// # Panics
/// With every one that is.
pub fn check_refusals(crate_folder: &str, parse: impl Fn(&Attempt<'_>) -> PackedAttempt) {
    let taken: Vec<String> = Fixture::all(crate_folder)
        .iter()
        .filter(|fixture| !compare::is_nothing(&parse(&fixture.recorded.attempt())))
        .map(|fixture| fixture.name.clone())
        .collect();
    assert!(taken.is_empty(), "recognised, and another parser's: {}", taken.join(", "));
}
