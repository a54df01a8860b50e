//! The parser against recorded output of the real framework, whole and cut; see `fixtures/make`.

use flaky_plugin_exunit::parse;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn recorded_output_is_read_right_whole_and_cut() {
    flaky_plugin_testing::check_fixtures(CRATE, parse);
}

#[test]
fn output_of_other_frameworks_is_refused() {
    for other in ["rspec", "minitest", "phpunit", "teamcity", "busted"] {
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

/// What one block says of a whole module is not kept thousands of times.
#[test]
fn a_block_of_a_module_is_told_whole_by_its_first_test_alone() {
    let mut text = "\nATest [test/a_test.exs]\n".to_owned();
    for i in 0..1000 {
        text += &format!("  * test {i} [L#5]\r  * test {i} (0.00ms) [L#5]\n");
    }
    for _ in 0..1000 {
        text += "\n  0) ATest: failure on setup_all callback, all tests have been invalidated\n     \
                 ** (RuntimeError) nothing works\n     stacktrace:\n       test/a_test.exs:3: ATest.__ex_unit__/2\n\n";
    }
    let recorded = flaky_plugin_sdk::native::Recorded::default().stdout(text).exit_code(2);
    let parsed = parse(&recorded.attempt());
    assert_eq!(parsed.tests.failures.len(), 1000);
    let [(_, first), (_, second), ..] = parsed.tests.failures.as_slice() else { panic!("two failures") };
    assert_eq!((first.message.as_str(), second.message.as_str()), ("nothing works", "nothing works"));
    assert_eq!((first.trace.is_empty(), second.trace.is_empty()), (false, true));
}
