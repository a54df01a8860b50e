use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;
use serde_json::Value;

use super::{MOST_BYTES, SCRIPT, render};

fn page(report: &Value) -> String {
    render(&Report::from_json(report.to_string().as_bytes()).unwrap()).unwrap()
}

/// The data of an element, as a script would read it.
fn data(page: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let from = page.find(&start).unwrap() + start.len();
    let end = page[from..].find("</script>").unwrap();
    serde_json::from_str(&page[from..from + end]).unwrap()
}

#[test]
fn the_page_says_verdict_reason_and_what_to_do_without_a_script() {
    let page = page(&reports::verdicts());
    let body = &page[page.find("<body>").unwrap()..page.find("<script type").unwrap()];
    for part in [
        "<span class=\"word\">broken</span> <span class=\"severity\">CRITICAL</span>",
        "100 of 100 attempts failed (100 %)",
        "<strong>What to do:</strong> look at the first test",
        "flaky reproduce r-20261129-1 --seed 3",
        "<dt>flaky</dt><dd>1</dd>",
        "<dt>by the change</dt><dd>1</dd>",
        "pytest tests/",
    ] {
        assert!(body.contains(part), "`{part}` is missing in {body}");
    }
}

#[test]
fn the_policy_names_the_one_script_and_the_one_style_and_nothing_else() {
    let page = page(&reports::verdicts());
    let policy =
        page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for never in [" style=\"", " onclick", "http-equiv=\"refresh", "src=", "@import", "url("] {
        assert!(!page.contains(never), "{never}");
    }
    assert_eq!(page.matches("<script").count(), 3);
}

#[test]
fn the_script_makes_no_html_of_data() {
    for never in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser"]
    {
        assert!(!SCRIPT.contains(never), "{never}");
    }
}

#[test]
fn every_test_is_a_row_with_its_strip_and_opens_to_its_ways_of_failing() {
    let page = page(&reports::verdicts());
    let rows = data(&page, "rows");
    assert_eq!(rows["tests"].as_array().unwrap().len(), 6);
    assert_eq!(rows["first"], "1");
    assert_eq!(rows["tests"][1]["strip"].as_str().unwrap().get(..14), Some("2.a2.b2.a2.b2."));
    assert_eq!(rows["tests"][1]["change"], "introduced");
    let details = data(&page, "details");
    assert_eq!(details[1]["ways"][1]["message"], "no answer after 2 s");
    assert_eq!(details[1]["commands"][0][0], "Failed 4 of 5 times when repeated by");
    assert_eq!(details[1]["place"], "tests/test_shop.py:58");
}

#[test]
fn hostile_text_ends_no_element_and_begins_none() {
    let page = page(&reports::hostile());
    assert_eq!(page.matches("<script").count(), 3);
    assert_eq!(page.matches("</script").count(), 3);
    for never in [
        "<img",
        "<iframe",
        "<math",
        "<base",
        "<form",
        "<link",
        "<a href=\"javascript",
        "<!--",
        "\u{202e}",
        "\u{1b}",
        "\0",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    let rows = data(&page, "rows");
    assert_eq!(rows["tests"].as_array().unwrap().len(), 41);
    assert!(page.len() < 2 << 20, "{}", page.len());
}

#[test]
fn a_large_report_stays_below_the_limit_and_keeps_every_row() {
    let page = page(&reports::large(5000, 60));
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    let rows = data(&page, "rows");
    assert_eq!((rows["tests"].as_array().unwrap().len(), &rows["left_out"]), (5000, &Value::from(0)));
}

#[test]
fn what_does_not_fit_is_left_out_from_the_end_and_told() {
    let long = "x".repeat(4000);
    let seeds: Vec<u64> = (1..=20).collect();
    let messages = [("E", long.as_str()), ("F", long.as_str()), ("G", long.as_str())];
    let tests = (0..1500).map(|at| reports::test(&format!("{at}{long}"), "broken", 20, &seeds, &messages));
    let page = page(&reports::report(20, tests.collect()));
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    let (rows, details) = (data(&page, "rows"), data(&page, "details"));
    assert_eq!(rows["tests"].as_array().unwrap().len(), 1500);
    let told = details.as_array().unwrap().iter().filter(|detail| !detail.is_null()).count();
    assert!(told > 50 && told < 1500 && !details[0].is_null(), "{told}");
    let many = (0..4000).map(|at| reports::test(&format!("{at}{long}"), "stable", 20, &[], &[]));
    let page = self::page(&reports::report(20, many.collect()));
    let rows = data(&page, "rows");
    let shown = rows["tests"].as_array().unwrap().len();
    assert!(page.len() <= MOST_BYTES && rows["left_out"] == 4000 - shown, "{} {shown}", page.len());
}

#[test]
fn a_run_without_tests_says_why() {
    let mut report = reports::report(0, Vec::new());
    report["verdict"] = "inconclusive".into();
    report["cause"] = "install-failed".into();
    report["reason"] = "pip ended with 1".into();
    let page = page(&report);
    assert!(
        page.contains("Cause: <code>install-failed</code>") && page.contains("No attempt told of a test.")
    );
    assert!(page.contains("no attempt counted"));
}

#[test]
fn every_sample_report_gives_a_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/tests/reports");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let page = render(&Report::from_json(&bytes).unwrap()).unwrap();
        assert!(page.ends_with("</html>\n"));
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

proptest::proptest! {
    // A page is some 70 kB, hashed without optimisation.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_is_data_and_nothing_else(id in ".{0,30}", message in "(?s).{0,80}") {
        let made = reports::test(&id, &message, 20, &[1, 2], &[(&message, &message), (&id, &message)]);
        let page = page(&reports::report(20, vec![made]));
        proptest::prop_assert_eq!(page.matches("<script").count(), 3);
        let rows = data(&page, "rows");
        proptest::prop_assert!(rows["tests"][0]["verdict"] == "unknown");
        proptest::prop_assert!(data(&page, "details")[0]["ways"][1].is_object());
    }
}
