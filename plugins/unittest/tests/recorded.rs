//! What real versions of unittest and of Django's runner print and report (`fixtures/recorded`, made by `fixtures/make`).

use flaky_plugin_sdk::PackedParser as _;
use flaky_plugin_unittest::Unittest;

#[test]
fn every_version_tells_what_its_tests_did() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Unittest.parse(attempt).unwrap_or_default()
    });
}
