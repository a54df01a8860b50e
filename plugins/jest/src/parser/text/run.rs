//! All lines of an output, one after the other.

use std::collections::HashMap;

use flaky_plugin_javascript::{Test, first_paragraph, nanoseconds_of_millis, push};
use flaky_plugin_sdk::{Completeness, Diagnostic, Location, PackedAttempt, PackedTestsBuilder};

use super::blocks::{Block, failed_outcome};
use super::is_failure;
use super::line::{header, indented, leaf, total};

/// Blocks that are not about a test.
const NO_TESTS: [&str; 4] =
    ["Console", "LOGGING RETRY ERRORS", "process.exit called with ", "Cannot log after tests are done."];

/// What the text has told so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    file: Option<File>,
    told: Vec<Test>,
    diagnostics: Vec<Diagnostic>,
    place: Place,
    /// Tests that summaries count.
    total: u64,
    suites: Option<u64>,
    summaries: usize,
    /// Whether a file was told after the last summary.
    open: bool,
    interrupted: bool,
    /// Whether anything but the names of files was told.
    details: bool,
    trees: bool,
    refused: Option<Refused>,
    /// Vitest said that it begins; what looks like jest's was printed by its tests.
    is_vitests: bool,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Outside,
    /// The tree of a file, with the titles of the blocks that enclose the next line.
    Tree(Vec<String>),
    Block(Block),
    /// What was told is told again.
    Repeated,
}

#[derive(Debug)]
struct Refused {
    code: &'static str,
    text: String,
    /// Whether the text that makes it jest's was seen.
    sure: bool,
}

#[derive(Debug)]
struct File {
    name: String,
    tests: Vec<Test>,
    blocks: Vec<Block>,
}

/// Failed tests of one name.
#[derive(Debug, Default)]
struct Named {
    all: Vec<usize>,
    /// How many of them have a failure, from the first.
    told: usize,
}

impl Named {
    /// The first that has no failure yet, or the last. A failure stays: nothing is looked at twice.
    fn next(&mut self, tests: &[Test]) -> Option<usize> {
        let is_told = |index: &usize| tests.get(*index).is_some_and(|test| !test.failures.is_empty());
        while self.all.get(self.told).is_some_and(is_told) {
            self.told += 1;
        }
        self.all.get(self.told).or(self.all.last()).copied()
    }
}

impl Run {
    /// `whole` is false for a last line that may have lost its end.
    pub(crate) fn line(&mut self, line: &str, whole: bool) {
        if self.summary(line) {
            return;
        }
        if matches!(self.place, Place::Repeated) {
            return;
        }
        if line == "Summary of all failing tests" {
            self.end_file();
            self.place = Place::Repeated;
        } else if let Some((_, file)) = header(line).filter(|_| whole) {
            self.end_file();
            self.file = Some(File { name: file.to_owned(), tests: Vec::new(), blocks: Vec::new() });
            self.place = Place::Tree(Vec::new());
            self.open = true;
        } else if self.file.is_some() {
            self.in_file(line, whole);
        } else {
            self.before_all(line);
        }
    }

    fn in_file(&mut self, line: &str, whole: bool) {
        if let Some(block) = Block::start(line).filter(|_| whole) {
            self.details = true;
            self.end_block();
            self.place = Place::Block(block);
            return;
        }
        match &mut self.place {
            Place::Tree(titles) => {
                let Some(file) = &mut self.file else { return };
                if let Some(leaf) = leaf(line).filter(|leaf| leaf.depth <= titles.len()) {
                    if !whole {
                        return;
                    }
                    titles.truncate(leaf.depth);
                    let mut path = vec![file.name.clone()];
                    path.extend_from_slice(titles);
                    path.push(leaf.title.to_owned());
                    file.tests.push(Test {
                        duration: leaf.millis.and_then(nanoseconds_of_millis),
                        location: Some(Location::new(file.name.clone(), None)),
                        ..Test::new(path, leaf.outcome)
                    });
                    self.details = true;
                    self.trees = true;
                } else if let Some((depth, title)) =
                    indented(line).filter(|(depth, _)| *depth <= titles.len())
                {
                    titles.truncate(depth);
                    titles.push(title.trim_end().to_owned());
                } else {
                    self.place = Place::Outside;
                }
            }
            Place::Block(block) => {
                if !block.take(line) {
                    self.end_block();
                }
            }
            Place::Outside | Place::Repeated => {}
        }
    }

    /// Lines before any file: what kept jest from running.
    fn before_all(&mut self, line: &str) {
        self.is_vitests |= self.told.is_empty() && self.summaries == 0 && is_vitests_start(line);
        if let Some(refused) = &mut self.refused {
            refused.sure |=
                line.contains("https://jestjs.io/docs/") || line.contains("Run with `--passWithNoTests`");
            if refused.text.len() < 4096 {
                refused.text.push_str(line);
                refused.text.push('\n');
            }
            return;
        }
        let code = if line.starts_with("No tests found, exiting with code ") {
            "no-tests"
        } else if line.starts_with("● Unrecognized CLI Parameter") || line.starts_with("● Validation Error")
        {
            "usage-error"
        } else {
            return;
        };
        self.refused = Some(Refused { code, text: format!("{line}\n"), sure: false });
    }

