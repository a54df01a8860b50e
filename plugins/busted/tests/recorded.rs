//! The parser against recorded output of the real framework, whole and cut; see `fixtures/make`.

use flaky_plugin_busted::parse;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn recorded_output_is_read_right_whole_and_cut() {
    flaky_plugin_testing::check_fixtures(CRATE, parse);
}

#[test]
fn output_of_other_frameworks_is_refused() {
    for other in ["rspec", "minitest", "phpunit", "teamcity", "exunit"] {
        flaky_plugin_testing::check_refusals(&format!("{CRATE}/../{other}"), parse);
    }
}

#[test]
fn a_line_of_a_megabyte_and_a_broken_character_change_nothing() {
    let mut changed = 0;
    for fixture in flaky_plugin_testing::Fixture::all(CRATE) {
        let stdout = fixture.sources.iter().find(|(name, _)| name == "stdout").map(|(_, bytes)| bytes);
        let Some(text) = stdout.and_then(|bytes| std::str::from_utf8(bytes).ok()) else { continue };
        // The sample prints so many; see its source.
        let Some((before, after)) = text.split_once(&"x".repeat(100)) else { continue };
        let mut long = [before.as_bytes(), &b"x".repeat(1024 * 1024), b"\xff\xfe"].concat();
        long.extend_from_slice(after.as_bytes());
        let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(long).exit_code(1);
        let short = flaky_plugin_sdk::native::Recorded::default().stdout(text).exit_code(1);
        assert_eq!(parse(&recorded.attempt()), parse(&short.attempt()), "{}", fixture.name);
        changed += 1;
    }
    assert!(changed > 0, "no recorded output has the long line");
}

#[test]
fn totals_that_a_test_printed_in_a_run_with_tap_are_not_busteds() {
    let totals = "2 successes / 0 failures / 0 errors / 0 pending : 0.01 seconds\n";
    let own = format!("\u{25cf}\u{25cf}\n{totals}");
    let tap = format!("ok 1 - cart adds\n{totals}ok 2 - cart prints\n1..2\n");
    for (text, is_ours) in [(own, true), (tap, false)] {
        let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(text.clone()).exit_code(0);
        assert_eq!(parse(&recorded.attempt()).format == "busted-text", is_ours, "{text}");
    }
}
