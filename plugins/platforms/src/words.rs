//! What every reporter says alike.

use flaky_plugin_sdk::report::{
    Category, Change, Location, Report, Severity, Test, percent, plural, visible,
};
use flaky_plugin_sdk::surroundings::{Ci, Surroundings};

use crate::measure::Unit;

/// Why a run that was cut short or too short has no verdict, and still numbers worth showing.
const WITH_NUMBERS: [&str; 2] = ["too-few-attempts", "interrupted"];

/// What has to be known of numbers that came from where untrusted code ran.
pub const UNTRUSTED: &str =
    "The attempts were made by a job that runs the change's own code: the numbers are its word.";

/// Whether there is anything to tell but why there is nothing to tell.
#[must_use]
pub fn has_result(report: &Report) -> bool {
    match (&report.verdict, &report.cause) {
        (Category::Stable | Category::Flaky | Category::Broken, _) => true,
        (Category::Inconclusive, Some(cause)) => WITH_NUMBERS.contains(&cause.as_str()),
        (Category::Inconclusive, None) => report.total_runs > 0,
        (Category::Other(_), _) => false,
    }
}

/// Only words of our own: what a later report may say is not ours.
#[must_use]
pub fn verdict(verdict: &Category) -> &str {
    match verdict {
        Category::Other(_) => "unknown verdict",
        known => known.as_str(),
    }
}

/// Only words of our own.
#[must_use]
pub fn severity(severity: &Severity) -> &str {
    match severity {
        Severity::Other(_) => "unknown severity",
        known => known.as_str(),
    }
}

/// For programs: a word of the published set, and `inconclusive` for what a later report may say.
#[must_use]
pub fn closed_verdict(verdict: &Category) -> &str {
    match verdict {
        Category::Other(_) => Category::Inconclusive.as_str(),
        known => known.as_str(),
    }
}

/// For programs: a word of the published set, or nothing.
#[must_use]
pub fn closed_severity(severity: &Severity) -> Option<&str> {
    match severity {
        Severity::Other(_) => None,
        known => Some(known.as_str()),
    }
}

/// One sign for the whole run, as people know it from the tool's comments.
#[must_use]
pub fn sign(report: &Report) -> &'static str {
    match (&report.verdict, &report.severity) {
        _ if !has_result(report) => "⚪",
        (Category::Inconclusive | Category::Other(_), _) => "⚪",
        (_, Some(severity)) => severity_sign(severity),
        (Category::Stable, None) => "✅",
        (Category::Flaky | Category::Broken, None) => "🟡",
    }
}

/// A sign for a severity.
#[must_use]
pub const fn severity_sign(severity: &Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::High => "🟠",
        Severity::Medium => "🟡",
        Severity::Low => "🟢",
        Severity::None => "✅",
        Severity::Other(_) => "⚪",
    }
}

/// A colour for the run, as `0xRRGGBB`.
#[must_use]
pub fn colour(report: &Report) -> u32 {
    match sign(report) {
        "🔴" => 0xd1_24_2f,
        "🟠" => 0xe3_6a_0e,
        "🟡" => 0xd4_a7_2c,
        "🟢" => 0x57_ab_5a,
        "✅" => 0x1a_7f_37,
        _ => 0x8c_95_9f,
    }
}

/// Verdict, severity and numbers in one line, of nothing but words and numbers of ours.
#[must_use]
pub fn headline(report: &Report) -> String {
    let mut parts = vec![verdict(&report.verdict).to_owned()];
    parts.extend(report.severity.as_ref().map(|found| severity(found).to_owned()));
    if report.total_runs > 0 {
        let mut numbers = format!("{} of {} failed", report.failures, plural(report.total_runs, "attempt"));
        if report.failures > 0 {
            let rate = f64::from(report.failures) / f64::from(report.total_runs);
            numbers += &format!(" ({})", percent(rate));
        }
        parts.push(numbers);
    }
    if report.execution.interrupted {
        parts.push("interrupted".to_owned());
    }
    parts.join(" · ")
}

/// The headline, or that there is nothing to put into one; of several results of one CI run, which this is: `quote` writes
/// the suite's name, which is of letters, digits and dashes.
#[must_use]
pub fn title(report: &Report, surroundings: &Surroundings, quote: impl Fn(&str) -> String) -> String {
    let text = if has_result(report) { headline(report) } else { "detection failed".to_owned() };
    match suite(surroundings).map(quote) {
        Some(suite) => format!("{} {suite}: {text}", sign(report)),
        None => format!("{} {text}", sign(report)),
    }
}

