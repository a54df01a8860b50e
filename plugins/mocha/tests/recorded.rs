//! What real versions of mocha printed and wrote, against what the sample's source says.

use flaky_plugin_mocha::Mocha;
use flaky_plugin_sdk::PackedParser;

#[test]
fn every_recorded_attempt_is_read_as_it_was_whole_or_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Mocha.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn what_others_print_and_write_is_refused() {
    for other in ["jest", "vitest", "playwright", "node-test", "cucumber", "ctrf"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Mocha.parse(attempt).unwrap_or_default());
    }
}
