//! The report for where people discuss a change: short, the most important first, the rest folded away.

use std::fmt::Write as _;

use flaky_plugin_platforms::limits::{GITHUB_COMMENT_USED, GITHUB_SUMMARY_USED};
use flaky_plugin_platforms::markdown::code_span;
use flaky_plugin_platforms::measure::Unit;
use flaky_plugin_platforms::words;
use flaky_plugin_sdk::report::{Report, plural};
use flaky_plugin_sdk::surroundings::Surroundings;

use crate::{MOST_TABLE, cause, details, hint, place, reason, table};

/// Characters of the table where room is short.
const SHORT_TABLE: usize = 6000;

/// Characters of a trace where room is short.
const SHORT_TRACE: usize = 400;

/// Bytes of the failures of all tests in a summary.
const MOST_FAILURES: usize = 256 * 1024;

/// Room that is kept for saying what was left out.
const NOTE: usize = 300;

/// For a comment on a pull request or merge request, which may hold other results as well.
#[must_use]
pub fn comment(report: &Report, surroundings: &Surroundings) -> String {
    let room = surroundings.room.and_then(|room| usize::try_from(room).ok()).unwrap_or(GITHUB_COMMENT_USED);
    write(report, surroundings, room.min(GITHUB_COMMENT_USED), Unit::CodePoints, false)
}

/// For a check run: as a comment that holds nothing else.
#[must_use]
pub fn check(report: &Report, surroundings: &Surroundings) -> String {
    write(report, surroundings, GITHUB_COMMENT_USED, Unit::CodePoints, false)
}

/// For the summary of a CI job: the same, with the failures of all tests.
#[must_use]
pub fn summary(report: &Report, surroundings: &Surroundings) -> String {
    write(report, surroundings, GITHUB_SUMMARY_USED, Unit::Bytes, true)
}

/// A part of the document that may be shortened or left out.
struct Piece {
    /// What is missing where it is.
    name: &'static str,
    /// The least important goes first.
    rank: u8,
    /// As it is shown.
    text: String,
    /// As it is shown where room is short; `None` where it would be left out.
    brief: Option<String>,
}

impl Piece {
    fn new(name: &'static str, rank: u8, text: String) -> Self {
        Self { name, rank, text, brief: None }
    }

    fn or_briefly(self, brief: String) -> Self {
        Self { brief: Some(brief), ..self }
    }
}

fn write(
    report: &Report,
    surroundings: &Surroundings,
    most: usize,
    unit: Unit,
    every_failure: bool,
) -> String {
    if !words::has_result(report) {
        return no_result(report, surroundings);
    }
    let head = head(report, surroundings);
    let footer = place::footer(report, surroundings);
    let mut pieces = pieces(report, surroundings, every_failure);
    let room = most.saturating_sub(unit.length(&head) + unit.length(&footer) + NOTE);
    let left_out = fit(&mut pieces, room, unit);
    let mut out = head;
    for piece in &pieces {
        out.push_str(&piece.text);
    }
    if !left_out.is_empty() {
        let _ = writeln!(out, "For want of room, not all is here: {}.\n", left_out.join(", "));
    }
    out.push_str(&footer);
    out
}

/// Where nothing was found out, that is all there is to say.
fn no_result(report: &Report, surroundings: &Surroundings) -> String {
    let mut out = format!("## {}\n\n", words::title(report, surroundings, code_span));
    out.push_str("Whether this is a bug or a flaky test is not known.\n\n");
    let (cause, reason) = (cause(report), reason(report));
    match (cause.is_empty(), reason.is_empty()) {
        (false, false) => {
            let _ = write!(out, "{}: {reason}", cause.trim_end());
        }
        _ => out.push_str(&(cause + &reason)),
    }
    out.push_str(&hint(report));
    out
}

fn head(report: &Report, surroundings: &Surroundings) -> String {
    let mut out = format!("## {}\n\n", words::title(report, surroundings, code_span));
    out.push_str(&place::outdated(surroundings));
    let _ = writeln!(out, "**{}**\n", words::recommendation(report, surroundings));
    out.push_str(&reason(report));
    out.push_str(&cause(report));
    out.push_str(&hint(report));
    out.push_str(&place::untrusted(surroundings));
    out
}

