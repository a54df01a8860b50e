//! The bundled plugin for TAP 12 to 14, of any producer, and for what `prove` prints around it.
//!
//! A test's id is its description below those of the subtests that hold it, `group > test`; of several files that `prove`
//! runs, below its file. A test without a description goes by its number.

mod line;
mod prove;
mod reading;
mod report;
mod stderr;
mod yaml;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Tap;

impl Plugin for Tap {
    fn describe() -> Manifest {
        Manifest::new("tap", env!("CARGO_PKG_VERSION"), "reads TAP 12 to 14, and prove")
            .want_reports("**/*.tap")
    }
}

impl PackedParser for Tap {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

/// Reads report files; without one what was printed.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let files = attempt.reports().map(|(_, blob)| blob);
    for blob in files.chain([attempt.stdout(), attempt.stderr()]) {
        if let Some(parsed) = prove::parse(&blob, attempt).or_else(|| reading::parse(&blob, attempt)) {
            return parsed;
        }
    }
    PackedAttempt::default()
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Tap: packed_parser);
