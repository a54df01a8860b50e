use std::time::Instant;

use flaky_plugin_sdk::Outcome;
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::name::Parts;
use super::{MOST_BYTES_IN_FULL, Settings, render};

fn written(report: &Value, settings: Settings) -> String {
    render(&Report::from_json(report.to_string().as_bytes()).unwrap(), settings)
}

/// The element of the test whose name ends so.
fn case<'x>(xml: &'x str, name: &str) -> &'x str {
    let at = xml.find(&format!("{name}\"")).unwrap_or_else(|| panic!("no test `{name}` in {xml}"));
    let start = xml[..at].rfind("<testcase").unwrap();
    let end = xml[at..].find("</testcase>").unwrap();
    &xml[start..at + end]
}

/// Id and outcome of every test, as our own parser reads them.
fn read_back(xml: &str) -> Vec<(String, Outcome, Vec<Outcome>)> {
    let recorded = Recorded::default().report("junit.xml", xml);
    let parsed = crate::parse(&recorded.attempt());
    assert_eq!(parsed.completeness, flaky_plugin_sdk::Completeness::Complete, "{:?}", parsed.diagnostics);
    let tests = parsed.tests;
    let ids = String::from_utf8(tests.ids).unwrap();
    let mut start = 0;
    let outcomes = [Outcome::Passed, Outcome::Failed, Outcome::Errored, Outcome::Skipped];
    tests
        .id_ends
        .iter()
        .enumerate()
        .map(|(at, &end)| {
            let id = ids[start..end as usize].to_owned();
            start = end as usize;
            let tries = tests.tries.iter().find(|(of, _)| *of as usize == at);
            let tries = tries.map(|(_, tries)| tries.clone()).unwrap_or_default();
            (id, outcomes[usize::from(tests.outcomes[at])], tries)
        })
        .collect()
}

