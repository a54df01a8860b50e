//! What real versions of vitest printed and wrote, against what the sample's source says.

use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Outcome, PackedParser};
use flaky_plugin_vitest::Vitest;

#[test]
fn every_recorded_attempt_is_read_as_it_was_whole_or_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Vitest.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn what_others_print_and_write_is_refused() {
    for other in ["jest", "mocha", "playwright", "node-test", "cucumber", "ctrf"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Vitest.parse(attempt).unwrap_or_default());
    }
}

/// What vitest 1 writes of `throw undefined`.
#[test]
fn a_failure_without_a_message_is_one() {
    let json = r#"{"numTotalTestSuites":1,"numTotalTests":1,"numPassedTests":0,"startTime":1,"success":false,"testResults":[
        {"name":"/shop/a.test.js","status":"failed","message":"","assertionResults":[
        {"ancestorTitles":[""],"fullName":" throws","status":"failed","title":"throws","duration":0,"failureMessages":[null]}]}]}"#;
    let parsed = Vitest.parse(&Recorded::default().report("out.json", json).attempt()).unwrap_or_default();
    let tests: Vec<_> = parsed.tests.results().into_iter().map(|test| (test.id, test.outcome)).collect();
    assert_eq!(tests, [("a.test.js > throws".to_owned(), Outcome::Failed)]);
}
