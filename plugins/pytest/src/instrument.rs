//! Adds our reporter to a command: by the environment alone, so that it also works where `make` or `tox` starts
//! pytest, and the user's arguments stay as they are.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented, SupportFile};

/// The report, in the report folder.
pub(crate) const REPORT: &str = "flaky-pytest.jsonl";
/// Name of our pytest plugin as a Python module.
const MODULE: &str = "flaky_pytest_report";
const SOURCE: &str = include_str!("reporting.py");

/// Asks pytest to load our plugin, behind those that the user asks for.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let users = command.env.iter().rev().find(|(name, _)| name == "PYTEST_PLUGINS").and_then(|(_, change)| {
        match change {
            EnvChange::Set(value) if !value.is_empty() => Some(value.as_str()),
            _ => None,
        }
    });
    let plugins = users.map_or_else(|| MODULE.to_owned(), |users| format!("{users},{MODULE}"));
    let report = format!("{}/{REPORT}", context.report_dir.trim_end_matches('/'));
    let support = context.support_dir.trim_end_matches('/').to_owned();
    command.env.retain(|(name, _)| name != "PYTEST_PLUGINS");
    let command = command
        .env("PYTHONPATH", EnvChange::Prepend(support))
        .env("PYTEST_PLUGINS", EnvChange::Set(plugins))
        .env("FLAKY_PYTEST_REPORT", EnvChange::Set(report));
    let file = SupportFile { path: format!("{MODULE}.py"), content: SOURCE.as_bytes().to_vec() };
    Instrumented { command, support_files: vec![file] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> AttemptContext {
        AttemptContext {
            index: 0,
            seed: 1,
            report_dir: "/r".into(),
            support_dir: "/s".into(),
            shuffle: false,
            workers: None,
        }
    }

    fn changes(command: Command) -> Vec<(String, EnvChange)> {
        instrument(command, &context()).command.env
    }

    #[test]
    fn the_reporter_comes_by_the_environment_and_the_arguments_stay() {
        let instrumented = instrument(Command::new(["make", "check"]), &context());
        assert_eq!(instrumented.command.argv, ["make", "check"]);
        assert_eq!(
            instrumented.command.env,
            [
                ("PYTHONPATH".to_owned(), EnvChange::Prepend("/s".into())),
                ("PYTEST_PLUGINS".to_owned(), EnvChange::Set("flaky_pytest_report".into())),
                ("FLAKY_PYTEST_REPORT".to_owned(), EnvChange::Set("/r/flaky-pytest.jsonl".into())),
            ]
        );
        assert_eq!(instrumented.support_files[0].path, "flaky_pytest_report.py");
    }

    #[test]
    fn plugins_and_paths_of_the_user_are_kept() {
        let command = Command::new(["pytest"])
            .env("PYTEST_PLUGINS", EnvChange::Set("mine,other".into()))
            .env("PYTHONPATH", EnvChange::Set("lib".into()));
        let env = changes(command);
        assert_eq!(env[0], ("PYTHONPATH".to_owned(), EnvChange::Set("lib".into())));
        assert_eq!(env[1], ("PYTHONPATH".to_owned(), EnvChange::Prepend("/s".into())));
        assert_eq!(
            env[2],
            ("PYTEST_PLUGINS".to_owned(), EnvChange::Set("mine,other,flaky_pytest_report".into()))
        );
    }

    #[test]
    fn an_empty_list_of_plugins_adds_no_comma() {
        let env = changes(Command::new(["pytest"]).env("PYTEST_PLUGINS", EnvChange::Set(String::new())));
        assert!(env.contains(&("PYTEST_PLUGINS".to_owned(), EnvChange::Set("flaky_pytest_report".into()))));
    }
}
