//! All lines of an output, one after the other.

use std::collections::HashMap;

use flaky_plugin_javascript::{Test, nanoseconds_of_millis, push, strip_colours};
use flaky_plugin_sdk::{Completeness, Diagnostic, Location, Outcome, PackedAttempt, PackedTestsBuilder};

use super::line::{Entry, Mark, Named, count, entry, heading, named, progress, running};
use super::sections::Section;
use crate::parser::failed_outcome;

/// What the text has told so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    announced: Option<u64>,
    tests: Vec<Listed>,
    /// Position in `tests`.
    by_name: HashMap<Named, usize>,
    /// Lines of the list so far: they are numbered.
    number: u64,
    /// Lines of the reporter `line`, which names every test when it begins.
    begun: u64,
    sections: Vec<Section>,
    in_section: bool,
    counts: Counts,
    /// An error before any test, up to an empty line.
    error: Option<String>,
    errors: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    seen: bool,
    all: u64,
    not_run: u64,
    skipped: u64,
    interrupted: u64,
    /// What the names below the last count are.
    word: String,
    failed: Vec<Named>,
}

#[derive(Debug)]
struct Listed {
    test: Named,
    tries: Vec<Mark>,
    millis: Option<f64>,
}

impl Run {
    /// `whole` is false for a last line that may have lost its end.
    pub(crate) fn line(&mut self, line: &str, whole: bool) {
        if let Some(tests) = running(line) {
            self.announced = Some(self.announced.unwrap_or_default().saturating_add(tests));
            self.error = None;
            return;
        }
        if self.announced.is_none() {
            self.before(line);
            return;
        }
        if let Some(section) = heading(line, self.sections.len() as u64 + 1).filter(|_| whole) {
            self.sections.push(Section::of(section));
            self.in_section = true;
        } else if self.in_section && self.sections.last_mut().is_some_and(|section| section.line(line)) {
        } else if let Some((number, word)) = count(line) {
            self.count(number, word);
        } else if self.counts.seen && self.counts.word == "failed" && line.starts_with("    ") {
            self.counts
                .failed
                .extend(named(line.trim_end_matches(['─', ' ']).trim_start()).filter(|_| whole));
        } else if let Some((_, test, retry)) = progress(line, self.announced.unwrap_or_default())
            .filter(|(number, _, _)| whole && self.number == 0 && *number == self.begun + 1)
        {
            self.counts = Counts::default();
            self.in_section = false;
            self.begun += 1;
            if retry == 0 && !self.by_name.contains_key(&test) {
                self.by_name.insert(test.clone(), self.tests.len());
                self.tests.push(Listed { test, tries: Vec::new(), millis: None });
            }
        } else if let Some(entry) =
            entry(line).filter(|entry| whole && self.begun == 0 && entry.number == self.number + 1)
        {
            // The list goes on: the counts were printed by a test.
            self.counts = Counts::default();
            self.in_section = false;
            self.number += 1;
            self.listed(entry);
        }
    }

    fn listed(&mut self, entry: Entry) {
        let known = self.by_name.get(&entry.test).and_then(|index| self.tests.get_mut(*index));
        if let Some(test) = known.filter(|_| entry.retry > 0) {
            test.tries.push(entry.mark);
            test.millis = entry.millis;
            return;
        }
        self.by_name.insert(entry.test.clone(), self.tests.len());
        self.tests.push(Listed { test: entry.test, tries: vec![entry.mark], millis: entry.millis });
    }

    fn count(&mut self, number: u64, word: &str) {
        self.in_section = false;
        let counts = &mut self.counts;
        counts.seen = true;
        word.clone_into(&mut counts.word);
        match word {
            "did not run" => counts.not_run = number,
            "skipped" => counts.skipped = number,
            "interrupted" => counts.interrupted = number,
            "passed" | "failed" | "flaky" => {}
            // Errors that are of no test are told before.
            _ => return,
        }
        counts.all = counts.all.saturating_add(number);
    }

    /// Errors before the first test.
    fn before(&mut self, line: &str) {
        match &mut self.error {
            Some(error) if line.trim().is_empty() => {
                self.errors.push(std::mem::take(error));
                self.error = None;
            }
            Some(error) if error.len() < 4096 => {
                error.push('\n');
                error.push_str(line);
            }
            Some(_) => {}
            None if line.starts_with("Error: ")
                || line.starts_with("SyntaxError: ")
                || line.starts_with("TypeError: ") =>
            {
                self.error = Some(line.to_owned());
            }
            None => {}
        }
    }