fn pieces(report: &Report, surroundings: &Surroundings, every_failure: bool) -> Vec<Piece> {
    let failures =
        if every_failure { many_failures(report) } else { details::top_failure(report, details::MOST_TRACE) };
    let mut gaps = details::gaps(report);
    gaps.splice(0..0, details::undecided(report));
    vec![
        Piece::new("tests", 10, table::of(report, MOST_TABLE)).or_briefly(table::of(report, SHORT_TABLE)),
        Piece::new("what fails together", 5, list(&details::clusters(report))),
        Piece::new("failures", 8, failures).or_briefly(details::top_failure(report, SHORT_TRACE)),
        Piece::new("how to repeat it", 9, details::reproduction(report)),
        Piece::new("output", 6, folded("What an attempt printed", &details::output(report))),
        Piece::new("what changed since the last green run", 4, place::since_green(surroundings)),
        Piece::new("what was not measured", 7, folded("What was not measured, and notes", &list(&gaps))),
        Piece::new("how it ran", 2, folded("How it ran", &list(&details::execution(report)))),
        Piece::new("earlier results", 1, place::earlier(surroundings)),
    ]
}

/// The failures of all tests, or of as many as have room in a summary.
fn many_failures(report: &Report) -> String {
    let mut out = String::new();
    let mut left_out = 0;
    for failure in details::failures(report) {
        if left_out == 0 && out.len() + failure.len() <= MOST_FAILURES {
            out.push_str(&failure);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "Failures of {} more are in the JSON report.\n", plural(left_out, "test"));
    }
    out
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut out: String = items.iter().map(|item| format!("- {item}\n")).collect();
    out.push('\n');
    out
}

fn folded(title: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<details><summary>{title}</summary>\n\n{text}</details>\n\n")
}

/// Shortens the pieces until they fit, the least important first, and says which were.
fn fit(pieces: &mut [Piece], room: usize, unit: Unit) -> Vec<&'static str> {
    let mut left_out = Vec::new();
    let mut used: usize = pieces.iter().map(|piece| unit.length(&piece.text)).sum();
    while used > room {
        let candidates = pieces.iter_mut().filter(|piece| !piece.text.is_empty());
        // What has a short form loses no more than that before anything else of its rank goes.
        let Some(piece) = candidates.min_by_key(|piece| piece.rank) else { break };
        let shorter = piece.brief.take().unwrap_or_default();
        used = used - unit.length(&piece.text) + unit.length(&shorter);
        piece.text = shorter;
        if !left_out.contains(&piece.name) {
            left_out.push(piece.name);
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(name: &'static str, rank: u8, length: usize) -> Piece {
        Piece::new(name, rank, "😀".repeat(length))
    }

    #[test]
    fn the_least_important_goes_first_and_only_as_much_as_has_to() {
        for (room, expected) in [
            (30, vec![]),
            (29, vec!["c"]),
            (20, vec!["c"]),
            (19, vec!["c", "b"]),
            (15, vec!["c", "b"]),
            (14, vec!["c", "b"]),
            (10, vec!["c", "b"]),
            (9, vec!["c", "b", "a"]),
        ] {
            let mut pieces =
                [piece("a", 9, 10), piece("b", 5, 10).or_briefly("x".repeat(5)), piece("c", 1, 10)];
            assert_eq!(fit(&mut pieces, room, Unit::CodePoints), expected, "{room}");
            let used: usize = pieces.iter().map(|piece| Unit::CodePoints.length(&piece.text)).sum();
            assert!(used <= room, "{used} in {room}");
        }
    }

    #[test]
    fn room_is_counted_as_the_platform_counts() {
        let pieces = || [piece("a", 1, 10)];
        assert!(fit(&mut pieces(), 10, Unit::CodePoints).is_empty());
        assert!(fit(&mut pieces(), 40, Unit::Bytes).is_empty());
        assert_eq!(fit(&mut pieces(), 39, Unit::Bytes), ["a"]);
    }
}
