//! The tests as data: what a row shows, and what is shown when it is opened.

use flaky_plugin_sdk::report::{Category, FailureGroup, Report, Seeds, Severity, Test};
use serde::Serialize;

use crate::safe::{in_script, long, short};
use crate::strip::{self, MOST_WAYS, Places};
use crate::verdict_word;

/// Most bytes of an id: what the contract allows.
const MOST_ID: usize = 4096;

/// Most bytes of a sentence, a command or a kind of failure.
const MOST_SENTENCE: usize = 1000;

/// Most bytes of a message.
const MOST_MESSAGE: usize = 4 * 1024;

/// Most bytes of a trace: five screens.
const MOST_TRACE: usize = 8 * 1024;

/// Most seeds that are named of a way of failing.
const MOST_SEEDS: usize = 20;

/// Of the room that strips may take, in parts of eight: rows come first, then strips, then what opens.
const STRIP_EIGHTHS: usize = 4;

/// Both pieces of data, as the content of script elements.
pub(crate) struct Data {
    pub(crate) rows: String,
    pub(crate) details: String,
}

#[derive(Serialize)]
struct Rows {
    attempts: u32,
    /// Attempt i had this seed plus i. As text: a script's numbers end at 2^53.
    first: Option<String>,
    /// Attempts with the seeds that they had, where these do not follow from the first.
    seeds: Vec<(u32, String)>,
    run: String,
    /// Tests that are not in `tests`.
    left_out: usize,
    tests: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    ran: u32,
    failed: u32,
    rate: f64,
    low: f64,
    high: f64,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    strip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    ignored: bool,
}

#[derive(Default, Serialize)]
struct Detail {
    reason: String,
    place: String,
    facts: Vec<(String, String)>,
    commands: Vec<(String, String)>,
    ways: Vec<Way>,
    more_ways: usize,
}

#[derive(Serialize)]
struct Way {
    kind: String,
    message: String,
    trace: String,
    count: u32,
    seeds: String,
}

/// As much of the tests as there is room for, in bytes.
pub(crate) fn of(report: &Report, room: usize) -> serde_json::Result<Data> {
    let places = Places::of(report);
    let mut rows = Rows {
        attempts: places.attempts,
        first: match report.execution.seeds {
            Seeds::First(first) => Some(first.to_string()),
            Seeds::Drawn { .. } | Seeds::Other => None,
        },
        seeds: seeds(report, &places),
        run: strip::of_run(report, &places),
        left_out: 0,
        tests: Vec::new(),
    };
    let mut room = room.saturating_sub(in_script(&serde_json::to_string(&rows)?).len());
    for test in &report.tests {
        let row = row(test);
        let size = size(&row)?;
        if size > room {
            break;
        }
        room -= size;
        rows.tests.push(row);
    }
    rows.left_out = report.tests.len() - rows.tests.len();
    let mut for_strips = room / 8 * STRIP_EIGHTHS;
    for (row, test) in rows.tests.iter_mut().zip(&report.tests) {
        let strip = strip::of(test, &places);
        // Name, quotes and comma.
        let size = strip.len() + 12;
        if size <= for_strips {
            for_strips -= size;
            room -= size;
            row.strip = strip;
        }
    }
    let details = details(report, rows.tests.len(), room)?;
    Ok(Data { rows: in_script(&serde_json::to_string(&rows)?), details })
}

/// One per row; null where there was no room.
fn details(report: &Report, count: usize, mut room: usize) -> serde_json::Result<String> {
    let mut out = String::from("[");
    for (at, test) in report.tests.iter().take(count).enumerate() {
        let detail = in_script(&serde_json::to_string(&detail(test))?);
        if at > 0 {
            out.push(',');
        }
        if detail.len() <= room {
            room -= detail.len();
            out.push_str(&detail);
        } else {
            out.push_str("null");
        }
    }
    out.push(']');
    Ok(out)
}

/// With the comma behind it, and what stands for its details where these have no room.
fn size(row: &Row) -> serde_json::Result<usize> {
    Ok(in_script(&serde_json::to_string(row)?).len() + ",".len() + ",null".len())
}

fn seeds(report: &Report, places: &Places) -> Vec<(u32, String)> {
    if matches!(report.execution.seeds, Seeds::First(_)) {
        return Vec::new();
    }
    let listed = report.attempts.iter().filter(|a| !a.alone && a.attempt < places.attempts);
    listed.map(|a| (a.attempt, a.seed.to_string())).collect()
}

