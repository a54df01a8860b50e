//! Modes and report plugins of real versions of pytest (`fixtures/modes`, made by `fixtures/make`).

use flaky_plugin_pytest::Pytest;
use flaky_plugin_sdk::PackedParser as _;

#[test]
fn every_mode_and_report_of_pytest_tells_what_its_tests_did() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Pytest.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn output_of_other_frameworks_is_refused() {
    for other in ["unittest", "robot"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Pytest.parse(attempt).unwrap_or_default());
    }
}
