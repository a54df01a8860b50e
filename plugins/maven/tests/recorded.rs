//! Recorded output of Maven, whole and cut.

use flaky_plugin_maven::Maven;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Maven.parse(attempt).unwrap());
}
