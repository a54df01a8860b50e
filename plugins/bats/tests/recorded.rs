//! Output of real runs of bats, read whole and cut.

use flaky_plugin_bats::Bats;
use flaky_plugin_sdk::PackedParser;
use flaky_plugin_testing::check_fixtures;

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Bats.parse(attempt).unwrap());
}
