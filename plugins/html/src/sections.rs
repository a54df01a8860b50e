//! What stands below the tests: what fails together, times, attempts, the run itself, notes.

use std::fmt::Write as _;

use flaky_plugin_sdk::report::{Attempt, Cluster, Report, Seeds, Test, percent, plural, seconds};

use crate::overview::copyable;
use crate::safe::{html, long, short};

/// Most clusters, and most tests that are named of each.
const MOST_CLUSTERS: usize = 50;
const MOST_TOGETHER: usize = 50;

/// Most rows of the slowest tests.
const MOST_SLOW: usize = 15;

/// Most attempts that are listed.
const MOST_ATTEMPTS: usize = 500;

/// Most notes, and most errors of plugins.
const MOST_NOTES: usize = 200;

/// Most bytes of a text in a line.
const MOST_LINE: usize = 1000;

/// Most bytes of the end of an output.
const MOST_TAIL: usize = 4096;

/// Most attempts whose output is shown.
const MOST_TAILS: usize = 20;

pub(crate) fn write(out: &mut String, report: &Report) {
    clusters(out, report);
    times(out, report);
    attempts(out, report);
    outputs(out, report);
    run(out, report);
    notes(out, report);
    let _ = writeln!(
        out,
        "</main>\n<footer>Made by flaky {} · report {}</footer>",
        html(&short(&report.flaky_version, 50)),
        html(&short(&report.run, 100))
    );
    out.push_str("<div id=\"tip\" role=\"tooltip\" hidden></div>\n<div id=\"said\" class=\"unseen\" role=\"status\"></div>\n");
}

fn clusters(out: &mut String, report: &Report) {
    if report.clusters.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"clusters\"><h2 id=\"clusters\">Failing together</h2>\n<p class=\"lead\">These tests failed in the same attempts, beyond chance: look for one cause.</p>\n");
    for cluster in report.clusters.iter().take(MOST_CLUSTERS) {
        one_cluster(out, cluster);
    }
    left_out(out, report.clusters.len(), MOST_CLUSTERS, "cluster");
    out.push_str("</section>\n");
}

fn one_cluster(out: &mut String, cluster: &Cluster) {
    let tests = plural(u32::try_from(cluster.tests.len()).unwrap_or(u32::MAX), "test");
    let attempts = plural(u32::try_from(cluster.attempts.len()).unwrap_or(u32::MAX), "attempt");
    let _ = writeln!(
        out,
        "<details class=\"card\"><summary><strong>{tests}</strong> in {attempts} <span class=\"told\">{} alike</span> {}</summary>",
        percent(cluster.together),
        html(&short(&cluster.text, MOST_LINE))
    );
    let message = long(&cluster.message, MOST_TAIL);
    if !message.is_empty() {
        let _ = write!(out, "<pre tabindex=\"0\">{}</pre>", html(&message));
    }
    out.push_str("<ul class=\"ids\">");
    for id in cluster.tests.iter().take(MOST_TOGETHER) {
        let _ = write!(
            out,
            "<li><button type=\"button\" class=\"find\" disabled>{}</button></li>",
            html(&short(id, MOST_LINE))
        );
    }
    out.push_str("</ul>");
    left_out(out, cluster.tests.len(), MOST_TOGETHER, "test");
    out.push_str("</details>\n");
}

fn left_out(out: &mut String, count: usize, shown: usize, what: &str) {
    if count > shown {
        let more = plural(u32::try_from(count - shown).unwrap_or(u32::MAX), what);
        let _ = writeln!(out, "<p class=\"told\">{more} more in the JSON report.</p>");
    }
}

fn times(out: &mut String, report: &Report) {
    let told = |test: &&Test| test.median_seconds.is_some_and(|s| s.is_finite() && s > 0.0);
    let mut slow: Vec<(&Test, f64)> = report
        .tests
        .iter()
        .filter(told)
        .map(|test| (test, test.median_seconds.unwrap_or_default()))
        .collect();
    slow.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some((_, longest)) = slow.first().copied() else { return };
    let total: f64 = slow.iter().map(|(_, time)| time).sum();
    let _ = write!(
        out,
        "<section aria-labelledby=\"times\"><h2 id=\"times\">Times</h2>\n<p class=\"lead\">The slowest tests, by their median over the attempts. All medians together: {}.</p>\n<ol class=\"bars\">",
        seconds(total)
    );
    for (test, time) in slow.iter().take(MOST_SLOW) {
        let width = (time / longest * 100.0).clamp(0.5, 100.0);
        let _ = write!(
            out,
            "<li><span class=\"name\">{}</span><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{width:.1}\" height=\"8\"/></svg><span class=\"num\">{}</span></li>",
            html(&short(&test.id, MOST_LINE)),
            seconds(*time)
        );
    }
    out.push_str("</ol></section>\n");
}

