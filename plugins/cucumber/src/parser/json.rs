//! JSON as the formatters of cucumber-js, cucumber-ruby and cucumber-jvm write it: an array of features.

use flaky_plugin_javascript::{Kept, Root, Test, push};
use flaky_plugin_sdk::{Completeness, Diagnostic, Location, PackedAttempt, PackedTestsBuilder};
use serde::Deserialize;

use super::{Step, feature_file, judge};

/// A document larger than this does not fit beside what is made of it in the memory that a plugin may have.
const LARGEST: u64 = 256 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Feature {
    uri: String,
    #[serde(rename = "keyword")]
    _keyword: String,
    name: String,
    elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
struct Element {
    #[serde(default)]
    name: String,
    /// `scenario`, or `background`, whose steps belong to the scenario after it.
    #[serde(rename = "type")]
    kind: String,
    line: Option<u32>,
    #[serde(default)]
    steps: Vec<RawStep>,
    #[serde(default)]
    before: Vec<RawStep>,
    #[serde(default)]
    after: Vec<RawStep>,
}

#[derive(Debug, Deserialize)]
struct RawStep {
    #[serde(default)]
    keyword: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    hidden: bool,
    result: Option<Outcome>,
    /// Hooks around the step.
    #[serde(default)]
    before: Vec<Hook>,
    #[serde(default)]
    after: Vec<Hook>,
}

#[derive(Debug, Deserialize)]
struct Hook {
    result: Option<Outcome>,
}

#[derive(Debug, Clone, Deserialize)]
struct Outcome {
    status: String,
    #[serde(default)]
    duration: Option<u64>,
    #[serde(default)]
    error_message: Option<String>,
}

/// `None` when there is no such document.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let bytes = first_array(kept)?;
    let features: Vec<Feature> = serde_json::Deserializer::from_slice(&bytes).into_iter().next()?.ok()?;
    if features.is_empty() {
        return None;
    }
    let files: Vec<String> = features.iter().map(|feature| feature_file(&feature.uri)).collect();
    let root = Root::of(files.iter().map(String::as_str));
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "cucumber-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for (feature, file) in features.into_iter().zip(files) {
        let file = root.relative(&file);
        let mut background: Vec<Step> = Vec::new();
        for element in feature.elements {
            let mut steps = std::mem::take(&mut background);
            let (is_background, line) = (element.kind == "background", element.line);
            let name = element.name.clone();
            element.steps(&mut steps);
            if is_background {
                background = steps;
                continue;
            }
            let (outcome, failures, nanoseconds) = judge(&steps);
            let path = vec![file.clone(), feature.name.clone(), name];
            push(
                &mut tests,
                Test {
                    duration: Some(nanoseconds),
                    location: Some(Location::new(file.clone(), line)),
                    failures,
                    ..Test::new(path, outcome)
                },
            );
        }
    }
    if tests.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "Cucumber found no scenario to run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

/// From the first line that begins with `[` on, where the keys that make it Cucumber's follow soon.
fn first_array(kept: &Kept<'_>) -> Option<Vec<u8>> {
    let mut lines = kept.blob.lines_up_to(64);
    let start = loop {
        let line = lines.next_line()?;
        let text = line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes);
        let rest = text.strip_prefix(b"[").map(<[u8]>::trim_ascii);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"{")) {
            break line.offset;
        }
    };
    let bytes = kept.blob.read_to_end(LARGEST).ok()?;
    let bytes = bytes.get(usize::try_from(start).ok()?..)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    memchr_keys(bytes).then(|| bytes.to_vec())
}

fn memchr_keys(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024 * 1024)).unwrap_or_default());
    ["\"uri\"", "\"elements\"", "\"keyword\""].iter().all(|key| text.contains(key))
}

impl Element {
    fn steps(self, into: &mut Vec<Step>) {
        into.extend(self.before.into_iter().filter_map(|hook| hook.step(true)));
        for step in self.steps {
            let is_hook = step.hidden || matches!(step.keyword.trim(), "Before" | "After");
            into.extend(step.before.iter().filter_map(Hook::step));
            let after: Vec<Step> = step.after.iter().filter_map(Hook::step).collect();
            into.extend(step.step(is_hook));
            into.extend(after);
        }
        into.extend(self.after.into_iter().filter_map(|hook| hook.step(true)));
    }
}

impl RawStep {
    fn step(self, hook: bool) -> Option<Step> {
        Some(self.result?.step(hook, self.name))
    }
}

impl Hook {
    fn step(&self) -> Option<Step> {
        Some(self.result.clone()?.step(true, String::new()))
    }
}

impl Outcome {
    fn step(self, hook: bool, text: String) -> Step {
        Step {
            hook,
            status: self.status.to_ascii_lowercase(),
            text,
            message: self.error_message.unwrap_or_default(),
            nanoseconds: self.duration.unwrap_or_default(),
        }
    }
}
