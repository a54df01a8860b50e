//! Tests from what `go test` prints, with and without `-v`.
//!
//! A package is named by the line behind its tests, and tests can print such lines. So a package's line that comes while
//! tests run is only believed once no result of theirs follows.

use flaky_plugin_sdk::{Blob, LineEnd, Outcome, PackedAttempt};
use flaky_plugin_text::plain;

use super::LONGEST_LINE;
use super::line::{self, Line, PackageEnd};
use super::package::{End, Package};
use super::report::Report;

pub(super) fn parse(blob: &Blob<'_>, report: Report) -> PackedAttempt {
    let mut reading = Reading {
        report,
        package: Package::default(),
        doubtful: None,
        block: String::new(),
        verbose: false,
        last: Last::Other,
        failed: false,
    };
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.end == LineEnd::EndOfData && line.bytes.is_empty() {
            break;
        }
        reading.take(&plain(line.bytes));
    }
    reading.finish()
}

/// A package's line that a test may have printed.
#[derive(Debug)]
struct Doubtful {
    path: String,
    end: End,
    /// How many tests had begun.
    tests: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Package,
    /// `PASS` or `FAIL` alone.
    Verdict,
    Other,
}

struct Reading {
    report: Report,
    package: Package,
    doubtful: Option<Doubtful>,
    /// The top-level test whose subtests' results may follow.
    block: String,
    /// Whether tests are named as they begin.
    verbose: bool,
    last: Last,
    /// Whether a package failed: then `FAIL` alone is the last line.
    failed: bool,
}

impl Reading {
    fn take(&mut self, text: &str) {
        let mut last = Last::Other;
        match line::read(text) {
            // Where tests are not named as they begin, one printed that.
            Some(Line::Run(_)) if !self.verbose && self.package.len() > 0 => self.package.output(text),
            Some(Line::Run(name)) => self.begin(name),
            Some(Line::Pause(name)) => self.package.pause(name),
            Some(Line::Name(name)) => self.package.go_on(name),
            Some(Line::Result(result)) => {
                if !self.result(result) {
                    self.package.output(text);
                }
            }
            // So did one of a package that cannot be `ok` any more.
            Some(Line::Package(package)) if package.end == PackageEnd::Ok && self.package.has_failed() => {
                self.package.output(text);
            }
            Some(Line::Attribute) => {}
            Some(Line::Package(package)) => {
                self.package_line(package);
                last = Last::Package;
            }
            None if text == "PASS" || text == "FAIL" => last = Last::Verdict,
            None if text.is_empty() => {
                last = self.last;
                self.package.output(text);
            }
            None => self.other(text),
        }
        self.last = last;
    }

    fn begin(&mut self, name: &str) {
        self.verbose = true;
        // No test begins twice at a time: the package that had it is over.
        let again = |doubtful: &Doubtful| self.package.open(name).is_some_and(|at| at < doubtful.tests);
        if self.doubtful.as_ref().is_some_and(again) {
            self.believe();
        }
        self.block.clear();
        self.package.begin(name);
    }

    /// Says whether it was a test's result.
    fn result(&mut self, result: line::Result<'_>) -> bool {
        let line::Result { name, outcome, nanoseconds, indent } = result;
        let root = name.split('/').next().unwrap_or(name);
        let in_place = if indent == 0 { root == name } else { root == self.block && root != name };
        if !in_place {
            return false;
        }
        if !self.verbose {
            // Without `-v`, only failures are named.
            if outcome != Outcome::Failed || !line::is_test_name(name) {
                return false;
            }
            self.package.add_failed(name, nanoseconds);
        } else {
            let open = self.doubtful.as_ref().and_then(|_| self.package.open(name));
            if !self.package.close(name, outcome, nanoseconds) {
                return false;
            }
            self.disbelieve(open);
        }
        if indent == 0 {
            name.clone_into(&mut self.block);
        }
        true
    }

    fn package_line(&mut self, line: line::Package<'_>) {
        let end = match line.end {
            PackageEnd::NotBuilt => {
                self.failed = true;
                self.report.not_built(line.path);
                return;
            }
            PackageEnd::NoTestFiles => {
                self.report.without_tests();
                return;
            }
            PackageEnd::Failed => End::Failed,
            PackageEnd::Ok | PackageEnd::Empty => End::Ok,
        };
        self.believe();
        if !self.verbose && matches!(line.end, PackageEnd::Ok | PackageEnd::Failed) {
            self.report.unnamed += 1;
        }
        if self.package.has_open_tests() && !(end == End::Failed && self.package.is_dead()) {
            self.doubtful = Some(Doubtful { path: line.path.to_owned(), end, tests: self.package.len() });
            return;
        }
        self.end(line.path, end, self.package.len());
    }

    fn end(&mut self, path: &str, end: End, tests: usize) {
        self.failed |= end == End::Failed;
        let package = self.package.split(tests);
        self.report.package(path, package, end);
        self.block.clear();
    }

    fn believe(&mut self) {
        if let Some(Doubtful { path, end, tests }) = self.doubtful.take() {
            self.end(&path, end, tests);
        }
    }

    /// A test that was running when the package was said to be over ends now: it printed that.
    fn disbelieve(&mut self, open: Option<usize>) {
        if open.is_some_and(|at| self.doubtful.as_ref().is_some_and(|doubtful| at < doubtful.tests)) {
            self.doubtful = None;
        }
    }

    fn other(&mut self, text: &str) {
        if let Some(result) = line::glued_result(text)
            && let Some(at) = self.package.open(result.name)
            && !result.name.contains('/')
        {
            let printed = text.rfind("--- ").and_then(|at| text.get(..at)).unwrap_or_default();
            self.package.output(printed);
            self.package.close(result.name, result.outcome, result.nanoseconds);
            self.disbelieve(Some(at));
            result.name.clone_into(&mut self.block);
        } else if let Some(result) = line::glued_result(text).filter(|_| !self.verbose)
            && result.outcome == Outcome::Failed
            && line::is_test_name(result.name)
        {
            self.package.add_failed(result.name, result.nanoseconds);
            result.name.clone_into(&mut self.block);
        } else if let Some(name) = line::glued_run(text).filter(|name| self.continues(name)) {
            let printed = text.rfind("=== RUN").and_then(|at| text.get(..at)).unwrap_or_default();
            self.package.output(printed);
            self.begin(name);
        } else {
            self.package.output(text);
        }
    }

    /// Whether a test may begin behind printed text: a subtest of one that runs.
    fn continues(&self, name: &str) -> bool {
        name.rsplit_once('/').is_some_and(|(parent, _)| self.package.open(parent).is_some())
    }

    fn finish(mut self) -> PackedAttempt {
        // While tests run, no package is `ok`; in an output that goes on to its end, those tests were printed themselves.
        if self.report.was_ended() {
            self.doubtful = self.doubtful.take().filter(|doubtful| doubtful.end == End::Failed);
        }
        self.believe();
        let rest = self.package.len();
        if rest > 0 {
            let package = self.package.split(rest);
            // A test binary that was run by itself names no package.
            let anonymous =
                self.report.packages() == 0 && self.last == Last::Verdict && !package.has_open_tests();
            if anonymous {
                self.report.package("", package, End::Ok);
            } else {
                self.report.cut_package("", package);
            }
        }
        // Over several packages, the last word is `FAIL` alone when one failed.
        if self.failed && self.report.packages() > 1 && self.last != Last::Verdict {
            self.report.cut();
        }
        self.report.finish("go-test-text")
    }
}
