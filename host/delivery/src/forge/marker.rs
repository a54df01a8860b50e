//! The hidden first line of a comment: which comment it is, and what was told in it before.
//!
//! `<!-- flaky:KEY {"v":1,"results":[…],"spent":{…}} -->`. It counts at the very beginning alone: what comes after it holds names and
//! messages of tests, which may look like anything.

use flaky_core::surroundings::EarlierResult;
use serde::{Deserialize, Serialize};

use super::spending::Spent;

/// Results that are kept, newest first.
pub(crate) const MOST_RESULTS: usize = 10;
/// Longest marker, in bytes: it shares the comment's 65,536 characters with a text of up to 60,000.
pub(crate) const MOST_BYTES: usize = 5000;
/// Longest key.
const MOST_KEY: usize = 64;

/// What a comment remembers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memory {
    /// What was told in it, newest first.
    pub(crate) results: Vec<EarlierResult>,
    /// What finding it out has cost.
    pub(crate) spent: Spent,
}

/// What is written.
#[derive(Serialize, Deserialize)]
struct State {
    v: u32,
    results: Vec<EarlierResult>,
    #[serde(default, skip_serializing_if = "Spent::is_nothing")]
    spent: Spent,
}

/// Version of [`State`].
const VERSION: u32 = 1;

/// Whether a reporter may name a comment so.
pub(crate) fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !key.is_empty() && key.len() <= MOST_KEY && key.bytes().all(plain) && !key.contains("--")
}

/// The line, with as much of the results as fits: the oldest go first, then tests of the newest.
pub(crate) fn write(key: &str, memory: &Memory) -> String {
    let mut kept: Vec<_> = memory.results.iter().take(MOST_RESULTS).cloned().collect();
    loop {
        let state = State { v: VERSION, results: kept, spent: memory.spent };
        let json = serde_json::to_string(&state).unwrap_or_default();
        // Neither ends the comment; both stand in strings only, where the escape means the same.
        let json = json.replace("--", "\\u002d\\u002d").replace('>', "\\u003e").replace('<', "\\u003c");
        let line = format!("<!-- flaky:{key} {json} -->");
        kept = state.results;
        if line.len() <= MOST_BYTES || kept.is_empty() {
            return line;
        }
        let only = kept.len() == 1;
        if let Some(newest) = kept.first_mut().filter(|newest| only && !newest.tests.is_empty()) {
            newest.tests.pop();
        } else {
            kept.pop();
        }
    }
}

/// A comment with a marker, taken apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Marked<'b> {
    pub(crate) key: &'b str,
    pub(crate) memory: Memory,
    /// What people read.
    pub(crate) text: &'b str,
}

/// What a comment remembers, and says. `None`: it has no marker. One that somebody has edited, or of a later version, is
/// still a marker: it only tells nothing.
pub(crate) fn read(body: &str) -> Option<Marked<'_>> {
    let (key, rest) = body.strip_prefix("<!-- flaky:")?.split_once(' ')?;
    let (json, text) = rest.split_once("-->")?;
    let state = serde_json::from_str::<State>(json.trim()).ok().filter(|state| state.v == VERSION);
    let mut memory =
        state.map(|state| Memory { results: state.results, spent: state.spent }).unwrap_or_default();
    memory.results.truncate(MOST_RESULTS);
    Some(Marked { key, memory, text: text.strip_prefix('\n').unwrap_or(text) })
}

/// Begins a paragraph of the host's own, between the marker and the reporter's text.
const NOTE: &str = "<!-- note -->";

/// A paragraph before the text, in the place of one that is there.
pub(crate) fn with_note(note: &str, text: &str) -> String {
    let noted = text.strip_prefix(NOTE).and_then(|noted| noted.split_once("\n\n"));
    format!("{NOTE}{note}\n\n{}", noted.map_or(text, |(_, text)| text))
}

#[cfg(test)]
mod tests {
    use flaky_core::verdict::{Category, Severity};

    use super::*;

    fn result(run: &str, tests: &[&str]) -> EarlierResult {
        EarlierResult {
            run: run.to_owned(),
            suite: None,
            commit: Some("c".repeat(40)),
            verdict: Category::Flaky,
            severity: Some(Severity::Low),
            total_runs: 20,
            failures: 1,
            tests: tests.iter().map(|t| ((*t).to_owned(), Category::Flaky)).collect(),
        }
    }

