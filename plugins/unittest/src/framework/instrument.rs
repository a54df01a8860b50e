//! A report beside whatever the user sees.

use flaky_plugin_pytest::python::{Environment, Invocation};
use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented, SupportFile};

use super::UNITTEST;
use crate::parser;

/// Python imports a module of this name at its start.
const MODULE: &str = "sitecustomize";
const SOURCE: &str = include_str!("../flaky_unittest_report.py");

/// Adds the report by environment alone: the arguments stay as they are. Where Django is told to shuffle and not by
/// which seed, it gets one; where somebody asks for another order in every attempt, the module shuffles the methods
/// within each class, so that the set-up of classes and modules keeps its place.
///
/// A command whose Python would not see the variables, or not all of them, stays as it is.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let found = Invocation::find(&command.argv, UNITTEST);
    if let Some(Invocation::Direct { arguments, .. }) = found {
        seed_shuffle(&mut command.argv, arguments, context.seed);
    }
    let reaches = match found {
        Some(Invocation::Direct { environment, .. }) => environment == Environment::Inherited,
        Some(Invocation::InShell) => true,
        None => false,
    };
    if !reaches {
        return Instrumented { command, support_files: Vec::new() };
    }
    let folder = format!("{}/{}", context.report_dir, parser::FOLDER);
    command = command
        .env("PYTHONPATH", EnvChange::Prepend(context.support_dir.clone()))
        .env("FLAKY_UNITTEST_REPORT", EnvChange::Set(folder));
    if context.shuffle {
        command = command.env("FLAKY_UNITTEST_SHUFFLE", EnvChange::Set(context.seed.to_string()));
    }
    let support = SupportFile { path: format!("{MODULE}.py"), content: SOURCE.as_bytes().to_vec() };
    Instrumented { command, support_files: vec![support] }
}

/// Django's `--shuffle` takes a seed, or draws one itself.
fn seed_shuffle(argv: &mut [String], arguments: usize, seed: u64) {
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let at = argv.iter().skip(arguments).position(|word| word == "--shuffle").map(|at| at + arguments);
    let Some(at) = at.filter(|at| !argv.get(at + 1).is_some_and(is_number)) else { return };
    if let Some(word) = argv.get_mut(at) {
        *word = format!("--shuffle={seed}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(shuffle: bool) -> AttemptContext {
        AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle,
            workers: None,
        }
    }

    #[test]
    fn a_report_is_added_without_touching_the_arguments() {
        let command = Command::new(["python", "-m", "unittest", "-v"]);
        let instrumented = instrument(command.clone(), &context(true));
        assert_eq!(instrumented.command.argv, command.argv);
        assert_eq!(
            instrumented.command.env,
            [
                ("PYTHONPATH".to_owned(), EnvChange::Prepend("/support".to_owned())),
                ("FLAKY_UNITTEST_REPORT".to_owned(), EnvChange::Set("/report/flaky-unittest".to_owned())),
                ("FLAKY_UNITTEST_SHUFFLE".to_owned(), EnvChange::Set("7".to_owned())),
            ]
        );
        assert_eq!(instrumented.support_files.first().unwrap().path, "sitecustomize.py");
    }

    #[test]
    fn django_gets_the_seed_where_it_would_draw_one() {
        let cases = [
            ("manage.py test --shuffle", "manage.py test --shuffle=7"),
            ("manage.py test --shuffle shop", "manage.py test --shuffle=7 shop"),
            ("manage.py test --shuffle 3", "manage.py test --shuffle 3"),
            ("manage.py test --shuffle=3", "manage.py test --shuffle=3"),
            ("manage.py test", "manage.py test"),
        ];
        for (given, expected) in cases {
            let command = instrument(Command::new(given.split(' ')), &context(false)).command;
            assert_eq!(command.argv.join(" "), expected);
        }
    }

    #[test]
    fn a_command_whose_python_would_not_see_the_module_stays_as_it_is() {
        for argv in
            [&["python", "-I", "-m", "unittest"][..], &["tox", "--", "python", "-m", "unittest"], &["make"]]
        {
            let command = Command::new(argv.iter().copied());
            assert_eq!(
                instrument(command.clone(), &context(true)),
                Instrumented { command, support_files: Vec::new() }
            );
        }
    }
}
