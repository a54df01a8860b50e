//! The table of tests, as a block of HTML: cells of a Markdown table cannot hold every text (a backslash before
//! a bar leaves the cell), those of HTML can.

use std::fmt::Write as _;

use flaky_plugin_platforms::markdown::{html, html_code, shortened};
use flaky_plugin_platforms::words::{severity, severity_sign, verdict};
use flaky_plugin_sdk::report::{Report, Test, at_most_when_never, percent, plural};

/// More rows than this nobody reads in a comment.
const MOST_ROWS: usize = 50;

/// From this many on, stable tests that have nothing to tell share one row.
const FOLD_FROM: usize = 4;

/// Longest id and failure in a cell, in characters.
const MOST_ID: usize = 300;
const MOST_FAILURE: usize = 160;

/// A space at which no line ends.
const NO_BREAK: &str = "&nbsp;";

/// Four columns: a comment is some 800 pixels wide, and what a fifth would say is read under the test's name.
const HEAD: &str = "<table>\n<tr><th align=\"left\">Test, and its most frequent failure</th>\
    <th align=\"left\">Verdict</th><th align=\"right\">Failed&nbsp;/&nbsp;ran</th>\
    <th align=\"left\">Rate (95&nbsp;% interval)</th></tr>\n";

/// A table of rows of at most `room` characters together, the worst tests first. Empty without a test.
pub(crate) fn of(report: &Report, mut room: usize) -> String {
    let judged: Vec<&Test> = report.tests.iter().filter(|test| !test.ignored).collect();
    if judged.is_empty() {
        return String::new();
    }
    let quiet: Vec<&Test> = judged.iter().copied().filter(|test| test.is_quiet()).collect();
    let fold = quiet.len() >= FOLD_FROM;
    let shown: Vec<&Test> = judged.iter().copied().filter(|test| !(fold && test.is_quiet())).collect();
    let mut out = HEAD.to_owned();
    let mut written = 0;
    for test in shown.iter().take(MOST_ROWS) {
        let row = row(test);
        let size = row.chars().count();
        if size > room {
            break;
        }
        room -= size;
        out.push_str(&row);
        written += 1;
    }
    if fold {
        folded_row(&mut out, &quiet);
    }
    out.push_str("</table>\n\n");
    if shown.len() > written {
        let more = u32::try_from(shown.len() - written).unwrap_or(u32::MAX);
        let _ = writeln!(out, "{} more are in the JSON report.\n", plural(more, "test"));
    }
    out
}

fn row(test: &Test) -> String {
    let failure = match test.main_failure() {
        Some(group) => format!("<br><sub>{}</sub>", html_code(&shortened(&group.headline(), MOST_FAILURE))),
        None => String::new(),
    };
    format!(
        "<tr><td>{}{failure}{}</td><td>{}</td><td align=\"right\">{}&nbsp;/&nbsp;{}</td><td>{}</td></tr>\n",
        breakable(&html_code(&shortened(&test.id, MOST_ID))),
        circumstances(test),
        verdict_of(test),
        test.failures,
        test.ran,
        unbroken(&html(&test.rate_text())),
    )
}

fn verdict_of(test: &Test) -> String {
    let word = verdict(&test.verdict).replace(' ', NO_BREAK);
    match &test.severity {
        Some(found) => {
            let severity_word = severity(found).replace(' ', NO_BREAK);
            format!("{}{NO_BREAK}{word}{NO_BREAK}· {severity_word}", severity_sign(found))
        }
        None => format!("⚪{NO_BREAK}{word}"),
    }
}

/// A name may be parted after `::` and `/`: a cell is as wide as its longest word, and copies leave the marks out.
fn breakable(code: &str) -> String {
    code.replace("::", "::<wbr>").replace("</code>", NO_END).replace('/', "/<wbr>").replace(NO_END, "</code>")
}

/// Stands for the end of code for a moment: no text holds it, which shows control characters as `\\u{…}`.
const NO_END: &str = "\0";

/// A number is not parted from its unit.
fn unbroken(text: &str) -> String {
    text.replace(" %", "&nbsp;%")
        .replace("at least ", "at&nbsp;least&nbsp;")
        .replace("at most ", "at&nbsp;most&nbsp;")
}

/// What makes the numbers of a test special, in words and numbers of ours.
fn circumstances(test: &Test) -> String {
    let mut parts = Vec::new();
    parts.extend(test.change_text().map(|(text, _)| text));
    if test.failed_in_ci {
        parts.push(if test.failures == 0 { "failed in CI, not here" } else { "failed in CI" }.to_owned());
    }
    parts.extend(test.history_text().map(|text| html(&shortened(text, MOST_FAILURE))));
    // Names of teams and what a policy made up: nobody is mentioned by them.
    let of_others = [test.quarantine_text(), test.tags_text()];
    parts.extend(of_others.into_iter().flatten().map(|text| html_code(&shortened(&text, MOST_FAILURE))));
    if let Some(selected) = test.selected.filter(|selected| selected.ran > 0) {
        parts.push(format!("without the other tests {} of {} failed", selected.failed, selected.ran));
    }
    if let Some(beside) = test.side_by_side {
        parts.push(format!(
            "with copies side by side {} of {} failed; the attempts alone count",
            beside.failed, beside.ran
        ));
    } else if let Some(alone) = test.alone {
        parts.push(format!("alone {} of {} failed", alone.failed, alone.ran));
    }
    if test.counts.retried > 0 {
        parts.push(format!(
            "in {} passed only after the framework tried again",
            plural(test.counts.retried, "attempt")
        ));
    }
    if test.counts.missing > 0 {
        parts.push(format!("{} did not tell of it", plural(test.counts.missing, "attempt")));
    }
    if parts.is_empty() { String::new() } else { format!("<br><sub>{}</sub>", parts.join("; ")) }
}

fn folded_row(out: &mut String, quiet: &[&Test]) {
    let ran: Vec<u32> = quiet.iter().map(|test| test.ran).filter(|&ran| ran > 0).collect();
    let skipped = u32::try_from(quiet.len() - ran.len()).unwrap_or(u32::MAX);
    let count = u32::try_from(ran.len()).unwrap_or(u32::MAX);
    if let (Some(&least), Some(&most)) = (ran.iter().min(), ran.iter().max()) {
        let level = quiet.iter().map(|test| test.interval.level).fold(f64::NAN, f64::max);
        let each = if least == most { least.to_string() } else { format!("{least}–{most}") };
        let rate = percent(at_most_when_never(least, level));
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>✅&nbsp;stable&nbsp;· NONE</td><td align=\"right\">0&nbsp;/&nbsp;{each}</td><td>each at&nbsp;most&nbsp;{}</td></tr>",
            plural(count, "stable test"),
            unbroken(&html(&rate)),
        );
    }
    if skipped > 0 {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>✅&nbsp;stable&nbsp;· NONE</td><td align=\"right\">0&nbsp;/&nbsp;0</td><td>never ran</td></tr>",
            plural(skipped, "skipped test"),
        );
    }
}
