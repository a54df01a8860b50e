//! What real versions of Robot Framework print and write (`fixtures/recorded`, made by `fixtures/make`).

use flaky_plugin_robot::Robot;
use flaky_plugin_sdk::PackedParser as _;

#[test]
fn every_version_tells_what_its_tests_did() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Robot.parse(attempt).unwrap_or_default()
    });
}
