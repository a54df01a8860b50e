//! Recorded reports of .NET test runs, whole and cut.

use flaky_plugin_sdk::PackedParser;
use flaky_plugin_trx::Trx;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Trx.parse(attempt).unwrap());
}