    fn of(results: Vec<EarlierResult>) -> Memory {
        Memory { results, spent: Spent::default() }
    }

    #[test]
    fn what_is_written_is_read_again_whatever_tests_are_called() {
        for hostile in [
            "a --> b",
            "a --!> b",
            "<!-- flaky:flaky {} -->",
            "-",
            "--",
            "---",
            "-----",
            "</script><b>",
            "line\nend\u{0}\u{2028}\u{202e}",
            "\\u002d\\u002d>",
            "\u{1f600}\u{10ffff}",
            "\"}]} -->",
        ] {
            let memory = of(vec![result("r1", &[hostile, "ordinary"])]);
            let line = write("flaky", &memory);
            let inner = line.strip_prefix("<!-- ").unwrap().strip_suffix(" -->").unwrap();
            assert!(!inner.contains("--") && !inner.contains(['<', '>', '\n']), "{line}");
            let body = format!("{line}\ntext --> <!-- x -->");
            let expected = Marked { key: "flaky", memory, text: "text --> <!-- x -->" };
            assert_eq!(read(&body), Some(expected), "{hostile}");
        }
    }

    #[test]
    fn only_the_very_beginning_counts_and_only_the_whole_key() {
        let line = write("flaky", &of(vec![result("r1", &[])]));
        for body in [format!(" {line}"), format!("\n{line}"), format!("> {line}"), format!("x{line}")] {
            assert_eq!(read(&body), None, "{body}");
        }
        assert_eq!(read(&line).unwrap().key, "flaky");
        assert_eq!(read("<!-- flaky:flaky2 {} -->").unwrap().key, "flaky2");
        for edited in [
            "<!-- flaky:flaky  -->",
            "<!-- flaky:flaky {\"v\":2,\"results\":[]} -->",
            "<!-- flaky:flaky [ -->",
            "<!-- flaky:flaky {\"v\":1,\"results\":[],\"spent\":{\"seconds\":-5}} -->",
        ] {
            let marked = read(edited).unwrap();
            assert_eq!((marked.key, marked.memory), ("flaky", Memory::default()), "{edited}");
        }
    }

    #[test]
    fn the_newest_ten_are_kept_and_never_more_than_fit() {
        let many: Vec<_> = (0..11).map(|n| result(&format!("r{n}"), &["a"])).collect();
        let kept = read(&write("flaky", &of(many.clone()))).unwrap().memory;
        assert_eq!(kept.results, many[..10]);

        // Each character of these names is twelve bytes of JSON.
        let long = "\u{1}-->".repeat(50);
        let large: Vec<_> = (0..10).map(|n| result(&format!("r{n}"), &[long.as_str(); 20])).collect();
        let line = write("flaky", &of(large));
        assert!(line.len() <= MOST_BYTES, "{}", line.len());
        let kept = read(&line).unwrap().memory.results;
        assert_eq!((kept.len(), kept[0].run.as_str()), (1, "r0"));
        assert!(!kept[0].tests.is_empty() && kept[0].tests.len() < 20);

        // What was spent stays, whatever has to go.
        let spent = Spent { seconds: u64::MAX, microdollars: u64::MAX };
        let boundless = EarlierResult { run: "r".repeat(MOST_BYTES), ..result("", &[]) };
        let line = write("flaky", &Memory { results: vec![boundless], spent });
        assert!(line.len() <= MOST_BYTES);
        assert_eq!(read(&line).unwrap().memory, Memory { results: Vec::new(), spent });
    }

    #[test]
    fn a_note_takes_the_place_of_the_one_before_and_leaves_the_text_as_it_was() {
        let text = "first\n\nsecond";
        let once = with_note("moved", text);
        let twice = with_note("moved again", &once);
        assert_eq!(once, format!("{NOTE}moved\n\n{text}"));
        assert_eq!(twice, format!("{NOTE}moved again\n\n{text}"));
        let body = format!("{}\n{twice}", write("flaky", &Memory::default()));
        assert_eq!(read(&body).unwrap().text, twice);
    }

    #[test]
    fn keys_are_short_plain_words() {
        for (key, fine) in [
            ("flaky", true),
            ("flaky-2_b.c", true),
            (&"k".repeat(MOST_KEY), true),
            (&"k".repeat(MOST_KEY + 1), false),
            ("", false),
            ("a b", false),
            ("a--b", false),
            ("a>", false),
            ("ä", false),
        ] {
            assert_eq!(is_key(key), fine, "{key}");
        }
    }
}
