//! Failure groups, folded away, and what else is worth knowing of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flaky_plugin_sdk::report::{Category, FailureGroup, Report, Seeds, Test, plural, seconds};

use flaky_plugin_platforms::markdown::{block, code_span, html_code, sentence, shortened};

/// Most of one trace that is shown, in characters.
pub(crate) const MOST_TRACE: usize = 3000;

/// Groups of one test that are shown; the most frequent come first.
const MOST_GROUPS: usize = 5;

/// Longer lists on one line are no longer read.
const MOST_LISTED: usize = 10;

/// Names and commands in a line.
const MOST_NAME: usize = 300;

/// A command to copy.
const MOST_COMMAND: usize = 2000;

/// Notes and the like: each, and how many.
const MOST_SENTENCE: usize = 400;
const MOST_SENTENCES: usize = 8;

/// One folded piece per test that failed.
pub(crate) fn failures(report: &Report) -> impl Iterator<Item = String> {
    failed(report).map(|test| of_test(test, MOST_TRACE))
}

/// The failure of the worst test that has one.
pub(crate) fn top_failure(report: &Report, most_trace: usize) -> String {
    failed(report).next().map(|test| of_test(test, most_trace)).unwrap_or_default()
}

fn failed(report: &Report) -> impl Iterator<Item = &Test> {
    report.tests.iter().filter(|test| !test.ignored && !test.failure_groups.is_empty())
}

fn of_test(test: &Test, most_trace: usize) -> String {
    let groups = u32::try_from(test.failure_groups.len()).unwrap_or(u32::MAX);
    let mut out = format!(
        "<details><summary>{}: {} of {} failed, in {}</summary>\n\n",
        html_code(&shortened(&test.id, 300)),
        test.failures,
        plural(test.ran, "attempt"),
        if groups == 1 { "one way".to_owned() } else { format!("{groups} ways") },
    );
    for group in test.failure_groups.iter().take(MOST_GROUPS) {
        of_group(&mut out, group, most_trace);
    }
    if test.failure_groups.len() > MOST_GROUPS {
        let _ =
            writeln!(out, "{} more ways are in the JSON report.\n", test.failure_groups.len() - MOST_GROUPS);
    }
    out.push_str("</details>\n\n");
    out
}

fn of_group(out: &mut String, group: &FailureGroup, most_trace: usize) {
    let _ = writeln!(out, "**{} ×** {}\n", group.count, code_span(&shortened(&group.headline(), 300)));
    if !group.seeds.is_empty() {
        let _ = writeln!(out, "Seeds: {}\n", listed(group.seeds.iter().map(u64::to_string)));
    }
    let text = if group.trace.trim().is_empty() { &group.message } else { &group.trace };
    // A message of one line was shown above.
    if text.trim().lines().count() > 1 {
        let _ = writeln!(out, "{}", block("", &shortened(text.trim_matches('\n'), most_trace)));
    }
}

/// How to see a failure again, and how it ran.
pub(crate) fn end(report: &Report) -> String {
    let mut out = reproduction(report);
    out.push_str(&output(report));
    for cluster in clusters(report) {
        let _ = writeln!(out, "- together: {cluster}");
    }
    for item in [execution(report), gaps(report)].into_iter().flatten() {
        let _ = writeln!(out, "- {item}");
    }
    out
}

/// How to see a failure again.
pub(crate) fn reproduction(report: &Report) -> String {
    let Some(command) = &report.execution.reproduce else { return String::new() };
    let Some(block) = command_block(command) else { return String::new() };
    let mut out = format!("Repeat a failing attempt:\n\n{block}\n");
    if let Some(tried) = report.execution.reproduced.filter(|tried| tried.ran > 0) {
        let _ = writeln!(out, "It failed {} of {} when tried.\n", tried.failed, tried.ran);
    }
    // A run is kept by the machine that made it, which readers of a comment have not.
    if let Some(block) = report.execution.reproduce_shell.as_deref().and_then(command_block) {
        let place = folder(report).map(|folder| format!(", in the folder {folder}")).unwrap_or_default();
        let _ = writeln!(out, "On a machine that does not know this run{place}:\n\n{block}");
    }
    out
}

/// Where below the repository it ran, as code.
fn folder(report: &Report) -> Option<String> {
    let folder = report.subject.working_directory.trim();
    (!matches!(folder, "" | ".")).then(|| code(&shortened(folder, 200)))
}

