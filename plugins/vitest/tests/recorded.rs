//! What real versions of vitest printed and wrote, against what the sample's source says.

use flaky_plugin_sdk::PackedParser;
use flaky_plugin_vitest::Vitest;

#[test]
fn every_recorded_attempt_is_read_as_it_was_whole_or_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Vitest.parse(attempt).unwrap_or_default()
    });
}
