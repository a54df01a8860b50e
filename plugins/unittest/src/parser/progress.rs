//! The lines that appear while tests run.

use flaky_plugin_sdk::Outcome;

use super::describe::{Description, Said, Subject, status};

/// What was seen of one run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// In the order in which they began.
    pub(super) tests: Vec<(String, Outcome)>,
    /// Of the progress without `-v`.
    pub(super) letters: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    seen: Seen,
    /// Tests that were begun and not told of yet. The last one runs or has ended. Those before it have no status:
    /// their subtests failed (before Python 3.11 nothing is printed then), or they printed what looks like a test.
    open: Vec<Open>,
    /// A description without a status: the first line of its documentation follows, then the status.
    documented: Option<Subject>,
    is_unittests: bool,
}

#[derive(Debug)]
struct Open {
    subject: Subject,
    said: Option<Said>,
    /// A status that stands by itself said so, or a subtest's line did.
    failed: Option<Outcome>,
    /// The line that describes it says that it did not fail.
    is_settled: bool,
}

impl Progress {
    /// Whether there is a line that nobody else writes.
    pub(super) fn is_unittests(&self) -> bool {
        self.is_unittests
    }

    pub(super) fn has_tests(&self) -> bool {
        !self.seen.tests.is_empty() || !self.open.is_empty()
    }

    pub(super) fn take(&mut self, line: &str, is_whole: bool) {
        if let Some(subject) = self.documented.take()
            && let Some((_, rest)) = line.split_once(" ... ")
        {
            self.begin(subject);
            self.rest(rest, is_whole);
            return;
        }
        if let Some(description) = line.strip_prefix("  ").and_then(Description::read) {
            self.subtest(description);
            return;
        }
        match Description::read(line) {
            Some(description) if description.rest.starts_with(" ...") => {
                self.described(description, is_whole)
            }
            Some(description) if description.rest.is_empty() && is_whole => {
                self.documented = Some(description.subject());
            }
            _ if self.open.is_empty() => self.letters(line),
            _ => self.said(line, true, is_whole),
        }
    }

    fn letters(&mut self, line: &str) {
        if !line.is_empty() && line.bytes().all(|byte| b".FEsxu".contains(&byte)) {
            self.seen.letters.extend_from_slice(line.as_bytes());
        }
    }

    fn described(&mut self, description: Description<'_>, is_whole: bool) {
        let Some(rest) = description.rest.strip_prefix(" ... ") else { return };
        let said = status(rest).filter(|said| said.is_alone && is_whole);
        self.is_unittests |= description.is_test_like() && (description.repeats_name() || said.is_some());
        self.begin(description.subject());
        self.rest(rest, is_whole);
    }

    /// What stands behind ` ... `: a status, output with or without one, or another description.
    fn rest(&mut self, rest: &str, is_whole: bool) {
        let mut rest = rest;
        while let Some(description) = Description::read(rest)
            && let Some(next) = description.rest.strip_prefix(" ... ")
        {
            self.begin(description.subject());
            rest = next;
        }
        self.said(rest, false, is_whole);
    }

    fn begin(&mut self, subject: Subject) {
        if let Some(open) = self.open.last() {
            // A second failure of the same test, in its clean-up or in a subtest, describes it again.
            if open.subject == subject && (open.failed.is_some() || open.said.is_none()) {
                return;
            }
            if open.said.is_some() || open.failed.is_some() {
                self.flush();
            }
        }
        self.open.push(Open { subject, said: None, failed: None, is_settled: false });
    }

    fn subtest(&mut self, description: Description<'_>) {
        let Some(said) = status(description.rest).filter(|said| said.is_alone) else { return };
        if let Some(open) = self.open.last_mut().filter(|_| is_failure(said.outcome))
            && open.subject == description.subject()
        {
            open.fail(said.outcome);
        }
    }

    /// `is_line` says whether the text is all of its line.
    fn said(&mut self, text: &str, is_line: bool, is_whole: bool) {
        let Some(said) = status(text) else { return };
        // Half a line may go on.
        if !is_whole && !said.is_alone {
            return;
        }
        let is_bare = is_line && said.is_alone && !text.contains(" ... ");
        if is_bare {
            self.drop_printed(said);
        }
        let Some(open) = self.open.last_mut() else { return };
        // Before Python 3.11 hooks of classes say no more than the word: it is not that of the test before them, whose
        // own stands where it should. Blocks have the last word.
        if is_bare && open.is_settled && is_failure(said.outcome) {
            return;
        }
        open.is_settled |= said.is_alone && !is_bare && !is_failure(said.outcome);
        open.say(said);
    }

