//! A report of `flaky` as CTRF, the Common Test Report Format, version 1.0.0 of its specification.
//!
//! Of a hundred attempts one test object is made. A flaky test is `passed` with `flaky: true` and failed attempts
//! before the last, which is what the specification means by the word; with `flaky_is_failure` it is `failed`. A test
//! of which not enough is known is `other`, an ignored one `skipped`. All that CTRF has no field for is under `extra`.
//!
//! A report holds no time of day: `start` is 0, and `stop` as long after it as the attempts took.

mod attempts;
mod uuid;

use std::cell::{Cell, RefCell};

use flaky_plugin_sdk::report::{Category, Report, Test};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use attempts::{Numbers, RetryAttempt};

/// Of the specification that the documents follow.
const SPEC_VERSION: &str = "1.0.0";

/// Most bytes of a message.
const MOST_MESSAGE: usize = 4 * 1024;

/// Most bytes of a trace: five screens.
const MOST_TRACE: usize = 16 * 1024;

/// Bytes of messages, traces and attempts in all; once they are used up, tests are told with one attempt and a few seeds. A host takes 64 MiB of a result
/// and gives a plugin 128 MiB of memory, in which the report stands too, and a text that grows stands twice.
const MOST_TEXT: usize = 8 << 20;

/// About what a test without failures takes.
const BYTES_OF_A_TEST: usize = 650;

/// Most seeds that are named of a test.
const MOST_SEEDS: usize = 100;

/// The same where room is short.
const FEWEST_SEEDS: usize = 5;

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
  "title": "Settings of the reporter `ctrf`",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "flaky_is_failure": { "description": "Whether a flaky test is written as a failed one.", "type": "boolean", "default": false }
  }
}"#;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    report_format: &'static str,
    spec_version: &'static str,
    report_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    run_id: &'r str,
    generated_by: String,
    results: Results<'r>,
}

/// What `results` is made of. Tests are made as they are written, one after the other: all of them at once, beside the
/// report and the text, would not fit into a plugin's memory.
#[derive(Debug)]
struct Results<'r> {
    report: &'r Report,
    settings: Settings,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let subject = &self.report.subject;
        let mut results = serializer.serialize_struct("Results", 4)?;
        results.serialize_field(
            "tool",
            &Tool {
                name: "flaky",
                version: &self.report.flaky_version,
                extra: json!({"framework": subject.framework, "parser": subject.parser}),
            },
        )?;
        let tests = Tests { results: self, counted: RefCell::default() };
        results.serialize_field("tests", &tests)?;
        // Counted while they were written.
        results.serialize_field("summary", &summary(self.report, tests.counted.into_inner()))?;
        results.serialize_field("environment", &environment(self.report))?;
        results.end()
    }
}

struct Tests<'r> {
    results: &'r Results<'r>,
    counted: RefCell<Summary>,
}

impl Serialize for Tests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Results { report, settings } = self.results;
        let numbers = Numbers::of(report);
        let room = Cell::new(MOST_TEXT);
        serializer.collect_seq(report.tests.iter().map(|test| {
            let case = case(test, *settings, &numbers, &room);
            self.counted.borrow_mut().count(&case);
            case
        }))
    }
}

#[derive(Debug, Serialize)]
struct Tool<'r> {
    name: &'static str,
    version: &'r str,
    extra: Value,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    pending: usize,
    other: usize,
    flaky: usize,
    start: u64,
    stop: u64,
    duration: u64,
    extra: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Case<'r> {
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    test_id: &'r str,
    name: &'r str,
    status: Status,
    duration: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suite: Vec<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Of a test that is not simply stable.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_status: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_path: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retry_attempts: Vec<RetryAttempt>,
    #[serde(skip_serializing_if = "is_false")]
    flaky: bool,
    extra: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Passed,
    Failed,
    Skipped,
    Other,
}

impl Status {
    fn of(test: &Test, settings: Settings) -> Self {
        match &test.verdict {
            _ if test.ignored => Self::Skipped,
            Category::Stable => Self::Passed,
            Category::Flaky if settings.flaky_is_failure && test.gates() => Self::Failed,
            Category::Flaky => Self::Passed,
            // In quarantine: it fails no build.
            Category::Broken if !test.gates() => Self::Other,
            Category::Broken => Self::Failed,
            Category::Inconclusive | Category::Other(_) => Self::Other,
        }
    }
}

/// The document.
///
/// # Errors
/// None that is known of: all keys are text.
pub fn render(report: &Report, settings: Settings) -> serde_json::Result<Vec<u8>> {
    let document = Document {
        report_format: "CTRF",
        spec_version: SPEC_VERSION,
        report_id: uuid::of(&format!("report {} {}", report.run, report.total_runs)),
        run_id: &report.run,
        generated_by: format!("flaky {}", report.flaky_version),
        results: Results { report, settings },
    };
    // Room that is taken at once: a text that grows stands twice for a while.
    let mut text = Vec::with_capacity(report.tests.len().saturating_mul(BYTES_OF_A_TEST));
    serde_json::to_writer(&mut text, &document)?;
    text.push(b'\n');
    Ok(text)
}

impl Summary {
    fn count(&mut self, case: &Case<'_>) {
        self.tests += 1;
        self.flaky += usize::from(case.flaky);
        match case.status {
            Status::Passed => self.passed += 1,
            Status::Failed => self.failed += 1,
            Status::Skipped => self.skipped += 1,
            Status::Other => self.other += 1,
        }
    }
}

