//! Output of real producers of TAP, read whole and cut.

use flaky_plugin_sdk::{Attempt, PackedParser};
use flaky_plugin_tap::Tap;
use flaky_plugin_testing::{Fixture, check_refusals, compare, cuts};

/// Groups of node:test. That they are no tests shows only behind their results: until then they are announced.
const GROUPS: [&str; 3] = ["`a group`", "`a group > deeper`", "`set-up fails`"];

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    let fixtures = Fixture::all(env!("CARGO_MANIFEST_DIR"));
    assert!(fixtures.len() > 10);
    let mut problems = Vec::new();
    for fixture in &fixtures {
        let parse = |attempt: &Attempt<'_>| Tap.parse(attempt).unwrap();
        let parsed = parse(&fixture.recorded.attempt());
        let whole = compare(&fixture.expected, &parsed).problems.into_iter();
        let cut = cuts(fixture, &parsed, parse).into_iter();
        let cut = cut.filter(|problem| {
            !GROUPS.iter().any(|group| problem.contains(&format!("{group} is announced, and invented")))
        });
        problems.extend(whole.chain(cut).map(|problem| format!("{}: {problem}", fixture.name)));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn what_others_print_is_refused() {
    for others in ["go", "cargo-test", "nextest"] {
        let folder = format!("{}/../{others}", env!("CARGO_MANIFEST_DIR"));
        check_refusals(&folder, |attempt| Tap.parse(attempt).unwrap());
    }
}
