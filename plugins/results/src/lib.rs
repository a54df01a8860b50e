//! The report as the tool that `flaky` replaces wrote it: `flaky_test_results.json`, for scripts that read that.
//!
//! A report does not hold all of it. Attempts that passed are not listed in a report: their rows are made, with the
//! seed where it follows from the first one. What cannot be known is `null`: the time of day, the time that was spent
//! waiting, what attempts printed (but for the end of the output where no parser could tell what failed), the
//! exit code of attempts that passed.

mod component;
mod rows;

use flaky_plugin_sdk::report::{Category, Report};
use serde::Serialize;

use rows::Row;

/// The document, with the original's fields in the original's order, and what they cannot say behind them.
#[derive(Debug, Serialize)]
struct Results<'r> {
    total_runs: u32,
    parallelism: u32,
    framework: &'static str,
    failures: u32,
    /// Left out where the attempts say nothing: a rate of 0 would read "safe to merge" to whoever looks at nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    repro_rate: Option<f64>,
    results: Vec<Row<'r>>,
    execution_metadata: Metadata,
    verdict: &'r str,
    severity: Option<&'r str>,
    cause: Option<&'r str>,
    reason: &'r str,
}

#[derive(Debug, Serialize)]
struct Metadata {
    /// Of the day: a report holds none.
    timestamp: Option<&'static str>,
    execution_time_seconds: f64,
    /// With the time in the platform's queue.
    total_time_seconds: Option<f64>,
    /// The original was started with a job's file.
    input_file: Option<&'static str>,
}

/// The names that the original has for frameworks, and those that a report may have for them.
const FRAMEWORKS: [(&str, &[&str]); 5] = [
    ("python", &["python", "pytest"]),
    ("go", &["go"]),
    ("typescript-jest", &["typescript-jest", "jest"]),
    ("typescript-vitest", &["typescript-vitest", "vitest"]),
    ("javascript-mocha", &["javascript-mocha", "mocha"]),
];

/// What the original says of a framework that it does not know.
const UNKNOWN: &str = "unknown";

/// Why a run is inconclusive although its attempts say how often something failed.
const TOO_FEW: &str = "too-few-attempts";

/// The document.
///
/// # Errors
/// None that is known of: all keys are text.
pub fn render(report: &Report) -> serde_json::Result<String> {
    let measured = report.verdict != Category::Inconclusive || report.cause.as_deref() == Some(TOO_FEW);
    let known = FRAMEWORKS.iter().find(|(_, names)| names.contains(&report.subject.framework.as_str()));
    let seconds = report.execution.wall_seconds;
    let results = Results {
        total_runs: report.total_runs,
        parallelism: report.execution.parallelism,
        framework: known.map_or(UNKNOWN, |(name, _)| name),
        failures: report.failures,
        repro_rate: report.repro_rate.filter(|rate| measured && rate.is_finite()),
        results: rows::of(report),
        execution_metadata: Metadata {
            timestamp: None,
            execution_time_seconds: if seconds.is_finite() { seconds } else { 0.0 },
            total_time_seconds: None,
            input_file: None,
        },
        verdict: report.verdict.as_str(),
        severity: report.severity.as_ref().map(|severity| severity.as_str()),
        cause: report.cause.as_deref(),
        reason: &report.reason,
    };
    let mut text = serde_json::to_string_pretty(&results)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
