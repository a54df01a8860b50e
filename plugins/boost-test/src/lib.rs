//! The bundled plugin for Boost.Test: reads its log as text and as XML, and its result report in both forms.
//!
//! The log tells what happened in which order, the report tells how each test was counted: only there is a failure
//! that was expected told apart from others. A log without `--log_level=test_suite` names what failed alone. The JUnit
//! form of the log is read by the plugin `junit`.

mod case;
mod report;
mod text;
mod xml;

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result, Source};

use report::Report;

/// The plugin.
#[derive(Debug, Default)]
pub struct BoostTest;

impl Plugin for BoostTest {
    fn describe() -> Manifest {
        Manifest::new("boost-test", env!("CARGO_PKG_VERSION"), "reads the logs and reports of Boost.Test")
            .want_reports("**/*.xml")
            .want_tree_files("**/*.xml")
    }
}

impl PackedParser for BoostTest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    // The report goes to standard error, the log to standard output, unless somebody joined or redirected them.
    let mut report = Report::default();
    let xml_report = xml::read_report(attempt, &mut report);
    let printed = [Source::Stdout, Source::Stderr];
    for source in &printed {
        if let Some(blob) = attempt.open(source) {
            report.read_text(&blob);
        }
    }
    let exit = &attempt.info().exit;
    xml::read_log(attempt, &report)
        .or_else(|| printed.iter().find_map(|source| text::read(&attempt.open(source)?, &report, exit)))
        .or_else(|| xml_report.then(|| report.into_attempt()))
        .unwrap_or_default()
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(BoostTest: packed_parser);
