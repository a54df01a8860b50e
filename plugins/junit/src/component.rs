//! The component: the files of an attempt in, packed tests out; or a report in, a file out.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{
    Attempt, Blob, Delivery, File, Manifest, PackedAttempt, PackedParser, Plugin, PluginError, RenderContext,
    Reporter, Result,
};

use crate::reporter;

/// Largest report that is read: as text and as values it fills a component's memory. 100,000 tests stay under it.
const MOST_REPORT_BYTES: u64 = 256 * 1024 * 1024;

/// Where tools leave JUnit XML in a work tree: by convention of Maven, Gradle, PHPUnit, .NET, jest-junit and CI
/// guides. What matches and is something else (coverage, say) is refused by its root.
const TREE_FILES: [&str; 6] = [
    "**/junit*.xml",
    "**/TEST-*.xml",
    "**/test-results/**/*.xml",
    "**/surefire-reports/*.xml",
    "**/failsafe-reports/*.xml",
    "**/*report*.xml",
];

#[derive(Default)]
struct Junit {
    settings: reporter::Settings,
}

impl Plugin for Junit {
    fn describe() -> Manifest {
        let manifest =
            Manifest::new("junit", env!("CARGO_PKG_VERSION"), "reads JUnit XML of any origin, and writes it")
                .settings_schema(reporter::SETTINGS_SCHEMA);
        TREE_FILES
            .iter()
            .fold(manifest.want_reports("**/*.xml"), |manifest, glob| manifest.want_tree_files(glob))
    }

    fn configure(&mut self, settings: &flaky_plugin_sdk::Settings<'_>) -> Result<()> {
        self.settings = settings.read()?;
        Ok(())
    }
}

impl PackedParser for Junit {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(crate::parse(attempt))
    }
}

impl Reporter for Junit {
    /// A file without a path: the host writes it where the user said.
    fn render(&self, report: &Blob<'_>, _context: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_REPORT_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let content = reporter::render(&report, self.settings).into_bytes();
        Ok(vec![Delivery::File(File { path: String::new(), content })])
    }
}

flaky_plugin_sdk::export!(Junit: packed_parser, reporter);
