//! What was read so far, over all documents and files of an attempt.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use flaky_plugin_sdk::{Diagnostic, PackedTests, PackedTestsBuilder, Source};

use crate::case::{self, Case};
use crate::identity::{self, Dialect, Identity};
use crate::model::{Failure, Location, Outcome};

/// How to read.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// How ids are made.
    pub identity: Identity<'a>,
}

/// Whether a text was JUnit XML at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// It was, at least its beginning.
    Yes,
    /// It was something else, or nothing; nothing was kept of it.
    No,
}

/// Whether the report came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Every element was closed.
    #[default]
    Whole,
    /// The text stopped, or became unreadable, inside an element.
    CutOff,
}

/// One test of a report.
#[derive(Debug, Clone)]
pub struct Test {
    /// Not empty; may repeat where a report repeats it.
    pub id: String,
    /// So many bytes at the end of the id are the test's own name; 0 where the id is all there is.
    pub name_length: usize,
    /// What became of it in the end.
    pub outcome: Outcome,
    /// `None` where unknown.
    pub duration_ns: Option<u64>,
    /// Different ways in which it failed; empty unless `outcome` is a failure.
    pub failures: Vec<Failure>,
    /// Where it stands, when the report says so.
    pub location: Option<Location>,
    /// Outcomes of the framework's own tries, in order; empty when there was one. `Unknown` where a report
    /// says that there was a try, but not how it ended.
    pub tries: Vec<Outcome>,
}

/// Something about the report that belongs to no test.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Whether it is the attempt's or the reader's.
    pub kind: ProblemKind,
    /// What happened.
    pub message: String,
    /// Byte offset in the text, when it is about a place.
    pub at: Option<u64>,
    /// Which file it is about; `None` for the text that was read last, or for the only one.
    pub source: Option<Source>,
}

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Something failed in a suite, outside of its tests.
    SuiteError,
    /// pytest could not collect a file.
    CollectionError,
    /// The report is no XML from some place on.
    UnreadableReport,
    /// A case without a name.
    UnnamedTest,
    /// An encoding that is not read.
    UnsupportedEncoding,
}

impl ProblemKind {
    /// The code of its diagnostic.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SuiteError => "suite-error",
            Self::CollectionError => "collection-error",
            Self::UnreadableReport => "unreadable-report",
            Self::UnnamedTest => "unnamed-test",
            Self::UnsupportedEncoding => "unsupported-encoding",
        }
    }

    /// Whether something went wrong in the attempt by it; the others are doubts of the reader.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(self, Self::SuiteError | Self::CollectionError)
    }
}

impl Problem {
    /// As parsers hand it over. `printed` is the source of what was not read from a file.
    #[must_use]
    pub fn diagnostic(self, printed: &Source) -> Diagnostic {
        let code = self.kind.code();
        let diagnostic = if self.kind.is_error() {
            Diagnostic::new(code, self.message)
        } else {
            Diagnostic::warning(code, self.message)
        };
        let source = self.source.unwrap_or_else(|| printed.clone());
        match self.at {
            Some(at) => diagnostic.offset(source, at),
            None => diagnostic,
        }
    }
}

/// Everything read so far.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of the reports.
    pub tests: Vec<Test>,
    /// Tests that were begun where a report was cut off, so that their outcome is not known.
    pub announced: Vec<String>,
    /// Whether any report was cut off.
    pub ending: Ending,
    /// What belongs to no test.
    pub problems: Vec<Problem>,
    /// Positions of pytest's tests by the hash of their id: there, the same id again is the same test. Hashes
    /// save a copy of every id; of two ids with one hash only the first can be found, and stays apart.
    pytest: HashMap<u64, usize>,
}

/// More problems than this tell nothing new.
const MOST_PROBLEMS: usize = 100;

