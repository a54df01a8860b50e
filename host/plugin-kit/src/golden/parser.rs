//! Cases of parsers.

use std::path::Path;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parse_document::{Chosen, ParseDocument};
use flaky_core::parsed::ParsedAttempt;
use flaky_plugin_host::{AttemptInput, BlobInput};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::files::{blob, json_file, tree};
use super::{Answer, CaseError};

/// `attempt.json`: what is known of an attempt beside what it printed and wrote.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct About {
    index: u32,
    seed: u64,
    command: Vec<String>,
    exit: Ended,
    duration_ms: u64,
    conditions: Vec<(String, String)>,
}

/// A number is an exit code; other ends are written as in reports.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ended {
    Code(i32),
    Otherwise(Exit),
}

impl Default for Ended {
    fn default() -> Self {
        Self::Code(0)
    }
}

/// The attempt of a case.
///
/// # Errors
/// When a file of it cannot be used.
pub fn input(folder: &Path) -> Result<AttemptInput, CaseError> {
    let path = folder.join("attempt.json");
    let about: About = if path.exists() { json_file(&path)? } else { About::default() };
    let files = |name: &str| -> Result<Vec<(String, BlobInput)>, CaseError> {
        let files = tree(&folder.join(name))?.into_iter();
        Ok(files.map(|(path, content)| (path, BlobInput::Bytes(content.into()))).collect())
    };
    Ok(AttemptInput {
        index: AttemptIndex(about.index),
        seed: Seed(about.seed),
        command: about.command,
        exit: match about.exit {
            Ended::Code(code) => Exit::Code(code),
            Ended::Otherwise(exit) => exit,
        },
        duration: Duration::from_millis(about.duration_ms),
        conditions: about.conditions,
        stdout: blob(&folder.join("stdout"))?,
        stderr: blob(&folder.join("stderr"))?,
        reports: files("report")?,
        tree: files("tree")?,
    })
}

/// What a parser answered, in the words of `flaky parse --json`, without what is null or empty.
#[must_use]
pub fn answer(parsed: ParsedAttempt) -> Answer {
    let completeness = parsed.completeness;
    let document = ParseDocument::read("", "", Chosen::Named, Vec::new(), parsed);
    let ParseDocument { format, tests, announced, errors, warnings, .. } = document;
    let mut document = json!({
        "format": format,
        "completeness": completeness,
        "tests": tests,
        "announced": announced,
        "errors": errors,
        "warnings": warnings,
    });
    strip(&mut document);
    Answer { document, files: Vec::new() }
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(strip),
        Value::Object(fields) => {
            let whole = std::mem::take(fields);
            let kept =
                whole.into_iter().filter(|(_, v)| !(v.is_null() || v.as_array().is_some_and(Vec::is_empty)));
            *fields = kept.collect::<Map<_, _>>();
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}
