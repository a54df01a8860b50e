//! What is worth reading first.

use std::fmt::Write as _;

use flaky_plugin_sdk::report::{Category, Report, Severity, percent, plural};

use crate::data::count;
use crate::safe::{html, short};
use crate::verdict_word;

/// Most bytes of a sentence or a command.
const MOST_SENTENCE: usize = 2000;

pub(crate) fn write(out: &mut String, report: &Report) {
    let verdict = verdict_word(&report.verdict);
    let _ = write!(
        out,
        "<header class=\"top v-{verdict}\">\n<div class=\"bar\"><span class=\"brand\">flaky</span>{}\
         <button type=\"button\" id=\"theme\" hidden>Theme: as the system</button></div>\n\
         <div class=\"verdict\"><h1><span class=\"word\">{verdict}</span>{}</h1>\n<p class=\"count\">{}</p></div>\n",
        links(report),
        severity(report),
        html(&counted(report))
    );
    if let Some(cause) = &report.cause {
        let _ = writeln!(out, "<p class=\"cause\">Cause: <code>{}</code></p>", html(&short(cause, 200)));
    }
    if !report.reason.is_empty() {
        let _ = writeln!(out, "<p class=\"reason\">{}</p>", html(&short(&report.reason, MOST_SENTENCE)));
    }
    if let Some(hint) = &report.hint {
        let hint = html(&short(hint, MOST_SENTENCE));
        let _ = writeln!(out, "<p class=\"hint\"><strong>What to do:</strong> {hint}</p>");
    }
    tiles(out, report);
    run_strip(out, report);
    if let Some(command) = &report.execution.reproduce {
        let tried = report.execution.reproduced.map_or_else(String::new, |tried| {
            format!(" <span class=\"told\">failed {} of {} times when tried</span>", tried.failed, tried.ran)
        });
        let _ = writeln!(out, "<h2 class=\"small\">Repeat a failure{tried}</h2>");
        copyable(out, command);
    }
    out.push_str("</header>\n<main>\n");
}

/// A command, with a button where scripts run.
pub(crate) fn copyable(out: &mut String, command: &str) {
    let command = html(&short(command, MOST_SENTENCE));
    let _ = writeln!(
        out,
        "<div class=\"command\"><code tabindex=\"0\">{command}</code><button type=\"button\" data-copy hidden>Copy</button></div>"
    );
}

/// To what stands further down.
fn links(report: &Report) -> String {
    let links = [
        (true, "tests", "Tests"),
        (!report.clusters.is_empty(), "clusters", "Failing together"),
        (report.tests.iter().any(|test| test.median_seconds.is_some()), "times", "Times"),
        (!report.attempts.is_empty(), "attempts", "Attempts"),
        (true, "about", "This run"),
        (!report.notes.is_empty(), "notes", "Notes"),
    ];
    let links: String = links
        .iter()
        .filter(|(is_there, ..)| *is_there)
        .map(|(_, id, name)| format!("<a href=\"#{id}\">{name}</a>"))
        .collect();
    format!("<nav aria-label=\"On this page\">{links}</nav>")
}

fn severity(report: &Report) -> String {
    match &report.severity {
        Some(severity) if !matches!(severity, Severity::None | Severity::Other(_)) => {
            format!(" <span class=\"severity\">{severity}</span>")
        }
        _ => String::new(),
    }
}

fn counted(report: &Report) -> String {
    if report.total_runs == 0 {
        return "no attempt counted".to_owned();
    }
    let rate = percent(f64::from(report.failures) / f64::from(report.total_runs));
    let total = plural(report.total_runs, "attempt");
    let interrupted = if report.execution.interrupted { ", interrupted" } else { "" };
    match report.failures {
        0 => format!("none of {total} failed{interrupted}"),
        failed => format!("{failed} of {total} failed ({rate}){interrupted}"),
    }
}

/// How many tests of each kind.
fn tiles(out: &mut String, report: &Report) {
    if report.tests.is_empty() {
        return;
    }
    let ignored = report.tests.iter().filter(|test| test.ignored).count();
    let introduced = report.tests.iter().filter(|test| test.is_introduced()).count();
    out.push_str("<dl class=\"tiles\">");
    let mut tile = |name: &str, number: usize, class: &str| {
        let _ = write!(out, "<div class=\"tile {class}\"><dt>{name}</dt><dd>{number}</dd></div>");
    };
    tile("broken", count(report, &Category::Broken), "v-broken");
    tile("flaky", count(report, &Category::Flaky), "v-flaky");
    tile("inconclusive", count(report, &Category::Inconclusive), "v-inconclusive");
    tile("stable", count(report, &Category::Stable), "v-stable");
    if ignored > 0 {
        tile("ignored", ignored, "v-unknown");
    }
    if introduced > 0 {
        tile("by the change", introduced, "v-broken");
    }
    out.push_str("</dl>\n");
}

/// Where the script draws the attempts of the whole run.
fn run_strip(out: &mut String, report: &Report) {
    let listed = report.attempts.iter().any(|attempt| !attempt.alone);
    if listed && report.execution.finished > 0 {
        out.push_str("<div id=\"run\" class=\"run\"></div>\n");
    }
}
