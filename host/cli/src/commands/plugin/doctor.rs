//! `flaky plugin doctor`.

use std::fmt::Write as _;

use flaky_core::text::visible;
use flaky_plugin_kit::Language;

use super::print;
use crate::args::plugin::author::PluginDoctorArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code. Nobody needs the tools of all languages, so that only of the one that was named
/// a missing one is a failure.
pub(crate) fn execute(args: &PluginDoctorArgs) -> Result<ExitStatus, CliError> {
    let project = args.project.clone().unwrap_or_else(|| ".".into());
    let languages: Vec<Language> = match args.language {
        Some(language) => vec![language],
        None => Language::ALL.iter().map(|(_, language)| *language).collect(),
    };
    let (mut text, mut complete) = (String::new(), true);
    for language in languages {
        let _ = writeln!(text, "{language}");
        for need in language.recipe().needs(Some(&project)) {
            match &need.found {
                Some(found) => {
                    let _ = writeln!(text, "  ok       {}: {}", need.tool, visible(found));
                }
                None => {
                    complete = false;
                    let _ = writeln!(text, "  missing  {}, which {}", need.tool, need.purpose);
                    let _ = writeln!(text, "           to bring it: {}", need.bring);
                }
            }
        }
    }
    print(&text)?;
    Ok(if complete || args.language.is_none() { ExitStatus::Fine } else { ExitStatus::PluginFails })
}
