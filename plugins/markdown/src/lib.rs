//! The report as GitHub-flavoured Markdown, for a file, a job summary or a comment.
//!
//! Names, messages and traces come from tests, which anybody may have written. They appear only where no markup
//! is read: in fenced blocks, in code spans, and, escaped, in `<code>` inside blocks of HTML. Sentences (reasons,
//! hints, notes) are escaped, and what a site would make a link or a mention of by itself is broken up.

mod component;
mod details;
mod table;


use std::fmt::Write as _;

use flaky_plugin_platforms::markdown;

use flaky_plugin_sdk::report::{Category, Report, Severity, percent, plural};

/// Most characters of a document: a pull-request comment holds 65,536, and a host may add to it.
const MOST_CHARACTERS: usize = 60_000;

/// Most characters of the table, so that room is left for what follows.
const MOST_TABLE: usize = 24_000;

/// Most characters of the reason and of the hint, before they are escaped.
const MOST_REASON: usize = 1000;

/// The report as Markdown.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    headline(&mut out, report);
    table::write(&mut out, report, MOST_TABLE);
    let end = details::end(report);
    // What may be long comes in pieces, as many as fit.
    let mut room = MOST_CHARACTERS.saturating_sub(characters(&out) + characters(&end));
    let mut left_out = 0;
    for piece in details::failures(report) {
        let size = characters(&piece);
        if left_out == 0 && size <= room {
            room -= size;
            out.push_str(&piece);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "Failures of {} more are in the JSON report.\n", plural(left_out, "test"));
    }
    out.push_str(&end);
    out
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn headline(out: &mut String, report: &Report) {
    let _ = write!(out, "## {} {}", emoji(report), verdict_word(&report.verdict));
    if let Some(severity) = &report.severity {
        let _ = write!(out, " · {}", severity_word(severity));
    }
    if report.total_runs > 0 {
        let total = plural(report.total_runs, "attempt");
        let _ = write!(out, " · {} of {total} failed", report.failures);
        if report.failures > 0 {
            let _ = write!(out, " ({})", percent(f64::from(report.failures) / f64::from(report.total_runs)));
        }
    }
    if report.execution.interrupted {
        out.push_str(" · interrupted");
    }
    out.push_str("\n\n");
    if let Some(cause) = &report.cause {
        let _ = writeln!(out, "**Cause:** {}\n", markdown::code_span(&markdown::shortened(cause, 100)));
    }
    if !report.reason.is_empty() {
        let _ = writeln!(out, "{}\n", markdown::sentence(&markdown::shortened(&report.reason, MOST_REASON)));
    }
    if let Some(hint) = &report.hint {
        let _ = writeln!(out, "**What to do:** {}\n", markdown::sentence(&markdown::shortened(hint, MOST_REASON)));
    }
}

/// One sign for the whole run, as people know it from the tool's comments.
fn emoji(report: &Report) -> &'static str {
    match (&report.verdict, &report.severity) {
        (Category::Inconclusive | Category::Other(_), _) => "⚪",
        (_, Some(severity)) => severity_emoji(severity),
        (Category::Stable, None) => "✅",
        (Category::Flaky | Category::Broken, None) => "🟡",
    }
}

fn severity_emoji(severity: &Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::High => "🟠",
        Severity::Medium => "🟡",
        Severity::Low => "🟢",
        Severity::None => "✅",
        Severity::Other(_) => "⚪",
    }
}

/// Only words of our own: what a later report may say is not ours.
fn verdict_word(verdict: &Category) -> &str {
    match verdict {
        Category::Other(_) => "unknown verdict",
        known => known.as_str(),
    }
}

fn severity_word(severity: &Severity) -> &str {
    match severity {
        Severity::Other(_) => "unknown severity",
        known => known.as_str(),
    }
}
