//! The bundled plugin for the console launcher of the JUnit Platform: reads the trees that it prints, plain and verbose.
//!
//! Trees name tests by what is displayed of them; the XML reports that it can write name them by class and method, and
//! are read by the plugin `junit`.

mod failures;
mod line;
mod tree;
mod verbose;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result, Source};

/// The plugin.
#[derive(Debug, Default)]
pub struct Junit5;

impl Plugin for Junit5 {
    fn describe() -> Manifest {
        Manifest::new(
            "junit5",
            env!("CARGO_PKG_VERSION"),
            "reads what the console launcher of the JUnit Platform prints",
        )
    }
}

impl PackedParser for Junit5 {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        let printed = [Source::Stdout, Source::Stderr];
        let read = |source| {
            let blob = attempt.open(source)?;
            verbose::read(&blob, source, &attempt.info().exit).or_else(|| tree::read(&blob, source))
        };
        Ok(printed.iter().find_map(read).unwrap_or_default())
    }
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Junit5: packed_parser);
