//! A `flaky` that has ended, and what is expected of it.

use flaky_core::report::{RunReport, TestReport};
use serde_json::Value;

/// How it ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; 128 + N for a death by signal N, as shells say it.
    pub code: i32,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
    /// The JSON report, when one was written.
    report: Option<Vec<u8>>,
}

impl Ended {
    pub(crate) const fn new(code: i32, stdout: String, stderr: String, report: Option<Vec<u8>>) -> Self {
        Self { code, stdout, stderr, report }
    }

    /// Expects this exit code.
    ///
    /// # Panics
    /// When it is another.
    #[must_use]
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{}", self.everything());
        self
    }

    /// Expects a text on standard output; where its lines are broken does not matter.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            on_one_line(&self.stdout).contains(text),
            "standard output lacks `{text}`\n{}",
            self.everything()
        );
        self
    }

    /// Expects a text on standard error.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    #[track_caller]
    pub fn warns(self, text: &str) -> Self {
        assert!(
            on_one_line(&self.stderr).contains(text),
            "standard error lacks `{text}`\n{}",
            self.everything()
        );
        self
    }

    /// The report that was written.
    ///
    /// # Panics
    /// When there is none or it is of another shape.
    #[must_use]
    #[track_caller]
    pub fn report(&self) -> RunReport {
        let value = self.report_as_json();
        serde_json::from_value(value)
            .unwrap_or_else(|e| panic!("the report has another shape: {e}\n{}", self.everything()))
    }

    /// The same, as it stands in the file.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn report_as_json(&self) -> Value {
        let Some(text) = &self.report else { panic!("there is no report\n{}", self.everything()) };
        serde_json::from_slice(text)
            .unwrap_or_else(|e| panic!("the report is not JSON: {e}\n{}", self.everything()))
    }

    /// All that was said, for messages of failing tests.
    #[must_use]
    pub fn everything(&self) -> String {
        let Self { code, stdout, stderr, .. } = self;
        format!("--- exit code {code}\n--- standard output\n{stdout}\n--- standard error\n{stderr}\n---")
    }
}

/// The test of a report whose id ends in `name`.
///
/// # Panics
/// When there is not exactly one.
#[must_use]
#[track_caller]
pub fn test<'a>(report: &'a RunReport, name: &str) -> &'a TestReport {
    let mut found = report.tests.iter().filter(|test| test.id.as_str().ends_with(name));
    match (found.next(), found.next()) {
        (Some(test), None) => test,
        _ => panic!("the report should tell of one test `…{name}`: {:#?}", report.tests),
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