impl Reading {
    pub(crate) fn problem(&mut self, kind: ProblemKind, message: String, at: Option<u64>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { kind, message, at, source: None });
        }
    }

    /// Keeps a whole case.
    pub(crate) fn add(&mut self, case: &Case, suites: &[String], dialect: Dialect, options: Options<'_>) {
        let Some(id) = identity::id_of(case, suites, dialect, options.identity) else {
            self.problem(
                ProblemKind::UnnamedTest,
                "a test case has neither a name nor a class".to_owned(),
                None,
            );
            return;
        };
        if dialect == Dialect::Pytest && case.class.as_deref() == Some("") && case.is_collection_failure() {
            let failure = case.judge(dialect).failures.into_iter().next();
            let said = failure.map(|f| format!("{}: {}", f.kind, f.message)).unwrap_or_default();
            self.problem(
                ProblemKind::CollectionError,
                format!("{id}: {}", said.trim_start_matches(": ")),
                None,
            );
            return;
        }
        let case::Judged { outcome, failures, tries } = case.judge(dialect);
        let location = location_of(case, &id, dialect);
        let name_length = identity::name_length(&id, case);
        let test =
            Test { id, name_length, outcome, duration_ns: case.duration_ns, failures, location, tries };
        if dialect == Dialect::Pytest {
            let at = *self.pytest.entry(hash(&test.id)).or_insert(self.tests.len());
            if let Some(before) = self.tests.get_mut(at).filter(|before| before.id == test.id) {
                merge_repeat(before, test);
                return;
            }
        }
        self.tests.push(test);
    }

    /// Names a case that the end of the text cut through.
    pub(crate) fn announce(
        &mut self,
        case: &Case,
        suites: &[String],
        dialect: Dialect,
        options: Options<'_>,
    ) {
        let Some(id) = identity::id_of(case, suites, dialect, options.identity) else { return };
        // A file that pytest could not collect.
        if dialect == Dialect::Pytest && case.class.as_deref() == Some("") {
            return;
        }
        let known = self.pytest.get(&hash(&id)).and_then(|&at| self.tests.get(at));
        // A second case of a test that was told of already: its re-run, or its tear-down.
        if known.is_none_or(|test| test.id != id) {
            self.announced.push(id);
        }
    }
}

/// The tests as columns.
#[must_use]
pub fn pack(tests: Vec<Test>) -> PackedTests {
    let id_bytes = tests.iter().map(|test| test.id.len()).sum();
    let mut packed = PackedTestsBuilder::with_capacity(tests.len(), id_bytes);
    for test in tests {
        let index = packed.push(&test.id, test.outcome);
        if test.name_length > 0 {
            let start = test.id.len().saturating_sub(test.name_length);
            packed.set_name(index, test.id.get(start..).unwrap_or_default());
        }
        if let Some(duration) = test.duration_ns {
            packed.set_duration(index, duration);
        }
        if let Some(location) = &test.location {
            packed.set_location(index, &location.file, location.line);
        }
        for failure in test.failures {
            packed.add_failure(index, failure);
        }
        if !test.tries.is_empty() {
            packed.set_tries(index, test.tries);
        }
    }
    packed.finish()
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

fn location_of(case: &Case, id: &str, dialect: Dialect) -> Option<Location> {
    if case.file.is_none() && dialect == Dialect::Pytest {
        let (file, _) = id.split_once(".py::")?;
        return Some(Location { file: format!("{file}.py"), line: None });
    }
    let file = case.file.as_deref().map(str::trim).filter(|file| !file.is_empty())?.replace('\\', "/");
    // pytest counts lines from 0.
    let line =
        if dialect == Dialect::Pytest { case.line.and_then(|line| line.checked_add(1)) } else { case.line };
    Some(Location { file, line: line.filter(|&line| line > 0) })
}

/// pytest writes a second case of the same id for three reasons. A test that failed and whose tear-down failed
/// too, and each subtest after the first that failed: these carry what went wrong. And each re-run of pytest-rerunfailures: there the earlier, failed tries
/// carry nothing and look like passes, and only the last one tells.
fn merge_repeat(before: &mut Test, now: Test) {
    if !before.failures.is_empty() {
        if now.outcome != Outcome::Passed && before.outcome == Outcome::Errored {
            before.outcome = now.outcome;
        }
        for failure in now.failures {
            case::keep(&mut before.failures, failure);
        }
        case::drop_summaries(&mut before.failures);
        return;
    }
    let earlier = match before.outcome {
        Outcome::Passed => Outcome::Unknown,
        told => told,
    };
    let mut tries = std::mem::take(&mut before.tries);
    match tries.last_mut() {
        Some(last) => *last = earlier,
        None => tries.push(earlier),
    }
    tries.push(now.outcome);
    *before = Test { tries, location: now.location.or_else(|| before.location.take()), ..now };
}
