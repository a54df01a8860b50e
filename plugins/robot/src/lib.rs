//! The bundled plugin for Robot Framework: reads `output.xml` and what is printed.

mod model;
mod text;
mod xml;

use flaky_plugin_sdk::{Attempt, Diagnostic, Manifest, Outcome, PackedAttempt, PackedParser, Plugin, Result};

/// The plugin.
#[derive(Debug, Default)]
pub struct Robot;

impl Plugin for Robot {
    fn describe() -> Manifest {
        Manifest::new(
            "robot",
            env!("CARGO_PKG_VERSION"),
            "Robot Framework: reads its output.xml and console output",
        )
        .want_reports("**/*.xml")
        .want_tree_files("**/output*.xml")
    }
}

impl PackedParser for Robot {
    fn parse(&self, attempt: &Attempt<'_>) -> Result<PackedAttempt> {
        Ok(parse(attempt))
    }
}

/// Reads the first `output.xml` that has tests; without one, what was printed. The file of a killed run is mostly
/// still in its writer's buffer.
fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let death = if attempt.info().exit.timed_out { Outcome::TimedOut } else { Outcome::Crashed };
    let stdout = attempt.stdout();
    let files = attempt.reports().chain(attempt.tree_files());
    files
        .filter(|(path, _)| path.ends_with(".xml"))
        .find_map(|(_, blob)| xml::file(&blob))
        .or_else(|| xml::printed(&stdout))
        .or_else(|| text::parse(&stdout, death))
        .or_else(|| refused(attempt))
        .unwrap_or_default()
}

/// Only the end of the standard error is looked at: what Robot says when it does not begin is short.
const TAIL: u64 = 64 * 1024;

/// What Robot says when there is nothing to run, or when it does not understand what it is asked for.
fn refused(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let stderr = attempt.stderr();
    let most = u32::try_from(TAIL).unwrap_or(u32::MAX);
    let bytes = stderr.read_at(stderr.size().saturating_sub(TAIL), most);
    let text = String::from_utf8_lossy(&bytes);
    let said = text.lines().find_map(|line| line.strip_prefix("[ ERROR ] "))?;
    if !text.trim_end().ends_with("Try --help for usage information.") {
        return None;
    }
    let is_empty = said.contains(" contains no tests");
    let code = if is_empty { "no-tests" } else { "usage-error" };
    Some(PackedAttempt {
        format: model::TEXT.to_owned(),
        completeness: flaky_plugin_sdk::Completeness::Complete,
        diagnostics: vec![Diagnostic::new(code, said)],
        ..PackedAttempt::default()
    })
}

#[cfg(feature = "component")]
flaky_plugin_sdk::export!(Robot: packed_parser);
