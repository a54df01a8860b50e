//! Recorded reports in the form of xUnit.net, whole and cut.

use flaky_plugin_sdk::PackedParser;
use flaky_plugin_xunit::Xunit;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Xunit.parse(attempt).unwrap());
}
