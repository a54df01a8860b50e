//! The document itself: size, depth, fields, texts.

use serde_json::Value;

use super::Refusal;
use crate::report::{REPORT_VERSION, RunReport};
use crate::text::json_depth;

/// Largest report taken, in bytes: 10 MiB hold thousands of tests with their failures.
pub const MOST_BYTES: usize = 10 << 20;

/// Deepest nesting taken. A report needs seven levels.
pub const MOST_DEPTH: usize = 32;

/// Longest text taken, in bytes: a trace is cut to less where it is recorded.
const MOST_TEXT: usize = 64 << 10;

/// Most tests taken: more than any suite has that fits into [`MOST_BYTES`] honestly.
const MOST_TESTS: usize = 100_000;

pub(super) fn read(bytes: &[u8]) -> Result<RunReport, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(Refusal::TooLarge);
    }
    if json_depth(bytes) > MOST_DEPTH {
        return Err(Refusal::TooDeep);
    }
    let unreadable = |error: serde_json::Error| Refusal::Unreadable(crate::text::visible(&error.to_string()));
    let document: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    let version = document.get("report_version").and_then(Value::as_u64);
    if let Some(other) = version.filter(|version| *version != u64::from(REPORT_VERSION)) {
        return Err(Refusal::OtherVersion(u32::try_from(other).unwrap_or(u32::MAX)));
    }
    // From the bytes again, not from the value: a key that comes twice is an error there, and the last one wins here.
    let report: RunReport = serde_json::from_slice(bytes).map_err(unreadable)?;
    let written = serde_json::to_value(&report).map_err(unreadable)?;
    if let Some(place) = difference(&document, &written) {
        return Err(Refusal::UnknownField { place });
    }
    if report.tests.len() > MOST_TESTS {
        return Err(Refusal::TooLarge);
    }
    Ok(report)
}

/// Where what was found is not what this version would have written. `null` and an absent field are the same.
fn difference(found: &Value, written: &Value) -> Option<String> {
    match (found, written) {
        (Value::Object(found), Value::Object(written)) => found.iter().find_map(|(key, value)| {
            let key_seen = crate::text::visible(key);
            match written.get(key) {
                Some(same) => difference(value, same).map(|rest| joined(&key_seen, &rest)),
                None if value.is_null() => None,
                None => Some(key_seen),
            }
        }),
        (Value::Array(found), Value::Array(written)) if found.len() == written.len() => {
            let pairs = found.iter().zip(written).enumerate();
            pairs.into_iter().find_map(|(at, (found, written))| {
                difference(found, written).map(|rest| joined(&format!("[{at}]"), &rest))
            })
        }
        // `3` for `3.0` is the same number.
        (Value::Number(found), Value::Number(written)) if found.as_f64() == written.as_f64() => None,
        _ if found == written => None,
        _ => Some(String::new()),
    }
}

fn joined(key: &str, rest: &str) -> String {
    if rest.is_empty() || rest.starts_with('[') { format!("{key}{rest}") } else { format!("{key}.{rest}") }
}

/// Every text of a report is one line of visible text, but for messages and traces, which have lines.
pub(super) fn texts(report: &RunReport) -> Result<(), Refusal> {
    let value = serde_json::to_value(report).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    check_texts(&value, "", "")?;
    for (at, test) in report.tests.iter().enumerate() {
        let Some(location) = &test.location else { continue };
        if !is_below_the_root(&location.file) {
            return Err(Refusal::PathOutside { place: format!("tests[{at}].location.file") });
        }
    }
    match is_below_the_root(&report.subject.working_directory) {
        true => Ok(()),
        false => Err(Refusal::PathOutside { place: "subject.working_directory".into() }),
    }
}

/// Fields whose texts have lines.
const WITH_LINES: [&str; 3] = ["message", "trace", "output_tail"];

fn check_texts(value: &Value, key: &str, place: &str) -> Result<(), Refusal> {
    match value {
        Value::String(text) => {
            let allowed = |c: char| matches!(c, '\n' | '\t') && WITH_LINES.contains(&key);
            let hostile = text.len() > MOST_TEXT || text.chars().any(|c| c.is_control() && !allowed(c));
            if hostile { Err(Refusal::HostileText { place: place.to_owned() }) } else { Ok(()) }
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| check_texts(value, key, &joined(place, &format!("[{at}]")))),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            let place = if place.is_empty() { key.clone() } else { joined(place, key) };
            check_texts(value, key, &place)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn is_below_the_root(path: &str) -> bool {
    let is_absolute = path.starts_with(['/', '\\']) || path.get(1..2) == Some(":");
    !is_absolute && !path.split(['/', '\\']).any(|part| part == "..")
}