/// A command to copy, in one line.
fn command_block(command: &str) -> Option<String> {
    let line = command.replace(['\n', '\r'], " ");
    (!line.trim().is_empty()).then(|| block("sh", &shortened(&line, MOST_COMMAND)))
}

/// The end of what an attempt printed, when no table tells what failed.
pub(crate) fn output(report: &Report) -> String {
    let Some((attempt, tail)) = printed(report) else { return String::new() };
    let mut out = format!(
        "Attempt {} (seed {}, {}) printed at its end:\n\n",
        attempt.attempt, attempt.seed, attempt.exit
    );
    let _ = writeln!(out, "{}", block("", &last(tail, MOST_TRACE)));
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

/// Tests that fail together, a line for each group.
pub(crate) fn clusters(report: &Report) -> Vec<String> {
    let told = report.clusters.iter().take(MOST_SENTENCES).map(|cluster| told(&cluster.text));
    told.filter(|text| !text.is_empty()).collect()
}

/// How the run was made.
pub(crate) fn execution(report: &Report) -> Vec<String> {
    let mut items = Vec::new();
    let subject = &report.subject;
    if !subject.command.is_empty() {
        let mut text = code(&subject.command.join(" "));
        if !subject.source.is_empty() {
            let _ = write!(text, " in {}", code(&subject.source));
        }
        if let Some(folder) = folder(report) {
            let _ = write!(text, ", folder {folder},");
        }
        if let Some(commit) = &subject.commit {
            let _ = write!(text, " at {}", code_span(&shortened(commit, 40)));
        }
        items.push(format!("command: {text}"));
    }
    items.push(format!("attempts: {}", attempts(report)));
    match report.execution.seeds {
        Seeds::First(first) => items.push(format!("seeds: from {first} on (`--first-seed {first}`)")),
        Seeds::Drawn { master, min, max } => {
            items.push(format!("seeds: drawn from {min} to {max} (`--seed {master}`)"));
        }
        Seeds::Other => {}
    }
    if !report.isolation.used.is_empty() {
        let mut text = code(&report.isolation.used);
        if let Some(why) = &report.isolation.why {
            let _ = write!(text, ": {}", told(why));
        }
        items.push(format!("isolation: {text}"));
    }
    items
}

/// What was not measured, or went wrong, or has to be known to read the numbers.
pub(crate) fn gaps(report: &Report) -> Vec<String> {
    let mut items = Vec::new();
    for (reason, seeds) in set_aside(report) {
        let count = u32::try_from(seeds.len()).unwrap_or(u32::MAX);
        items.push(format!(
            "not counted: {}: {} (seeds {})",
            plural(count, "attempt"),
            told(reason),
            listed(seeds.iter().map(u64::to_string))
        ));
    }
    let ignored: Vec<&Test> = report.tests.iter().filter(|test| test.ignored).collect();
    if !ignored.is_empty() {
        items.push(format!("run, but not judged: {}", listed(ignored.iter().map(|test| code(&test.id)))));
    }
    let errors =
        report.plugins.iter().flat_map(|plugin| plugin.errors.iter().map(move |error| (plugin, error)));
    for (plugin, (error, times)) in errors.take(MOST_SENTENCES) {
        items.push(format!(
            "plugin: {} failed {}: {}",
            code(&plugin.name),
            plural(*times, "time"),
            told(error)
        ));
    }
    items.extend(report.notes.iter().take(MOST_SENTENCES).map(|note| format!("note: {}", told(&note.text))));
    items
}

/// Tests of which nothing is known yet.
pub(crate) fn undecided(report: &Report) -> Option<String> {
    let tests: Vec<&Test> =
        report.tests.iter().filter(|t| !t.ignored && t.verdict == Category::Inconclusive).collect();
    let count = u32::try_from(tests.len()).unwrap_or(u32::MAX);
    (count > 0).then(|| {
        format!(
            "undecided after these attempts: {}: {}",
            plural(count, "test"),
            listed(tests.iter().map(|test| code(&test.id)))
        )
    })
}

fn code(text: &str) -> String {
    code_span(&shortened(text, MOST_NAME))
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

pub(crate) fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let mut text = items.take(MOST_LISTED).collect::<Vec<_>>().join(", ");
    if count > MOST_LISTED {
        let _ = write!(text, " and {} more", count - MOST_LISTED);
    }
    text
}
