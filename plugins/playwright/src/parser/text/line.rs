//! Single lines.

use flaky_plugin_javascript::is_script;

/// A test as every reporter names it: `[project] › tests/a.spec.ts:3:5 › describe › title`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    /// Project, file, blocks, title.
    pub(crate) path: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Passed,
    Failed,
    /// Skipped, or never run.
    Dash,
}

/// `  ✓  12 tests/a.spec.ts:3:5 › adds (retry #1) (52ms)`
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) mark: Mark,
    pub(crate) number: u64,
    pub(crate) test: Named,
    pub(crate) retry: usize,
    pub(crate) millis: Option<f64>,
}

pub(crate) fn named(text: &str) -> Option<Named> {
    let mut parts: Vec<String> = text.split(" › ").map(|part| part.trim().to_owned()).collect();
    let at = usize::from(parts.first().is_some_and(|first| first.starts_with('[') && first.ends_with(']')));
    let place = parts.get(at)?;
    let mut ends = place.rsplitn(3, ':');
    let mut number = || ends.next().and_then(|end| end.parse::<u32>().ok());
    let (_column, line) = (number()?, number()?);
    let file = ends.next().filter(|file| is_script(file))?.replace('\\', "/");
    if parts.len() < at + 2 {
        return None;
    }
    if let Some(slot) = parts.get_mut(at) {
        slot.clone_from(&file);
    }
    Some(Named { path: parts, file, line: Some(line) })
}

pub(crate) fn entry(line: &str) -> Option<Entry> {
    let rest = line.strip_prefix("  ")?;
    let (mark, rest) = rest.split_once(' ')?;
    let mark = match mark {
        "✓" | "ok" => Mark::Passed,
        "✘" | "x" => Mark::Failed,
        "-" => Mark::Dash,
        _ => return None,
    };
    let (number, rest) = rest.trim_start().split_once(' ')?;
    let number = number.parse().ok()?;
    let (rest, millis) = duration(rest);
    let (rest, retry) = retry(rest);
    Some(Entry { mark, number, test: named(rest)?, retry, millis })
}

/// ` (52ms)`, ` (1.2s)`, ` (2.5m)`
fn duration(text: &str) -> (&str, Option<f64>) {
    let found = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")).and_then(|(rest, time)| {
        let digits = time.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = time.split_at(digits);
        let scale = match unit {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        Some((rest, number.parse::<f64>().ok()? * scale))
    });
    found.map_or((text, None), |(rest, millis)| (rest, Some(millis)))
}

fn retry(text: &str) -> (&str, usize) {
    let found = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (retry #"));
    let found = found.and_then(|(rest, number)| Some((rest, number.parse().ok()?)));
    found.unwrap_or((text, 0))
}

/// `[3/28] tests/a.spec.ts:3:5 › adds (retry #1)`: the number, the test, and which retry it is.
pub(crate) fn progress(line: &str, all: u64) -> Option<(u64, Named, usize)> {
    let (counter, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (number, total) = counter.split_once('/')?;
    if total.parse() != Ok(all) {
        return None;
    }
    // Older versions mark lines beyond the number of tests.
    let (rest, retry) = retry(rest.strip_prefix("(retries) ").unwrap_or(rest));
    Some((number.parse().ok()?, named(rest)?, retry))
}

/// `Running 28 tests using 1 worker`: how many.
pub(crate) fn running(line: &str) -> Option<u64> {
    let (number, rest) = line.strip_prefix("Running ")?.split_once(' ')?;
    let rest = rest.strip_prefix("tests using ").or_else(|| rest.strip_prefix("test using "))?;
    let (workers, word) = rest.split_once(' ')?;
    let counts = workers.bytes().all(|b| b.is_ascii_digit()) && word.starts_with("worker");
    counts.then(|| number.parse().ok()).flatten()
}

/// `  12 failed`, `  2 did not run`, `  10 passed (1.7m)`: number and word.
pub(crate) fn count(line: &str) -> Option<(u64, &str)> {
    let rest = line.strip_prefix("  ")?;
    let (number, word) = rest.split_once(' ')?;
    let word = if word.starts_with("passed (") { "passed" } else { word };
    let known = ["passed", "failed", "flaky", "skipped", "did not run", "interrupted"];
    let known = known.contains(&word) || word.starts_with("error") && word.contains("not a part of any test");
    known.then(|| number.parse().ok().map(|number| (number, word))).flatten()
}

/// `  3) [project] › tests/a.spec.ts:3:5 › title ────`: a failed test of that number.
pub(crate) fn heading(line: &str, number: u64) -> Option<Named> {
    let rest = line.strip_prefix("  ")?.strip_prefix(number.to_string().as_str())?.strip_prefix(") ")?;
    named(rest.trim_end_matches(['─', '=', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_by_project_place_and_titles() {
        let entry =
            entry("  ✘  12 [mobile safari] › tests/a b.spec.ts:3:5 › cart › adds (x) (retry #2) (1.5s)");
        let path = ["[mobile safari]", "tests/a b.spec.ts", "cart", "adds (x)"].map(str::to_owned).to_vec();
        let test = Named { path, file: "tests/a b.spec.ts".to_owned(), line: Some(3) };
        assert_eq!(
            entry,
            Some(Entry { mark: Mark::Failed, number: 12, test, retry: 2, millis: Some(1500.0) })
        );
    }

    #[test]
    fn lines_of_others_are_not_taken() {
        for line in [
            "  ✓ adds (3ms)",
            "  ✓ 1 adds",
            "  ✓ 1 a.spec.ts › adds",
            " ✓ 1 a.spec.ts:1:1 › adds",
            "  ✓ 1 a.txt:1:1 › adds",
        ] {
            assert_eq!(entry(line), None, "{line}");
        }
        assert_eq!(running("Running 28 tests using 1 worker"), Some(28));
        assert_eq!(running("Running 1 test using 1 worker, shard 1 of 2"), Some(1));
        assert_eq!(running("Running tests"), None);
        assert_eq!(count("  2 did not run"), Some((2, "did not run")));
        assert_eq!(count("  10 passed (1.7m)"), Some((10, "passed")));
        assert_eq!(count("  10 passing (1.7m)"), None);
    }
}
