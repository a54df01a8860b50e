//! Our own report as `flaky_pytest_report.py` writes it: one JSON object per line.

use std::borrow::Cow;

use serde::Deserialize;

/// One line. Which fields are there depends on `event`; all others are none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record<'a> {
    #[serde(rename = "e", borrow)]
    pub(crate) event: Cow<'a, str>,
    /// Number of the test; `test` gives it its name.
    #[serde(rename = "n")]
    pub(crate) number: Option<u32>,
    pub(crate) id: Option<String>,
    /// `setup`, `call`, `teardown`, or `???` for a test whose worker died.
    #[serde(borrow)]
    pub(crate) when: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) outcome: Cow<'a, str>,
    /// Seconds.
    #[serde(rename = "s")]
    pub(crate) seconds: Option<f64>,
    pub(crate) message: Option<String>,
    pub(crate) trace: Option<String>,
    /// The reason, when the test was marked as expected to fail.
    pub(crate) xfail: Option<String>,
    /// The name of a subtest, when the phase is one's.
    pub(crate) sub: Option<String>,
    pub(crate) file: Option<String>,
    /// Counted from 1.
    pub(crate) line: Option<i64>,
    /// pytest's exit status.
    pub(crate) status: Option<i32>,
    /// Whether tests were collected and were not meant to run.
    pub(crate) only: Option<bool>,
}

impl<'a> Record<'a> {
    /// `None` for a line that is cut, or is none of ours.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}