fn attempts(out: &mut String, report: &Report) {
    if report.attempts.is_empty() {
        return;
    }
    let aside = report.attempts.iter().filter(|attempt| attempt.set_aside.is_some()).count();
    let _ = write!(
        out,
        "<section aria-labelledby=\"attempts\"><h2 id=\"attempts\">Attempts</h2>\n<details class=\"card\"><summary>{} that failed, did not count or told less than the others ({aside} set aside)</summary>\n<div class=\"wide\" role=\"region\" aria-labelledby=\"attempts\" tabindex=\"0\"><table class=\"plain\"><thead><tr><th scope=\"col\">Attempt</th><th scope=\"col\">Seed</th><th scope=\"col\">Ended</th><th scope=\"col\">Seconds</th><th scope=\"col\">Failed tests</th><th scope=\"col\">Remarks</th></tr></thead><tbody>",
        plural(u32::try_from(report.attempts.len()).unwrap_or(u32::MAX), "attempt")
    );
    for attempt in report.attempts.iter().take(MOST_ATTEMPTS) {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{}</td><td>{}</td></tr>",
            attempt.attempt,
            attempt.seed,
            html(&attempt.exit.to_string()),
            if attempt.wall_seconds.is_finite() { attempt.wall_seconds } else { 0.0 },
            attempt.failed_tests,
            html(&remarks(attempt))
        );
    }
    out.push_str("</tbody></table></div>");
    left_out(out, report.attempts.len(), MOST_ATTEMPTS, "attempt");
    out.push_str("</details></section>\n");
}

fn remarks(attempt: &Attempt) -> String {
    let mut remarks = Vec::new();
    if attempt.alone {
        remarks.push("nothing beside it".to_owned());
    }
    if let Some(why) = &attempt.set_aside {
        remarks.push(format!("set aside: {}", short(why, MOST_LINE)));
    }
    if !attempt.missing.is_empty() {
        let count = u32::try_from(attempt.missing.len()).unwrap_or(u32::MAX);
        remarks.push(format!("did not tell of {}", plural(count, "test")));
    }
    remarks.join("; ")
}

/// The end of what attempts printed, where no parser could tell what failed.
fn outputs(out: &mut String, report: &Report) {
    let mut told = report
        .attempts
        .iter()
        .filter_map(|attempt| Some((attempt, attempt.output_tail.as_ref()?)))
        .peekable();
    if told.peek().is_none() {
        return;
    }
    out.push_str("<section aria-labelledby=\"outputs\"><h2 id=\"outputs\">Output</h2>\n");
    for (attempt, tail) in told.take(MOST_TAILS) {
        let _ = writeln!(
            out,
            "<details class=\"card\"><summary>The end of what attempt {} printed</summary><pre tabindex=\"0\">{}</pre></details>",
            attempt.attempt,
            html(&long(tail, MOST_TAIL))
        );
    }
    out.push_str("</section>\n");
}

fn run(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"about\"><h2 id=\"about\">This run</h2>\n");
    if !report.subject.command.is_empty() {
        copyable(out, &report.subject.command.join(" "));
    }
    out.push_str("<dl class=\"facts\">");
    for (name, text) in facts(report) {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", html(&short(&text, MOST_LINE)));
    }
    out.push_str("</dl></section>\n");
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let (subject, execution) = (&report.subject, &report.execution);
    let mut facts = Vec::new();
    let mut fact = |name, text: String| facts.push((name, text));
    fact("Source", subject.source.clone());
    fact("Commit", subject.commit.clone().unwrap_or_default());
    fact("Asked for", subject.reference.clone().unwrap_or_default());
    fact("Folder", subject.working_directory.clone());
    fact("Framework", subject.framework.clone());
    fact("Read by", subject.parser.clone().unwrap_or_else(|| "exit code".to_owned()));
    fact(
        "Attempts",
        format!(
            "{} of {} planned, {} side by side",
            execution.finished, execution.planned, execution.parallelism
        ),
    );
    if execution.alone > 0 {
        fact("Repeated alone", plural(execution.alone, "attempt"));
    }
    if execution.selected > 0 {
        fact("Without the other tests", plural(execution.selected, "attempt"));
    }
    fact("Seeds", seeds(execution.seeds));
    let why = report.isolation.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    fact("Isolation", format!("{}{why}", report.isolation.used));
    fact("Time", format!("{} ({} of CPU)", seconds(execution.wall_seconds), seconds(execution.cpu_seconds)));
    if execution.peak_memory > 0 {
        fact("Largest process", format!("{} MB", execution.peak_memory / 1_000_000));
    }
    if let Some(base) = &report.base {
        let commit = base.commit.as_deref().unwrap_or_default();
        fact(
            "Compared with",
            format!("{} {commit}: {} of {} failed", base.revision, base.failures, base.total_runs),
        );
    }
    facts.retain(|(_, text)| !text.trim().is_empty());
    facts
}

fn seeds(seeds: Seeds) -> String {
    match seeds {
        Seeds::First(first) => format!("{first} and on"),
        Seeds::Drawn { master, min, max } => format!("drawn from {min} to {max} by --seed {master}"),
        Seeds::Other => String::new(),
    }
}

fn notes(out: &mut String, report: &Report) {
    let errors =
        report.plugins.iter().flat_map(|plugin| plugin.errors.iter().map(move |error| (plugin, error)));
    let errors =
        errors.map(|(plugin, (error, times))| format!("plugin {}: {error} ({times} times)", plugin.name));
    let notes: Vec<String> = report.notes.iter().map(|note| note.text.clone()).chain(errors).collect();
    if notes.is_empty() {
        return;
    }
    out.push_str("<section aria-labelledby=\"notes\"><h2 id=\"notes\">Notes</h2>\n<ul class=\"notes\">");
    for note in notes.iter().take(MOST_NOTES) {
        let _ = write!(out, "<li>{}</li>", html(&short(note, MOST_LINE)));
    }
    out.push_str("</ul>");
    left_out(out, notes.len(), MOST_NOTES, "note");
    out.push_str("</section>\n");
}
