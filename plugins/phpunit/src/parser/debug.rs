//! `Test 'CartTest::testAdds' started` and `ended`, as with `--debug`: the names of all tests, and of no outcome.

use std::collections::HashMap;

use flaky_plugin_sdk::{Outcome, PackedTestsBuilder};

use super::defects::{Defect, id_of};

#[derive(Debug, Default)]
pub(super) struct Debug {
    ended: Vec<String>,
    running: Option<String>,
}

impl Debug {
    pub(super) fn take(&mut self, line: &str) {
        // What the test before printed may stand in the same line.
        let Some((_, rest)) = line.split_once("Test '") else { return };
        if let Some(title) = rest.strip_suffix("' started") {
            self.running = Some(title.to_owned());
        } else if let Some(title) = rest.strip_suffix("' ended")
            && self.running.as_deref() == Some(title)
        {
            self.ended.push(id_of(title));
            self.running = None;
        }
    }

    /// Writes all tests, if what is told of them at the end is all that there was to tell. What was skipped is told
    /// only with `--verbose`.
    pub(super) fn tell(&self, totals: Totals, found: &[Defect], tests: &mut PackedTestsBuilder) -> bool {
        let skipped = found.iter().filter(|defect| defect.outcome == Outcome::Skipped).count();
        if self.ended.is_empty() || self.ended.len() != totals.tests || skipped != totals.skipped {
            return false;
        }
        let mut defects: HashMap<&str, &Defect> = HashMap::new();
        for defect in found {
            defects.entry(&defect.id).or_insert(defect);
        }
        for id in &self.ended {
            let defect = defects.get(id.as_str());
            let index = tests.push(id, defect.map_or(Outcome::Passed, |defect| defect.outcome));
            if let Some((_, name)) = id.split_once("::") {
                tests.set_name(index, name);
            }
            if let Some(defect) = defect {
                tests.add_failure(index, defect.failure());
            }
        }
        true
    }

    /// The test in which the output ended.
    pub(super) fn running(&self) -> Option<String> {
        self.running.as_deref().map(id_of)
    }
}

/// `OK (23 tests, 13 assertions)` or `Tests: 23, Assertions: 13, Errors: 6, Skipped: 2, Incomplete: 1.`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) tests: usize,
    /// Incomplete ones as well.
    pub(super) skipped: usize,
}

impl Totals {
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("OK (").and_then(|rest| rest.strip_suffix(')')) {
            let (number, noun) = rest.split_once(' ')?;
            let tests = noun.starts_with("test").then(|| number.parse().ok()).flatten()?;
            return Some(Self { tests, skipped: 0 });
        }
        let (number, rest) = line.strip_prefix("Tests: ")?.split_once(", ")?;
        rest.starts_with("Assertions: ").then_some(())?;
        let skipped = rest.trim_end_matches('.').split(", ").filter_map(|part| {
            let number = part.strip_prefix("Skipped: ").or_else(|| part.strip_prefix("Incomplete: "))?;
            number.parse::<usize>().ok()
        });
        Some(Self { tests: number.parse().ok()?, skipped: skipped.sum() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_those_of_tests() {
        let cases = [
            ("OK (2 tests, 2 assertions)", Some((2, 0))),
            ("Tests: 23, Assertions: 13, Errors: 6, Skipped: 2, Incomplete: 1.", Some((23, 3))),
            ("OK (2 assertions)", None),
            ("Tests: 23, Passed: 3.", None),
        ];
        for (line, expected) in cases {
            assert_eq!(Totals::read(line).map(|totals| (totals.tests, totals.skipped)), expected, "{line}");
        }
    }

    #[test]
    fn a_test_runs_until_its_end_is_told() {
        let mut debug = Debug::default();
        for line in [
            "Test 'A::a' started",
            "Test 'A::a' ended",
            "printedTest 'A::b with data set #0 (1)' started",
            "Test 'A::c' ended",
        ] {
            debug.take(line);
        }
        assert_eq!(debug.ended, ["A::a"]);
        assert_eq!(debug.running().as_deref(), Some("A::b with data set #0"));
    }
}
