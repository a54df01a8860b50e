//! The bundled plugin for GoogleTest: reads what a test program prints, and its JSON report.
//!
//! Its XML report is JUnit XML, which the plugin `junit` reads. A test program has no name of its own, so there is no
//! command to recognise here: how such programs are found and run is the matter of the plugin `ctest`.

mod json;
mod text;

use flaky_plugin_sdk::{Attempt, Blob, Manifest, PackedAttempt, PackedParser, Plugin, Result, Source};

/// The plugin.
#[derive(Debug, Default)]
pub struct Gtest;

impl Plugin for Gtest {
    fn describe() -> Manifest {
        Manifest::new(
            "gtest",
            env!("CARGO_PKG_VERSION"),
            "reads the output and the JSON report of GoogleTest",
        )
        .want_reports("**/*.json")
        .want_tree_files("**/*.json")
    }
}

impl PackedParser for Gtest {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

/// Reads the report folder; if there is no report, the work tree; if there is none either, what was printed.
fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let reports: Vec<_> = attempt.reports().map(|(_, blob)| blob).collect();
    let tree: Vec<_> = attempt.tree_files().map(|(_, blob)| blob).collect();
    let printed = |source: Source| attempt.open(&source).map(|blob| (source, blob));
    json::read(&reports)
        .or_else(|| json::read(&tree))
        .or_else(|| {
            [Source::Stdout, Source::Stderr]
                .into_iter()
                .filter_map(printed)
                .find_map(|(source, blob)| read_printed(attempt, &source, &blob))
        })
        .unwrap_or_default()
}

fn read_printed(attempt: &Attempt<'_>, source: &Source, blob: &Blob<'_>) -> Option<PackedAttempt> {
    text::read(blob, source, &attempt.info().exit).or_else(|| json::read_printed(blob))
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Gtest: packed_parser);
