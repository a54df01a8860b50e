//! Messages, a line of JSON each: <https://github.com/cucumber/messages>.

use std::collections::HashMap;

use flaky_plugin_javascript::{Kept, Root, Test, push};
use flaky_plugin_sdk::{Completeness, Diagnostic, Location, Outcome, PackedAttempt, PackedTestsBuilder};
use serde::Deserialize;

use super::{Step, feature_file, judge};

/// Attachments are long; a longer line is none that is needed.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    meta: Option<Meta>,
    gherkin_document: Option<Document>,
    pickle: Option<Pickle>,
    test_case: Option<TestCase>,
    test_case_started: Option<Started>,
    test_step_finished: Option<StepFinished>,
    test_case_finished: Option<Finished>,
    test_run_finished: Option<RunFinished>,
    parse_error: Option<ParseError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(rename = "protocolVersion")]
    _protocol_version: String,
}

#[derive(Debug, Deserialize)]
struct Document {
    uri: String,
    feature: Option<Feature>,
}

#[derive(Debug, Deserialize)]
struct Feature {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Pickle {
    id: String,
    uri: String,
    name: String,
    #[serde(default)]
    steps: Vec<PickleStep>,
    #[serde(default)]
    location: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    line: u32,
}

#[derive(Debug, Deserialize)]
struct PickleStep {
    id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestCase {
    id: String,
    pickle_id: String,
    test_steps: Vec<TestStep>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestStep {
    id: String,
    #[serde(default)]
    pickle_step_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    id: String,
    test_case_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepFinished {
    test_case_started_id: String,
    test_step_id: String,
    test_step_result: StepResult,
}

#[derive(Debug, Deserialize)]
struct StepResult {
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    duration: Option<Duration>,
}

#[derive(Debug, Deserialize)]
struct Duration {
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    nanos: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finished {
    test_case_started_id: String,
    #[serde(default)]
    will_be_retried: bool,
}

#[derive(Debug, Deserialize)]
struct RunFinished {
    #[serde(rename = "success")]
    _success: bool,
}

#[derive(Debug, Deserialize)]
struct ParseError {
    message: String,
}

/// What the messages have told so far.
#[derive(Debug, Default)]
struct Run {
    /// Names of features by their files.
    features: HashMap<String, String>,
    pickles: HashMap<String, Pickle>,
    cases: HashMap<String, TestCase>,
    /// By the id of a start: its test case, and its steps.
    started: HashMap<String, (String, Vec<Step>)>,
    /// Tries that were not the last, by test case.
    tries: HashMap<String, Vec<Outcome>>,
    told: Vec<(String, Test)>,
    order: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    ended: bool,
}

/// `None` when the first message is none of Cucumber's.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let mut run: Option<Run> = None;
    let mut lines = kept.blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if !line.bytes.starts_with(b"{\"") {
            continue;
        }
        // Before the first message, only its kind counts.
        if run.is_none() && !line.bytes.starts_with(b"{\"meta\":{") {
            continue;
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(line.bytes) else { continue };
        if envelope.meta.is_some() {
            run.get_or_insert_with(Run::default);
        } else if let Some(run) = &mut run {
            run.take(envelope);
        }
    }
    run.map(Run::finish)
}

impl Run {
    fn take(&mut self, message: Envelope) {
        if let Some(document) = message.gherkin_document {
            let name = document.feature.map(|feature| feature.name).unwrap_or_default();
            self.features.insert(document.uri, name);
        } else if let Some(pickle) = message.pickle {
            self.pickles.insert(pickle.id.clone(), pickle);
        } else if let Some(case) = message.test_case {
            self.order.push(case.id.clone());
            self.cases.insert(case.id.clone(), case);
        } else if let Some(started) = message.test_case_started {
            self.started.insert(started.id, (started.test_case_id, Vec::new()));
        } else if let Some(step) = message.test_step_finished {
            self.step(step);
        } else if let Some(finished) = message.test_case_finished {
            self.finished(&finished);
        } else if let Some(error) = message.parse_error {
            self.diagnostics.push(Diagnostic::new("collection-error", error.message));
        } else if message.test_run_finished.is_some() {
            self.ended = true;
        }
    }

    fn step(&mut self, step: StepFinished) {
        let Some((case, steps)) = self.started.get_mut(&step.test_case_started_id) else { return };
        let case = self.cases.get(case);
        let known = case.and_then(|case| case.test_steps.iter().find(|known| known.id == step.test_step_id));
        let pickle_step = known.and_then(|known| known.pickle_step_id.as_ref());
        let pickle = case.and_then(|case| self.pickles.get(&case.pickle_id));
        let text = pickle.and_then(|pickle| pickle.steps.iter().find(|known| Some(&known.id) == pickle_step));
        let result = step.test_step_result;
        let duration = result
            .duration
            .map_or(0, |time| time.seconds.saturating_mul(1_000_000_000).saturating_add(time.nanos));
        steps.push(Step {
            hook: pickle_step.is_none(),
            status: result.status.to_ascii_lowercase(),
            text: text.map(|step| step.text.clone()).unwrap_or_default(),
            message: result.message.unwrap_or_default(),
            nanoseconds: duration,
        });
    }

    fn finished(&mut self, finished: &Finished) {
        let Some((case_id, steps)) = self.started.remove(&finished.test_case_started_id) else { return };
        let (outcome, failures, nanoseconds) = judge(&steps);
        if finished.will_be_retried {
            self.tries.entry(case_id).or_default().push(outcome);
            return;
        }
        let Some(path) = self.path(&case_id) else { return };
        let line = self.cases.get(&case_id).and_then(|case| self.pickles.get(&case.pickle_id));
        let line = line.and_then(|pickle| pickle.location.as_ref()).map(|place| place.line);
        let mut tries = self.tries.remove(&case_id).unwrap_or_default();
        tries.push(outcome);
        let file = path.first().cloned().unwrap_or_default();
        let test = Test {
            duration: Some(nanoseconds),
            location: Some(Location::new(file, line)),
            failures,
            tries,
            ..Test::new(path, outcome)
        };
        self.told.push((case_id, test));
    }

    fn path(&self, case: &str) -> Option<Vec<String>> {
        let pickle = self.pickles.get(&self.cases.get(case)?.pickle_id)?;
        let feature = self.features.get(&pickle.uri).cloned().unwrap_or_default();
        Some(vec![feature_file(&pickle.uri), feature, pickle.name.clone()])
    }

    fn finish(mut self) -> PackedAttempt {
        let mut parsed = PackedAttempt {
            format: "cucumber-messages".to_owned(),
            completeness: if self.ended { Completeness::Complete } else { Completeness::Truncated },
            ..PackedAttempt::default()
        };
        parsed.diagnostics.append(&mut self.diagnostics);
        let files: Vec<String> = self.pickles.values().map(|pickle| feature_file(&pickle.uri)).collect();
        let root = Root::of(files.iter().map(String::as_str));
        let relative = |mut path: Vec<String>| {
            if let Some(file) = path.first_mut() {
                *file = root.relative(file);
            }
            path
        };
        let told: Vec<String> = self.told.iter().map(|(case, _)| case.clone()).collect();
        let told: std::collections::HashSet<String> = told.into_iter().collect();
        // Known, and never finished.
        for case in self.order.iter().filter(|case| !told.contains(*case)) {
            if let Some(path) = self.path(case) {
                parsed.announced.push(flaky_plugin_javascript::id_of(&relative(path)));
            }
        }
        let mut tests = PackedTestsBuilder::default();
        for (_, mut test) in self.told {
            test.path = relative(test.path);
            if let (Some(place), Some(file)) = (&mut test.location, test.path.first()) {
                place.file.clone_from(file);
            }
            push(&mut tests, test);
        }
        if tests.is_empty() && self.ended && parsed.diagnostics.is_empty() {
            parsed.diagnostics.push(Diagnostic::new("no-tests", "Cucumber found no scenario to run"));
        }
        parsed.tests = tests.finish();
        parsed
    }
}