/// Characters of a suite's name at most, as the host shortens it.
const MOST_SUITE: usize = 40;

/// The suite that is told of, among several.
#[must_use]
pub fn suite(surroundings: &Surroundings) -> Option<&str> {
    surroundings.suite.as_deref().filter(|suite| is_plain(suite))
}

/// What the host gives, and nothing that could act in a title of plain text.
fn is_plain(name: &str) -> bool {
    (1..=MOST_SUITE).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Why there is no verdict, what was found, and what to do, for a chat: as it was written, a sentence each.
#[must_use]
pub fn sentences(report: &Report) -> Vec<String> {
    let told =
        |text: &Option<String>, before: &str| text.as_ref().map(|text| (before.to_owned(), text.clone()));
    let parts = [
        told(&report.cause, "Cause: "),
        Some((String::new(), report.reason.clone())),
        told(&report.hint, "What to do: "),
    ];
    let parts = parts.into_iter().flatten().filter(|(_, text)| !text.trim().is_empty());
    parts.map(|(before, text)| before + &text).collect()
}

/// Lines of at most `most` units together, the first ones; whole lines, so that no markup in them is cut in two.
#[must_use]
pub fn lines_within(lines: &[String], most: usize, unit: Unit) -> String {
    let mut out = String::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let added = if out.is_empty() { line.clone() } else { format!("\n{line}") };
        if unit.length(&out) + unit.length(&added) > most {
            break;
        }
        out.push_str(&added);
    }
    out
}

/// What a stable result means for whoever wants to merge.
fn safe(report: &Report, of_all: bool) -> &'static str {
    let failed_in_ci = report.tests.iter().any(|test| test.failed_in_ci);
    let in_quarantine = report.tests.iter().any(fails_in_quarantine);
    match (failed_in_ci, in_quarantine, of_all) {
        (true, _, true) => "What failed in CI did not fail here: safe to merge, if it does not come back.",
        (true, _, false) => {
            "What failed in CI did not fail here: no reason against merging, if it does not come back."
        }
        (_, true, true) => "What failed is in quarantine: safe to merge, and still to be mended.",
        (_, true, false) => {
            "What failed is in quarantine: no reason against merging, and still to be mended."
        }
        (_, _, true) => "No failure was seen: safe to merge.",
        (_, _, false) => "No failure was seen in this suite.",
    }
}

/// The one thing to do, by verdict and severity. Of one suite among several nobody hears that merging is safe: another
/// may be broken.
#[must_use]
pub fn recommendation(report: &Report, surroundings: &Surroundings) -> &'static str {
    let of_all = surroundings.suite.is_none();
    match (&report.verdict, &report.severity) {
        _ if !has_result(report) => "Nothing was found out. See the cause, and run again.",
        (Category::Broken, _) if only(report, &Change::Introduced) => {
            "A real bug that this change brought: fix it before merging."
        }
        (Category::Broken, _) if only(report, &Change::WasThereBefore) => {
            "A real bug that was there before this change: fix it, but not here."
        }
        (Category::Broken, _) => "A real bug: fix it before merging.",
        (Category::Flaky, Some(Severity::Critical)) => {
            "It fails nearly every time: treat it as a bug, and fix it before merging."
        }
        (Category::Flaky, Some(Severity::High)) => {
            "Flaky, and it fails every second time or more: fix it before merging."
        }
        (Category::Flaky, Some(Severity::Medium)) => {
            "Flaky, not broken: running CI again may pass, but fix the test soon."
        }
        (Category::Flaky, Some(Severity::Low)) if of_all => {
            "Rarely flaky: merging is safe; fix the test when you can."
        }
        (Category::Flaky, Some(Severity::Low)) => {
            "Rarely flaky: no reason against merging; fix the test when you can."
        }
        (Category::Flaky, _) => "Flaky, not broken: look at the test before merging.",
        (Category::Stable, _) => safe(report, of_all),
        (Category::Inconclusive | Category::Other(_), _) => {
            "Not enough is known yet: run more attempts before you decide."
        }
    }
}

fn fails_in_quarantine(test: &Test) -> bool {
    test.quarantined.is_some() && matches!(test.verdict, Category::Broken | Category::Flaky)
}

/// Whether the broken tests are there, compared with a base, and all the work of one kind of change.
fn only(report: &Report, wanted: &Change) -> bool {
    let mut broken = report.tests.iter().filter(|test| test.verdict == Category::Broken && test.gates());
    let changes: Vec<Option<&Change>> =
        broken.by_ref().map(|test| test.base.as_ref().map(|base| &base.change)).collect();
    !changes.is_empty() && changes.iter().all(|change| *change == Some(wanted))
}

