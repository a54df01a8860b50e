//! The component: the files of an attempt in, packed tests out.

use flaky_plugin_sdk::{Attempt, Manifest, PackedAttempt, PackedParser, Plugin, Result};

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
struct Junit;

impl Plugin for Junit {
    fn describe() -> Manifest {
        let manifest = Manifest::new("junit", env!("CARGO_PKG_VERSION"), "reads JUnit XML of any origin");
        TREE_FILES
            .iter()
            .fold(manifest.want_reports("**/*.xml"), |manifest, glob| manifest.want_tree_files(glob))
    }
}

impl PackedParser for Junit {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(crate::parse(attempt))
    }
}

flaky_plugin_sdk::export!(Junit: packed_parser);
