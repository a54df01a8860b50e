//! How large the page of a large run is. What a browser makes of it is in `browser.rs`.

use flaky_plugin_html::render;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;

/// Mail and artifact viewers take as much, and a browser reads it at once.
const MOST_BYTES: usize = 10_000_000;

#[test]
fn the_page_of_five_thousand_tests_and_a_thousand_attempts_stays_below_ten_megabytes() {
    let report = reports::large(5000, 1000).to_string();
    let page = render(&Report::from_json(report.as_bytes()).unwrap()).unwrap();
    assert!(page.len() < MOST_BYTES, "{} bytes", page.len());
    assert!(page.contains("test_case_00000") && page.contains("test_case_04999"), "all tests are told of");
}