fn summary(report: &Report, counted: Summary) -> Summary {
    let duration = milliseconds(Some(report.execution.wall_seconds));
    Summary {
        stop: duration,
        duration,
        extra: json!({
            "verdict": report.verdict.as_str(),
            "severity": report.severity.as_ref().map(ToString::to_string),
            "cause": report.cause,
            "reason": report.reason,
            "hint": report.hint,
            "totalRuns": report.total_runs,
            "failures": report.failures,
            "reproRate": report.repro_rate,
            "reproduce": report.execution.reproduce,
            "clusters": report.clusters.iter().map(|cluster| &cluster.text).collect::<Vec<_>>(),
        }),
        ..counted
    }
}

fn environment(report: &Report) -> Value {
    let subject = &report.subject;
    let mut fields = Map::new();
    if let Some(commit) = &subject.commit {
        fields.insert("commit".into(), json!(commit));
    }
    if subject.source.contains("://") {
        fields.insert("repositoryUrl".into(), json!(subject.source));
    }
    if let Some(reference) = &subject.reference {
        fields.insert("branchName".into(), json!(reference));
    }
    Value::Object(fields)
}

fn case<'r>(test: &'r Test, settings: Settings, numbers: &Numbers, room: &Cell<usize>) -> Case<'r> {
    let status = Status::of(test, settings);
    let is_flaky = test.verdict == Category::Flaky && status == Status::Passed;
    let tells = status == Status::Failed || is_flaky;
    let tried = if tells { attempts::of(test, numbers, room) } else { Vec::new() };
    let main = test.main_failure().filter(|_| status == Status::Failed);
    let message = main.map(|group| text(&attempts::message(group), MOST_MESSAGE, room));
    let reason = (status != Status::Passed).then(|| text(&test.reason, MOST_MESSAGE, room));
    let file = test.location.as_ref().map(|location| location.file.as_str()).filter(|file| !file.is_empty());
    let Named { file, suite, name } = Named::of(&test.id, file);
    Case {
        id: uuid::of(&format!("test {}", test.id)),
        test_id: &test.id,
        name,
        status,
        duration: milliseconds(test.median_seconds),
        suite,
        message: message.or(reason),
        trace: main.map(|group| text(&group.trace, MOST_TRACE, room)).filter(|trace| !trace.is_empty()),
        line: test.location.as_ref().and_then(|location| location.line),
        raw_status: (test.verdict != Category::Stable).then(|| test.verdict.as_str()),
        file_path: file,
        retries: (!tried.is_empty()).then_some(tried.len()),
        // One that passed and of whose failed attempts nothing is known would be a contradiction to readers.
        flaky: is_flaky && !tried.is_empty(),
        retry_attempts: tried,
        extra: numbers_of(test, room),
    }
}

/// What CTRF has no field for. Of a test of which there is nothing to say but that it is stable, how sure that is: most
/// tests are such.
fn numbers_of(test: &Test, room: &Cell<usize>) -> Value {
    let interval =
        json!({"low": test.interval.low, "high": test.interval.high, "level": test.interval.level});
    if test.is_quiet() && !test.ignored {
        return json!({"runs": test.ran, "failures": 0, "interval": interval});
    }
    let most = if room.get() > 0 { MOST_SEEDS } else { FEWEST_SEEDS };
    let seeds = test.failing_seeds.get(..most).unwrap_or(&test.failing_seeds);
    let mut extra = json!({
        "verdict": test.verdict.as_str(),
        "severity": test.severity.as_ref().map(ToString::to_string),
        "reason": test.reason,
        "runs": test.ran,
        "failures": test.failures,
        "rate": test.rate,
        "interval": interval,
        "failingSeeds": seeds,
    });
    let change = test.change_text().map(|(_, change)| json!(change.as_str()));
    let way = test.reproduction.as_ref().map(|way| json!(way.command));
    if let Some(fields) = extra.as_object_mut() {
        fields.extend(change.map(|change| ("change".to_owned(), change)));
        fields.extend(way.map(|way| ("reproduce".to_owned(), way)));
    }
    extra
}

/// An id in the parts that readers, ours among them, make the same id of.
struct Named<'i> {
    file: Option<&'i str>,
    suite: Vec<&'i str>,
    name: &'i str,
}

impl<'i> Named<'i> {
    fn of(id: &'i str, file: Option<&'i str>) -> Self {
        let whole = Self { file, suite: Vec::new(), name: if id.is_empty() { "(no name)" } else { id } };
        let inside = match file {
            Some(file) => id.strip_prefix(file).and_then(|rest| rest.strip_prefix(" > ")),
            None => Some(id),
        };
        let Some(inside) = inside else { return whole };
        let mut suite: Vec<&str> = inside.split(" > ").collect();
        if suite.iter().any(|part| part.trim().is_empty()) {
            return whole;
        }
        match suite.pop() {
            Some(name) => Self { file, suite, name },
            None => whole,
        }
    }
}

/// As much of a text as there is room for.
fn text(text: &str, most: usize, room: &Cell<usize>) -> String {
    const MARK: &str = "… (cut)";
    let most = most.min(room.get());
    let said = if text.len() <= most {
        text.to_owned()
    } else {
        let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
        format!("{}{MARK}", text.get(..end).unwrap_or_default())
    };
    room.set(room.get().saturating_sub(said.len()));
    said
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

fn milliseconds(seconds: Option<f64>) -> u64 {
    let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0).unwrap_or_default();
    // A year of milliseconds is far below what a float holds exactly.
    std::time::Duration::try_from_secs_f64(seconds)
        .map_or(0, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
