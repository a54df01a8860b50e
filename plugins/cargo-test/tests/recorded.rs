//! Output of real runs of the harness, read whole and cut.

use flaky_plugin_cargo_test::CargoTest;
use flaky_plugin_sdk::PackedParser;
use flaky_plugin_testing::check_fixtures;

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| CargoTest.parse(attempt).unwrap());
}
