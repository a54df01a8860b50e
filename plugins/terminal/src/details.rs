//! What else is worth knowing: how it ran, what does not count, and how to see a failure again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flaky_plugin_sdk::report::{
    Attempt, BaseRun, Report, Seeds, Test, plural, seconds, visible, without_colours,
};

use crate::page::{GLUE, Page, Style, shortened};

/// Longer lists on one line are no longer read.
const MOST_LISTED: usize = 8;

/// Lines of printed output that are shown: the end is what tells.
const MOST_OUTPUT_LINES: usize = 12;

/// All labels are filled up to this.
const LABEL: usize = 11;

pub(crate) fn write(page: &mut Page, report: &Report) {
    output_of_a_failure(page, report);
    for cluster in clusters(report) {
        label(page, "together", &cluster);
    }
    label(page, "command", &command(report));
    label(page, "attempts", &attempts(report));
    if let Some(base) = &report.base {
        label(page, "base", &base_run(base));
    }
    if let Some(seeds) = seeds(report) {
        label(page, "seeds", &seeds);
    }
    if !report.isolation.used.is_empty() {
        label(page, "isolation", &isolation(report));
    }
    for text in set_aside(&report.attempts) {
        label(page, "set aside", &text);
    }
    if let Some(text) = ignored(&report.tests) {
        label(page, "ignored", &text);
    }
    for (name, error, times) in plugin_errors(report) {
        label(page, "plugin", &format!("`{name}` failed {}: {error}", plural(times, "time")));
    }
    for note in &report.notes {
        label(page, "note", &visible(&note.text));
    }
    if let Some(command) = &report.execution.reproduce {
        page.blank();
        page.line("repeat a failing attempt:");
        let command = page.painted(&visible(command), Style::Bold);
        page.line(&format!("  {command}"));
        let tried = report.execution.reproduced.filter(|tried| tried.ran > 0);
        if let Some(tried) = tried {
            let text = format!("  it failed {} of {} when tried", tried.failed, tried.ran);
            page.line(&page.painted(&text, Style::Dim));
        }
    }
}

fn label(page: &mut Page, name: &str, text: &str) {
    page.paragraph(&format!("{name:LABEL$}"), text, Style::Plain);
}

/// When no table tells what failed, the end of what an attempt printed has to.
fn output_of_a_failure(page: &mut Page, report: &Report) {
    let told = report.subject.parser.is_some() && !report.tests.is_empty();
    let Some((attempt, tail)) = report
        .attempts
        .iter()
        .find_map(|attempt| Some((attempt, attempt.output_tail.as_deref()?)))
        .filter(|(_, tail)| !told && !tail.trim().is_empty())
    else {
        return;
    };
    let title =
        format!("attempt {} (seed {}, {}) printed at its end:", attempt.attempt, attempt.seed, attempt.exit);
    page.paragraph("", &title, Style::Plain);
    let text = without_colours(tail);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(MOST_OUTPUT_LINES)) {
        let line = shortened(&format!("  │ {}", visible(line)), page.width);
        page.line(&page.painted(&line, Style::Dim));
    }
    page.blank();
}

fn command(report: &Report) -> String {
    let subject = &report.subject;
    let words: Vec<String> = subject.command.iter().map(|word| quoted(word)).collect();
    let mut text = words.join(" ");
    if !subject.source.is_empty() {
        let _ = write!(text, "  in {}", visible(&subject.source));
    }
    if !subject.working_directory.is_empty() {
        let _ = write!(text, ", folder {}", visible(&subject.working_directory));
    }
    if let Some(commit) = &subject.commit {
        // Twelve digits tell commits of the largest repositories apart.
        let _ = write!(text, " at {}", visible(commit).chars().take(12).collect::<String>());
    }
    match &subject.parser {
        Some(parser) => {
            let _ = write!(text, "  (read by {})", visible(parser));
        }
        None if report.total_runs > 0 => {
            text.push_str("  (judged by its exit code: no parser knew its output)")
        }
        None => {}
    }
    text
}

/// A word as a shell would need it, so that what is shown can be copied.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", visible(word).replace('\'', r"'\''"))
}

