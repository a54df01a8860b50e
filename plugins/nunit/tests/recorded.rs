//! Recorded reports in the form of NUnit, whole and cut.

use flaky_plugin_nunit::Nunit;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Nunit.parse(attempt).unwrap());
}
