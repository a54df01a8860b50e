//! Output of real runs of the harness, read whole and cut.

use flaky_plugin_cargo_test::CargoTest;
use flaky_plugin_sdk::PackedParser;
use flaky_plugin_testing::{check_fixtures, check_refusals};

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| CargoTest.parse(attempt).unwrap());
}

#[test]
fn what_others_print_is_refused() {
    for others in ["go", "nextest", "tap", "bats"] {
        let folder = format!("{}/../{others}", env!("CARGO_MANIFEST_DIR"));
        check_refusals(&folder, |attempt| CargoTest.parse(attempt).unwrap());
    }
}
