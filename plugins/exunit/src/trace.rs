//! Lines of `--trace`: `  * test adds (0.1ms) [L#7]`.
//!
//! ExUnit prints `  * test adds [L#7]` when a test begins, and when it ends goes back to the beginning of the line to
//! print it again with what became of it. Whatever the test printed stands in between.

use flaky_plugin_sdk::Outcome;

/// What one line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trace<'l> {
    /// It runs.
    Begins { name: &'l str, line: Option<u32> },
    /// It ran, or was left out.
    Ends { name: &'l str, line: Option<u32>, outcome: Outcome, seconds: Option<f64> },
}

/// All that a line of the output says about tests: it may hold the beginning of one and the end of the same. A result
/// without a way back before it was printed by a test.
pub(super) fn read(line: &str) -> (Option<Trace<'_>>, Option<Trace<'_>>) {
    let mut parts = line.rsplitn(2, '\r');
    let last = parts.next().unwrap_or_default();
    let Some(before) = parts.next() else { return (beginning(last), None) };
    (beginning(before), end(last))
}

fn beginning(text: &str) -> Option<Trace<'_>> {
    let rest = text.strip_prefix("  * ").filter(|rest| is_kind(rest))?;
    // What the test printed may follow at once.
    let (name, line) = match find_line(rest) {
        Some((name, line)) => (name, Some(line)),
        None => (rest.trim_end(), None),
    };
    Some(Trace::Begins { name, line })
}

/// `NAME [L#7]` at the beginning of a text. A name may hold the same: the last one counts when it ends the text.
fn find_line(text: &str) -> Option<(&str, u32)> {
    let text = text.trim_end_matches(['\r', '\n']);
    let at_end = text.strip_suffix(']').and_then(|text| text.rsplit_once(" [L#"));
    if let Some((name, line)) = at_end.and_then(|(name, line)| Some((name, line.parse().ok()?))) {
        return Some((name, line));
    }
    let (name, rest) = text.split_once(" [L#")?;
    let (line, _) = rest.split_once(']')?;
    Some((name, line.parse().ok()?))
}

fn end(text: &str) -> Option<Trace<'_>> {
    let rest = text.strip_prefix("  * ").filter(|rest| is_kind(rest))?.trim_end();
    let (rest, line) = match rest.strip_suffix(']').and_then(|rest| rest.rsplit_once(" [L#")) {
        Some((rest, line)) => (rest, line.parse().ok()),
        None => (rest, None),
    };
    let (name, what) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let (outcome, seconds) = match what {
        "skipped" | "excluded" => (Outcome::Skipped, None),
        _ => {
            let (number, scale) = match what.strip_suffix("ms") {
                Some(number) => (number, 1e-3),
                None => (what.strip_suffix('s')?, 1.0),
            };
            (Outcome::Passed, Some(number.parse::<f64>().ok()? * scale))
        }
    };
    Some(Trace::Ends { name, line, outcome, seconds })
}

/// Kinds of tests that ExUnit and its companions have; others are the user's own (`ExUnit.Case.register_test`) and
/// are words as well.
fn is_kind(text: &str) -> bool {
    let kind = text.split(' ').next().unwrap_or_default();
    !kind.is_empty() && kind.len() < text.len() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// `CartTest [test/cart_test.exs]`, above the tests of a module.
pub(super) fn module(line: &str) -> Option<(&str, &str)> {
    let (module, file) = line.trim_end().strip_suffix(']')?.split_once(" [")?;
    let is_file = file.ends_with(".exs") || file.ends_with(".ex");
    (is_module(module) && is_file && !file.contains('[')).then_some((module, file))
}

/// A module's name, Elixir's (`Shop.CartTest`) or Erlang's (`:cart_test`).
pub(super) fn is_module(text: &str) -> bool {
    let first = text.trim_start_matches(':').chars().next();
    first.is_some_and(char::is_alphabetic) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_stands_behind_the_way_back() {
        let end = |name, line, outcome, seconds| Some(Trace::Ends { name, line, outcome, seconds });
        let cases = [
            (
                "  * test a [L#7]\r  * test a (1.5ms) [L#7]",
                end("test a", Some(7), Outcome::Passed, Some(0.0015)),
            ),
            ("\r  * test a (b) (2ms) [L#7]", end("test a (b)", Some(7), Outcome::Passed, Some(0.002))),
            ("x\r  * test a (skipped) [L#7]", end("test a", Some(7), Outcome::Skipped, None)),
            ("\r  * doctest A.b/2 (1) (excluded)", end("doctest A.b/2 (1)", None, Outcome::Skipped, None)),
            (
                "\r  * test is (0.1ms) [L#3] (0.0ms) [L#57]",
                end("test is (0.1ms) [L#3]", Some(57), Outcome::Passed, Some(0.0)),
            ),
            ("  * test fakes (0.1ms) [L#1]", None),
            ("\r  * test a", None),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line).1, expected, "{line:?}");
        }
    }

    #[test]
    fn a_beginning_may_have_text_of_the_test_behind_it() {
        for line in
            ["  * test a [L#7]", "  * test a [L#7]printed", "  * test a [L#7]glued\r  * test a (1ms) [L#7]"]
        {
            assert_eq!(read(line).0, Some(Trace::Begins { name: "test a", line: Some(7) }), "{line:?}");
        }
    }
}
