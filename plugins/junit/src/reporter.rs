//! A report of `flaky` as JUnit XML: a `<testcase>` for every test, coloured by its verdict.
//!
//! | verdict | what is written | how readers show it |
//! |---|---|---|
//! | stable | nothing | passed |
//! | flaky | a `<flakyFailure>` for each way of failing (with `flaky_is_failure` as broken) | passed |
//! | broken | a `<failure>`, and a `<rerunFailure>` for each further way of failing | failed |
//! | inconclusive, ignored, broken in quarantine | `<skipped>` with the reason | skipped |
//!
//! `flakyFailure` and `rerunFailure` are those of Maven Surefire. Suites are the files of tests, or what stands before
//! a test's own name where no file is known. Times are medians over the attempts; there is no time stamp, because a
//! report holds none.

mod case;
mod name;
mod xml;

use std::collections::HashMap;

use flaky_plugin_sdk::report::{Category, Report, Test};
use serde::Deserialize;

use xml::Xml;

/// From this many bytes on tests are written briefly. A host takes 64 MiB of a result and gives a plugin 128 MiB of
/// memory, in which the report stands too, and a text that grows stands twice.
const MOST_BYTES_IN_FULL: usize = 12 << 20;

/// About what a test without failures takes, in full and briefly: a text whose room is taken at once never stands twice.
const BYTES_IN_FULL: usize = 1000;
const BYTES_BRIEFLY: usize = 260;

/// Name of the suite that stands for the run itself, and of what belongs to no other.
const OWN_SUITE: &str = "flaky";

/// What can be asked of the reporter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether a flaky test is written as a failed one.
    pub flaky_is_failure: bool,
}

/// The schema of [`Settings`].
pub(crate) const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Settings of the reporter `junit`",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "flaky_is_failure": { "description": "Whether a flaky test is written as a failed one.", "type": "boolean", "default": false }
  }
}"#;

/// How readers are to colour a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Passed,
    /// Passed in the end, failed on the way.
    Flaky,
    Failed,
    Skipped,
}

impl Colour {
    fn of(test: &Test, settings: Settings) -> Self {
        match &test.verdict {
            _ if test.ignored => Self::Skipped,
            Category::Stable => Self::Passed,
            Category::Flaky if settings.flaky_is_failure && test.gates() => Self::Failed,
            Category::Flaky => Self::Flaky,
            // In quarantine: it fails no build, and readers have no other colour for that.
            Category::Broken if !test.gates() => Self::Skipped,
            Category::Broken => Self::Failed,
            Category::Inconclusive | Category::Other(_) => Self::Skipped,
        }
    }
}

/// How much may be said of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// The verdict, and one line of one failure.
    Little,
}

/// Numbers of a suite, or of all.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    tests: usize,
    failures: usize,
    skipped: usize,
    seconds: f64,
}

impl Totals {
    fn add(&mut self, test: &Test, settings: Settings) {
        let colour = Colour::of(test, settings);
        self.tests += 1;
        self.failures += usize::from(colour == Colour::Failed);
        self.skipped += usize::from(colour == Colour::Skipped);
        self.seconds += test.median_seconds.filter(|s| s.is_finite() && *s >= 0.0).unwrap_or_default();
    }

    fn write(self, xml: &mut Xml) {
        xml.attribute("tests", &self.tests.to_string());
        xml.attribute("failures", &self.failures.to_string());
        xml.attribute("errors", "0");
        xml.attribute("skipped", &self.skipped.to_string());
        xml.attribute("time", &seconds(self.seconds));
    }
}

