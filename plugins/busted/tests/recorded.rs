//! The parser against recorded output of the real framework, whole and cut; see `fixtures/make`.

#[test]
fn recorded_output_is_read_right_whole_and_cut() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), flaky_plugin_busted::parse);
}
