//! Failure groups, folded away, and what else is worth knowing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flaky_plugin_sdk::report::{FailureGroup, Report, Seeds, Test, plural, seconds};

use flaky_plugin_platforms::markdown::{block, code_span, html_code, sentence, shortened};

/// Most of one trace that is shown, in characters.
const MOST_TRACE: usize = 3000;

/// Groups of one test that are shown; the most frequent come first.
const MOST_GROUPS: usize = 5;

/// Longer lists on one line are no longer read.
const MOST_LISTED: usize = 10;

/// Notes and the like: each, and how many.
const MOST_SENTENCE: usize = 400;
const MOST_SENTENCES: usize = 8;

/// One folded piece per test that failed.
pub(crate) fn failures(report: &Report) -> impl Iterator<Item = String> {
    report.tests.iter().filter(|test| !test.ignored && !test.failure_groups.is_empty()).map(of_test)
}

fn of_test(test: &Test) -> String {
    let groups = u32::try_from(test.failure_groups.len()).unwrap_or(u32::MAX);
    let mut out = format!(
        "<details><summary>{}: {} of {} failed, in {}</summary>\n\n",
        html_code(&shortened(&test.id, 300)),
        test.failures,
        plural(test.ran, "attempt"),
        if groups == 1 { "one way".to_owned() } else { format!("{groups} ways") },
    );
    for group in test.failure_groups.iter().take(MOST_GROUPS) {
        of_group(&mut out, group);
    }
    if test.failure_groups.len() > MOST_GROUPS {
        let _ =
            writeln!(out, "{} more ways are in the JSON report.\n", test.failure_groups.len() - MOST_GROUPS);
    }
    out.push_str("</details>\n\n");
    out
}

fn of_group(out: &mut String, group: &FailureGroup) {
    let _ = writeln!(out, "**{} ×** {}\n", group.count, code_span(&shortened(&group.headline(), 300)));
    if !group.seeds.is_empty() {
        let _ = writeln!(out, "Seeds: {}\n", listed(group.seeds.iter().map(u64::to_string)));
    }
    let text = if group.trace.trim().is_empty() { &group.message } else { &group.trace };
    // A message of one line was shown above.
    if text.trim().lines().count() > 1 {
        let _ = writeln!(out, "{}", block("", &shortened(text.trim_matches('\n'), MOST_TRACE)));
    }
}

/// How to see a failure again, and how it ran.
pub(crate) fn end(report: &Report) -> String {
    let mut out = String::new();
    if let Some(command) = &report.execution.reproduce {
        out.push_str("Repeat a failing attempt:\n\n");
        let one_line = command.replace(['\n', '\r'], " ");
        let _ = writeln!(out, "{}", block("sh", &shortened(&one_line, 2000)));
        if let Some(tried) = report.execution.reproduced.filter(|tried| tried.ran > 0) {
            let _ = writeln!(out, "It failed {} of {} when tried.\n", tried.failed, tried.ran);
        }
    }
    if let Some((attempt, tail)) = printed(report) {
        let _ = writeln!(
            out,
            "Attempt {} (seed {}, {}) printed at its end:\n",
            attempt.attempt, attempt.seed, attempt.exit
        );
        let _ = writeln!(out, "{}", block("", &last(tail, MOST_TRACE)));
    }
    list(&mut out, report);
    out
}

/// What an attempt printed, when no table tells what failed.
fn printed(report: &Report) -> Option<(&flaky_plugin_sdk::report::Attempt, &str)> {
    let told = report.subject.parser.is_some() && !report.tests.is_empty();
    let with_output =
        report.attempts.iter().find_map(|attempt| Some((attempt, attempt.output_tail.as_deref()?)));
    with_output.filter(|(_, tail)| !told && !tail.trim().is_empty())
}

/// The last `most` characters.
fn last(text: &str, most: usize) -> String {
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(most)).collect()
}

fn list(out: &mut String, report: &Report) {
    let subject = &report.subject;
    let item = |out: &mut String, name: &str, text: &str| {
        let _ = writeln!(out, "- {name}: {text}");
    };
    let code = |text: &str| code_span(&shortened(text, 300));
    for cluster in report.clusters.iter().take(MOST_SENTENCES) {
        item(out, "together", &told(&cluster.text));
    }
    if !subject.command.is_empty() {
        let mut text = code(&subject.command.join(" "));
        if !subject.source.is_empty() {
            let _ = write!(text, " in {}", code(&subject.source));
        }
        if let Some(commit) = &subject.commit {
            let _ = write!(text, " at {}", code(&shortened(commit, 40)));
        }
        item(out, "command", &text);
    }
    item(out, "attempts", &attempts(report));
    match report.execution.seeds {
        Seeds::First(first) => item(out, "seeds", &format!("from {first} on (`--first-seed {first}`)")),
        Seeds::Drawn { master, min, max } => {
            item(out, "seeds", &format!("drawn from {min} to {max} (`--seed {master}`)"))
        }
        Seeds::Other => {}
    }
    if !report.isolation.used.is_empty() {
        let mut text = code(&report.isolation.used);
        if let Some(why) = &report.isolation.why {
            let _ = write!(text, ": {}", told(why));
        }
        item(out, "isolation", &text);
    }
    for (reason, seeds) in set_aside(report) {
        let count = u32::try_from(seeds.len()).unwrap_or(u32::MAX);
        let text = format!(
            "{}: {} (seeds {})",
            plural(count, "attempt"),
            told(reason),
            listed(seeds.iter().map(u64::to_string))
        );
        item(out, "not counted", &text);
    }
    let ignored: Vec<&Test> = report.tests.iter().filter(|test| test.ignored).collect();
    if !ignored.is_empty() {
        item(out, "run, but not judged", &listed(ignored.iter().map(|test| code(&test.id))));
    }
    let errors =
        report.plugins.iter().flat_map(|plugin| plugin.errors.iter().map(move |error| (plugin, error)));
    for (plugin, (error, times)) in errors.take(MOST_SENTENCES) {
        item(
            out,
            "plugin",
            &format!("{} failed {}: {}", code(&plugin.name), plural(*times, "time"), told(error)),
        );
    }
    for note in report.notes.iter().take(MOST_SENTENCES) {
        item(out, "note", &told(&note.text));
    }
}

fn told(text: &str) -> String {
    sentence(&shortened(text, MOST_SENTENCE))
}

fn attempts(report: &Report) -> String {
    let execution = &report.execution;
    let mut text = format!("{} counted of {} planned", report.total_runs, execution.planned);
    if execution.parallelism > 1 {
        let _ = write!(text, ", {} side by side", execution.parallelism);
    }
    if execution.alone > 0 {
        let _ = write!(text, ", {} more alone", execution.alone);
    }
    let _ =
        write!(text, "; {} wall, {} CPU", seconds(execution.wall_seconds), seconds(execution.cpu_seconds));
    text
}

fn set_aside(report: &Report) -> BTreeMap<&str, Vec<u64>> {
    let mut by_reason: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for attempt in &report.attempts {
        if let Some(reason) = &attempt.set_aside
            && (by_reason.len() < MOST_SENTENCES || by_reason.contains_key(reason.as_str()))
        {
            by_reason.entry(reason).or_default().push(attempt.seed);
        }
    }
    by_reason
}

fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let mut text = items.take(MOST_LISTED).collect::<Vec<_>>().join(", ");
    if count > MOST_LISTED {
        let _ = write!(text, " and {} more", count - MOST_LISTED);
    }
    text
}