/// The document.
#[must_use]
pub fn render(report: &Report, settings: Settings) -> String {
    let suites = suites(report);
    let mut all = Totals::default();
    report.tests.iter().for_each(|test| all.add(test, settings));
    let alone = report.tests.is_empty();
    if alone {
        all.tests = 1;
        all.skipped = 1;
    }
    let count = report.tests.len();
    let in_full = count.saturating_mul(BYTES_IN_FULL).min(MOST_BYTES_IN_FULL);
    let mut xml = Xml::with_room(in_full + count.saturating_mul(BYTES_BRIEFLY));
    xml.open("testsuites");
    xml.attribute("name", OWN_SUITE);
    all.write(&mut xml);
    if alone {
        run_alone(&mut xml, report, all);
    }
    for (at, (name, tests)) in suites.into_iter().enumerate() {
        let mut totals = Totals::default();
        tests.iter().for_each(|(_, test)| totals.add(test, settings));
        xml.open("testsuite");
        xml.attribute("name", name);
        totals.write(&mut xml);
        if at == 0 {
            run_properties(&mut xml, report);
        }
        for (parts, test) in tests {
            let room = if xml.len() < MOST_BYTES_IN_FULL { Room::Enough } else { Room::Little };
            case::write(&mut xml, &parts, test, Colour::of(test, settings), room);
        }
        xml.close("testsuite");
    }
    xml.close("testsuites");
    xml.finish()
}

type Suite<'r> = (&'r str, Vec<(name::Parts<'r>, &'r Test)>);

/// Tests by suite; suites in the order of their first, which is the worst.
fn suites(report: &Report) -> Vec<Suite<'_>> {
    let mut suites: Vec<Suite<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for test in &report.tests {
        let parts = name::Parts::of(&test.id);
        let file =
            test.location.as_ref().map(|location| location.file.as_str()).filter(|file| !file.is_empty());
        let class = if parts.class == parts.name { OWN_SUITE } else { parts.class };
        let name = file.unwrap_or(class);
        let place = *places.entry(name).or_insert_with(|| {
            suites.push((name, Vec::new()));
            suites.len() - 1
        });
        if let Some((_, tests)) = suites.get_mut(place) {
            tests.push((parts, test));
        }
    }
    suites
}

/// What is said of the run as a whole, in the first suite: readers look into suites, not around them, and one that puts
/// the properties of all suites together takes the same name twice for an error.
fn run_properties(xml: &mut Xml, report: &Report) {
    xml.open("properties");
    property(xml, "flaky.run", &report.run);
    property(xml, "flaky.version", &report.flaky_version);
    property(xml, "flaky.run.verdict", report.verdict.as_str());
    if let Some(severity) = &report.severity {
        property(xml, "flaky.run.severity", severity.as_str());
    }
    property(xml, "flaky.run.attempts", &report.total_runs.to_string());
    property(xml, "flaky.run.failures", &report.failures.to_string());
    xml.close("properties");
}

fn property(xml: &mut Xml, name: &str, value: &str) {
    xml.open("property");
    xml.attribute("name", name);
    xml.attribute("value", value);
    xml.close("property");
}

/// A run that told of no test at all: readers take a document without a test for a mistake, and `skipped` is how
/// what is not known is written.
fn run_alone(xml: &mut Xml, report: &Report, totals: Totals) {
    xml.open("testsuite");
    xml.attribute("name", OWN_SUITE);
    totals.write(xml);
    run_properties(xml, report);
    xml.open("testcase");
    xml.attribute("classname", OWN_SUITE);
    xml.attribute("name", "the run told of no test");
    xml.attribute("time", "0");
    let cause = report.cause.as_deref().map(|cause| format!("{cause}: ")).unwrap_or_default();
    xml.open("skipped");
    xml.attribute("message", &case::cut(&format!("{cause}{}", report.reason), case::MOST_MESSAGE));
    xml.close("skipped");
    xml.close("testcase");
    xml.close("testsuite");
}

/// Seconds with the digits of a microsecond: what frameworks tell, and never an exponent.
fn seconds(seconds: f64) -> String {
    if seconds.is_finite() && seconds > 0.0 { format!("{seconds:.6}") } else { "0".to_owned() }
}

#[cfg(test)]
mod tests;