fn attempts(report: &Report) -> String {
    let execution = &report.execution;
    let mut text = format!("{} counted", report.total_runs);
    if execution.planned != report.total_runs {
        let _ = write!(text, " of {} planned", execution.planned);
    }
    if execution.parallelism > 1 {
        let _ = write!(text, ", {} side by side", execution.parallelism);
    }
    if execution.selected > 0 {
        let _ = write!(text, ", {} more of undecided tests", execution.selected);
    }
    if execution.alone > 0 {
        let _ = write!(text, ", {} more alone", execution.alone);
    }
    let glued = |value: f64, what: &str| format!("{} {what}", seconds(value)).replace(' ', &GLUE.to_string());
    let _ =
        write!(text, "; {}, {}", glued(execution.wall_seconds, "wall"), glued(execution.cpu_seconds, "CPU"));
    if execution.peak_memory > 0 {
        let _ = write!(text, ", peak memory {}{GLUE}MB", execution.peak_memory.div_ceil(1_000_000));
    }
    text
}

fn base_run(base: &BaseRun) -> String {
    let commit = base.commit.as_deref().map(|c| visible(c).chars().take(12).collect::<String>());
    let at = commit.map(|c| format!(" at {c}")).unwrap_or_default();
    let total = plural(base.total_runs, "attempt");
    format!("{}{at}; {} of {total} failed there", visible(&base.revision), base.failures)
}

fn seeds(report: &Report) -> Option<String> {
    match report.execution.seeds {
        Seeds::First(first) => {
            let last = first.saturating_add(u64::from(report.execution.planned.saturating_sub(1)));
            Some(format!("{first} to {last} (--first-seed {first})"))
        }
        Seeds::Drawn { master, min, max } => {
            Some(format!("drawn from {min} to {max}; the same again with --seed {master}"))
        }
        Seeds::Other => None,
    }
}

fn isolation(report: &Report) -> String {
    let isolation = &report.isolation;
    let mut text = visible(&isolation.used);
    let as_good_as_asked =
        isolation.asked == isolation.used || (isolation.asked == "auto" && isolation.used == "full");
    if !as_good_as_asked && !isolation.asked.is_empty() {
        let _ = write!(text, " (asked: {})", visible(&isolation.asked));
    }
    if let Some(why) = &isolation.why {
        let _ = write!(text, ": {}", visible(why));
    }
    text
}

/// Tests that fail together, one line each.
fn clusters(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> =
        report.clusters.iter().take(MOST_LISTED).map(|cluster| visible(&cluster.text)).collect();
    if report.clusters.len() > MOST_LISTED {
        lines.push(format!("{} more groups of tests fail together", report.clusters.len() - MOST_LISTED));
    }
    lines
}

/// Attempts that do not count, by reason.
fn set_aside(attempts: &[Attempt]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        if let Some(reason) = &attempt.set_aside {
            by_reason.entry(reason).or_default().push(attempt);
        }
    }
    let told = |(reason, attempts): (&&str, &Vec<&Attempt>)| {
        let seeds = listed(attempts.iter().map(|attempt| attempt.seed.to_string()));
        let count = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let verb = if count == 1 { "does" } else { "do" };
        format!("{} {verb} not count: {} (seed {seeds})", plural(count, "attempt"), visible(reason))
    };
    by_reason.iter().map(told).collect()
}

fn ignored(tests: &[Test]) -> Option<String> {
    let ignored: Vec<&Test> = tests.iter().filter(|test| test.ignored).collect();
    if ignored.is_empty() {
        return None;
    }
    let count = u32::try_from(ignored.len()).unwrap_or(u32::MAX);
    let names = listed(ignored.iter().map(|test| {
        let failed = if test.failures > 0 {
            format!(" (failed {} of {})", test.failures, test.ran)
        } else {
            String::new()
        };
        format!("{}{failed}", visible(&test.id))
    }));
    Some(format!("{}, run but not judged: {names}", plural(count, "test")))
}

fn plugin_errors(report: &Report) -> impl Iterator<Item = (String, String, u32)> {
    report.plugins.iter().flat_map(|plugin| {
        plugin.errors.iter().map(|(error, times)| (visible(&plugin.name), visible(error), *times))
    })
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    let mut text = items.iter().take(MOST_LISTED).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > MOST_LISTED {
        let _ = write!(text, " and {} more", items.len() - MOST_LISTED);
    }
    text
}
