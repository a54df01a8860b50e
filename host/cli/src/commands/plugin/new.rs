//! `flaky plugin new`.

use flaky_core::text::visible;
use flaky_plugin_kit::scaffold::NewProject;

use super::print;
use crate::args::plugin::author::NewArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &NewArgs) -> Result<ExitStatus, CliError> {
    let project = NewProject {
        name: args.name.clone(),
        kind: args.kind,
        language: args.language,
        parent: args.path.clone().unwrap_or_else(|| ".".into()),
    };
    let folder = project.write().map_err(|e| CliError::usage(&e, None))?;
    let shown = visible(&folder.display().to_string());
    let missing = args.language.recipe().needs(Some(&folder)).into_iter().filter(|need| need.found.is_none());
    let mut text = format!("made `{shown}`, a {} in {}\n", args.kind, args.language);
    for need in missing {
        text.push_str(&format!("missing: {} ({}); to bring it: {}\n", need.tool, need.purpose, need.bring));
    }
    text.push_str(&format!("next: cd {shown} && flaky plugin build && flaky plugin test\n"));
    print(&text)
}
