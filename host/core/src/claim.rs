//! A report that was made where untrusted code ran: a claim, checked before anybody is told.
//!
//! A job that runs the code of a fork may upload anything. [`check`] takes the bytes of such a report and gives back
//! what can be relied on: the document is exactly of the shape that this version writes, it speaks of the repository,
//! the commit and the CI run that the caller expects, its numbers agree with one another, and everything that follows
//! from numbers (rates, intervals, verdicts, severities, sentences) is computed anew. What is only somebody's word
//! (hints, commands to type, notes, tags, names of plugins) is dropped. What remains untrue are the counts
//! themselves: whoever may run code can make a test pass. So nothing made of such a report is better than neutral.

mod numbers;
mod shape;

use std::fmt;

use crate::report::{CiJob, Note, REPORT_VERSION, RunReport};
use crate::settings::{SeverityThresholds, defaults};
use crate::verdict::Cause;

pub use shape::{MOST_BYTES, MOST_DEPTH};

/// What the caller knows from its own event, not from the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// `owner/name`.
    pub repository: String,
    /// The commit whose CI run failed, in full.
    pub commit: String,
    /// Number of the CI run that uploaded the report.
    pub run: u64,
}

/// The rules that verdicts are computed anew by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// Bound for stable.
    pub stable_below: f64,
    /// Bound for broken.
    pub broken_below: f64,
    /// Rates at which severities begin.
    pub severity: SeverityThresholds,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            stable_below: defaults::STABLE_BELOW,
            broken_below: defaults::BROKEN_BELOW,
            severity: defaults::SEVERITY,
        }
    }
}

/// Why a report is not believed; `place` is a path in the document such as `tests[3].rate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// More than [`MOST_BYTES`].
    TooLarge,
    /// Nested deeper than [`MOST_DEPTH`].
    TooDeep,
    /// Not JSON, a number that is none, a value of another type, a word that no enumeration has.
    Unreadable(String),
    /// A version that this program does not write.
    OtherVersion(u32),
    /// A field that no report has, or one written as no report writes it.
    UnknownField {
        /// Where.
        place: String,
    },
    /// A text with a control character, or a very long one.
    HostileText {
        /// Where.
        place: String,
    },
    /// It does not say in which CI run it was made.
    NoOrigin,
    /// Of another repository, commit or CI run.
    OtherOrigin {
        /// `repository`, `commit` or `run`.
        what: &'static str,
        /// What the report says.
        found: String,
    },
    /// A path that is not below the repository's root.
    PathOutside {
        /// Where.
        place: String,
    },
    /// Numbers that cannot be together.
    Contradiction {
        /// Where.
        place: String,
        /// Which.
        what: &'static str,
    },
}

impl Refusal {
    /// Kebab case, stable: for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::Unreadable(_) => "unreadable",
            Self::OtherVersion(_) => "other-version",
            Self::UnknownField { .. } => "unknown-field",
            Self::HostileText { .. } => "hostile-text",
            Self::NoOrigin => "no-origin",
            Self::OtherOrigin { .. } => "other-origin",
            Self::PathOutside { .. } => "path-outside",
            Self::Contradiction { .. } => "contradiction",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Self::TooLarge => write!(f, "more than {} MiB", MOST_BYTES >> 20),
            Self::TooDeep => write!(f, "nested deeper than {MOST_DEPTH} levels"),
            Self::Unreadable(why) => f.write_str(why),
            Self::OtherVersion(found) => {
                write!(f, "`report_version` is {found}, and this is for version {REPORT_VERSION}")
            }
            Self::UnknownField { place } => write!(f, "`{place}` is nothing that a report holds there"),
            Self::HostileText { place } => {
                write!(f, "`{place}` holds a control character, or is far too long")
            }
            Self::NoOrigin => f.write_str("`ci` does not say in which CI run it was made"),
            Self::OtherOrigin { what, found } => {
                write!(f, "its {what} is `{}`", crate::text::visible(found))
            }
            Self::PathOutside { place } => write!(f, "`{place}` leads out of the repository"),
            Self::Contradiction { place, what } => write!(f, "`{place}`: {what}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What can be relied on of a report that untrusted code may have written.
///
/// # Errors
/// The first reason not to believe it.
pub fn check(bytes: &[u8], expected: &Expected, gates: &Gates) -> Result<RunReport, Refusal> {
    let mut report = shape::read(bytes)?;
    origin(report.ci.as_ref(), expected)?;
    shape::texts(&report)?;
    numbers::recompute(&mut report, gates)?;
    forget_words(&mut report);
    Ok(report)
}

/// What is told where a report was refused: that there is no result.
#[must_use]
pub fn refused(why: &str) -> RunReport {
    RunReport::without_result(Cause::Infrastructure, &crate::text::visible(why))
}

fn origin(found: Option<&CiJob>, expected: &Expected) -> Result<(), Refusal> {
    let found = found.ok_or(Refusal::NoOrigin)?;
    let other = |what, found: &str| Err(Refusal::OtherOrigin { what, found: found.to_owned() });
    // Names of repositories are the same in any case, ids of commits are lower case.
    if !found.repository.eq_ignore_ascii_case(&expected.repository) {
        return other("repository", &found.repository);
    }
    match &found.commit {
        None => return Err(Refusal::NoOrigin),
        Some(commit) if *commit != expected.commit => return other("commit", commit),
        Some(_) => {}
    }
    if found.run != expected.run {
        return other("run", &found.run.to_string());
    }
    Ok(())
}

/// Drops what is only somebody's word. A command that people are shown is one that they type.
fn forget_words(report: &mut RunReport) {
    report.hint = None;
    report.execution.reproduce = None;
    report.execution.reproduce_shell = None;
    report.execution.reproduced = None;
    report.plugins.clear();
    report.notes = vec![Note {
        code: "untrusted-report".into(),
        text: "the attempts ran beside untrusted code, which may have changed what was counted; verdicts were computed anew from the counts"
            .into(),
    }];
    for test in &mut report.tests {
        test.reproduction = None;
        test.history = None;
        test.tags.clear();
        test.added.clear();
        test.confidence = 0.0;
        test.decided_by = "counts".into();
        // That it is in quarantine stays, or the verdict would contradict the tests; who says so and why is anybody's word.
        if let Some(quarantine) = &mut test.quarantined {
            quarantine.owner = None;
            quarantine.reason = None;
        }
    }
    for cluster in &mut report.clusters {
        cluster.text = format!("{} tests fail in the same attempts", cluster.tests.len());
    }
}

#[cfg(test)]
mod tests;
