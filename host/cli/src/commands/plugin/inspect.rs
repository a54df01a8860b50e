//! `flaky plugin inspect`.

use std::fmt::Write as _;

use flaky_core::text::visible;
use flaky_plugin_kit::inspect::{Inspection, inspect};

use super::build::size;
use super::{json, print};
use crate::args::OutputArgs;
use crate::args::plugin::author::InspectArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code: 0 whenever the component could be looked into, refused or not.
pub(crate) fn execute(args: &InspectArgs) -> Result<ExitStatus, CliError> {
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    let inspection =
        session.block_on(inspect(&host, &args.file)).map_err(|e| CliError::usage(&e, e.hint()))?;
    if args.json { json(&inspection) } else { print(&page(&inspection)) }
}

fn page(seen: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:10}{}", visible(value));
    };
    if let Some(manifest) = &seen.manifest {
        line("name", &format!("{} {}", manifest.name, manifest.version));
        line("summary", &manifest.summary);
    }
    line("file", &format!("{}, {}", seen.file, size(seen.size)));
    line("sha256", &seen.sha256);
    for (i, role) in seen.roles.iter().enumerate() {
        line(if i == 0 { "roles" } else { "" }, &format!("{} (contract {})", role.name, role.contract));
    }
    if seen.roles.is_empty() {
        line("roles", "none");
    }
    for (i, import) in seen.imports.iter().enumerate() {
        line(if i == 0 { "imports" } else { "" }, import);
    }
    if let Some(manifest) = &seen.manifest {
        for (i, want) in manifest.wants.iter().enumerate() {
            let value = want.value.as_deref().map(|value| format!(" {value}")).unwrap_or_default();
            line(if i == 0 { "wants" } else { "" }, &format!("{}{value}", want.kind));
        }
        if manifest.wants.is_empty() {
            line("wants", "nothing");
        }
        match &manifest.settings_schema {
            None => line("settings", "none"),
            Some(schema) => {
                let pretty = format!("{schema:#}");
                pretty.lines().enumerate().for_each(|(i, l)| line(if i == 0 { "settings" } else { "" }, l));
            }
        }
    }
    if let Some(refused) = &seen.refused {
        line("refused", &refused.why);
        if let Some(hint) = &refused.hint {
            line("  hint:", hint);
        }
    }
    text
}
