//! What real versions of jest printed and wrote, against what the sample's source says.

use flaky_plugin_jest::Jest;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Completeness, PackedParser};

#[test]
fn every_recorded_attempt_is_read_as_it_was_whole_or_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Jest.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn what_others_print_and_write_is_refused() {
    for other in ["vitest", "mocha", "playwright", "node-test", "cucumber", "ctrf"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Jest.parse(attempt).unwrap_or_default());
    }
}

/// Tests of vitest may print what jest prints.
#[test]
fn what_a_test_of_vitest_prints_is_refused() {
    let text = "\n RUN  v3.2.4 /shop\n\nstdout | a.test.js > prints\nPASS fake.test.js\n  ✓ fake (1 ms)\n\n ✓ a.test.js (1 test) 3ms\n";
    let parsed = Jest.parse(&Recorded::default().stdout(text).attempt()).unwrap_or_default();
    assert_eq!(parsed.completeness, Completeness::NothingRecognised);
}
