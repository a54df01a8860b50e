//! Tests from the events of `go test -json`.
//!
//! Before Go 1.20 the events themselves were made of printed lines: a result behind text without a line feed has no
//! event, and printed lines that look like results have one.

use std::borrow::Cow;
use std::collections::HashMap;

use flaky_plugin_sdk::{Blob, Outcome, PackedAttempt};
use flaky_plugin_text::{capped, plain};
use serde::Deserialize;

use super::line::{self, Line, PackageEnd};
use super::package::{End, Package};
use super::report::Report;
use super::{LONGEST_LINE, build};

/// One line of `go test -json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event<'l> {
    #[serde(borrow)]
    action: Cow<'l, str>,
    #[serde(borrow, default)]
    package: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    import_path: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    test: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    output: Option<Cow<'l, str>>,
    #[serde(default)]
    elapsed: Option<f64>,
    #[serde(borrow, default)]
    failed_build: Option<Cow<'l, str>>,
}

const ACTIONS: [&str; 9] = ["start", "run", "pause", "cont", "pass", "bench", "fail", "output", "skip"];

impl<'l> Event<'l> {
    pub(super) fn read(line: &'l [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether it can only be an event of `go test -json`.
    pub(super) fn is_mark(&self) -> bool {
        match (&self.package, &self.import_path) {
            (Some(package), _) => !package.is_empty() && ACTIONS.contains(&self.action.as_ref()),
            (None, Some(_)) => matches!(self.action.as_ref(), "build-output" | "build-fail"),
            // `go tool test2json` alone, which was not told of a package.
            (None, None) => {
                ACTIONS.contains(&self.action.as_ref())
                    && self.test.as_deref().is_some_and(line::is_test_name)
            }
        }
    }
}

impl Event<'_> {
    fn is_nameless(&self) -> bool {
        let is_nameless = self.package.is_none() && self.import_path.is_none() && self.test.is_none();
        is_nameless && ACTIONS.contains(&self.action.as_ref())
    }
}

#[derive(Debug, Default)]
struct Running {
    package: Package,
    /// A line that came in several events.
    partial: String,
    /// Nothing but that it failed to be built is known.
    not_built: bool,
    ended: bool,
}

pub(super) fn parse(blob: &Blob<'_>, report: Report) -> PackedAttempt {
    let mut reading = Reading { report, packages: HashMap::new(), order: Vec::new(), saw_package: false };
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() != Some(&b'{') {
            reading.text(&String::from_utf8_lossy(line.bytes));
        } else if let Some(event) = Event::read(line.bytes).filter(|event| {
            // What ends a binary that was run alone names neither a package nor a test.
            event.is_mark() || (reading.packages.contains_key("") && event.is_nameless())
        }) {
            reading.take(&event);
        }
    }
    reading.finish()
}

struct Reading {
    report: Report,
    packages: HashMap<String, Running>,
    /// Packages that are not over, as they came.
    order: Vec<String>,
    saw_package: bool,
}