    pub(crate) fn finish(mut self) -> Option<PackedAttempt> {
        self.errors.extend(self.error.take());
        let none = self.errors.iter().any(|error| error.starts_with("Error: No tests found"));
        // What anybody could have printed counts only with Playwright's own code in it.
        let own = |error: &String| error.contains("/playwright/lib/") || error.contains("/@playwright/test/");
        if self.announced.is_none() && !none && !self.errors.iter().any(own) {
            return None;
        }
        let mut parsed = PackedAttempt {
            format: "playwright-text".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        for error in &self.errors {
            let said = strip_colours(error.strip_prefix("Error: ").unwrap_or(error));
            let said = said.split("\nRequire stack:").next().unwrap_or(&said);
            let code = if said.starts_with("No tests found") { "no-tests" } else { "collection-error" };
            parsed.diagnostics.push(Diagnostic::new(code, said));
        }
        if self.announced.unwrap_or_default() == 0 {
            parsed.completeness = Completeness::Complete;
            return Some(parsed);
        }
        self.compare(&mut parsed);
        let mut tests = PackedTestsBuilder::default();
        for test in self.resolve() {
            push(&mut tests, test);
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }

    fn compare(&self, parsed: &mut PackedAttempt) {
        if !self.counts.seen {
            return;
        }
        let (all, named) = (self.counts.all, self.tests.len() as u64);
        // The reporter `line` does not tell what passed from what was skipped.
        let vague = self.begun > 0 && !self.only_passed_and_failed();
        if self.number + self.begun == 0 || vague || named.saturating_add(self.counts.not_run) < all {
            let said = format!("{all} tests were to run, and {named} are listed");
            parsed
                .diagnostics
                .push(Diagnostic::new("unnamed-tests", said).hint("run Playwright with `--reporter=list`"));
        } else if Some(all) == self.announced {
            parsed.completeness = Completeness::Complete;
        } else {
            let said =
                format!("{} tests were announced, and {all} are counted", self.announced.unwrap_or_default());
            parsed.diagnostics.push(Diagnostic::warning("counters-disagree", said));
        }
    }

    fn only_passed_and_failed(&self) -> bool {
        let ended = Some(self.counts.all) == self.announced;
        ended && self.counts.not_run + self.counts.skipped + self.counts.interrupted == 0
    }

    fn resolve(mut self) -> Vec<Test> {
        let not_run = self.not_run();
        let complete = self.counts.seen;
        let mut sections: HashMap<Named, Section> = std::mem::take(&mut self.sections)
            .into_iter()
            .map(|section| (section.test.clone(), section))
            .collect();
        let failed = std::mem::take(&mut self.counts.failed);
        let passed = self.only_passed_and_failed();
        let last_line = self.tests.len().saturating_sub(1);
        let mut all = Vec::new();
        for (index, mut listed) in std::mem::take(&mut self.tests).into_iter().enumerate() {
            if self.begun > 0 {
                if !passed && !failed.contains(&listed.test) {
                    continue;
                }
                let tries = sections.get(&listed.test).map_or(1, Section::tries);
                listed.tries = vec![Mark::Failed; tries];
                if !failed.contains(&listed.test) {
                    // One more try than are told of, where it was flaky.
                    let flaky = usize::from(sections.contains_key(&listed.test));
                    listed.tries = vec![Mark::Failed; tries * flaky];
                    listed.tries.push(Mark::Passed);
                }
            }
            let section = sections.remove(&listed.test);
            let failure = section.as_ref().map(Section::failure);
            let last = listed.tries.last().copied().unwrap_or(Mark::Dash);
            let outcome = match (last, &failure) {
                (Mark::Passed, Some(failure))
                    if failure.message.starts_with("Expected to fail, but passed") =>
                {
                    Outcome::UnexpectedPass
                }
                (Mark::Passed, _) => Outcome::Passed,
                // What failed and is not told of was meant to.
                (Mark::Failed, None) if complete => Outcome::ExpectedFailure,
                // It may be tried again.
                (Mark::Failed, None) if index == last_line => Outcome::Unknown,
                (Mark::Failed, None) => Outcome::Failed,
                (Mark::Failed, Some(failure)) => failed_outcome(&failure.message),
                (Mark::Dash, _) if not_run.contains(&index) => Outcome::NotRun,
                (Mark::Dash, _) => Outcome::Skipped,
            };
            let mut tries: Vec<Outcome> = listed.tries.iter().map(|_| Outcome::Failed).collect();
            if let Some(slot) = tries.last_mut() {
                *slot = outcome;
            }
            let failures = failure.filter(|_| outcome != Outcome::Passed).into_iter().collect();
            let ran = last != Mark::Dash;
            let place = Location::new(listed.test.file, listed.test.line);
            all.push(Test {
                duration: listed.millis.filter(|_| ran).and_then(nanoseconds_of_millis),
                location: Some(place),
                failures,
                tries,
                ..Test::new(listed.test.path, outcome)
            });
        }
        // Other reporters name failed tests alone.
        let mut others: Vec<Section> =
            sections.into_values().filter(|section| failed.contains(&section.test)).collect();
        others.sort_by(|left, right| left.test.path.cmp(&right.test.path));
        for section in others {
            let failure = section.failure();
            let outcome = failed_outcome(&failure.message);
            let tries = section.tries();
            let place = Location::new(section.test.file.clone(), section.test.line);
            all.push(Test {
                location: Some(place),
                failures: vec![failure],
                tries: vec![outcome; tries],
                ..Test::new(section.test.path, outcome)
            });
        }
        all
    }

    /// Which of the tests with a dash did not run: those after a failed one in the same block, if that explains their
    /// number; all of them, if none was skipped.
    fn not_run(&self) -> Vec<usize> {
        let dashes = self.tests.iter().enumerate().filter(|(_, test)| test.tries == [Mark::Dash]);
        if self.counts.skipped == 0 {
            return if self.counts.not_run > 0 {
                dashes.map(|(index, _)| index).collect()
            } else {
                Vec::new()
            };
        }
        let mut found = Vec::new();
        for (index, listed) in dashes {
            let Some(before) = index.checked_sub(1).and_then(|before| self.tests.get(before)) else {
                continue;
            };
            let block = |test: &Listed| test.test.path.split_last().map(|(_, block)| block.to_vec());
            let broke = before.tries.last() == Some(&Mark::Failed) || found.contains(&(index - 1));
            if broke && block(before) == block(listed) {
                found.push(index);
            }
        }
        if found.len() as u64 == self.counts.not_run { found } else { Vec::new() }
    }
}
