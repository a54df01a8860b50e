//! JSON as the reporter `json` writes it.

use flaky_plugin_javascript::{
    Document, Kept, Test, documents, failure, first_paragraph, nanoseconds_of_millis, push, strip_colours,
};
use flaky_plugin_sdk::{
    Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt, PackedTestsBuilder,
};
use serde::Deserialize;

use super::failed_outcome;

#[derive(Debug, Deserialize)]
struct Report {
    config: Config,
    suites: Vec<Suite>,
    errors: Vec<Thrown>,
    stats: Option<Stats>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    root_dir: String,
    #[serde(default)]
    config_file: Option<String>,
    #[serde(rename = "projects")]
    _projects: Vec<Project>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    #[serde(rename = "testDir")]
    _test_dir: String,
}

#[derive(Debug, Deserialize)]
struct Stats {
    expected: u64,
    skipped: u64,
    unexpected: u64,
    flaky: u64,
}

#[derive(Debug, Deserialize)]
struct Suite {
    title: String,
    file: String,
    #[serde(default)]
    line: u32,
    #[serde(default)]
    column: u32,
    specs: Vec<Spec>,
    #[serde(default)]
    suites: Vec<Suite>,
}

#[derive(Debug, Deserialize)]
struct Spec {
    title: String,
    file: String,
    #[serde(default)]
    line: u32,
    tests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    expected_status: String,
    #[serde(default)]
    project_name: String,
    results: Vec<Try>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Try {
    status: Option<String>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    error: Option<Thrown>,
    #[serde(default)]
    errors: Vec<Thrown>,
}

#[derive(Debug, Deserialize)]
struct Thrown {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    location: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    file: String,
    line: Option<u32>,
}

/// `None` when there is no such document.
pub(crate) fn parse(kept: &Kept<'_>) -> Option<PackedAttempt> {
    let found: Vec<Document<Report>> = documents(&kept.blob, "rootDir");
    if found.is_empty() {
        return None;
    }
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "playwright-json".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for Document { value, offset } in found {
        let files = Files::of(&value.config);
        let mut told: Vec<Test> = Vec::new();
        for suite in value.suites {
            suite.tell(&files, &mut Vec::new(), &mut told);
        }
        if let Some(stats) = value.stats {
            let all = [stats.expected, stats.skipped, stats.unexpected, stats.flaky];
            let all = all.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
            if all != told.len() as u64 {
                let said = format!("the report counts {all} tests and holds {}", told.len());
                parsed.completeness = Completeness::Truncated;
                let doubt = Diagnostic::warning("counters-disagree", said);
                parsed.diagnostics.push(doubt.offset(kept.source.clone(), offset));
            }
        }
        parsed.diagnostics.extend(value.errors.iter().map(|error| error.diagnostic(&files)));
        for test in told {
            push(&mut tests, test);
        }
    }
    if tests.is_empty() && parsed.diagnostics.is_empty() {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "Playwright found no test to run"));
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

/// How files are named in ids.
struct Files {
    /// From the folder of the configuration to that of the tests, with a slash.
    inner: String,
    folder: String,
}

impl Files {
    fn of(config: &Config) -> Self {
        let root = config.root_dir.replace('\\', "/");
        let file = config.config_file.as_deref().unwrap_or_default().replace('\\', "/");
        let folder = file.rsplit_once('/').map_or(root.as_str(), |(folder, _)| folder);
        let inner = root.strip_prefix(folder).map(|rest| rest.trim_matches('/')).unwrap_or_default();
        let inner = if inner.is_empty() { String::new() } else { format!("{inner}/") };
        Self { inner, folder: format!("{}/", folder.trim_end_matches('/')) }
    }

    /// Of a file that is named from the folder of the tests.
    fn name(&self, file: &str) -> String {
        let file = file.replace('\\', "/");
        let mut file = file.as_str();
        let mut inner = self.inner.as_str();
        // `../other/a.spec.ts`
        while let Some(above) = file.strip_prefix("../") {
            if inner.is_empty() {
                break;
            }
            file = above;
            inner =
                inner.trim_end_matches('/').rfind('/').and_then(|at| inner.get(..=at)).unwrap_or_default();
        }
        format!("{inner}{file}")
    }