    /// A second status for a test that has one belongs to the test before it that has none: that one printed what
    /// looked like the other.
    fn drop_printed(&mut self, said: Said) {
        let Some((last, before)) = self.open.split_last() else { return };
        let Some(first) = last.said.filter(|first| first.is_alone) else { return };
        if before.is_empty() || (is_failure(first.outcome) && is_failure(said.outcome)) {
            return;
        }
        self.open.pop();
    }

    fn flush(&mut self) {
        for open in self.open.drain(..) {
            if let Subject::Test(id) = open.subject {
                let said = open.said.map_or(Outcome::Unknown, |said| said.outcome);
                self.seen.tests.push((id, open.failed.unwrap_or(said)));
            }
        }
    }

    /// The tests. `death` is the outcome of one that was running when the output ended.
    pub(super) fn finish(mut self, death: Option<Outcome>) -> Seen {
        if let Some(open) = self.open.last_mut()
            && open.said.is_none()
            && open.failed.is_none()
            && let Some(outcome) = death
        {
            open.said = Some(Said { outcome, is_alone: true });
        }
        self.flush();
        self.seen
    }
}

fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Errored)
}

impl Open {
    fn say(&mut self, said: Said) {
        if said.is_alone && is_failure(said.outcome) {
            self.fail(said.outcome);
        } else if said.is_alone {
            // A failed test never passes afterwards: the word was its own output.
            self.failed = None;
        }
        self.said = Some(said);
    }

    /// Its own assertion says more than its clean-up.
    fn fail(&mut self, outcome: Outcome) {
        if self.failed != Some(Outcome::Failed) {
            self.failed = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, death: Option<Outcome>) -> Vec<(String, Outcome)> {
        let mut progress = Progress::default();
        text.lines().for_each(|line| progress.take(line, true));
        progress.finish(death).tests
    }

    #[test]
    fn every_way_to_end_a_line_is_understood() {
        use Outcome::{Crashed, Failed, Passed, Unknown};
        let cases: &[(&str, &[(&str, Outcome)])] = &[
            ("test_a (m.C) ... ok\ntest_b (m.C) ... FAIL", &[("test_a", Passed), ("test_b", Failed)]),
            ("test_a (m.C)\nDoes ... this. ... ok", &[("test_a", Passed)]),
            ("test_a (m.C) ... printedok\ntest_b (m.C) ... ok", &[("test_a", Passed), ("test_b", Passed)]),
            ("test_a (m.C) ... x\nFAIL\ny\nok\n", &[("test_a", Passed)]),
            ("test_a (m.C) ... FAIL\nERROR", &[("test_a", Failed)]),
            (
                "test_a (m.C) ... test_b (m.C) ... ok\ntest_c (m.C) ... ok",
                &[("test_a", Unknown), ("test_b", Passed), ("test_c", Passed)],
            ),
            (
                "test_a (m.C) ... test_b (m.C) ... ok\nok\ntest_c (m.C) ... ok",
                &[("test_a", Passed), ("test_c", Passed)],
            ),
            ("test_a (m.C) ... \ntest_b (m.C) ... FAIL\nok", &[("test_a", Passed)]),
            (
                "test_a (m.C.test_a) ... \n  test_a (m.C.test_a) (i=1) ... FAIL\ntest_b (m.C.test_b) ... ok",
                &[("test_a", Failed), ("test_b", Passed)],
            ),
            ("test_a (m.C.test_a) ... FAIL\ntest_a (m.C.test_a) ... ERROR", &[("test_a", Failed)]),
            ("test_a (m.C) ... ok\nERROR\ntest_b (m.D) ... ok", &[("test_a", Passed), ("D.test_b", Passed)]),
            ("test_a (m.C) ... ok\ntest_a (m.C) ... ok", &[("test_a", Passed), ("test_a", Passed)]),
            ("setUpClass (m.C) ... ERROR\ntest_a (m.D) ... ok", &[("D.test_a", Passed)]),
            ("test_a (m.C) ... ok\ntest_b (m.C) ... ", &[("test_a", Passed), ("test_b", Crashed)]),
        ];
        for (text, expected) in cases {
            let expected: Vec<(String, Outcome)> = expected
                .iter()
                .map(|(name, outcome)| {
                    let class = if name.contains('.') { "m." } else { "m.C." };
                    (format!("{class}{name}"), *outcome)
                })
                .collect();
            assert_eq!(read(text, Some(Crashed)), expected, "{text}");
        }
    }
}