fn row(test: &Test) -> Row {
    Row {
        id: short(&test.id, MOST_ID),
        verdict: verdict_word(&test.verdict).to_owned(),
        severity: test
            .severity
            .as_ref()
            .filter(|s| !matches!(s, Severity::None | Severity::Other(_)))
            .map(ToString::to_string),
        ran: test.ran,
        failed: test.failures,
        rate: share(test.rate),
        low: share(test.interval.low),
        high: share(test.interval.high),
        says: test.rate_text(),
        seconds: test.median_seconds.filter(|seconds| seconds.is_finite()).map(thousandths),
        strip: String::new(),
        change: test.change_text().map(|(_, change)| change.as_str().to_owned()),
        ignored: test.ignored,
    }
}

/// Rounded to what a bar of a few hundred pixels can show.
fn share(value: f64) -> f64 {
    if value.is_finite() { thousandths(value.clamp(0.0, 1.0)) } else { 0.0 }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn detail(test: &Test) -> Detail {
    let mut groups: Vec<&FailureGroup> = test.failure_groups.iter().collect();
    groups.truncate(MOST_WAYS);
    Detail {
        reason: short(&test.reason, MOST_SENTENCE),
        place: place(test),
        facts: facts(test),
        commands: commands(test),
        ways: groups.into_iter().map(way).collect(),
        more_ways: test.failure_groups.len().saturating_sub(MOST_WAYS),
    }
}

fn place(test: &Test) -> String {
    let Some(location) = &test.location else { return String::new() };
    let file = short(&location.file, MOST_SENTENCE);
    location.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
}

fn way(group: &FailureGroup) -> Way {
    let mut seeds: Vec<String> = group.seeds.iter().take(MOST_SEEDS).map(u64::to_string).collect();
    let more = group.seeds.len().saturating_sub(MOST_SEEDS);
    if more > 0 {
        seeds.push(format!("and {more} more"));
    }
    Way {
        kind: short(&group.kind, MOST_SENTENCE),
        message: long(&group.message, MOST_MESSAGE),
        trace: long(&group.trace, MOST_TRACE),
        count: group.count,
        seeds: seeds.join(", "),
    }
}

fn facts(test: &Test) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
    let tried = |tried: &flaky_plugin_sdk::report::Tried| format!("failed {} of {}", tried.failed, tried.ran);
    if let Some((text, _)) = test.change_text() {
        fact("Change", text);
    }
    if let Some(alone) = &test.alone {
        fact("With nothing beside it", tried(alone));
    }
    if let Some(beside) = &test.side_by_side {
        fact("Side by side (not counted: copies disturbed each other)", tried(beside));
    }
    if let Some(selected) = &test.selected {
        fact("Without the other tests", tried(selected));
    }
    let counts = &test.counts;
    let named = [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.errored, "errored"),
        (counts.timed_out, "timed out"),
        (counts.crashed, "crashed"),
        (counts.skipped, "skipped"),
        (counts.missing, "not told of"),
        (counts.retried, "passed only when tried again"),
    ];
    let said: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if !said.is_empty() {
        fact("Outcomes", said.join(", "));
    }
    if let Some(seconds) = test.median_seconds {
        fact("Median time", flaky_plugin_sdk::report::seconds(seconds));
    }
    if test.failed_in_ci {
        fact("In CI", "failed there".to_owned());
    }
    fact("Earlier runs", short(test.history_text().unwrap_or_default(), MOST_SENTENCE));
    fact("Quarantine", short(&test.quarantine_text().unwrap_or_default(), MOST_SENTENCE));
    if test.ignored {
        fact("Ignored", "matched by ignore_patterns: run, but not judged".to_owned());
    }
    for (key, value) in test.tags.iter().take(MOST_SEEDS) {
        fact(&short(key, 100), short(value, MOST_SENTENCE));
    }
    fact("Decided by", short(&test.decided_by, 100));
    facts.retain(|(_, text)| !text.is_empty());
    facts
}

fn commands(test: &Test) -> Vec<(String, String)> {
    let Some(way) = &test.reproduction else { return Vec::new() };
    let told = format!("Failed {} of {} times when repeated by", way.failed, way.ran);
    let both = [(told, &way.command), ("The test command itself".to_owned(), &way.shell)];
    both.into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, short(text, MOST_MESSAGE)))
        .collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How many tests there are of a verdict; ignored ones are counted apart.
pub(crate) fn count(report: &Report, verdict: &Category) -> usize {
    report.tests.iter().filter(|test| !test.ignored && test.verdict == *verdict).count()
}