#[test]
fn verdicts_have_the_elements_that_readers_colour_by() {
    let xml = written(&reports::verdicts(), Settings::default());
    let count = |name: &str, element: &str| case(&xml, name).matches(&format!("<{element}")).count();
    for (name, expected) in [
        ("test_total[a::b]", [1, 1, 0, 0]),
        ("test_order", [0, 0, 2, 0]),
        ("adds up", [0, 0, 0, 1]),
        ("ignored", [0, 0, 0, 1]),
        ("test_stable", [0, 0, 0, 0]),
        ("fifty metres", [0, 0, 0, 0]),
    ] {
        let found = ["failure", "rerunFailure", "flakyFailure", "skipped"].map(|e| count(name, e));
        assert_eq!(found, expected, "{name}: {}", case(&xml, name));
    }
    assert!(
        xml.contains(r#"<testsuites name="flaky" tests="6" failures="1" errors="0" skipped="2""#),
        "{xml}"
    );
}

#[test]
fn a_test_in_quarantine_fails_no_build() {
    let mut report = reports::verdicts();
    for test in report["tests"].as_array_mut().unwrap() {
        test["quarantined"] = serde_json::json!({"since": "2026-11-02", "expires": "2026-12-02"});
    }
    let xml = written(&report, Settings { flaky_is_failure: true });
    assert!(xml.contains(r#"tests="6" failures="0" errors="0" skipped="3""#), "{xml}");
    assert!(case(&xml, "test_order").contains("<flakyFailure"), "what was seen is told: {xml}");
}

#[test]
fn a_flaky_test_is_a_failed_one_where_the_settings_say_so() {
    let xml = written(&reports::verdicts(), Settings { flaky_is_failure: true });
    let case = case(&xml, "test_order");
    assert!(case.contains("<failure") && case.contains("<rerunFailure") && !case.contains("<flakyFailure"));
    assert!(xml.contains(r#"failures="2""#));
}

#[test]
fn a_test_is_told_with_its_numbers_its_place_and_a_way_to_repeat_it() {
    let xml = written(&reports::verdicts(), Settings::default());
    let case = case(&xml, "test_order");
    for part in [
        r#"classname="tests/test_shop.py" name="test_order" file="tests/test_shop.py" line="58" time="0.125000""#,
        r#"<property name="flaky.verdict" value="flaky"/>"#,
        r#"<property name="flaky.severity" value="MEDIUM"/>"#,
        r#"<property name="flaky.attempts" value="100"/>"#,
        r#"<property name="flaky.rate" value="0.33"/>"#,
        r#"<property name="flaky.interval.level" value="0.95"/>"#,
        r#"<property name="flaky.change" value="introduced"/>"#,
        r#"value="3 6 9 12 15 18 21 24 27 30 33 36 39 42 45 48 51 54 57 60 and 13 more""#,
        "failed 4 of 5 times when repeated by: flaky reproduce r-20261129-1 --seed 3",
        "17 of 33 failures; seeds 3 9 15",
    ] {
        assert!(case.contains(part), "`{part}` is missing in {case}");
    }
}

#[test]
fn our_own_parser_reads_the_same_tests_with_the_colours_of_their_verdicts() {
    let xml = written(&reports::verdicts(), Settings::default());
    let mut read = read_back(&xml);
    read.sort_by(|a, b| a.0.cmp(&b.0));
    let failed = Outcome::Failed;
    let expected = [
        ("com.acme.CartTest::ignored", Outcome::Skipped, vec![]),
        ("is reached within fifty metres", Outcome::Passed, vec![]),
        ("tests/cart.test.ts > a cart > adds up", Outcome::Skipped, vec![]),
        ("tests/test_shop.py::TestCart::test_total[a::b]", failed, vec![failed, failed]),
        ("tests/test_shop.py::test_order", Outcome::Passed, vec![failed, failed, Outcome::Passed]),
        ("tests/test_shop.py::test_stable", Outcome::Passed, vec![]),
    ];
    assert_eq!(read, expected.map(|(id, outcome, tries)| (id.to_owned(), outcome, tries)));
}

#[test]
fn at_most_ten_ways_of_failing_are_written() {
    let messages: Vec<(String, String)> = (0..14).map(|at| ("E".into(), format!("way {at}"))).collect();
    let messages: Vec<(&str, &str)> = messages.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let seeds: Vec<u64> = (1..=40).collect();
    let test = reports::test("a::b", "flaky", 80, &seeds, &messages);
    let xml = written(&reports::report(80, vec![test]), Settings::default());
    assert_eq!(xml.matches("<flakyFailure").count(), 10);
}

#[test]
fn ids_are_split_where_readers_join_them_again() {
    for (id, class, name) in [
        ("tests/a.py::C::test_x[p::q]", "tests/a.py::C", "test_x[p::q]"),
        ("com.acme.CartTest::addsUp(int)", "com.acme.CartTest", "addsUp(int)"),
        ("tests/a.ts > suite > name", "tests/a.ts > suite", "tests/a.ts > suite > name"),
        ("plain", "plain", "plain"),
        ("::x", "::x", "::x"),
        ("x::", "x::", "x::"),
        ("a b::b", "a b::b", "a b::b"),
        ("a::ab", "a::ab", "a::ab"),
        ("[x] > y", "[x] > y", "[x] > y"),
        ("", "(no name)", "(no name)"),
    ] {
        assert_eq!(Parts::of(id), Parts { class, name }, "{id}");
    }
}

/// Whether a strict reader comes to the end: names of end tags fit, attributes are quoted and there once, and
/// references are known.
fn is_well_formed(xml: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut depth = 0_i32;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth += 1;
                if element.attributes().any(|a| a.is_err()) {
                    return false;
                }
            }
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::GeneralRef(name)) if crate::text::reference(name.as_ref()).is_none() => {
                return false;
            }
            Ok(Event::Eof) => return depth == 0,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let xml = written(&reports::hostile(), Settings::default());
    assert!(is_well_formed(&xml));
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{fffe}' || c == '\u{ffff}';
    assert_eq!(xml.chars().find(|&c| bad(c)), None);
    for never in ["<script", "]]>", "<!DOCTYPE", "<img", "\u{1b}"] {
        assert!(!xml.contains(never), "{never}");
    }
    assert!(xml.len() < 2 << 20, "a message of a megabyte is cut: {} bytes", xml.len());
    assert_eq!(read_back(&xml).len(), reports::hostile()["tests"].as_array().unwrap().len());
}

#[test]
fn messages_are_cut_at_their_limit_and_not_inside_a_character() {
    use super::case::{MOST_MESSAGE, cut};
    for length in [MOST_MESSAGE - 1, MOST_MESSAGE] {
        assert_eq!(cut(&"x".repeat(length), MOST_MESSAGE).len(), length);
    }
    let long = cut(&"😀".repeat(MOST_MESSAGE), MOST_MESSAGE);
    assert!(long.len() <= MOST_MESSAGE && long.len() > MOST_MESSAGE - 4 && long.ends_with("😀… (cut)"));
}

#[test]
fn five_thousand_tests_are_written_at_once() {
    let report = Report::from_json(reports::large(5000, 100).to_string().as_bytes()).unwrap();
    let start = Instant::now();
    let xml = render(&report, Settings::default());
    // A tenth of a second with optimisation; without it, and beside other tests, there must be room.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert_eq!(xml.matches("<testcase").count(), 5000);
}

#[test]
fn what_does_not_fit_is_told_briefly_and_the_result_stays_one_that_a_host_takes() {
    let long = "x".repeat(20_000);
    let messages: Vec<(&str, &str)> = (0..10).map(|_| ("E", long.as_str())).collect();
    let seeds: Vec<u64> = (1..=20).collect();
    let one = reports::test("a::b", "broken", 20, &seeds, &messages);
    let report = reports::report(20, (0..300).map(|_| one.clone()).collect());
    let xml = written(&report, Settings::default());
    assert!(xml.len() > MOST_BYTES_IN_FULL && xml.len() < 2 * MOST_BYTES_IN_FULL, "{}", xml.len());
    assert_eq!(xml.matches("<failure").count(), 300);
    assert!(is_well_formed(&xml));
}

#[test]
fn a_run_without_tests_is_one_skipped_test_with_the_reason() {
    let mut report = reports::report(0, Vec::new());
    let fields = report.as_object_mut().unwrap();
    fields.insert("verdict".into(), json!("inconclusive"));
    fields.insert("cause".into(), json!("install-failed"));
    fields.insert("reason".into(), json!("pip ended with 1"));
    let xml = written(&report, Settings::default());
    assert!(xml.contains(r#"<skipped message="install-failed: pip ended with 1"/>"#), "{xml}");
    assert!(xml.contains(r#"tests="1" failures="0" errors="0" skipped="1""#), "{xml}");
}

proptest::proptest! {
    #[test]
    fn any_text_gives_well_formed_xml_and_one_test(id in ".{1,40}", message in "(?s).{0,60}") {
        let made = reports::test(&id, "broken", 20, &[1, 2], &[(&message, &message)]);
        let xml = written(&reports::report(20, vec![made]), Settings::default());
        proptest::prop_assert!(is_well_formed(&xml), "{}", xml);
        proptest::prop_assert_eq!(xml.matches("<testcase").count(), 1);
    }
}
