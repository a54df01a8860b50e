//! `flaky quarantine exclude`: the test command without the tests in quarantine.

use std::path::Path;
use std::sync::Arc;

use flaky_config::{AskedBy, FlagSettings, QuarantineEntry, RunSettings, TestCommand, Trust};
use flaky_core::ids::TestId;
use flaky_engine::cancel::Cancel;
use flaky_engine::exclude::without;
use flaky_engine::plugins::PluginSet;
use flaky_engine::run::RunError;
use flaky_engine::trust::{self, HeldQuarantine};
use serde_json::json;

use super::shelf::{Shelf, say};
use crate::args::quarantine::ExcludeArgs;
use crate::commands::authority;
use crate::commands::session::checkout_settings;
use crate::commands::tell::warn;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code. Bundled plugins alone are asked, and nothing is run.
pub(super) fn execute(args: &ExcludeArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let settings = settings(args, &shelf)?;
    let folder = settings.working_directory.as_str();
    let suite = settings.suite.as_deref().into_iter().chain([if folder.is_empty() { "." } else { folder }]);
    let suite: Vec<&str> = suite.collect();
    let (tests, command) = shelf.session.block_on(async {
        let entries = entries(&shelf).await;
        let held = entries.iter().filter(|entry| entry.is_of(&suite) && !entry.is_expired(shelf.today));
        let tests: Vec<TestId> = held.map(|entry| entry.test.clone()).collect();
        let host = shelf.session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
        let plugins = PluginSet::bundled(&host);
        let root = Path::new(".").canonicalize().map_err(|e| CliError::fault(&e, None))?;
        let command = without(&plugins, &settings, &root, &tests).await.map_err(RunError::from)?;
        Ok::<_, CliError>((tests, command))
    })?;
    if args.json {
        let env: serde_json::Map<String, serde_json::Value> =
            command.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        say(&json!({ "command": command.argv, "env": env, "working_directory": command.cwd, "excluded": tests }).to_string());
    } else {
        say(&shell(&command.env, &command.argv));
    }
    Ok(ExitStatus::Fine)
}

/// The entries that count: in a pull request's job, those of its base, or anybody could have a test left out that fails for
/// what they changed.
async fn entries(shelf: &Shelf) -> Vec<QuarantineEntry> {
    let supply = Arc::new(shelf.session.supply());
    let authority = authority::of_process(None, checkout_settings(), supply);
    let (folder, store) = (Path::new("."), shelf.session.folders.trusted_components());
    let settled = trust::settle(&authority, folder, None, None, &store, &Cancel::default()).await;
    match settled.quarantine {
        None => shelf.file.entries.clone(),
        Some(HeldQuarantine { name, file, differs }) => {
            if differs {
                warn(&format!("{} of this revision is not trusted: that of {name} counts", shelf.name()));
            }
            let file = file.inspect_err(|why| {
                warn(&format!("that of {name} cannot be had, so no test is left out: {why}"))
            });
            file.map(|file| file.entries).unwrap_or_default()
        }
    }
}

/// As a shell reads it.
fn shell(env: &[(String, String)], argv: &[String]) -> String {
    let set = env.iter().map(|(name, value)| format!("{name}={}", shell_words::quote(value)));
    let words = argv.iter().map(|word| shell_words::quote(word).into_owned());
    set.chain(words).collect::<Vec<_>>().join(" ")
}

fn settings(args: &ExcludeArgs, shelf: &Shelf) -> Result<RunSettings, CliError> {
    let command = match args.command.is_empty() {
        true => None,
        false => Some(TestCommand::from_words(args.command.clone()).map_err(|e| CliError::usage(&e, None))?),
    };
    let flags = FlagSettings {
        test_command: command,
        working_directory: args.working_directory.clone(),
        asked_by: AskedBy::Terminal,
        ..FlagSettings::default()
    };
    RunSettings::resolve(flags, None, Some(shelf.config.clone()), Trust::Trusted).map_err(|e| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_called_like_a_command_stays_one_word() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let env = [("A".to_owned(), "b c".to_owned())];
        let argv = words(&["pytest", "--deselect=a.py::t[$(rm -rf ~)]", "it's"]);
        let line = shell(&env, &argv);
        assert_eq!(line, "A='b c' pytest '--deselect=a.py::t[$(rm -rf ~)]' 'it'\\''s'");
        assert_eq!(shell_words::split(&line).unwrap()[1..], argv);
    }
}