/// Whether somebody has to do something, and may be called for it.
#[must_use]
pub const fn is_trouble(report: &Report) -> bool {
    matches!(report.verdict, Category::Broken | Category::Flaky)
}

/// Tests that somebody has to do something about, worst first.
pub fn troubled(report: &Report) -> impl Iterator<Item = &Test> {
    report
        .tests
        .iter()
        .filter(|test| test.gates() && matches!(test.verdict, Category::Broken | Category::Flaky))
}

/// Where a test stands in the repository. Frameworks name files relative to the folder that they run in.
#[must_use]
pub fn repository_path(report: &Report, location: &Location) -> Option<String> {
    let inside = |path: &str| {
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty() && *part != ".").map(ToOwned::to_owned).collect();
        let outside = path.starts_with('/') || path.contains('\\') || path != visible(path);
        (!outside && !parts.iter().any(|part| part == "..")).then_some(parts)
    };
    let file = inside(location.file.trim())?;
    let folder = inside(report.subject.working_directory.trim()).unwrap_or_default();
    let path = if file.starts_with(&folder) { file } else { [folder, file].concat() };
    (!path.is_empty()).then(|| path.join("/"))
}

/// A commit as people name it: seven digits of what is hexadecimal, nothing of what is not.
#[must_use]
pub fn short_commit(commit: &str) -> Option<&str> {
    let is_id = commit.len() >= 7 && commit.len() <= 64 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    commit.get(..7).filter(|_| is_id)
}

/// What a forge calls a proposed change, and how it numbers this one.
#[must_use]
pub fn request(ci: &Ci, number: u64) -> (&'static str, String) {
    match ci.platform.as_str() {
        "gitlab" => ("Merge request", format!("!{number}")),
        _ => ("Pull request", format!("#{number}")),
    }
}

