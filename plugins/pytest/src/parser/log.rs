//! Tests from the JSON lines of pytest-reportlog (`--report-log`).

use std::borrow::Cow;
use std::collections::HashMap;

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, LineEnd, Outcome, PackedAttempt, PackedTestsBuilder, Source,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::longrepr;
use super::records::Record;
use super::session::Session;

/// A line holds what a test printed and a trace with its sources; what is longer is named and passed over.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// How every line of the format says what it is, behind `"$`, or `"_` in those of old versions of pytest-subtests.
const MARK: &[u8] = b"report_type\"";

/// `None` when no line begins a session of pytest. Other lines may stand between: a test or the user's shell printed
/// them.
pub(crate) fn parse(blob: &Blob<'_>, source: &Source, death: Outcome) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut doubts = Vec::new();
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() != Some(&b'{') || memchr::memmem::find(line.bytes, MARK).is_none() {
            continue;
        }
        match serde_json::from_slice::<Line<'_>>(line.bytes) {
            Ok(read) => reading.take(read),
            // The end of a killed run is half a line; that is said by the completeness.
            Err(_) if line.end == LineEnd::EndOfData => {}
            Err(error) => {
                let doubt = Diagnostic::warning("broken-line", error.to_string());
                doubts.push(doubt.offset(source.clone(), line.offset));
            }
        }
    }
    let session = reading.session?;
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "pytest-report-log".to_owned(),
        completeness: Completeness::Complete,
        diagnostics: doubts,
        ..PackedAttempt::default()
    };
    session.tell(death, &mut tests, &mut parsed);
    parsed.tests = tests.finish();
    Some(parsed)
}

#[derive(Debug, Default)]
struct Reading {
    session: Option<Session>,
    numbers: HashMap<String, u32>,
}

/// A line: a session's beginning or end, or what pytest reports of a collector or of a test's phase.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(rename = "$report_type", alias = "_report_type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    nodeid: Cow<'a, str>,
    #[serde(borrow, default)]
    outcome: Cow<'a, str>,
    #[serde(borrow, default)]
    when: Option<Cow<'a, str>>,
    /// File, line counted from 0, name.
    #[serde(default)]
    location: Option<(String, Option<i64>, IgnoredAny)>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(borrow, default)]
    longrepr: Option<&'a RawValue>,
    #[serde(default)]
    wasxfail: Option<String>,
    #[serde(rename = "_subtest.context", default)]
    context: Option<Context>,
    /// Older versions of pytest-subtests, and pytest itself.
    #[serde(rename = "context", default)]
    plain_context: Option<Context>,
    #[serde(default)]
    exitstatus: Option<i32>,
}

#[derive(Debug, Deserialize)]
struct Context {
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    kwargs: serde_json::Map<String, serde_json::Value>,
}

impl Context {
    /// As pytest prints it: `[message] (key=value)`.
    fn name(&self) -> String {
        let mut name = self.msg.as_ref().map(|msg| format!("[{msg}]")).unwrap_or_default();
        if !self.kwargs.is_empty() {
            let pairs: Vec<String> =
                self.kwargs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            name.push_str(&format!(" ({})", pairs.join(", ")));
        }
        let name = name.trim();
        if name.is_empty() { "(<subtest>)".to_owned() } else { name.to_owned() }
    }
}

impl Reading {
    fn take(&mut self, line: Line<'_>) {
        if line.kind == "SessionStart" {
            self.session.get_or_insert_with(Session::default);
            return;
        }
        if self.session.is_none() {
            return;
        }
        match &*line.kind {
            "SessionFinish" => {
                self.tell(Record {
                    event: "finish".into(),
                    status: Some(line.exitstatus.unwrap_or_default()),
                    ..Record::default()
                });
            }
            "CollectReport" if line.outcome == "failed" => {
                let (message, trace) = longrepr::read(line.longrepr);
                let id = Some(line.nodeid.into_owned());
                self.tell(Record { event: "collect-error".into(), id, message, trace, ..Record::default() });
            }
            "TestReport" | "SubTestReport" | "SubtestReport" => self.phase(line),
            _ => {}
        }
    }

    fn tell(&mut self, record: Record<'_>) {
        if let Some(session) = &mut self.session {
            session.take(record);
        }
    }

    fn phase(&mut self, line: Line<'_>) {
        let is_new = !self.numbers.contains_key(&*line.nodeid);
        let number = if is_new {
            let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            self.numbers.insert(line.nodeid.clone().into_owned(), number);
            let id = Some(line.nodeid.clone().into_owned());
            self.tell(Record { event: "test".into(), number: Some(number), id, ..Record::default() });
            number
        } else {
            self.numbers.get(&*line.nodeid).copied().unwrap_or(u32::MAX)
        };
        let when = line.when.unwrap_or_default();
        // A worker that died reports a test that never began.
        if when == "setup" || is_new {
            let (file, at) = line.location.map_or((None, None), |(file, at, _)| (Some(file), at));
            let at = at.and_then(|at| at.checked_add(1));
            self.tell(Record {
                event: "start".into(),
                number: Some(number),
                file,
                line: at,
                ..Record::default()
            });
        }
        let (message, trace) =
            if line.outcome == "passed" { (None, None) } else { longrepr::read(line.longrepr) };
        let context = line.context.or(line.plain_context);
        let sub = context.map(|context| context.name());
        let sub = sub.or_else(|| (line.kind != "TestReport").then(|| "(<subtest>)".to_owned()));
        self.tell(Record {
            event: "phase".into(),
            number: Some(number),
            when: when.into_owned().into(),
            outcome: line.outcome,
            seconds: line.duration,
            message,
            trace,
            xfail: line.wasxfail,
            sub,
            ..Record::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    #[test]
    fn subtests_of_old_versions_are_told_from_their_tests() {
        let lines = r#"{"pytest_version": "6.2.5", "$report_type": "SessionStart"}
{"nodeid": "a.py::T::t", "outcome": "passed", "longrepr": null, "when": "setup", "$report_type": "TestReport"}
{"nodeid": "a.py::T::t", "outcome": "failed", "longrepr": "E   boom", "when": "call", "_report_type": "SubTestReport", "_subtest.context": {"msg": "part", "kwargs": {"i": 1}}}
{"nodeid": "a.py::T::t", "outcome": "passed", "longrepr": null, "when": "call", "$report_type": "TestReport"}
{"exitstatus": 1, "$report_type": "SessionFinish"}
"#;
        let recorded = Recorded::default().stdout(lines);
        let parsed = parse(&recorded.attempt().stdout(), &Source::Stdout, Outcome::Crashed).unwrap();
        let tests = parsed.tests.results();
        let test = tests.first().unwrap();
        assert_eq!((tests.len(), test.outcome), (1, Outcome::Failed));
        assert_eq!(test.failure.as_ref().map(|failure| failure.message.as_str()), Some("[part] (i=1) boom"));
    }
}
