//! `flaky plugin build`.

use std::fmt::Write as _;
use std::path::Path;

use flaky_core::text::visible;
use flaky_plugin_kit::BuildError;
use flaky_plugin_kit::Verbosity;
use flaky_plugin_kit::build::{Project, ProjectError, Written};

use super::print;
use crate::args::plugin::author::BuildArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &BuildArgs) -> Result<ExitStatus, CliError> {
    let project = open(args.project.as_deref())?;
    let written = project.build(args.out.as_deref(), Verbosity::Progress).map_err(|e| failed(&e))?;
    print(&said(&written))
}

/// The project in a folder, or in this one.
pub(super) fn open(folder: Option<&Path>) -> Result<Project, CliError> {
    Project::open(folder.unwrap_or(Path::new("."))).map_err(|e: ProjectError| {
        let hint = e.hint().map(str::to_owned);
        CliError::usage(&e, hint)
    })
}

/// What stands between a project and its component.
pub(super) fn failed(error: &BuildError) -> CliError {
    CliError::plugin(error, error.hint())
}

/// One line: what was built.
pub(super) fn said(written: &Written) -> String {
    let mut text =
        format!("built `{}`: {}", visible(&written.path.display().to_string()), size(written.size as u64));
    let roles: Vec<String> = written
        .roles
        .iter()
        .map(|role| format!("{} {}", visible(&role.name), visible(&role.contract)))
        .collect();
    match roles.as_slice() {
        [] => text.push_str(", no role"),
        roles => {
            let _ = write!(text, ", {} (contract)", roles.join(", "));
        }
    }
    text.push('\n');
    text
}

/// Bytes as people say them.
pub(super) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let bytes_f = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes_f / 1e3),
        _ => format!("{:.1} MB", bytes_f / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0 bytes"), (999, "999 bytes"), (42_100, "42.1 kB"), (18_400_000, "18.4 MB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
