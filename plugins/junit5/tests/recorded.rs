//! Recorded output of the console launcher, whole and cut.

use flaky_plugin_junit5::Junit5;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Junit5.parse(attempt).unwrap()
    });
}
