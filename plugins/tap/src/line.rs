//! Single lines of TAP.

use flaky_plugin_sdk::Outcome;

/// Subtests stand four spaces deeper than their parents.
pub(crate) const INDENT: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line<'l> {
    Version,
    /// `1..9`, with what stands behind `# SKIP`.
    Plan {
        count: u64,
        skip: Option<&'l str>,
    },
    Point(Point),
    /// `# Subtest: name`
    Subtest(String),
    Comment(&'l str),
    BailOut(&'l str),
}

/// `not ok 2 - adds # TODO later`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) ok: bool,
    pub(crate) number: Option<u64>,
    pub(crate) description: String,
    pub(crate) directive: Option<Directive>,
    pub(crate) nanoseconds: Option<u64>,
    /// Its subtests follow in braces.
    pub(crate) opens: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directive {
    Skip,
    Todo,
    TimedOut,
}

impl Point {
    /// What became of the test. Perl's `TODO` says that a test is meant to fail; in other producers it has no code yet.
    pub(crate) fn outcome(&self, todo_runs: bool) -> Outcome {
        match (self.directive, self.ok) {
            // bats 1.8 says `not ok` of what it skips.
            (Some(Directive::Skip), _) => Outcome::Skipped,
            (Some(Directive::TimedOut), _) => Outcome::TimedOut,
            (Some(Directive::Todo), _) if !todo_runs => Outcome::Skipped,
            (Some(Directive::Todo), false) => Outcome::ExpectedFailure,
            (Some(Directive::Todo), true) => Outcome::UnexpectedPass,
            (None, true) => Outcome::Passed,
            (None, false) => Outcome::Failed,
        }
    }
}

/// Reads a line from which the spaces before it are taken.
pub(crate) fn read(text: &str) -> Option<Line<'_>> {
    match text.as_bytes().first()? {
        b'o' | b'n' => point(text).map(Line::Point),
        b'1' => plan(text),
        b'#' => {
            let text = text.strip_prefix("# ").or_else(|| text.strip_prefix('#'))?;
            Some(match text.strip_prefix("Subtest: ") {
                Some(name) => Line::Subtest(unescaped(name)),
                None => Line::Comment(text),
            })
        }
        b'T' => {
            let version = text.strip_prefix("TAP version ")?.trim();
            matches!(version, "12" | "13" | "14").then_some(Line::Version)
        }
        b'B' => text.strip_prefix("Bail out!").map(|why| Line::BailOut(why.trim())),
        _ => None,
    }
}

/// Numbered results behind other text of a line, the last first, each with the number of spaces before it.
pub(crate) fn glued_points(text: &str) -> impl Iterator<Item = (usize, Point)> {
    text.rmatch_indices("ok ").filter_map(|(at, _)| {
        let before = text.get(..at)?;
        let before = before.strip_suffix("not ").unwrap_or(before);
        let point = point(text.get(before.len()..)?)?;
        let spaces = before.len() - before.trim_end_matches(' ').len();
        (!before.is_empty() && point.number.is_some()).then_some((spaces, point))
    })
}

/// The number of a plan that stands behind other text and ends the line.
pub(crate) fn glued_plan(text: &str) -> Option<u64> {
    let (before, count) = text.rsplit_once("1..")?;
    // `11..3` is no plan.
    let parted = !before.ends_with(|last: char| last.is_ascii_digit());
    count.parse().ok().filter(|_| parted)
}

fn plan(text: &str) -> Option<Line<'_>> {
    let rest = text.strip_prefix("1..")?;
    let (count, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let count = count.parse().ok()?;
    let rest = rest.trim();
    let skip = rest.strip_prefix('#').map(str::trim).filter(|why| starts_with_word(why, "skip"));
    (rest.is_empty() || rest.starts_with('#')).then_some(Line::Plan { count, skip })
}