    fn absolute(&self, file: &str) -> String {
        let file = file.replace('\\', "/");
        file.strip_prefix(self.folder.as_str()).unwrap_or(&file).to_owned()
    }
}

impl Suite {
    /// `titles` are those of the blocks around it.
    fn tell(self, files: &Files, titles: &mut Vec<String>, told: &mut Vec<Test>) {
        // The outermost suite is the file.
        let is_file = self.line == 0 && self.column == 0 && self.title == self.file;
        if !is_file {
            titles.push(self.title);
        }
        for spec in self.specs {
            let file = files.name(&spec.file);
            for case in spec.tests {
                let mut path = Vec::with_capacity(titles.len() + 3);
                if !case.project_name.is_empty() {
                    path.push(format!("[{}]", case.project_name));
                }
                path.push(file.clone());
                path.extend(titles.iter().filter(|title| !title.is_empty()).cloned());
                path.push(spec.title.clone());
                let line = Some(spec.line).filter(|line| *line > 0);
                told.push(case.test(path, Location::new(file.clone(), line)));
            }
        }
        for suite in self.suites {
            suite.tell(files, titles, told);
        }
        if !is_file {
            titles.pop();
        }
    }
}

impl Case {
    fn test(self, path: Vec<String>, location: Location) -> Test {
        let outcomes: Vec<Outcome> =
            self.results.iter().map(|result| result.outcome(&self.expected_status)).collect();
        let outcome = outcomes.last().copied().unwrap_or(match self.expected_status.as_str() {
            "skipped" => Outcome::Skipped,
            _ => Outcome::NotRun,
        });
        let last = self.results.last();
        let mut failures = match outcome {
            Outcome::Passed | Outcome::Skipped | Outcome::NotRun => Vec::new(),
            _ => last.map(Try::failures).unwrap_or_default(),
        };
        if outcome == Outcome::UnexpectedPass && failures.is_empty() {
            failures.push(Failure::new("", "Expected to fail, but passed."));
        }
        let ran = matches!(outcome, Outcome::NotRun | Outcome::Skipped);
        let duration = last.and_then(|last| last.duration).filter(|_| !ran);
        Test {
            duration: duration.and_then(nanoseconds_of_millis),
            location: Some(location),
            failures,
            tries: outcomes,
            ..Test::new(path, outcome)
        }
    }
}

impl Try {
    fn outcome(&self, expected: &str) -> Outcome {
        match (self.status.as_deref().unwrap_or_default(), expected) {
            ("passed", "failed") => Outcome::UnexpectedPass,
            ("passed", _) => Outcome::Passed,
            ("failed", "failed") => Outcome::ExpectedFailure,
            ("failed", _) => {
                self.failures().first().map_or(Outcome::Failed, |failure| failed_outcome(&failure.message))
            }
            ("timedOut", _) => Outcome::TimedOut,
            ("skipped", "skipped") => Outcome::Skipped,
            // It was meant to run, and an earlier failure or the end of the run kept it from that.
            ("skipped", _) => Outcome::NotRun,
            _ => Outcome::Unknown,
        }
    }

    fn failures(&self) -> Vec<Failure> {
        // `errors` has all, with code below the message; `error` the first alone.
        let first = self.error.iter().chain(self.errors.iter().take(usize::from(self.error.is_none())));
        first.chain(self.errors.iter().skip(1)).map(Thrown::failure).collect()
    }
}

impl Thrown {
    fn failure(&self) -> Failure {
        let message = self.message.as_deref().or(self.value.as_deref()).unwrap_or_default();
        let mut head = failure(message);
        if let Some(code) = code_start(&head.message) {
            head.message.truncate(code);
            head.message.truncate(head.message.trim_end().len());
        }
        let trace = strip_colours(self.stack.as_deref().unwrap_or(message));
        Failure { trace, ..head }
    }

    /// Of an error that belongs to no test.
    fn diagnostic(&self, files: &Files) -> Diagnostic {
        let failure = self.failure();
        let said = match failure.kind.as_str() {
            "" | "Error" => first_paragraph(&failure.message),
            kind => format!("{kind}: {}", first_paragraph(&failure.message)),
        };
        let diagnostic = if said.starts_with("No tests found") {
            Diagnostic::new("no-tests", said)
        } else if said.starts_with("Testing stopped early") {
            // By `maxFailures`: nothing went wrong but the tests that failed.
            Diagnostic::warning("stopped-early", said)
        } else {
            Diagnostic::new("collection-error", said)
        };
        match &self.location {
            Some(place) => diagnostic.at(Location::new(files.absolute(&place.file), place.line)),
            None => diagnostic,
        }
    }
}

/// Where lines of code begin: `  12 |   test(…)`, after an empty line.
fn code_start(message: &str) -> Option<usize> {
    message.match_indices("\n\n").map(|(at, _)| at).find(|at| {
        let line = message.get(at + 2..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let number = line.trim_start_matches(['>', ' ']);
        let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < number.len() && rest.starts_with(" |")
    })
}
