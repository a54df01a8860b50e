//! A report beside whatever the user asked for.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented, SupportFile};

use super::invocation::{Environment, Invocation, PYTEST};
use crate::parser;

/// The pytest plugin that writes the report.
const MODULE: &str = "flaky_pytest_report";
const SOURCE: &str = include_str!("../flaky_pytest_report.py");

/// Adds the report by environment alone: the arguments stay as they are, so no option of the user's or of the
/// project's is overridden. `command.env` holds the user's values of `PYTEST_PLUGINS` and `PYTHONPATH`.
///
/// The module also passes the seed on to plugins that shuffle (pytest-randomly, pytest-random-order), shuffles itself
/// where it is asked to and no plugin does, and asks pytest-xdist for workers where the user did not.
///
/// A command whose pytest would not see the variables, or not all of them, stays as it is.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let reaches_pytest = match Invocation::find(&command.argv, PYTEST) {
        Some(Invocation::Direct { environment, .. }) => environment == Environment::Inherited,
        Some(Invocation::InShell) => true,
        None => false,
    };
    if !reaches_pytest {
        return Instrumented { command, support_files: Vec::new() };
    }
    let plugins = plugins_of(&command);
    let folder = format!("{}/{}", context.report_dir, parser::FOLDER);
    command = command
        .env("PYTEST_PLUGINS", EnvChange::Set(plugins))
        .env("PYTHONPATH", EnvChange::Prepend(context.support_dir.clone()))
        .env("FLAKY_PYTEST_REPORT", EnvChange::Set(folder))
        .env("FLAKY_PYTEST_SEED", EnvChange::Set(context.seed.to_string()));
    if context.shuffle {
        command = command.env("FLAKY_PYTEST_SHUFFLE", EnvChange::Set("1".to_owned()));
    }
    if let Some(workers) = context.workers {
        command = command.env("FLAKY_PYTEST_WORKERS", EnvChange::Set(workers.to_string()));
    }
    let support = SupportFile { path: format!("{MODULE}.py"), content: SOURCE.as_bytes().to_vec() };
    Instrumented { command, support_files: vec![support] }
}

/// The user's own plugins, with ours after them. The list is separated by commas, which the contract's `prepend`
/// does not know; so it is set as a whole.
fn plugins_of(command: &Command) -> String {
    let users = command.env.iter().rev().find(|(name, _)| name == "PYTEST_PLUGINS");
    match users {
        Some((_, EnvChange::Set(users) | EnvChange::Prepend(users))) if !users.trim().is_empty() => {
            format!("{users},{MODULE}")
        }
        _ => MODULE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> AttemptContext {
        AttemptContext {
            index: 0,
            seed: 1,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: false,
            workers: None,
        }
    }

    #[test]
    fn a_report_is_added_without_touching_the_arguments() {
        let command = Command::new(["pytest", "-v", "-p", "no:cacheprovider"]);
        let instrumented = instrument(command.clone(), &context());
        assert_eq!(instrumented.command.argv, command.argv);
        assert_eq!(
            instrumented.command.env,
            [
                ("PYTEST_PLUGINS".to_owned(), EnvChange::Set("flaky_pytest_report".to_owned())),
                ("PYTHONPATH".to_owned(), EnvChange::Prepend("/support".to_owned())),
                ("FLAKY_PYTEST_REPORT".to_owned(), EnvChange::Set("/report/flaky-pytest".to_owned())),
                ("FLAKY_PYTEST_SEED".to_owned(), EnvChange::Set("1".to_owned())),
            ]
        );
        assert_eq!(instrumented.support_files.first().unwrap().path, "flaky_pytest_report.py");
    }

    #[test]
    fn order_and_workers_are_asked_for_when_somebody_wants_them() {
        let context = AttemptContext { shuffle: true, workers: Some(3), ..context() };
        let env = instrument(Command::new(["pytest"]), &context).command.env;
        for (name, value) in [("FLAKY_PYTEST_SHUFFLE", "1"), ("FLAKY_PYTEST_WORKERS", "3")] {
            assert!(env.contains(&(name.to_owned(), EnvChange::Set(value.to_owned()))), "{name}");
        }
    }

    #[test]
    fn plugins_that_the_user_loads_stay() {
        let command = Command::new(["pytest"]).env("PYTEST_PLUGINS", EnvChange::Set("mine,other".to_owned()));
        let env = instrument(command, &context()).command.env;
        assert!(env.contains(&(
            "PYTEST_PLUGINS".to_owned(),
            EnvChange::Set("mine,other,flaky_pytest_report".to_owned())
        )));
    }

    #[test]
    fn a_command_whose_pytest_would_not_find_the_module_stays_as_it_is() {
        for argv in
            [&["python", "-I", "-m", "pytest"][..], &["tox", "-e", "py", "--", "pytest"], &["make", "test"]]
        {
            let command = Command::new(argv.iter().copied());
            assert_eq!(
                instrument(command.clone(), &context()),
                Instrumented { command, support_files: Vec::new() }
            );
        }
    }
}
