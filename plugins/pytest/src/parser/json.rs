//! Tests from the JSON of pytest-json-report (`--json-report`): one object, written at the very end.

use std::collections::HashMap;
use std::fmt;

use flaky_plugin_sdk::{Blob, Completeness, Diagnostic, Outcome, PackedAttempt, PackedTestsBuilder};
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::longrepr;
use super::records::Record;
use super::session::Session;

/// Ten times the largest report that was seen; it has to be in memory as a whole.
const LARGEST: u64 = 512 * 1024 * 1024;

/// So many bytes are looked into for the keys that the plugin writes first.
const BEGINNING: usize = 4096;

/// `None` when there is no such object: alone in a file, or at the start of a line among other text.
pub(crate) fn parse(blob: &Blob<'_>, death: Outcome) -> Option<PackedAttempt> {
    let start = find(blob)?;
    let bytes = blob.read_to_end(LARGEST).ok()?;
    let mut report = Report::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes.get(start..)?);
    let whole = ReportSeed(&mut report).deserialize(&mut deserializer).is_ok();
    if !report.is_ours() {
        return None;
    }
    let mut parsed = PackedAttempt {
        format: "pytest-json-report".to_owned(),
        completeness: if whole { Completeness::Complete } else { Completeness::Truncated },
        ..PackedAttempt::default()
    };
    let mut tests = PackedTestsBuilder::default();
    let unlike = report.unlike_summary();
    report.session(whole).tell(death, &mut tests, &mut parsed);
    if let Some(message) = unlike.filter(|_| whole) {
        parsed.diagnostics.push(Diagnostic::warning("contradicting-counts", message));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

/// Where the object begins.
fn find(blob: &Blob<'_>) -> Option<usize> {
    let mut lines = blob.lines_up_to(BEGINNING);
    while let Some(line) = lines.next_line() {
        let text = line.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line.bytes);
        if text.first() != Some(&b'{') {
            continue;
        }
        let at = usize::try_from(line.offset).ok()? + (line.bytes.len() - text.len());
        let size = u32::try_from(BEGINNING).unwrap_or(u32::MAX);
        let beginning = blob.read_at(at as u64, size);
        // Indented or not, these are its first keys.
        let has = |key: &[u8]| memchr::memmem::find(&beginning, key).is_some();
        if has(b"\"created\"") && has(b"\"exitcode\"") && has(b"\"root\"") {
            return Some(at);
        }
    }
    None
}

#[derive(Debug, Default)]
struct Report {
    created: Option<f64>,
    exit_code: Option<i32>,
    root: Option<String>,
    summary: HashMap<String, u64>,
    collectors: Vec<Collector>,
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
struct Collector {
    nodeid: String,
    outcome: String,
    #[serde(default)]
    longrepr: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Test {
    nodeid: String,
    /// Counted from 0.
    #[serde(default)]
    lineno: Option<i64>,
    outcome: String,
    #[serde(default)]
    setup: Option<Phase>,
    #[serde(default)]
    call: Option<Phase>,
    #[serde(default)]
    teardown: Option<Phase>,
    /// What xdist reports of a test whose worker died.
    #[serde(default, rename = "???")]
    death: Option<Phase>,
}

#[derive(Debug, Deserialize)]
struct Phase {
    #[serde(default)]
    duration: Option<f64>,
    outcome: String,
    #[serde(default)]
    crash: Option<Crash>,
    #[serde(default)]
    longrepr: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Crash {
    #[serde(default)]
    message: String,
}

impl Report {
    fn is_ours(&self) -> bool {
        self.created.is_some() && self.exit_code.is_some() && self.root.is_some()
    }

    /// A sentence when the report counts other tests than it lists. Options leave lists out, never some of a list.
    fn unlike_summary(&self) -> Option<String> {
        let total = *self.summary.get("total")?;
        let listed = self.tests.len() as u64;
        (total != listed).then(|| format!("the summary counts {total} tests, the report lists {listed}"))
    }

    fn session(self, whole: bool) -> Session {
        let mut session = Session::default();
        for collector in self.collectors.into_iter().filter(|collector| collector.outcome == "failed") {
            let (message, trace) = longrepr::of_text(&collector.longrepr.unwrap_or_default());
            let id = Some(collector.nodeid);
            session.take(Record { event: "collect-error".into(), id, message, trace, ..Record::default() });
        }
        for (number, test) in (0_u32..).zip(self.tests) {
            test.tell(number, &mut session);
        }
        if whole {
            session.take(Record { event: "finish".into(), status: self.exit_code, ..Record::default() });
        }
        session
    }
}

impl Test {
    fn tell(self, number: u32, session: &mut Session) {
        let number = Some(number);
        let file = self.nodeid.split("::").next().map(str::to_owned);
        let line = self.lineno.and_then(|line| line.checked_add(1));
        session.take(Record { event: "test".into(), number, id: Some(self.nodeid), ..Record::default() });
        session.take(Record { event: "start".into(), number, file, line, ..Record::default() });
        // The phases of earlier tries are not kept; only that there was one.
        if self.outcome == "rerun" {
            let outcome = "rerun".into();
            session.take(Record {
                event: "phase".into(),
                number,
                when: "call".into(),
                outcome,
                ..Record::default()
            });
        }
        let (xfail, xpass) = (self.outcome == "xfailed", self.outcome == "xpassed");
        // With `--json-report-omit` phases may be missing; the test ended all the same.
        let end = || Phase { duration: None, outcome: "passed".to_owned(), crash: None, longrepr: None };
        let teardown = self.teardown.or_else(|| self.death.is_none().then(end));
        // Of subtests there is only that one of them failed.
        let phases = [&self.setup, &self.call, &self.death, &teardown];
        let in_subtests = self.outcome == "failed"
            && phases.iter().all(|phase| phase.as_ref().is_none_or(|phase| phase.outcome != "failed"));
        if in_subtests {
            let (when, outcome) = ("call".into(), "failed".into());
            let message = Some("a subtest failed".to_owned());
            session.take(Record {
                event: "phase".into(),
                number,
                when,
                outcome,
                message,
                ..Record::default()
            });
        }
        let phases =
            [("setup", self.setup), ("call", self.call), ("???", self.death), ("teardown", teardown)];
        for (when, phase) in phases.into_iter().filter_map(|(when, phase)| Some((when, phase?))) {
            let (told, trace) = phase.longrepr.as_deref().map_or((None, None), longrepr::of_text);
            session.take(Record {
                event: "phase".into(),
                number,
                when: when.into(),
                xfail: ((xfail && phase.outcome == "skipped") || (xpass && when == "call")).then(String::new),
                outcome: phase.outcome.into(),
                seconds: phase.duration,
                message: phase.crash.map(|crash| crash.message).or(told),
                trace,
                ..Record::default()
            });
        }
    }
}

/// Keeps what was read before an end inside the object.
struct ReportSeed<'r>(&'r mut Report);

impl<'de> DeserializeSeed<'de> for ReportSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReportSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report of pytest-json-report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "created" => self.0.created = map.next_value()?,
                "exitcode" => self.0.exit_code = map.next_value()?,
                "root" => self.0.root = map.next_value()?,
                "summary" => self.0.summary = map.next_value()?,
                "collectors" => map.next_value_seed(ListSeed(&mut self.0.collectors))?,
                "tests" => map.next_value_seed(ListSeed(&mut self.0.tests))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Keeps the whole elements of a list that ends in the middle.
struct ListSeed<'l, T>(&'l mut Vec<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            self.0.push(element);
        }
        Ok(())
    }
}
