//! Which sources of an attempt are read, and what the whole says.

use flaky_plugin_junit::parse;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{Completeness, Exit, PackedAttempt};

fn suite(names: &[&str]) -> String {
    let cases: String =
        names.iter().map(|name| format!("<testcase classname=\"c\" name=\"{name}\"/>")).collect();
    format!("<testsuite name=\"s\">{cases}</testsuite>\n")
}

fn ids(parsed: &PackedAttempt) -> Vec<String> {
    parsed.tests.results().into_iter().map(|test| test.id).collect()
}

#[test]
fn reports_win_over_files_of_the_tree_and_those_over_printed_ones() {
    let all = Recorded::default()
        .stdout(suite(&["printed"]))
        .tree("target/surefire-reports/TEST-a.xml", suite(&["tree"]))
        .report("a.xml", suite(&["a"]))
        .report("b.xml", suite(&["b"]))
        .report("coverage.xml", "<coverage/>");
    assert_eq!(ids(&parse(&all.attempt())), ["c::a", "c::b"]);
    let tree = Recorded::default()
        .stdout(suite(&["printed"]))
        .tree("junit.xml", suite(&["tree"]))
        .report("coverage.xml", "<coverage/>");
    assert_eq!(ids(&parse(&tree.attempt())), ["c::tree"]);
    let printed = Recorded::default().stdout(format!("running\n{}", suite(&["printed"])));
    assert_eq!(ids(&parse(&printed.attempt())), ["c::printed"]);
}

#[test]
fn completeness_says_whether_tests_may_be_missing() {
    let killed = Exit { code: None, signal: Some(9), timed_out: false };
    let cases = [
        (Recorded::default().report("a.xml", suite(&["a"])), Completeness::Complete),
        (Recorded::default().report("a.xml", suite(&["a"])).exit(killed), Completeness::Truncated),
        (
            Recorded::default()
                .report("a.xml", suite(&["a"]))
                .report("b.xml", "<testsuite name='x'><testcase"),
            Completeness::Truncated,
        ),
        (
            Recorded::default()
                .cut_stdout(format!("{}\nrest of what was printed", suite(&["a"])), (80, 1000)),
            Completeness::Truncated,
        ),
        (Recorded::default().stdout("1 passed"), Completeness::NothingRecognised),
        (Recorded::default().report("a.xml", ""), Completeness::NothingRecognised),
    ];
    for (recorded, completeness) in cases {
        assert_eq!(parse(&recorded.attempt()).completeness, completeness, "{recorded:?}");
    }
}

#[test]
fn a_report_without_tests_is_named_and_a_broken_one_says_which_file() {
    let empty = parse(&Recorded::default().report("a.xml", "<testsuites/>").attempt());
    assert_eq!(
        (empty.completeness, empty.diagnostics[0].code.as_str()),
        (Completeness::Complete, "no-tests")
    );
    let broken = parse(
        &Recorded::default()
            .report("a.xml", "<testsuite name='s'><testcase name='x'><!bad></testcase>")
            .attempt(),
    );
    assert_eq!(broken.completeness, Completeness::Truncated);
    assert!(broken.diagnostics[0].message.starts_with("`a.xml`: "), "{:?}", broken.diagnostics);
    assert_eq!(broken.announced, ["s::x"]);
}
