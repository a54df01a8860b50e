//! Output of real runs of Go, read whole and cut.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use flaky_plugin_go::Go;
use flaky_plugin_sdk::{Attempt, Outcome, PackedAttempt, PackedParser, TestResult};
use flaky_plugin_testing::{CUTS, Fixture, check_refusals, compare, cuts};

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    Go.parse(attempt).unwrap()
}

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    let fixtures = Fixture::all(env!("CARGO_MANIFEST_DIR"));
    assert!(!fixtures.is_empty());
    let problems: Vec<String> = fixtures
        .iter()
        .flat_map(|fixture| {
            let score = compare(&fixture.expected, &parse(&fixture.recorded.attempt()));
            score.problems.into_iter().map(|problem| format!("{}: {problem}", fixture.name))
        })
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn events_that_are_cut_invent_nothing_and_lose_nothing() {
    for fixture in Fixture::all(env!("CARGO_MANIFEST_DIR")) {
        if fixture.expected.format == "go-test-json" {
            let whole = parse(&fixture.recorded.attempt());
            assert_eq!(cuts(&fixture, &whole, parse), Vec::<String>::new(), "{}", fixture.name);
        }
    }
}

/// Text names a package only behind its tests: where it is cut, those of the last package have no package.
#[test]
fn text_that_is_cut_invents_nothing_and_loses_nothing_but_the_last_package() {
    for fixture in Fixture::all(env!("CARGO_MANIFEST_DIR")) {
        if fixture.expected.format != "go-test-text" {
            continue;
        }
        let whole = parse(&fixture.recorded.attempt()).tests.results();
        let bytes = fixture.sources.iter().find(|(name, _)| name == "stdout").map_or(0, |(_, b)| b.len());
        let mut most = 0;
        for part in 1..CUTS {
            let parsed = parse(&fixture.cut("stdout", bytes * part / CUTS).attempt()).tests.results();
            assert!(parsed.len() >= most, "{}, part {part}", fixture.name);
            most = parsed.len();
            for test in &parsed {
                assert!(whole.iter().any(|known| is_same(known, test)), "{}: {test:?}", fixture.name);
            }
        }
    }
}

fn is_same(known: &TestResult, cut: &TestResult) -> bool {
    let name = |test: &TestResult| test.name.clone().unwrap_or_else(|| test.id.clone());
    let outcome = known.outcome == cut.outcome || cut.outcome == Outcome::Unknown;
    outcome && (known.id == cut.id || name(known) == cut.id)
}

#[test]
fn what_others_print_is_refused() {
    for others in ["cargo-test", "nextest", "tap", "bats"] {
        let folder = format!("{}/../{others}", env!("CARGO_MANIFEST_DIR"));
        check_refusals(&folder, |attempt| Go.parse(attempt).unwrap());
    }
}
