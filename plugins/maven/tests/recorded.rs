//! Recorded output of Maven, whole and cut.

use flaky_plugin_maven::Maven;
use flaky_plugin_sdk::PackedParser;

#[test]
fn recorded_output_is_read_as_its_source_says_and_cut_output_tells_less() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| Maven.parse(attempt).unwrap());
}

#[test]
fn output_that_no_framework_would_print_does_no_harm() {
    flaky_plugin_testing::check_hostile(env!("CARGO_MANIFEST_DIR"), |attempt| Maven.parse(attempt).unwrap());
}

#[test]
fn what_other_frameworks_print_is_refused() {
    let others =
        ["gtest", "ctest", "catch2", "doctest", "boost-test", "trx", "nunit", "xunit", "gradle", "junit5"];
    for other in others {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Maven.parse(attempt).unwrap());
    }
}

#[test]
fn reports_name_what_printed_text_does_not_and_the_text_tells_of_what_was_not_built() {
    let report = r#"<testsuite name="shop.T"><testcase name="adds" classname="shop.T"/></testsuite>"#;
    let text = "[INFO] -------\n[INFO]  T E S T S\n[INFO] -------\n[INFO] Running shop.T\n\
        [INFO] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in shop.T\n\
        [INFO] Results:\n[INFO] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0\n\
        [ERROR] COMPILATION ERROR : \n[ERROR] /src/Broken.java:[1,24] cannot find symbol\n[INFO] BUILD FAILURE\n";
    let recorded = flaky_plugin_sdk::native::Recorded::default()
        .stdout(text)
        .tree("core/target/surefire-reports/TEST-shop.T.xml", report);
    let parsed = Maven.parse(&recorded.attempt()).unwrap();
    let ids: Vec<_> = parsed.tests.results().into_iter().map(|test| test.id).collect();
    assert_eq!((parsed.format.as_str(), ids), ("junit-xml", vec!["shop.T::adds".to_owned()]));
    let codes: Vec<_> = parsed.diagnostics.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["build-failed"]);
}

#[test]
fn tries_are_told_with_the_results() {
    let text = "[INFO]  T E S T S\n[INFO] Running shop.F\n\
        [ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! -- in shop.F\n\
        [ERROR] shop.F.flaky -- Time elapsed: 0.1 s <<< FAILURE!\norg.x.AssertionError: 1\n\tat shop.F.flaky(F.java:3)\n\n\
        [INFO] Results:\n[INFO] \n[WARNING] Flakes: \n[WARNING] shop.F.flaky\n\
        [ERROR]   Run 1: F.flaky:3 1\n[INFO]   Run 2: PASS\n[INFO] \n\
        [WARNING] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0, Flakes: 1\n[INFO] BUILD SUCCESS\n";
    let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(text);
    let parsed = Maven.parse(&recorded.attempt()).unwrap();
    let test = parsed.tests.results().remove(0);
    assert_eq!((test.id.as_str(), test.tries.len(), test.failure), ("shop.F::flaky", 2, None));
}