fn point(text: &str) -> Option<Point> {
    let (ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    // `ok 3rd` is a description.
    let numbered = digits > 0 && (rest.is_empty() || rest.starts_with(' '));
    let (number, rest) = if numbered {
        (Some(number.parse().ok()?), rest)
    } else {
        (None, text.get(text.len() - digits - rest.len()..)?)
    };
    if let Some(behind) = same_number(rest, number) {
        return point(behind);
    }
    let (body, opens) = match rest.strip_suffix(" {") {
        Some(body) => (body, true),
        None => (rest, false),
    };
    let (body, comment) = split_directive(body);
    let body = body.trim_start();
    let dashed = body == "-" || body.starts_with("- ");
    let body = if dashed { body.get(1..).unwrap_or_default() } else { body };
    let mut point =
        Point { ok, number, description: unescaped(body.trim()), directive: None, nanoseconds: None, opens };
    if let Some(comment) = comment {
        point.read_directive(comment, dashed);
    }
    Some(point)
}

/// A result of the same number behind one: the test printed the number that the framework then gave it.
fn same_number(rest: &str, number: Option<u64>) -> Option<&str> {
    let behind = rest.trim_start();
    let words = behind.strip_prefix("not ").unwrap_or(behind).strip_prefix("ok ")?;
    let digits = words.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = words.split_at_checked(digits)?;
    let same = digits.parse().ok() == Some(number?);
    (same && (rest.is_empty() || rest.starts_with(' '))).then_some(behind)
}

impl Point {
    fn read_directive(&mut self, comment: &str, dashed: bool) {
        if let Some(time) = comment.strip_prefix("time=") {
            let (number, scale) = match time.strip_suffix("ms") {
                Some(number) => (number, 1e6),
                None => (time.strip_suffix('s').unwrap_or(time), 1e9),
            };
            self.nanoseconds = number.parse().ok().and_then(|number: f64| nanoseconds(number * scale));
        } else if starts_with_word(comment, "skip") {
            self.directive = Some(Directive::Skip);
            // busted puts the name of what it skips behind the word.
            if self.description.is_empty() && dashed {
                comment.get(4..).unwrap_or_default().trim().clone_into(&mut self.description);
            }
        } else if starts_with_word(comment, "todo") {
            self.directive = Some(Directive::Todo);
        } else if comment.starts_with("timeout after ") {
            self.directive = Some(Directive::TimedOut);
        }
    }
}

/// Splits at the last `#` that begins a directive and is not escaped.
fn split_directive(body: &str) -> (&str, Option<&str>) {
    for (at, _) in body.match_indices('#') {
        let before = body.get(..at).unwrap_or_default();
        let slashes = before.len() - before.trim_end_matches('\\').len();
        let comment = body.get(at + 1..).unwrap_or_default().trim();
        let is_directive = starts_with_word(comment, "skip")
            || starts_with_word(comment, "todo")
            || comment.starts_with("time=")
            || comment.starts_with("timeout after ");
        if slashes % 2 == 0 && is_directive && (before.is_empty() || before.ends_with(' ')) {
            return (before, Some(comment));
        }
    }
    (body, None)
}

/// `SKIP`, `skipped`, `Skip: why`.
fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next_if(|next| matches!(next, '#' | '\\')) } else { None };
        plain.push(escaped.unwrap_or(c));
    }
    plain
}

pub(crate) fn nanoseconds(nanoseconds: f64) -> Option<u64> {
    let nanoseconds = nanoseconds.round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..9.0e15).contains(&nanoseconds).then_some(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_a_number_a_description_and_a_directive() {
        use Outcome::{ExpectedFailure, Failed, Passed, Skipped, TimedOut};
        let cases = [
            ("ok 1 - adds", (Some(1), "adds", Passed)),
            ("not ok 2 fails with a # diff", (Some(2), "fails with a # diff", Failed)),
            (r"ok 3 - a \# hash \\ back", (Some(3), r"a # hash \ back", Passed)),
            (r"ok 3 - a \# SKIP no", (Some(3), "a # SKIP no", Passed)),
            ("ok 3 # skip not here", (Some(3), "", Skipped)),
            ("not ok 3 is skipped # SKIP ", (Some(3), "is skipped", Skipped)),
            ("ok 4 is skipped # skip not here # today", (Some(4), "is skipped", Skipped)),
            ("not ok 4 - later # TODO some day", (Some(4), "later", ExpectedFailure)),
            ("ok 4 - # SKIP a group is pending", (Some(4), "a group is pending", Skipped)),
            ("not ok 5 slow # timeout after 1s", (Some(5), "slow", TimedOut)),
            ("ok", (None, "", Passed)),
            ("ok 3rd time", (None, "3rd time", Passed)),
            ("ok 3 not ok 3 - printed its own number", (Some(3), "printed its own number", Failed)),
            ("not ok 3 ok 3", (Some(3), "", Passed)),
            ("ok 10 not ok 3 - status words ok", (Some(10), "not ok 3 - status words ok", Passed)),
        ];
        for (line, expected) in cases {
            let point = point(line).unwrap();
            assert_eq!((point.number, point.description.as_str(), point.outcome(true)), expected, "{line}");
        }
        let timed = point("ok 1 - adds # time=3.5ms {").unwrap();
        assert_eq!(
            (timed.nanoseconds, timed.opens, timed.description.as_str()),
            (Some(3_500_000), true, "adds")
        );
        for line in ["okay", "not okay", "ok\tmodule"] {
            assert_eq!(point(line), None, "{line}");
        }
    }

    #[test]
    fn results_and_plans_are_found_behind_printed_text() {
        let found = |text| -> Vec<_> {
            glued_points(text).map(|(spaces, point)| (spaces, point.ok, point.number)).collect()
        };
        assert_eq!(found("halfok 2 adds"), [(0, true, Some(2))]);
        assert_eq!(found("half not ok 2 - adds"), [(1, false, Some(2))]);
        assert_eq!(found("zz    ok 2 - b"), [(4, true, Some(2))]);
        assert_eq!(found("ok 2 - adds"), []);
        assert_eq!(found("a book of words"), []);
        assert_eq!(glued_plan("tail1..9"), Some(9));
        assert_eq!(glued_plan("11..9"), None);
        assert_eq!(glued_plan("1..9 times"), None);
    }

    #[test]
    fn plans_are_numbers() {
        assert_eq!(read("1..9"), Some(Line::Plan { count: 9, skip: None }));
        assert_eq!(
            read("1..0 # SKIP no network"),
            Some(Line::Plan { count: 0, skip: Some("SKIP no network") })
        );
        for line in ["1..x", "1..3 and more", "12", "TAP version 99"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
