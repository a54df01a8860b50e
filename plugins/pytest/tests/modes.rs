//! Modes and report plugins of real versions of pytest (`fixtures/modes`, made by `fixtures/make`).

use flaky_plugin_pytest::Pytest;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Completeness, PackedParser as _};

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

/// As `tox` prints them.
#[test]
fn runs_that_follow_each_other_in_one_output_are_all_told() {
    let stdout = |name: &str| {
        std::fs::read(format!("{}/fixtures/modes/{name}/stdout", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let both =
        [stdout("left-out-6.2"), b"py39: commands[0]> pytest -v\n".to_vec(), stdout("parts-9.2")].concat();
    let parsed = Pytest.parse(&Recorded::default().stdout(both).attempt()).unwrap();
    let names: Vec<String> = parsed.tests.results().into_iter().filter_map(|test| test.name).collect();
    let expected = [
        "test_skipped_for_two_lines",
        "test_fails_for_two_lines",
        "test_not_even_tried",
        "test_has_to_fail",
        "test_says_much",
        "test_after_it",
        "test_one_part_fails",
    ];
    assert_eq!(names, expected);
    assert_eq!(parsed.completeness, Completeness::Complete, "{:?}", parsed.diagnostics);
}
