//! The output `json`: one document in one line, when busted ends.

use flaky_plugin_sdk::{
    Blob, Completeness, Diagnostic, Failure, Outcome, PackedAttempt, PackedTestsBuilder, without_sequences,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{outside, said};

/// A longer document is not read: as values it would take several times as much memory.
const LARGEST: usize = 16 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Document {
    successes: Vec<Entry>,
    failures: Vec<Entry>,
    errors: Vec<Entry>,
    pendings: Vec<Entry>,
    #[serde(rename = "duration")]
    _duration: Value,
}

/// Lua has one type for lists and maps: an empty one of either is written as `[]`, so little can be relied upon.
#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    element: Value,
}

/// The last document that stands in a line of its own: tests print before it.
pub(crate) fn parse(blob: &Blob<'_>) -> Option<PackedAttempt> {
    let mut last = None;
    let mut lines = blob.lines_up_to(LARGEST);
    while let Some(line) = lines.next_line() {
        // Text of a test without a line feed may stand before it.
        let Some(start) = line.bytes.iter().position(|byte| *byte == b'{') else { continue };
        let bytes = line.bytes.get(start..).unwrap_or_default();
        if bytes.ends_with(b"}") && contains(bytes, b"\"successes\":") && contains(bytes, b"\"pendings\":") {
            let text = String::from_utf8_lossy(bytes);
            last = serde_json::from_str::<Document>(&text).ok().or(last);
        }
    }
    last.map(|document| document.pack(blob.cut().is_some()))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

impl Document {
    fn pack(self, cut: bool) -> PackedAttempt {
        let kinds = [
            (Outcome::Passed, self.successes),
            (Outcome::Failed, self.failures),
            (Outcome::Errored, self.errors),
            (Outcome::Skipped, self.pendings),
        ];
        let mut all: Vec<(Outcome, Entry)> = kinds
            .into_iter()
            .flat_map(|(outcome, entries)| entries.into_iter().map(move |entry| (outcome, entry)))
            .collect();
        // The lists lose the order in which the tests ran.
        all.sort_by(|(_, a), (_, b)| a.tick().total_cmp(&b.tick()));
        let mut parsed = PackedAttempt {
            format: "busted-json".to_owned(),
            completeness: if cut { Completeness::Truncated } else { Completeness::Complete },
            ..PackedAttempt::default()
        };
        let mut tests = PackedTestsBuilder::default();
        for (outcome, entry) in &all {
            entry.tell(*outcome, &mut tests, &mut parsed.diagnostics);
        }
        if all.is_empty() {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "busted found no test to run"));
        }
        parsed.tests = tests.finish();
        parsed
    }
}

impl Entry {
    /// When it began; last what does not say.
    fn tick(&self) -> f64 {
        self.element.get("starttick").and_then(Value::as_f64).unwrap_or(f64::MAX)
    }

    fn text(&self, key: &str) -> &str {
        self.element.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn tell(&self, outcome: Outcome, tests: &mut PackedTestsBuilder, diagnostics: &mut Vec<Diagnostic>) {
        let trace = self.element.get("trace");
        let file = trace.and_then(|trace| trace.get("short_src")).and_then(Value::as_str).unwrap_or_default();
        let message = match &self.message {
            Value::String(text) => said(&without_sequences(text), file),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let descriptor = self.text("descriptor");
        if descriptor != "it" && descriptor != "pending" {
            let diagnostic = outside(descriptor, &message)
                .unwrap_or_else(|| Diagnostic::new("collection-error", format!("{}: {message}", self.name)));
            diagnostics.push(diagnostic);
            return;
        }
        let id = without_sequences(&self.name);
        let index = tests.push(&id, outcome);
        tests.set_name(index, &without_sequences(self.text("name")));
        if !file.is_empty() {
            let line = trace.and_then(|trace| trace.get("currentline")).and_then(Value::as_u64);
            let file = file.strip_prefix("./").unwrap_or(file);
            tests.set_location(index, file, line.and_then(|line| u32::try_from(line).ok()));
        }
        if let Some(seconds) = self.element.get("duration").and_then(Value::as_f64).filter(|s| *s >= 0.0) {
            // Casts of floats saturate.
            tests.set_duration(index, (seconds * 1e9) as u64);
        }
        if !message.is_empty() {
            tests.add_failure(index, Failure::new("", message));
        }
    }
}
