//! A log beside whatever the user asked for.

use flaky_plugin_sdk::{AttemptContext, Command, Instrumented};

use super::install::with_packages;
use super::invocation::Invocation;
use crate::parser;

/// Asks for a log of service messages: what is printed stays as it is, JUnit XML that the project asks for as well (an
/// option for it would take the place of the one in `phpunit.xml`), and the log is written as tests end.
///
/// The seed counts where the order is random already, by `phpunit.xml` or by the command.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(Invocation::Direct { arguments }) = Invocation::find(&command.argv) else {
        return Instrumented { command: with_packages(command), support_files: Vec::new() };
    };
    let given = command.argv.get(arguments..).unwrap_or_default();
    let has = |option: &str| {
        given.iter().any(|argument| {
            argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    };
    let mut options = Vec::new();
    if !has("--log-teamcity") {
        options.push("--log-teamcity".to_owned());
        options.push(format!("{}/{}/messages.log", context.report_dir, parser::FOLDER));
    }
    if context.shuffle && !has("--order-by") && !has("--random-order") && !has("--reverse-order") {
        options.push("--order-by=random".to_owned());
    }
    if !has("--random-order-seed") {
        options.push(format!("--random-order-seed={}", context.seed));
    }
    command.argv.splice(arguments..arguments, options);
    Instrumented { command: with_packages(command), support_files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_the_seed_are_added_and_what_the_user_chose_stays() {
        let log = "--log-teamcity /report/flaky-phpunit/messages.log";
        let cases = [
            ("phpunit", false, format!("phpunit {log} --random-order-seed=7")),
            (
                "php vendor/bin/phpunit --testdox tests",
                true,
                format!(
                    "php vendor/bin/phpunit {log} --order-by=random --random-order-seed=7 --testdox tests"
                ),
            ),
            (
                "phpunit --order-by=defects --random-order-seed 3",
                true,
                format!("phpunit {log} --order-by=defects --random-order-seed 3"),
            ),
            (
                "phpunit --log-teamcity mine",
                false,
                "phpunit --random-order-seed=7 --log-teamcity mine".to_owned(),
            ),
            ("composer test", true, "composer test".to_owned()),
        ];
        for (given, shuffle, expected) in cases {
            let context = AttemptContext {
                index: 0,
                seed: 7,
                report_dir: "/report".to_owned(),
                support_dir: "/support".to_owned(),
                shuffle,
                workers: None,
            };
            let command = instrument(Command::new(given.split(' ')), &context).command;
            // A shell puts the packages beside the tests first.
            assert_eq!(command.argv[4..].join(" "), expected, "{given}");
        }
    }
}
