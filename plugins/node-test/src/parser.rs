//! The text of the reporter `spec`: a tree of titles with marks, counts, and the errors of failed tests.
//!
//! Ids are the titles of the enclosing tests and the test's own, with ` > ` between: the text names no files. What has
//! tests in it is no test itself; where it fails by itself (a hook), that is a diagnostic.

mod line;
mod run;

use flaky_plugin_javascript::{Kept, Lines, SEPARATOR, read_report, sources};
use flaky_plugin_sdk::{Attempt, PackedAttempt};

use run::Run;

/// Reads our own report, or the first source that is the reporter's.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    if let Some(parsed) = read_report(attempt, "node-test", SEPARATOR, run::failed_outcome) {
        return parsed;
    }
    sources(attempt).iter().filter(|kept| !kept.is_ours()).find_map(read).unwrap_or_default()
}

fn read(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let run = |mut run: Run| {
        let mut lines = Lines::of(&kept.blob);
        while let Some(line) = lines.next_line() {
            run.line(&line.text, line.whole);
        }
        run
    };
    let plain = run(Run::default());
    if plain.is_exact() {
        return plain.finish();
    }
    // Tests that are missing may stand behind printed text, if that explains all.
    let glued = run(Run::of_glued());
    if glued.is_exact() { glued.finish() } else { plain.finish() }
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    #[test]
    fn tests_and_counts_may_stand_behind_printed_text() {
        let text = "no newline✔ adds (17.7ms)\n▶ s\n  ✔ inner (1.5ms)\nlate text  ✔ other (22.6ms)\n✔ s (27.4ms)\n\
            zzz✔ last (17.9ms)\n✔ own (0.1ms)\nyyyℹ tests 5\nℹ suites 1\nℹ pass 5\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\n\
            ℹ todo 0\nℹ duration_ms 469.6\n";
        let recorded = Recorded::default().stdout(text);
        let found = parse(&recorded.attempt()).tests.results();
        let ids: Vec<_> = found.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids, ["adds", "s > inner", "s > other", "last", "own"]);
    }
}