    fn summary(&mut self, line: &str) -> bool {
        if let Some(suites) = total(line, "Test Suites") {
            self.suites = Some(suites);
            return true;
        }
        if let (Some(tests), Some(_)) = (total(line, "Tests"), self.suites.take()) {
            self.end_file();
            self.total = self.total.saturating_add(tests);
            self.summaries += 1;
            self.open = false;
            self.place = Place::Outside;
            return true;
        }
        self.suites = None;
        self.interrupted |= line == "Test run was interrupted.";
        false
    }

    fn end_block(&mut self) {
        if let Place::Block(block) = std::mem::take(&mut self.place)
            && let Some(file) = &mut self.file
            && !NO_TESTS.iter().any(|start| block.title.starts_with(start))
        {
            file.blocks.push(block);
        }
    }

    fn end_file(&mut self) {
        self.end_block();
        self.place = Place::Outside;
        let Some(mut file) = self.file.take() else { return };
        let blocks = std::mem::take(&mut file.blocks);
        let mut failed: HashMap<String, Named> = HashMap::new();
        for (index, test) in file.tests.iter().enumerate().filter(|(_, test)| is_failure(test.outcome)) {
            failed.entry(test.path.get(1..).unwrap_or_default().join(" › ")).or_default().all.push(index);
        }
        for block in blocks {
            let failure = block.failure();
            if matches!(block.title.as_str(), "Test suite failed to run") {
                let code = if file.tests.is_empty() { "collection-error" } else { "suite-error" };
                let said = format!("{}: {}", file.name, first_paragraph(&failure.trace));
                self.diagnostics.push(Diagnostic::new(code, said).at(Location::new(file.name.clone(), None)));
                continue;
            }
            let outcome = failed_outcome(&failure.message);
            // Of tests of one name, the first that has no failure yet; of one test, all its failures.
            let named = failed.get_mut(&block.title).and_then(|named| named.next(&file.tests));
            let known = named.and_then(|index| file.tests.get_mut(index));
            if let Some(test) = known {
                test.outcome = outcome;
                test.failures.push(failure);
            } else {
                let mut path = vec![file.name.clone()];
                path.extend(block.title.split(" › ").map(str::to_owned));
                failed.entry(block.title).or_default().all.push(file.tests.len());
                file.tests.push(Test {
                    location: Some(Location::new(file.name.clone(), None)),
                    failures: vec![failure],
                    ..Test::new(path, outcome)
                });
            }
        }
        self.told.extend(file.tests);
    }

    pub(crate) fn finish(mut self) -> Option<PackedAttempt> {
        if self.is_vitests {
            return None;
        }
        self.end_file();
        let ended = self.summaries > 0 && !self.open;
        if self.summaries == 0 && !self.details {
            let refused = self.refused.take().filter(|refused| refused.sure)?;
            return Some(refused.attempt());
        }
        let mut parsed = PackedAttempt {
            format: "jest-text".to_owned(),
            completeness: if ended && !self.interrupted {
                Completeness::Complete
            } else {
                Completeness::Truncated
            },
            ..PackedAttempt::default()
        };
        parsed.diagnostics.append(&mut self.diagnostics);
        let told = self.told.len() as u64;
        if ended && told != self.total {
            parsed.completeness = Completeness::Truncated;
            let said = format!("{} tests ran, and {told} are named", self.total);
            // Where some files are told whole, the others were broken off.
            let diagnostic = if self.trees {
                Diagnostic::warning("counters-disagree", said)
            } else {
                Diagnostic::new("unnamed-tests", said)
            };
            parsed.diagnostics.push(diagnostic.hint("run jest with `--verbose`"));
        }
        let mut tests = PackedTestsBuilder::default();
        for test in self.told {
            push(&mut tests, test);
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }
}

/// ` RUN  v3.2.1 /folder`
fn is_vitests_start(line: &str) -> bool {
    let version =
        line.trim_start().strip_prefix("RUN  v").or_else(|| line.trim_start().strip_prefix("DEV  v"));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()) && version.contains(" /"))
}

impl Refused {
    fn attempt(self) -> PackedAttempt {
        let said = if self.code == "no-tests" {
            self.text.lines().next().unwrap_or_default().to_owned()
        } else {
            let lines: Vec<&str> =
                self.text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect();
            lines.join(" ").trim_start_matches("● ").to_owned()
        };
        PackedAttempt {
            format: "jest-text".to_owned(),
            completeness: Completeness::Complete,
            diagnostics: vec![Diagnostic::new(self.code, said)],
            ..PackedAttempt::default()
        }
    }
}
