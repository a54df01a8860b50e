//! Recorded output of Catch2, whole and cut.

use flaky_plugin_catch2::Catch2;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Catch2.parse(attempt).unwrap()
    });
}
