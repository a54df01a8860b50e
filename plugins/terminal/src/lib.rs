//! The report as text for a terminal: a headline, one table, what else is worth knowing, and the command that
//! repeats a failing attempt.

mod component;
mod details;
mod page;
mod table;

use flaky_plugin_sdk::report::{Category, Report, Severity, percent, plural, visible};

use page::{Page, Style};

/// Columns when the output is no terminal: wide enough for most test ids, narrow enough for a CI log.
const DEFAULT_WIDTH: usize = 100;

/// Narrower than this nothing can be laid out, so lines are left to the terminal to wrap.
const LEAST_WIDTH: usize = 40;

/// Wider lines are hard to read.
const MOST_WIDTH: usize = 160;

/// The report as text. `width` is that of the terminal; `None` when the output is none.
#[must_use]
pub fn render(report: &Report, width: Option<u32>, colour: bool) -> String {
    let width = width.map_or(DEFAULT_WIDTH, |width| usize::try_from(width).unwrap_or(MOST_WIDTH));
    let mut page = Page::new(width.clamp(LEAST_WIDTH, MOST_WIDTH), colour);
    page.blank();
    headline(&mut page, report);
    table::write(&mut page, report);
    details::write(&mut page, report);
    page.finish()
}

fn headline(page: &mut Page, report: &Report) {
    let mut parts = vec![(visible(report.verdict.as_str()).to_uppercase(), verdict_style(&report.verdict))];
    if let Some(severity) = &report.severity {
        parts.push((format!("severity {}", visible(severity.as_str())), severity_style(severity)));
    }
    if let Some(cause) = &report.cause {
        parts.push((visible(cause), Style::Plain));
    }
    if report.execution.interrupted {
        parts.push(("interrupted".to_owned(), Style::Warning));
    }
    if report.total_runs > 0 {
        parts.push((failed_attempts(report), Style::Plain));
    }
    page.separated(&parts);
    if !report.reason.is_empty() {
        page.paragraph("", &visible(&report.reason), Style::Plain);
    }
    if let Some(hint) = &report.hint {
        page.paragraph("hint: ", &visible(hint), Style::Plain);
    }
    page.blank();
}

fn failed_attempts(report: &Report) -> String {
    let total = report.total_runs;
    let rate = f64::from(report.failures) / f64::from(total.max(1));
    match report.failures {
        0 => format!("0 of {} failed", plural(total, "attempt")),
        failures => format!("{failures} of {} failed ({})", plural(total, "attempt"), percent(rate)),
    }
}

fn verdict_style(verdict: &Category) -> Style {
    match verdict {
        Category::Stable => Style::Good,
        Category::Flaky => Style::Warning,
        Category::Broken => Style::Bad,
        Category::Inconclusive | Category::Other(_) => Style::Unsure,
    }
}

fn severity_style(severity: &Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::Bad,
        Severity::Medium => Style::Warning,
        Severity::Low | Severity::Other(_) => Style::Plain,
        Severity::None => Style::Good,
    }
}
