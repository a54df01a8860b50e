//! What the reporter delivers: for samples, beside what it should; within the limits; and of hostile text, as GitHub
//! would render it. GitHub itself is not asked: the renderer is a library that reads Markdown as GitHub does.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use flaky_plugin_github::deliveries;
use flaky_plugin_github::settings::{SCHEMA, Settings};
use flaky_plugin_platforms::limits::{
    GITHUB_ANNOTATION_MESSAGE_BYTES, GITHUB_ANNOTATION_TITLE, GITHUB_ANNOTATIONS_PER_JOB,
    GITHUB_ANNOTATIONS_PER_LEVEL, GITHUB_CHECK_SUMMARY, GITHUB_COMMENT_USED, GITHUB_SUMMARY_USED,
};
use flaky_plugin_platforms::testing::corpus::{self, FORGE};
use flaky_plugin_platforms::testing::deliveries::as_json;
use flaky_plugin_platforms::testing::rendered::Rendered;
use flaky_plugin_platforms::testing::samples;
use flaky_plugin_sdk::report::{Category, Location, Report, Test};
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{AnnotationLevel, Delivery};

const EVERYTHING: Settings =
    Settings { comment: true, summary: true, annotations: true, check_run: true, outputs: true };

fn comment(report: &Report, surroundings: &Surroundings) -> String {
    let found = deliveries(report, surroundings, &Settings::default());
    let comment = found.into_iter().find_map(|delivery| match delivery {
        Delivery::PullRequestComment(comment) => Some(comment),
        _ => None,
    });
    let comment = comment.expect("a comment");
    assert_eq!(comment.key, "flaky");
    comment.body
}

fn documents(found: &[Delivery]) -> Vec<&str> {
    found.iter().filter_map(document).collect()
}

fn document(delivery: &Delivery) -> Option<&str> {
    match delivery {
        Delivery::PullRequestComment(comment) => Some(&comment.body),
        Delivery::JobSummary(text) => Some(text),
        Delivery::CheckRun(check) => Some(&check.summary),
        _ => None,
    }
}

#[test]
fn samples_are_told_as_expected() {
    let surroundings = samples::surroundings();
    for (name, _, report) in samples::reports() {
        let found = deliveries(&report, &surroundings, &EVERYTHING);
        let kinds: Vec<&str> = documents(&found);
        assert_eq!(kinds.len(), 3, "{name}");
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.md"), kinds[0]);
        // The texts were looked at above.
        let short: Vec<Delivery> = found
            .into_iter()
            .filter(|d| !matches!(d, Delivery::PullRequestComment(_) | Delivery::JobSummary(_)))
            .collect();
        let mut rest = as_json(&short);
        rest[short.iter().position(|d| matches!(d, Delivery::CheckRun(_))).unwrap()]["summary"] = "…".into();
        let text = serde_json::to_string_pretty(&rest).unwrap() + "\n";
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.json"), &text);
    }
}

#[test]
fn nothing_of_others_acts_in_any_document() {
    let site = format!("{FORGE}/");
    for (name, text) in corpus::texts() {
        for report in [corpus::report(&text), corpus::failed_report(&text)] {
            let found = deliveries(&report, &corpus::surroundings(&text), &EVERYTHING);
            for document in documents(&found) {
                let rendered = Rendered::of(document, &site);
                assert!(rendered.problems.is_empty(), "{name}: {:#?}\n{document}", rendered.problems);
                assert_eq!(rendered.count("h2"), 1, "{name}");
                assert!(rendered.rows.iter().all(|&cells| cells == 4), "{name}: {:?}", rendered.rows);
            }
        }
        let report = corpus::report(&text);
        let rendered = Rendered::of(&comment(&report, &corpus::surroundings(&text)), &site);
        assert_eq!(rendered.rows.len(), 3, "{name}: a head and two tests");
    }
}

#[test]
fn test_names_are_shown_as_they_are() {
    for text in ["a | b", "<b>x</b>", "`x` ``y``", "@everyone", "a\\|b", "*x*", "[x](y)", "&lt;"] {
        let rendered = Rendered::of(&comment(&corpus::report(text), &corpus::surroundings(text)), FORGE);
        assert!(rendered.code.iter().any(|code| code == text), "{text}: {:?}", rendered.code);
    }
}

