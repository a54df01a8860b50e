//! What real versions of unittest and of Django's runner print and report (`fixtures/recorded`, made by `fixtures/make`).

use flaky_plugin_sdk::PackedParser as _;
use flaky_plugin_unittest::Unittest;

#[test]
fn every_version_tells_what_its_tests_did() {
    flaky_plugin_testing::check_fixtures(env!("CARGO_MANIFEST_DIR"), |attempt| {
        Unittest.parse(attempt).unwrap_or_default()
    });
}

#[test]
fn output_of_other_frameworks_is_refused() {
    for other in ["pytest", "robot"] {
        let folder = format!("{}/../{other}", env!("CARGO_MANIFEST_DIR"));
        flaky_plugin_testing::check_refusals(&folder, |attempt| Unittest.parse(attempt).unwrap_or_default());
    }
}

#[test]
fn long_lines_and_stray_bytes_neither_stop_nor_slow_the_reader() {
    let mut stderr = b"test_a (m.C.test_a) ... ".to_vec();
    // A megabyte of what looks like one description behind the other, of spaces, and of bytes that are no text.
    for part in [&b"test_x (m.C.test_x) ... "[..], b" ", b"\xff\xfe", b"skipped '"] {
        stderr.extend(part.iter().copied().cycle().take(1 << 20));
        stderr.push(b'\n');
    }
    stderr.extend_from_slice(b"ok\ntest_b (m.C.test_b) ... ok\n");
    let recorded = flaky_plugin_sdk::native::Recorded::default().stderr(stderr);
    let parsed = Unittest.parse(&recorded.attempt()).unwrap_or_default();
    let last = parsed.tests.results().pop().map(|test| (test.id, test.outcome));
    assert_eq!(last, Some(("m.C.test_b".to_owned(), flaky_plugin_sdk::Outcome::Passed)));
}
