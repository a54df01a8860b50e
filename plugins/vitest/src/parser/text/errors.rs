//! Sections of errors: files and blocks that could not run, failed tests, errors that belong to none.

use flaky_plugin_javascript::{failure, first_paragraph};
use flaky_plugin_sdk::{Completeness, Diagnostic, Failure, Location, PackedAttempt};

use super::line::{divider, without_project};

/// Of a longer error only the beginning is kept: nobody reads more.
const LONGEST: usize = 256 * 1024;

/// What the sections have told so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    /// Path of a failed test, and what went wrong.
    pub(crate) failed: Vec<(String, Failure)>,
    /// Of files and blocks.
    pub(crate) suites: Vec<Diagnostic>,
    pub(crate) unhandled: Vec<Diagnostic>,
    section: Section,
    /// The tests or files that the next error is of.
    titles: Vec<String>,
    body: String,
    refused: Option<Diagnostic>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    Suites,
    Tests,
    Unhandled,
}

impl Errors {
    /// Whether the line belongs to a section.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        if let Some(inner) = divider(line) {
            self.divide(inner);
            return true;
        }
        if self.section == Section::None {
            self.outside(line);
            return false;
        }
        if let Some(title) = line.strip_prefix(" FAIL  ").filter(|_| self.section != Section::Unhandled) {
            if !self.body.is_empty() {
                self.end();
            }
            self.titles.push(without_project(title).trim().to_owned());
        } else if self.body.len() < LONGEST {
            self.body.push_str(line);
            self.body.push('\n');
        }
        true
    }

    fn divide(&mut self, inner: &str) {
        let section = if inner.starts_with("Failed Suites ") {
            Section::Suites
        } else if inner.starts_with("Failed Tests ") {
            Section::Tests
        } else if inner.starts_with("Unhandled ") || inner.starts_with("Uncaught ") {
            Section::Unhandled
        } else if inner.starts_with('[') {
            // `[3/16]` ends an error.
            self.end();
            return;
        } else {
            return;
        };
        self.end();
        self.section = section;
    }

    /// Files the error that was read.
    pub(crate) fn end(&mut self) {
        let titles = std::mem::take(&mut self.titles);
        let body = std::mem::take(&mut self.body);
        if body.trim().is_empty() {
            return;
        }
        let failure = error(&body);
        match self.section {
            Section::Tests => {
                let of_tests = titles.into_iter().map(|title| (title, failure.clone()));
                self.failed.extend(of_tests);
            }
            Section::Suites => self.suites.extend(titles.iter().map(|title| suite(title, &failure))),
            Section::Unhandled if !body.trim_start().starts_with("Vitest caught ") => {
                let said = format!("{}: {}", failure.kind, failure.message);
                let said = first_paragraph(said.trim_start_matches(": "));
                self.unhandled.push(Diagnostic::new("unhandled-error", said));
            }
            Section::Unhandled | Section::None => {}
        }
    }

    fn outside(&mut self, line: &str) {
        let known = if line.starts_with("No test files found, exiting with code ") {
            "no-tests"
        } else if line.starts_with("CACError: ") {
            "usage-error"
        } else {
            return;
        };
        let said = line.strip_prefix("CACError: ").unwrap_or(line);
        self.refused.get_or_insert_with(|| Diagnostic::new(known, said.trim()));
    }

    /// What kept vitest from running anything.
    pub(crate) fn refused(&mut self) -> Option<Diagnostic> {
        self.refused.take()
    }

    /// The attempt, where all that was printed says that vitest found nothing to run or took no option.
    pub(crate) fn refusal(mut self) -> Option<PackedAttempt> {
        let refused = self.refused()?;
        Some(PackedAttempt {
            format: "vitest-text".to_owned(),
            completeness: Completeness::Complete,
            diagnostics: vec![refused],
            ..PackedAttempt::default()
        })
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.failed.extend(other.failed);
        self.suites.extend(other.suites);
        self.unhandled.extend(other.unhandled);
        self.refused = self.refused.take().or(other.refused);
    }
}

/// `tests/a.test.ts [ tests/a.test.ts ]` is a file, `tests/a.test.ts > cart` a block whose hook failed.
fn suite(title: &str, failure: &Failure) -> Diagnostic {
    let said = match failure.kind.as_str() {
        "" => first_paragraph(&failure.message),
        kind => format!("{kind}: {}", first_paragraph(&failure.message)),
    };
    let is_file = title.ends_with(" ]");
    let name = if is_file { title.split(" [ ").next().unwrap_or(title) } else { title };
    let file = name.split(" > ").next().unwrap_or(name);
    let code = if is_file { "collection-error" } else { "suite-error" };
    Diagnostic::new(code, format!("{name}: {said}")).at(Location::new(file, None))
}

/// Kind and message, up to where it happened.
fn error(body: &str) -> Failure {
    let body = body.trim_matches('\n');
    let mut end = body.len();
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if line.starts_with(" ❯ ") {
            end = at;
            break;
        }
        at += line.len();
    }
    let head = failure(body.get(..end).unwrap_or(body));
    // What was thrown and is no error.
    let message = head.message.strip_prefix("Unknown Error: ").unwrap_or(&head.message).to_owned();
    Failure { kind: head.kind, message, trace: body.to_owned() }
}