#[test]
fn every_document_fits_and_says_what_is_left_out() {
    for filler in ["😀", "\u{1b}", "<", "a"] {
        let mut report = corpus::report(&filler.repeat(5000));
        let test = report.tests[0].clone();
        report.tests = (0..200).map(|n| Test { id: format!("{n} {}", test.id), ..test.clone() }).collect();
        report.clusters = vec![report.clusters[0].clone(); 50];
        report.notes = vec![report.notes[0].clone(); 50];
        let mut surroundings = corpus::surroundings(&filler.repeat(500));
        surroundings.earlier = vec![surroundings.earlier[0].clone(); 50];
        let found = deliveries(&report, &surroundings, &EVERYTHING);
        let [comment, summary, check] = documents(&found)[..] else { panic!("three documents") };
        assert!(comment.chars().count() <= GITHUB_COMMENT_USED, "{filler:?}: {}", comment.chars().count());
        assert!(summary.len() <= GITHUB_SUMMARY_USED, "{filler:?}: {}", summary.len());
        assert!(check.chars().count() <= GITHUB_CHECK_SUMMARY, "{filler:?}: {}", check.chars().count());
        assert!(Rendered::of(comment, FORGE).problems.is_empty(), "{filler:?}");
        if filler == "\u{1b}" {
            assert!(comment.contains("For want of room, not all is here: "), "{comment}");
            assert!(comment.contains("earlier results") && comment.starts_with("## 🔴 broken · CRITICAL"));
        }
    }
}

#[test]
fn a_comment_that_is_shared_keeps_to_its_part_and_the_check_does_not() {
    let mut report = corpus::report(&"a".repeat(500));
    let test = report.tests[0].clone();
    report.tests = (0..100).map(|n| Test { id: format!("{n} {}", test.id), ..test.clone() }).collect();
    let whole = |room| {
        let surroundings = Surroundings { room, suite: Some("shop".into()), ..corpus::surroundings("a") };
        let found = deliveries(&report, &surroundings, &EVERYTHING);
        let [comment, _, check] = documents(&found)[..] else { panic!("three documents") };
        (comment.to_owned(), check.to_owned())
    };
    let (all, check) = whole(None);
    for room in [6000, 10_000, 20_000] {
        let (part, same) = whole(Some(room));
        let room = usize::try_from(room).unwrap();
        let size = part.chars().count();
        assert!(size <= room && size < all.chars().count(), "{size} of {room}");
        assert!(part.starts_with("## 🔴 `shop`: broken") && part.contains("For want of room"), "{part}");
        assert_eq!(same, check);
    }
    assert_eq!(whole(Some(u32::MAX)).0, all);
}

#[test]
fn a_run_without_a_result_says_so_and_nothing_else() {
    let body = comment(&samples::report("install-failed"), &samples::surroundings());
    assert!(body.starts_with("## ⚪ detection failed\n"));
    assert!(body.contains("**Cause:** `install-failed`") && body.contains("**What to do:** "));
    for absent in ["<table>", "<details>", "NaN", "0 of", "since the last green run", "Repeat"] {
        assert!(!body.contains(absent), "{absent}: {body}");
    }
}

#[test]
fn a_result_of_an_older_commit_says_so() {
    let mut surroundings = samples::surroundings();
    let report = samples::report("flaky");
    assert!(!comment(&report, &surroundings).contains("older commit"));
    let pull = surroundings.ci.as_mut().unwrap().pull_request.as_mut().unwrap();
    pull.head = "ffffffffffffffffffffffffffffffffffffffff".into();
    let body = comment(&report, &surroundings);
    assert!(body.contains("it speaks for `3f1c0a9`, and the head is `fffffff` by now"), "{body}");
}

#[test]
fn claims_are_called_claims() {
    let surroundings = Surroundings { untrusted: true, ..samples::surroundings() };
    let report = samples::report("stable");
    assert!(comment(&report, &surroundings).contains("the numbers are its word"));
    assert!(!comment(&report, &samples::surroundings()).contains("the numbers are its word"));
}