impl Reading {
    /// Go 1.19 prints packages that could not be built as text.
    fn text(&mut self, text: &str) {
        if let Some(Line::Package(package)) = line::read(text)
            && package.end == PackageEnd::NotBuilt
        {
            self.report.not_built(package.path);
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        let path = match (event.package.as_deref(), event.import_path.as_deref()) {
            (Some(path), _) => path,
            (None, Some(_)) => {
                self.build(event);
                return;
            }
            (None, None) => "",
        };
        self.saw_package = true;
        if !self.packages.contains_key(path) {
            self.order.push(path.to_owned());
        }
        let running = self.packages.entry(path.to_owned()).or_default();
        if running.ended {
            // The same package a second time, by a second command.
            *running = Running::default();
            self.order.push(path.to_owned());
        }
        let over = match event.test.as_deref() {
            Some(test) => {
                running.test_event(event, test);
                false
            }
            None => running.package_event(event),
        };
        if over {
            self.end(path, event);
        }
    }

    fn build(&mut self, event: &Event<'_>) {
        let Some(path) = event.import_path.as_deref() else { return };
        let package = path.split_once(" [").map_or(path, |(path, _)| path);
        let output = event.output.as_deref().unwrap_or_default().trim_end_matches('\n');
        if !output.is_empty() && build::heading(output).is_none() {
            // A few lines tell why; the rest follows from them.
            capped(self.report.build_errors.entry(package.to_owned()).or_default(), output, 8 * 1024);
        }
    }

    fn end(&mut self, path: &str, event: &Event<'_>) {
        let Some(running) = self.packages.get_mut(path) else { return };
        let package = std::mem::take(&mut running.package);
        let not_built = running.not_built || event.failed_build.is_some();
        running.ended = true;
        self.order.retain(|open| open != path);
        match (event.action.as_ref(), not_built) {
            ("fail", true) => {
                if let Some(said) = event.failed_build.as_deref() {
                    let at = said.split_once(" [").map_or(said, |(path, _)| path);
                    if let Some(said) = self.report.build_errors.get(at).cloned() {
                        self.report.build_errors.insert(path.to_owned(), said);
                    }
                }
                self.report.not_built(path);
            }
            ("fail", false) => self.report.package(path, package, End::Failed),
            ("skip", _) if package.len() == 0 => self.report.without_tests(),
            _ => self.report.package(path, package, End::Ok),
        }
    }

    fn finish(mut self) -> PackedAttempt {
        for path in std::mem::take(&mut self.order) {
            let running = self.packages.remove(&path).unwrap_or_default();
            self.report.cut_package(&path, running.package);
        }
        if !self.saw_package && self.report.packages() == 0 {
            self.report.cut();
        }
        self.report.finish("go-test-json")
    }
}

impl Running {
    fn test_event(&mut self, event: &Event<'_>, test: &str) {
        let package = &mut self.package;
        let nanoseconds = event.elapsed.and_then(nanoseconds);
        match event.action.as_ref() {
            "run" => package.begin(test),
            "pause" => package.pause(test),
            "cont" => package.go_on(test),
            "pass" => {
                package.close(test, Outcome::Passed, nanoseconds);
            }
            "fail" => {
                package.close(test, Outcome::Failed, nanoseconds);
            }
            "skip" => {
                package.close(test, Outcome::Skipped, nanoseconds);
            }
            "output" => {
                package.speak(test);
                self.output(event.output.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Says whether the package is over.
    fn package_event(&mut self, event: &Event<'_>) -> bool {
        match event.action.as_ref() {
            "pass" | "fail" | "skip" => true,
            "output" => {
                let output = event.output.as_deref().unwrap_or_default();
                if let Some(Line::Package(package)) = line::read(output.trim_end_matches('\n')) {
                    self.not_built |= package.end == PackageEnd::NotBuilt;
                } else {
                    // Since the runtime speaks for the process, its words may belong to no test.
                    self.output(output);
                }
                false
            }
            _ => false,
        }
    }

    fn output(&mut self, output: &str) {
        let Some(line) = output.strip_suffix('\n') else {
            capped(&mut self.partial, output, 64 * 1024);
            return;
        };
        if self.partial.is_empty() {
            self.line(&plain(line.as_bytes()));
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.push_str(line);
            self.line(&plain(whole.as_bytes()));
        }
    }

    fn line(&mut self, line: &str) {
        let package = &mut self.package;
        match line::read(line) {
            Some(Line::Run(_) | Line::Pause(_) | Line::Name(_) | Line::Attribute) => return,
            // Its event says the same, if it is one.
            Some(Line::Result(result)) if package.open(result.name).is_some() => return,
            _ => {}
        }
        let glued = line::glued_result(line).filter(|result| package.open(result.name).is_some());
        if let Some(result) = glued {
            let printed = line.rfind("--- ").and_then(|at| line.get(..at)).unwrap_or_default();
            package.speak(result.name);
            package.output(printed);
            package.close(result.name, result.outcome, result.nanoseconds);
        } else {
            package.output(line);
        }
    }
}

fn nanoseconds(seconds: f64) -> Option<u64> {
    let nanoseconds = (seconds * 1e9).round();
    // Every u64 below 2^53 is exact; a hundred days are less.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..9.0e15).contains(&nanoseconds).then_some(nanoseconds as u64)
}
