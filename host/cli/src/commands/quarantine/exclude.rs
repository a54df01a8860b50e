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
use flaky_plugin_host::EnvChange;
use serde_json::{Map, Value, json};

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
        let env: Map<String, Value> =
            command.env.iter().map(|(name, change)| (name.clone(), json_of(change))).collect();
        let document = json!({
            "command": command.argv,
            "env": env,
            "working_directory": command.cwd,
            "excluded": tests,
        });
        say(&document.to_string());
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

/// As a shell reads it; what changes variables stands in front, for `env`.
fn shell(env: &[(String, EnvChange)], argv: &[String]) -> String {
    let quoted = |word: &str| shell_words::quote(word).into_owned();
    let mut words: Vec<String> = Vec::new();
    for (name, change) in env {
        words.push(match change {
            EnvChange::Set(value) => quoted(&format!("{name}={value}")),
            EnvChange::Remove => format!("-u {}", quoted(name)),
            // The variable is the shell's to fill in.
            EnvChange::Prepend(value) => {
                format!("{}\"${{{name}:+:${name}}}\"", quoted(&format!("{name}={value}")))
            }
        });
    }
    // `-u` comes before what is set.
    words.sort_by_key(|word| !word.starts_with("-u "));
    if !words.is_empty() {
        words.insert(0, "env".to_owned());
    }
    words.extend(argv.iter().map(|word| quoted(word)));
    words.join(" ")
}

fn json_of(change: &EnvChange) -> Value {
    match change {
        EnvChange::Set(value) => json!({ "set": value }),
        EnvChange::Remove => json!({ "remove": true }),
        EnvChange::Prepend(value) => json!({ "prepend": value }),
    }
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
    fn what_a_test_is_called_stays_one_word() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let argv = words(&["pytest", "--deselect=a.py::t[$(rm -rf ~)]", "it's"]);
        let line = shell(&[], &argv);
        assert_eq!(shell_words::split(&line).unwrap(), argv, "{line}");
        let env = [
            ("A".to_owned(), EnvChange::Set("b c".to_owned())),
            ("P".to_owned(), EnvChange::Prepend("/x".to_owned())),
            ("G".to_owned(), EnvChange::Remove),
        ];
        assert_eq!(shell(&env, &words(&["make", "test"])), "env -u G 'A=b c' 'P=/x'\"${P:+:$P}\" make test");
    }
}
