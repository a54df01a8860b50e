//! Recorded output of Gradle, whole and cut.

use flaky_plugin_gradle::Gradle;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Gradle.parse(attempt).unwrap()
    });
}

#[test]
fn output_that_no_framework_would_print_does_no_harm() {
    flaky_plugin_testing::check_hostile(env!("CARGO_MANIFEST_DIR"), |attempt| Gradle.parse(attempt).unwrap());
}

#[test]
fn what_other_frameworks_print_is_refused() {
    let others =
        ["gtest", "ctest", "catch2", "doctest", "boost-test", "trx", "nunit", "xunit", "maven", "junit5"];
    for other in others {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Gradle.parse(attempt).unwrap());
    }
}
