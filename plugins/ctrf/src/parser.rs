//! CTRF documents: <https://ctrf.io>.
//!
//! Ids are `file > suite > name`, as far as the report has them.

use flaky_plugin_javascript::{
    Document, Kept, Root, Test, documents, nanoseconds_of_millis, push, sources, strip_colours,
};
use flaky_plugin_sdk::{
    Attempt, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Report {
    results: Results,
}

#[derive(Debug, Deserialize)]
struct Results {
    #[serde(rename = "tool")]
    _tool: Tool,
    summary: Summary,
    tests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Tool {
    #[serde(rename = "name")]
    _name: String,
}

#[derive(Debug, Deserialize)]
struct Summary {
    tests: u64,
    #[serde(rename = "passed")]
    _passed: u64,
    #[serde(rename = "failed")]
    _failed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    suite: Option<Suite>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    trace: Option<String>,
    #[serde(default)]
    raw_status: Option<String>,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    retries: Option<usize>,
    #[serde(default)]
    retry_attempts: Option<Vec<Try>>,
}

/// One text in older reports, a list in newer ones.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Suite {
    Text(String),
    List(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Try {
    status: String,
}

/// More tries than anybody asks for; it bounds what a forged report costs.
const MOST_TRIES: usize = 1000;

/// Reads the first source with such a document.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    sources(attempt).iter().find_map(read).unwrap_or_default()
}

fn read(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let found: Vec<Document<Report>> = documents(&kept.blob, "summary");
    if found.is_empty() {
        return None;
    }
    let cases = found.iter().flat_map(|document| &document.value.results.tests);
    let root = Root::of(cases.filter_map(|case| case.file_path.as_deref()));
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "ctrf-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for Document { value, offset } in found {
        let told = value.results.tests.len() as u64;
        if told != value.results.summary.tests {
            let said = format!("the report counts {} tests and holds {told}", value.results.summary.tests);
            parsed.completeness = Completeness::Truncated;
            let doubt = Diagnostic::warning("counters-disagree", said);
            parsed.diagnostics.push(doubt.offset(kept.source.clone(), offset));
        }
        for case in value.results.tests {
            push(&mut tests, case.test(&root));
        }
    }
    if tests.is_empty() && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "the report has no test"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

impl Case {
    fn test(self, root: &Root) -> Test {
        let message = strip_colours(self.message.as_deref().unwrap_or_default());
        let outcome = outcome(&self.status, self.raw_status.as_deref());
        let file = self.file_path.as_deref().map(|file| root.relative(file));
        let suites = match self.suite {
            Some(Suite::Text(text)) => text.split(" > ").map(str::to_owned).collect(),
            Some(Suite::List(list)) => list,
            None => Vec::new(),
        };
        let base = file.as_deref().and_then(|file| file.rsplit('/').next());
        // Some reporters say among the suites what is said elsewhere: the file, or the name.
        let is_new = |suite: &String| {
            !suite.trim().is_empty()
                && Some(suite) != file.as_ref()
                && Some(suite.as_str()) != base
                && *suite != self.name
        };
        let suites = if suites.join(" > ") == self.name { Vec::new() } else { suites };
        let suites: Vec<String> = suites.into_iter().filter(is_new).collect();
        let name = own_name(&suites, &self.name).to_owned();
        // pytest's ids are names that begin with the file.
        let says_file = file.as_ref().is_some_and(|file| says_file(file, &name));
        let path: Vec<String> =
            file.iter().filter(|_| !says_file).cloned().chain(suites).chain([name]).collect();
        let failures = if matches!(outcome, Outcome::Passed | Outcome::Skipped) {
            Vec::new()
        } else {
            let trace = strip_colours(self.trace.as_deref().unwrap_or_default());
            vec![Failure { trace, ..flaky_plugin_javascript::failure(&message) }]
        };
        let mut tries: Vec<Outcome> = match &self.retry_attempts {
            Some(attempts) if !attempts.is_empty() => {
                attempts.iter().take(MOST_TRIES).map(|attempt| self::outcome(&attempt.status, None)).collect()
            }
            _ => vec![Outcome::Failed; self.retries.unwrap_or_default().min(MOST_TRIES)],
        };
        tries.push(outcome);
        Test {
            duration: self.duration.and_then(nanoseconds_of_millis),
            location: file.map(|file| Location::new(file, self.line)),
            failures,
            tries,
            ..Test::new(path, outcome)
        }
    }
}

/// The name without the suites, where a reporter repeats them in it.
fn own_name<'n>(suites: &[String], name: &'n str) -> &'n str {
    if suites.is_empty() {
        return name;
    }
    let repeated = [" ", " > "].iter().find_map(|between| {
        name.strip_prefix(suites.join(between).as_str())?
            .strip_prefix(between)
            .filter(|own| !own.trim().is_empty())
    });
    repeated.unwrap_or(name)
}

/// Whether a name is the file, or goes on behind it.
fn says_file(file: &str, name: &str) -> bool {
    name.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn outcome(status: &str, raw: Option<&str>) -> Outcome {
    match (status, raw) {
        ("passed", _) => Outcome::Passed,
        ("failed", Some("timedOut" | "timedout")) => Outcome::TimedOut,
        ("failed", _) => Outcome::Failed,
        ("skipped" | "pending", _) => Outcome::Skipped,
        _ => Outcome::Unknown,
    }
}
