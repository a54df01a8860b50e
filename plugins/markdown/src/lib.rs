//! The report as GitHub-flavoured Markdown, for a file, a job summary or a comment.
//!
//! Names, messages and traces come from tests, which anybody may have written. They appear only where no markup
//! is read: in fenced blocks, in code spans, and, escaped, in `<code>` inside blocks of HTML. Sentences (reasons,
//! hints, notes) are escaped, and what a site would make a link or a mention of by itself is broken up.

pub mod comment;
#[cfg(feature = "component")]
mod component;
mod details;
mod place;
mod table;

use std::fmt::Write as _;

use flaky_plugin_platforms::limits::GITHUB_COMMENT_USED;
use flaky_plugin_platforms::markdown::{code_span, sentence, shortened};
use flaky_plugin_platforms::words;
use flaky_plugin_sdk::report::{Report, plural};

/// Most characters of the table, so that room is left for what follows.
const MOST_TABLE: usize = 24_000;

/// Most characters of the reason and of the hint, before they are escaped.
const MOST_REASON: usize = 1000;

/// Most characters of a cause, which is one word.
const MOST_CAUSE: usize = 100;

/// The report as Markdown, for a file: all that a comment could hold.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = format!("## {} {}\n\n", words::sign(report), words::headline(report));
    out.push_str(&cause(report));
    out.push_str(&reason(report));
    out.push_str(&hint(report));
    out.push_str(&table::of(report, MOST_TABLE));
    let end = details::end(report);
    // What may be long comes in pieces, as many as fit.
    let mut room = GITHUB_COMMENT_USED.saturating_sub(characters(&out) + characters(&end));
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

fn cause(report: &Report) -> String {
    let cause = report.cause.as_deref().map(|cause| code_span(&shortened(cause, MOST_CAUSE)));
    cause.filter(|cause| !cause.is_empty()).map(|cause| format!("**Cause:** {cause}\n\n")).unwrap_or_default()
}

fn reason(report: &Report) -> String {
    let reason = sentence(&shortened(&report.reason, MOST_REASON));
    if reason.is_empty() { reason } else { format!("{reason}\n\n") }
}

fn hint(report: &Report) -> String {
    let hint = report.hint.as_deref().map(|hint| sentence(&shortened(hint, MOST_REASON)));
    hint.filter(|hint| !hint.is_empty()).map(|hint| format!("**What to do:** {hint}\n\n")).unwrap_or_default()
}