/// Commits that the surroundings say are the same one or not; unknown ones are no contradiction.
#[must_use]
pub fn is_older(spoken_for: Option<&str>, head: &str) -> bool {
    let (Some(spoken_for), false) = (spoken_for, head.is_empty()) else { return false };
    !spoken_for.is_empty() && !spoken_for.eq_ignore_ascii_case(head)
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::report::{BaseTest, Quarantine};

    use super::*;

    fn report(verdict: &str, severity: Option<&str>) -> Report {
        Report {
            verdict: Category::from(verdict.to_owned()),
            severity: severity.map(|word| Severity::from(word.to_owned())),
            total_runs: 20,
            ..Report::default()
        }
    }

    #[test]
    fn every_verdict_and_severity_has_one_recommendation() {
        let cases = [
            ("broken", Some("CRITICAL"), "A real bug: fix it before merging."),
            ("flaky", Some("CRITICAL"), "It fails nearly every time"),
            ("flaky", Some("HIGH"), "Flaky, and it fails every second time"),
            ("flaky", Some("MEDIUM"), "Flaky, not broken: running CI again may pass"),
            ("flaky", Some("LOW"), "Rarely flaky"),
            ("flaky", None, "Flaky, not broken: look"),
            ("stable", Some("NONE"), "No failure was seen"),
            ("inconclusive", None, "Not enough is known yet"),
            ("another", None, "Nothing was found out"),
        ];
        for (verdict, severity, expected) in cases {
            let found = recommendation(&report(verdict, severity), &Surroundings::default());
            assert!(found.starts_with(expected), "{verdict} {severity:?}: {found}");
            let of_suite = Surroundings { suite: Some("web".to_owned()), ..Surroundings::default() };
            let found = recommendation(&report(verdict, severity), &of_suite);
            assert!(
                found.starts_with(expected) && !found.contains("safe"),
                "{verdict} {severity:?}: {found}"
            );
        }
    }

    #[test]
    fn a_title_says_of_which_suite_it_speaks_and_repeats_no_text_that_could_act() {
        let titled = |suite: Option<&str>| {
            let surroundings =
                Surroundings { suite: suite.map(ToOwned::to_owned), ..Surroundings::default() };
            title(&report("stable", Some("NONE")), &surroundings, str::to_owned)
        };
        assert_eq!(titled(Some("web-2")), "✅ web-2: stable · NONE · 0 of 20 attempts failed");
        for suite in [
            None,
            Some(""),
            Some("<!channel>"),
            Some("a b"),
            Some("@everyone"),
            Some("é"),
            Some(&"a".repeat(41)),
        ] {
            assert_eq!(titled(suite), "✅ stable · NONE · 0 of 20 attempts failed", "{suite:?}");
        }
    }

    #[test]
    fn a_bug_that_was_there_before_is_not_laid_at_this_change() {
        let test = |change: Change| Test {
            verdict: Category::Broken,
            base: Some(BaseTest { change, ..BaseTest::default() }),
            ..Test::default()
        };
        let with =
            |tests| recommendation(&Report { tests, ..report("broken", None) }, &Surroundings::default());
        assert!(with(vec![test(Change::WasThereBefore)]).contains("before this change"));
        assert!(with(vec![test(Change::Introduced)]).contains("this change brought"));
        let mixed = vec![test(Change::WasThereBefore), test(Change::Introduced)];
        assert_eq!(with(mixed), "A real bug: fix it before merging.");
    }

    #[test]
    fn what_fails_in_quarantine_is_no_trouble_and_is_not_kept_quiet() {
        let test =
            Test { verdict: Category::Broken, quarantined: Some(Quarantine::default()), ..Test::default() };
        let report = Report { tests: vec![test], ..report("stable", Some("NONE")) };
        assert_eq!(troubled(&report).count(), 0);
        let said = recommendation(&report, &Surroundings::default());
        assert!(said.starts_with("What failed is in quarantine"), "{said}");
    }

    #[test]
    fn a_run_without_a_result_is_told_from_one_that_needs_more_attempts() {
        let cases = [
            ("inconclusive", Some("install-failed"), 0, false),
            ("inconclusive", Some("infrastructure"), 20, false),
            ("inconclusive", Some("too-few-attempts"), 10, true),
            ("inconclusive", Some("interrupted"), 0, true),
            ("inconclusive", None, 0, false),
            ("inconclusive", None, 3, true),
            ("flaky", None, 3, true),
            ("invented", None, 3, false),
        ];
        for (verdict, cause, total_runs, expected) in cases {
            let report = Report { cause: cause.map(ToOwned::to_owned), total_runs, ..report(verdict, None) };
            assert_eq!(has_result(&report), expected, "{verdict} {cause:?} {total_runs}");
        }
    }

    #[test]
    fn places_in_the_repository_do_not_lead_out_of_it() {
        let mut report = Report::default();
        let cases = [
            ("", "tests/a.py", Some("tests/a.py")),
            ("", "./tests//a.py", Some("tests/a.py")),
            ("packages/a", "tests/a.py", Some("packages/a/tests/a.py")),
            ("packages/a/", "packages/a/tests/a.py", Some("packages/a/tests/a.py")),
            ("../up", "tests/a.py", Some("tests/a.py")),
            ("", "../etc/passwd", None),
            ("", "/etc/passwd", None),
            ("", "C:\\x", None),
            ("", "a\nb", None),
            ("", "", None),
        ];
        for (folder, file, expected) in cases {
            report.subject.working_directory = folder.into();
            let location = Location { file: file.into(), line: None };
            assert_eq!(repository_path(&report, &location).as_deref(), expected, "{folder} {file}");
        }
    }

    #[test]
    fn lines_are_whole_or_left_out() {
        let lines = ["😀😀".to_owned(), String::new(), "bb".to_owned(), "c".to_owned()];
        for (most, expected) in [(3, ""), (4, "😀😀"), (6, "😀😀"), (7, "😀😀\nbb"), (9, "😀😀\nbb\nc")]
        {
            assert_eq!(lines_within(&lines, most, Unit::Utf16), expected, "{most}");
        }
    }

    #[test]
    fn only_ids_of_commits_are_shortened() {
        assert_eq!(short_commit("0123456789abcdef0123456789abcdef01234567"), Some("0123456"));
        for bad in ["", "012345", "zzzzzzzz", "0123456é", "@everyone"] {
            assert_eq!(short_commit(bad), None, "{bad}");
        }
        let gitlab = Ci { platform: "gitlab".into(), ..Ci::default() };
        assert_eq!(request(&gitlab, 7), ("Merge request", "!7".to_owned()));
        assert_eq!(request(&Ci::default(), 7), ("Pull request", "#7".to_owned()));
        assert!(is_older(Some("aaaaaaa"), "bbbbbbb"));
        assert!(!is_older(Some("AAAAAAA"), "aaaaaaa") && !is_older(None, "a") && !is_older(Some("a"), ""));
    }
}
