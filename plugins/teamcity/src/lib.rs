//! The bundled plugin for TeamCity's service messages (`##teamcity[testStarted name='…']`), which many frameworks write:
//! PHPUnit, pytest with teamcity-messages, mocha-teamcity-reporter, Catch2, and others.
//!
//! **Ids.** The names of the suites around a test, outermost first, joined by ` > `, then `::` and its name. PHPUnit
//! says class and method by a location: there the id is `Shop\CartTest::testAdds`, as PHPUnit names it itself.
//!
//! It is a component, and a library for plugins of frameworks that can write such a log: build it without the default
//! feature `component` for that.

mod log;
mod message;

use flaky_plugin_sdk::{Attempt, PackedAttempt, Source};

pub use log::{Log, Test};

/// Reads what an attempt wrote: a log in the report folder, else standard output, else standard error.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let is_log = |path: &str| path.ends_with(".teamcity") || path.contains("teamcity");
    let reports = attempt.reports().filter(|(path, _)| is_log(path)).map(|(_, blob)| blob);
    let printed = [Source::Stdout, Source::Stderr].into_iter().filter_map(|source| attempt.open(&source));
    let exit = &attempt.info().exit;
    let ended = exit.signal.is_none() && !exit.timed_out;
    let mut logs = reports.chain(printed).filter_map(|blob| Log::read(&blob));
    logs.next().map(|log| log.pack(ended, exit.timed_out)).unwrap_or_default()
}

#[cfg(feature = "component")]
mod component {
    use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

    #[derive(Default)]
    struct Teamcity;

    impl Plugin for Teamcity {
        fn describe() -> Manifest {
            Manifest::new(
                "teamcity",
                env!("CARGO_PKG_VERSION"),
                "reads TeamCity's service messages of any origin",
            )
            .want_reports("**/*teamcity*")
        }
    }

    impl PackedParser for Teamcity {
        fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
            Ok(crate::parse(attempt))
        }
    }

    flaky_plugin_sdk::export!(Teamcity: packed_parser);
}
