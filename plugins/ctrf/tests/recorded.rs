//! What real reporters wrote, against what the sample's source says.

use flaky_plugin_ctrf::Ctrf;
use flaky_plugin_sdk::PackedParser;

#[test]
fn every_recorded_attempt_is_read_as_it_was_whole_or_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Ctrf::default().parse(attempt).unwrap_or_default()
    });
}

#[test]
fn what_others_print_and_write_is_refused() {
    for other in ["jest", "vitest", "mocha", "playwright", "node-test", "cucumber"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| {
            Ctrf::default().parse(attempt).unwrap_or_default()
        });
    }
}
