//! What real versions of Robot Framework print and write (`fixtures/recorded`, made by `fixtures/make`).

use flaky_plugin_robot::Robot;
use flaky_plugin_sdk::PackedParser as _;

#[test]
fn every_version_tells_what_its_tests_did() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Robot.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn output_of_other_frameworks_is_refused() {
    for other in ["pytest", "unittest"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Robot.parse(attempt).unwrap_or_default());
    }
}
