//! Output of real runs of Go, read whole and cut.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use flaky_plugin_go::Go;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Attempt, Completeness, Outcome, PackedAttempt, PackedParser, TestResult};
use flaky_plugin_testing::{CUTS, Fixture, check_refusals, compare, cuts};

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    Go.parse(attempt).unwrap()
}

#[test]
fn recorded_output_is_read_as_the_sample_says() {
    let fixtures = Fixture::all(env!("CARGO_MANIFEST_DIR"));
    assert!(!fixtures.is_empty());
    let problems: Vec<String> = fixtures
        .iter()
        .flat_map(|fixture| {
            let score = compare(&fixture.expected, &parse(&fixture.recorded.attempt()));
            score.problems.into_iter().map(|problem| format!("{}: {problem}", fixture.name))
        })
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn events_that_are_cut_invent_nothing_and_lose_nothing() {
    for fixture in Fixture::all(env!("CARGO_MANIFEST_DIR")) {
        if fixture.expected.format == "go-test-json" {
            let whole = parse(&fixture.recorded.attempt());
            assert_eq!(cuts(&fixture, &whole, parse), Vec::<String>::new(), "{}", fixture.name);
        }
    }
}

/// Text names a package only behind its tests: where it is cut, those of the last package have no package.
#[test]
fn text_that_is_cut_invents_nothing_and_loses_nothing_but_the_last_package() {
    for fixture in Fixture::all(env!("CARGO_MANIFEST_DIR")) {
        if fixture.expected.format != "go-test-text" {
            continue;
        }
        let whole = parse(&fixture.recorded.attempt()).tests.results();
        let bytes = fixture.sources.iter().find(|(name, _)| name == "stdout").map_or(0, |(_, b)| b.len());
        let mut most = 0;
        for part in 1..CUTS {
            let parsed = parse(&fixture.cut("stdout", bytes * part / CUTS).attempt()).tests.results();
            assert!(parsed.len() >= most, "{}, part {part}", fixture.name);
            most = parsed.len();
            for test in &parsed {
                assert!(whole.iter().any(|known| is_same(known, test)), "{}: {test:?}", fixture.name);
            }
        }
    }
}

fn is_same(known: &TestResult, cut: &TestResult) -> bool {
    let name = |test: &TestResult| test.name.clone().unwrap_or_else(|| test.id.clone());
    let outcome = known.outcome == cut.outcome || cut.outcome == Outcome::Unknown;
    outcome && (known.id == cut.id || name(known) == cut.id)
}

#[test]
fn what_others_print_is_refused() {
    for others in ["cargo-test", "nextest", "tap", "bats"] {
        let folder = format!("{}/../{others}", env!("CARGO_MANIFEST_DIR"));
        check_refusals(&folder, |attempt| Go.parse(attempt).unwrap());
    }
}

fn read(stdout: &str) -> (Vec<(String, Outcome)>, Completeness) {
    let parsed = parse(&Recorded::default().stdout(stdout).attempt());
    let tests = parsed.tests.results().into_iter().map(|test| (test.id, test.outcome)).collect();
    (tests, parsed.completeness)
}

/// `./shop.test -test.v=test2json | go tool test2json`, which is not told of the package.
#[test]
fn events_of_a_binary_that_ran_alone_are_read() {
    let events = r#"{"Action":"start"}
{"Action":"run","Test":"TestAdds"}
{"Action":"output","Test":"TestAdds","Output":"=== RUN   TestAdds\n"}
{"Action":"output","Test":"TestAdds","Output":"    shop_test.go:7: 3 is not 4\n"}
{"Action":"output","Test":"TestAdds","Output":"--- FAIL: TestAdds (0.00s)\n"}
{"Action":"fail","Test":"TestAdds"}
{"Action":"output","Output":"FAIL\n"}
{"Action":"fail"}
"#;
    assert_eq!(read(events), (vec![("TestAdds".to_owned(), Outcome::Failed)], Completeness::Complete));
}

/// Without `-v`, a test of a package that fails prints what Go prints of one that does not.
#[test]
fn a_package_with_a_failed_test_is_not_ok_whatever_is_printed() {
    let text = "--- FAIL: TestAdds (0.00s)\n    shop_test.go:7: 3 is not 4\n=== RUN   TestFake\n--- PASS: TestFake (0.00s)\n\
        ok  \texample.com/fake\t0.1s\n--- FAIL: TestTakes (0.00s)\nFAIL\nFAIL\texample.com/shop\t0.010s\nFAIL\n";
    let failed = |name: &str| (format!("example.com/shop::{name}"), Outcome::Failed);
    assert_eq!(read(text), (vec![failed("TestAdds"), failed("TestTakes")], Completeness::Truncated));
}

/// `t.Attr` of Go 1.25 and `-artifacts` of Go 1.26.
#[test]
fn attributes_are_no_part_of_what_a_test_says() {
    let text = "=== RUN   TestAdds\n=== ATTR  TestAdds issue 17\nbroken\n--- FAIL: TestAdds (0.00s)\nFAIL\nFAIL\texample.com/shop\t0.010s\n";
    let parsed = parse(&Recorded::default().stdout(text).attempt());
    let failures = parsed.tests.results().into_iter().filter_map(|test| test.failure);
    assert_eq!(failures.map(|failure| failure.message).collect::<Vec<_>>(), ["broken"]);
}
