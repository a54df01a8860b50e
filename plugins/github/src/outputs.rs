//! Outputs for later steps: words of a closed set and numbers, so that no step can be told anything by a test.

use flaky_plugin_platforms::words::{closed_severity, closed_verdict};
use flaky_plugin_sdk::report::Report;

/// A value that is not known is not set: an empty output reads as one that never was.
pub(crate) fn of(report: &Report) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut set = |name: &str, value: String| out.push((name.to_owned(), value));
    set("verdict", closed_verdict(&report.verdict).to_owned());
    if let Some(severity) = report.severity.as_ref().and_then(closed_severity) {
        set("severity", severity.to_owned());
    }
    if let Some(rate) = report.repro_rate.filter(|rate| (0.0..=1.0).contains(rate)) {
        set("repro_rate", rate.to_string());
    }
    set("total_runs", report.total_runs.to_string());
    set("failures", report.failures.to_string());
    out
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::report::{Category, Severity};

    use super::*;

    #[test]
    fn outputs_are_words_of_a_closed_set_and_numbers() {
        let text = "x\ny<<EOF".to_owned();
        let report = Report {
            verdict: Category::Other(text.clone()),
            severity: Some(Severity::Other(text)),
            repro_rate: Some(f64::NAN),
            total_runs: 3,
            ..Report::default()
        };
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected = pairs(&[("verdict", "inconclusive"), ("total_runs", "3"), ("failures", "0")]);
        assert_eq!(of(&report), expected);
        let report = Report {
            verdict: Category::Flaky,
            severity: Some(Severity::Low),
            repro_rate: Some(0.062),
            total_runs: 16,
            failures: 1,
            ..Report::default()
        };
        let expected = pairs(&[
            ("verdict", "flaky"),
            ("severity", "LOW"),
            ("repro_rate", "0.062"),
            ("total_runs", "16"),
            ("failures", "1"),
        ]);
        assert_eq!(of(&report), expected);
    }
}
