//! Recorded output of GoogleTest, whole and cut.

use flaky_plugin_gtest::Gtest;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Gtest.parse(attempt).unwrap());
}

#[test]
fn output_that_no_framework_would_print_does_no_harm() {
    flaky_plugin_testing::check_hostile(env!("CARGO_MANIFEST_DIR"), |attempt| Gtest.parse(attempt).unwrap());
}

#[test]
fn what_other_frameworks_print_is_refused() {
    let others =
        ["ctest", "catch2", "doctest", "boost-test", "trx", "nunit", "xunit", "maven", "gradle", "junit5"];
    for other in others {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Gtest.parse(attempt).unwrap());
    }
}

#[test]
fn what_a_report_of_ctest_holds_is_refused() {
    let report = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Site BuildName=\"(empty)\"\n\tName=\"here\">\n<Testing>\n\
        <Test Status=\"passed\"><Name>cart</Name><Results><Measurement><Value>\
        [==========] Running 1 test from 1 test suite.\n[----------] 1 test from Cart\n[ RUN      ] Cart.Adds\n\
        [       OK ] Cart.Adds (0 ms)\n[----------] 1 test from Cart (0 ms total)\n\n\
        [==========] 1 test from 1 test suite ran. (0 ms total)\n[  PASSED  ] 1 test.\n\
        </Value></Measurement></Results></Test>\n</Testing>\n</Site>\n";
    let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(report);
    assert!(Gtest.parse(&recorded.attempt()).unwrap().format.is_empty());
}
