//! One example, as the JSON formatter and our own report tell it.

use std::borrow::Cow;
use std::collections::HashMap;

use flaky_plugin_sdk::{Diagnostic, Failure, Outcome, PackedTests, PackedTestsBuilder, without_sequences};
use serde::Deserialize;

#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Example {
    /// `./spec/cart_spec.rb[1:2:1]`
    #[serde(default)]
    pub(super) id: String,
    pub(super) description: String,
    pub(super) full_description: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) file_path: String,
    #[serde(default)]
    pub(super) line_number: Option<u32>,
    #[serde(default)]
    pub(super) run_time: Option<f64>,
    #[serde(default)]
    pub(super) pending_message: Option<String>,
    #[serde(default)]
    pub(super) exception: Option<Exception>,
    /// Of our own report alone: a pending example that ran and failed, as it should.
    #[serde(default)]
    pub(super) failed_as_expected: bool,
}

#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Exception {
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    backtrace: Option<Vec<String>>,
}

/// Frames of RSpec that run hooks around a test.
const HOOKS: [&str; 3] = ["run_before_example", "run_after_example", "run_before_context_hooks"];
/// Frames that a trace keeps: more of them tell nobody more.
const MOST_FRAMES: usize = 40;

impl Exception {
    fn is_of_a_hook(&self) -> bool {
        self.backtrace.iter().flatten().any(|frame| HOOKS.iter().any(|hook| frame.contains(hook)))
    }

    fn is_a_mended_bug(&self) -> bool {
        self.class.as_deref().is_some_and(|class| class.ends_with("PendingExampleFixedError"))
    }

    fn failure(&self) -> Failure {
        let frames = self.backtrace.iter().flatten();
        let own: Vec<&str> =
            frames.map(String::as_str).filter(|frame| is_own_frame(frame)).take(MOST_FRAMES).collect();
        let message = self.message.as_deref().unwrap_or_default();
        Failure {
            kind: self.class.clone().unwrap_or_default(),
            message: without_sequences(message).trim_matches('\n').trim_end().to_owned(),
            trace: own.join("\n"),
        }
    }
}

/// Whether a frame is of the project, not of RSpec, Ruby or a gem.
fn is_own_frame(frame: &str) -> bool {
    !["/gems/", "<internal:", "/lib/ruby/", "/bin/rspec:", "/bin/bundle:", "flaky_rspec_report.rb"]
        .iter()
        .any(|foreign| frame.contains(foreign))
}

impl Example {
    pub(super) fn outcome(&self) -> Outcome {
        match (self.status.as_str(), &self.exception) {
            ("passed", _) => Outcome::Passed,
            ("pending", _) if self.failed_as_expected => Outcome::ExpectedFailure,
            ("pending", _) => Outcome::Skipped,
            ("failed", Some(exception)) if exception.is_a_mended_bug() => Outcome::UnexpectedPass,
            ("failed", Some(exception)) if exception.is_of_a_hook() => Outcome::Errored,
            ("failed", _) => Outcome::Failed,
            // As our own report's reader says of what ran when the process died.
            ("timed-out", _) => Outcome::TimedOut,
            ("crashed", _) => Outcome::Crashed,
            _ => Outcome::Unknown,
        }
    }

    /// What is seen of its full description.
    pub(super) fn name(&self) -> Cow<'_, str> {
        without_sequences(&self.full_description)
    }

    /// File and position in it: `[1:2:1]` as numbers.
    fn place(&self) -> (&str, Vec<u32>) {
        let (file, position) = self.id.rsplit_once('[').unwrap_or((&self.file_path, ""));
        let numbers = position.trim_end_matches(']').split(':').filter_map(|number| number.parse().ok());
        (file, numbers.collect())
    }
}

/// Examples of one description take their places in the order of their files, so that their numbers do not change
/// with the seed.
pub(super) fn pack(mut examples: Vec<Example>) -> PackedTests {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, example) in examples.iter().enumerate() {
        by_name.entry(example.name().into_owned()).or_default().push(at);
    }
    for places in by_name.into_values().filter(|places| places.len() > 1) {
        let mut same: Vec<Example> =
            places.iter().filter_map(|at| examples.get_mut(*at).map(std::mem::take)).collect();
        same.sort_by(|a, b| a.place().cmp(&b.place()));
        for (at, example) in places.into_iter().zip(same) {
            if let Some(slot) = examples.get_mut(at) {
                *slot = example;
            }
        }
    }
    let mut tests = PackedTestsBuilder::default();
    for example in &examples {
        push(&mut tests, example);
    }
    tests.finish()
}

fn push(tests: &mut PackedTestsBuilder, example: &Example) {
    let index = tests.push(&example.name(), example.outcome());
    tests.set_name(index, &without_sequences(&example.description));
    let file = example.file_path.strip_prefix("./").unwrap_or(&example.file_path);
    if !file.is_empty() {
        tests.set_location(index, file, example.line_number);
    }
    if let Some(seconds) = example.run_time.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
        // Casts of floats saturate.
        tests.set_duration(index, (seconds * 1e9) as u64);
    }
    match (&example.exception, &example.pending_message) {
        (Some(exception), message) => {
            let mut failure = exception.failure();
            if let Some(reason) = message.as_deref().filter(|_| exception.is_a_mended_bug()) {
                failure.message = format!("{} ({reason})", failure.message);
            }
            tests.add_failure(index, failure);
        }
        (None, Some(reason)) => tests.add_failure(index, Failure::new("", reason.as_str())),
        (None, None) => {}
    }
}

/// What went wrong outside of examples, out of a message of RSpec; `None` for a mere remark.
pub(super) fn outside(message: &str) -> Option<Diagnostic> {
    let text = without_sequences(message);
    let mut lines = text.trim().lines();
    let first = lines.next()?;
    let code = match first {
        _ if first.starts_with("An error occurred while loading ") => "collection-error",
        _ if first.starts_with("An error occurred in an") => "hook-failed",
        _ if first.starts_with("While loading ") => "collection-error",
        "No examples found." | "All examples were filtered out" => return None,
        _ if first.starts_with("An error occurred ") => "internal-error",
        _ => return None,
    };
    let rest: Vec<&str> =
        lines.map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    Some(Diagnostic::new(code, std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n")))
}
