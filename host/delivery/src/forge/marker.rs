//! The hidden first line of a comment: which comment it is, and what was told in it before.
//!
//! `<!-- flaky:KEY {"v":1,"results":[…]} -->`. It counts at the very beginning alone: what comes after it holds names and
//! messages of tests, which may look like anything.

use flaky_core::surroundings::EarlierResult;
use serde::{Deserialize, Serialize};

/// Results that are kept, newest first.
pub(crate) const MOST_RESULTS: usize = 10;
/// Longest marker, in bytes: it shares the comment's 65,536 characters with a text of up to 60,000.
pub(crate) const MOST_BYTES: usize = 5000;
/// Longest key.
const MOST_KEY: usize = 64;

/// What is written.
#[derive(Serialize, Deserialize)]
struct State {
    v: u32,
    results: Vec<EarlierResult>,
}

/// Version of [`State`].
const VERSION: u32 = 1;

/// Whether a reporter may name a comment so.
pub(crate) fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !key.is_empty() && key.len() <= MOST_KEY && key.bytes().all(plain) && !key.contains("--")
}

/// The line, with as much of the results as fits: the oldest go first, then tests of the newest.
pub(crate) fn write(key: &str, results: &[EarlierResult]) -> String {
    let mut kept = results[..results.len().min(MOST_RESULTS)].to_vec();
    loop {
        let state = State { v: VERSION, results: kept };
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

/// What a comment with this key says was told before. `None`: it is not that comment. A marker that somebody has edited,
/// or of a later version, is still a marker: it only tells nothing.
pub(crate) fn read(key: &str, body: &str) -> Option<Vec<EarlierResult>> {
    let rest = body.strip_prefix("<!-- flaky:")?.strip_prefix(key)?.strip_prefix(' ')?;
    let (json, _) = rest.split_once("-->")?;
    let state = serde_json::from_str::<State>(json.trim()).ok().filter(|state| state.v == VERSION);
    let mut results = state.map(|state| state.results).unwrap_or_default();
    results.truncate(MOST_RESULTS);
    Some(results)
}

#[cfg(test)]
mod tests {
    use flaky_core::verdict::{Category, Severity};

    use super::*;

    fn result(run: &str, tests: &[&str]) -> EarlierResult {
        EarlierResult {
            run: run.to_owned(),
            commit: Some("c".repeat(40)),
            verdict: Category::Flaky,
            severity: Some(Severity::Low),
            total_runs: 20,
            failures: 1,
            tests: tests.iter().map(|t| ((*t).to_owned(), Category::Flaky)).collect(),
        }
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
            let results = vec![result("r1", &[hostile, "ordinary"])];
            let line = write("flaky", &results);
            let inner = line.strip_prefix("<!-- ").unwrap().strip_suffix(" -->").unwrap();
            assert!(!inner.contains("--") && !inner.contains(['<', '>', '\n']), "{line}");
            assert_eq!(read("flaky", &format!("{line}\ntext --> <!-- x -->")), Some(results), "{hostile}");
        }
    }

    #[test]
    fn only_the_very_beginning_counts_and_only_the_whole_key() {
        let line = write("flaky", &[result("r1", &[])]);
        for body in [format!(" {line}"), format!("\n{line}"), format!("> {line}"), format!("x{line}")] {
            assert_eq!(read("flaky", &body), None, "{body}");
        }
        assert_eq!(read("fla", &line), None);
        assert_eq!(read("flaky2", &line), None);
        assert_eq!(read("flaky", "<!-- flaky:flaky2 {} -->"), None);
        for edited in [
            "<!-- flaky:flaky  -->",
            "<!-- flaky:flaky {\"v\":2,\"results\":[]} -->",
            "<!-- flaky:flaky [ -->",
        ] {
            assert_eq!(read("flaky", edited), Some(Vec::new()), "{edited}");
        }
    }

    #[test]
    fn the_newest_ten_are_kept_and_never_more_than_fit() {
        let many: Vec<_> = (0..11).map(|n| result(&format!("r{n}"), &["a"])).collect();
        let kept = read("flaky", &write("flaky", &many)).unwrap();
        assert_eq!(kept, many[..10]);

        // Each character of these names is twelve bytes of JSON.
        let long = "\u{1}-->".repeat(50);
        let large: Vec<_> = (0..10).map(|n| result(&format!("r{n}"), &[long.as_str(); 20])).collect();
        let line = write("flaky", &large);
        assert!(line.len() <= MOST_BYTES, "{}", line.len());
        let kept = read("flaky", &line).unwrap();
        assert_eq!((kept.len(), kept[0].run.as_str()), (1, "r0"));
        assert!(!kept[0].tests.is_empty() && kept[0].tests.len() < 20);

        let boundless = EarlierResult { run: "r".repeat(MOST_BYTES), ..result("", &[]) };
        assert_eq!(read("flaky", &write("flaky", &[boundless])), Some(Vec::new()));
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
