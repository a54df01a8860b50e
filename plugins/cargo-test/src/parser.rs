//! What the harness said, from the best source that an attempt has.

mod cargo;
mod json;
mod line;
mod report;
mod text;

use flaky_plugin_sdk::{Attempt, Blob, PackedAttempt};

use cargo::Cargo;

/// Of longer lines only the beginning is read; in JSON a line holds all that a test printed.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let reports: Vec<Blob<'_>> = attempt.reports().map(|(_, blob)| blob).collect();
    let cargo = Cargo::read(&attempt.stderr());
    if cargo.is_nextest {
        return PackedAttempt::default();
    }
    for blob in &reports {
        if let Some(parsed) = json::parse(blob, attempt, &cargo) {
            return parsed;
        }
    }
    for blob in [attempt.stdout(), attempt.stderr()] {
        let parsed = json::parse(&blob, attempt, &cargo).or_else(|| text::parse(&blob, attempt, &cargo));
        if let Some(parsed) = parsed {
            return parsed;
        }
    }
    cargo.explain(attempt).unwrap_or_default()
}
