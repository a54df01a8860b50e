//! What other parsers' frameworks print and write.

#[test]
fn output_that_is_not_junit_xml_is_refused() {
    for other in ["unittest", "robot"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, flaky_plugin_junit::parse);
    }
}
