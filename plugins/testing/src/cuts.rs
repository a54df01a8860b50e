//! What a parser says of an output that was cut: less, and nothing else.

use std::collections::HashMap;

use flaky_plugin_sdk::{Attempt, Completeness, Outcome, PackedAttempt};

use crate::Fixture;
use crate::compare::word;

/// In how many places every source is cut.
pub const CUTS: usize = 50;

/// Cuts every source of a fixture at every fiftieth of its length and compares with `whole`, what is read of all of it.
/// Says where a test was invented, or told as passed although it did not pass; where a longer text told of fewer tests
/// than a shorter one, one that was told whole was lost; where half a report counted as a whole one.
pub fn cuts(
    fixture: &Fixture,
    whole: &PackedAttempt,
    parse: impl Fn(&Attempt<'_>) -> PackedAttempt,
) -> Vec<String> {
    let mut problems = Vec::new();
    let known = outcomes(whole, whole.announced.iter());
    for (source, bytes) in &fixture.sources {
        let mut most = 0;
        for part in 1..CUTS {
            let length = bytes.len() * part / CUTS;
            let parsed = parse(&fixture.cut(source, length).attempt());
            if parsed.format != whole.format {
                // Another source tells the rest, or nothing does.
                continue;
            }
            let place = format!("`{source}` cut after {length} of {} bytes", bytes.len());
            problems.extend(invented(&parsed, &known).into_iter().map(|what| format!("{place}: {what}")));
            let told = parsed.tests.id_ends.len();
            if told < most {
                problems.push(format!("{place}: {told} tests, and {most} of a shorter text"));
            }
            most = most.max(told);
            let all = told == whole.tests.id_ends.len();
            if parsed.completeness == Completeness::Complete && !all {
                problems.push(format!("{place}: said to be complete, with {told} tests"));
            }
        }
    }
    problems
}

type Known = HashMap<String, Vec<Outcome>>;

fn outcomes<'a>(parsed: &PackedAttempt, announced: impl Iterator<Item = &'a String>) -> Known {
    let mut all = Known::new();
    for test in parsed.tests.results() {
        all.entry(test.id).or_default().push(test.outcome);
    }
    for id in announced {
        all.entry(id.clone()).or_default().push(Outcome::Unknown);
    }
    all
}

fn invented(parsed: &PackedAttempt, known: &Known) -> Vec<String> {
    let results = parsed.tests.results();
    let told = results.iter().filter_map(|test| match known.get(&test.id) {
        None => Some(format!("`{}` ({}) is invented", test.id, word(test.outcome))),
        // A later line may say that it did not pass after all (a tear-down), and what did fail may be told in detail
        // later; but nothing that passed may have failed.
        Some(all) if all.contains(&test.outcome) => None,
        Some(all) if all.iter().all(|o| *o == Outcome::Passed) && is_failure(test.outcome) => {
            Some(format!("`{}` is {}, and passed", test.id, word(test.outcome)))
        }
        Some(_) => None,
    });
    let names = parsed.announced.iter().filter(|id| !known.contains_key(*id));
    told.chain(names.map(|id| format!("`{id}` is announced, and invented"))).collect()
}

fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Errored | Outcome::UnexpectedPass)
}