#[test]
fn without_a_pull_request_there_is_only_the_summary() {
    let mut surroundings = samples::surroundings();
    surroundings.ci.as_mut().unwrap().pull_request = None;
    let found = deliveries(&samples::report("flaky"), &surroundings, &Settings::default());
    assert!(!found.iter().any(|delivery| matches!(delivery, Delivery::PullRequestComment(_))));
    assert!(found.iter().any(|delivery| matches!(delivery, Delivery::JobSummary(_))));
}

fn annotations(report: &Report) -> Vec<flaky_plugin_sdk::Annotation> {
    let settings = Settings { comment: false, summary: false, outputs: false, ..Settings::default() };
    match deliveries(report, &Surroundings::default(), &settings).pop() {
        Some(Delivery::Annotations(list)) => list,
        None => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn annotations_stay_within_what_is_shown() {
    let test = |verdict: Category, id: String| Test {
        verdict,
        location: Some(Location { file: "tests/a.py".into(), line: Some(3) }),
        id,
        ..Test::default()
    };
    for count in
        [GITHUB_ANNOTATIONS_PER_LEVEL - 1, GITHUB_ANNOTATIONS_PER_LEVEL, GITHUB_ANNOTATIONS_PER_LEVEL + 1]
    {
        let tests = |verdict: Category| (0..count).map(move |n| test(verdict.clone(), format!("😀 {n}")));
        let report = Report {
            verdict: Category::Broken,
            tests: tests(Category::Broken).chain(tests(Category::Flaky)).collect(),
            ..Report::default()
        };
        let found = annotations(&report);
        let of = |level| found.iter().filter(|annotation| annotation.level == level).count();
        let expected = count.min(GITHUB_ANNOTATIONS_PER_LEVEL);
        assert_eq!((of(AnnotationLevel::Failure), of(AnnotationLevel::Warning)), (expected, expected));
        assert!(found.len() <= GITHUB_ANNOTATIONS_PER_JOB);
    }
    let title = |length: usize| {
        let id = "😀".repeat(length - "broken: ".len());
        let report = Report {
            verdict: Category::Broken,
            tests: vec![test(Category::Broken, id)],
            ..Report::default()
        };
        annotations(&report).remove(0).title
    };
    for length in [GITHUB_ANNOTATION_TITLE - 1, GITHUB_ANNOTATION_TITLE] {
        assert_eq!(title(length).chars().count(), length);
        assert!(!title(length).ends_with('…'));
    }
    assert_eq!(title(GITHUB_ANNOTATION_TITLE + 1).chars().count(), GITHUB_ANNOTATION_TITLE);
    assert!(title(GITHUB_ANNOTATION_TITLE + 1).ends_with('…'));
}

#[test]
fn annotations_of_hostile_tests_are_one_line_of_visible_text() {
    for (name, text) in corpus::texts() {
        let mut report = corpus::report(&text);
        for test in &mut report.tests {
            test.location = Some(Location { file: "tests/a.py".into(), line: Some(3) });
        }
        let found = annotations(&report);
        assert_eq!(found.len(), 2, "{name}: the ignored test is not annotated");
        for annotation in found {
            let all = format!("{}{}", annotation.title, annotation.message);
            assert!(!all.chars().any(char::is_control), "{name}: {all}");
            assert!(!all.contains(['\u{202e}', '\u{200b}', '\u{2028}']), "{name}: {all}");
            assert!(annotation.message.len() <= GITHUB_ANNOTATION_MESSAGE_BYTES, "{name}");
        }
        // A place that is not in the repository is none.
        for annotation in annotations(&corpus::report(&text)) {
            assert!(!annotation.file.starts_with('/') && !annotation.file.contains(".."), "{name}");
            assert!(!annotation.file.chars().any(char::is_control), "{name}");
        }
    }
}

#[test]
fn the_schema_of_the_settings_fits_their_type() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let defaults: serde_json::Map<String, serde_json::Value> = schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, property)| (name.clone(), property["default"].clone()))
        .collect();
    assert_eq!(defaults.len(), 5);
    let read: Settings = serde_json::from_value(defaults.into()).unwrap();
    assert_eq!(read, Settings::default());
}
