//! A report beside whatever the user asked for.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented, SupportFile};

use super::invocation::Invocation;
use crate::parser;

/// What RSpec is told to require.
const FILE: &str = "flaky_rspec_report.rb";
const SOURCE: &str = include_str!("../flaky_rspec_report.rb");

/// Adds the report and the seed. `--require` adds to what the user and the project require, where `--format` would
/// take the place of the formatter that they chose. The seed counts where the user's order is random already; where
/// the order is to be shuffled, an order that stands in the command itself is left alone.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(found) = Invocation::find(&command.argv) else {
        return Instrumented { command, support_files: Vec::new() };
    };
    let mut options = vec!["--require".to_owned(), format!("{}/{FILE}", context.support_dir)];
    let mut seed = true;
    match found {
        Invocation::Direct { arguments } => {
            let given = command.argv.get(arguments..).unwrap_or_default();
            let ordered = given.iter().any(|argument| is_order(argument));
            seed = !given.iter().enumerate().any(|(at, argument)| names_a_seed(argument, given.get(at + 1)));
            if context.shuffle && !ordered {
                options.extend(["--order".to_owned(), format!("rand:{}", context.seed)]);
            }
            command.argv.splice(arguments..arguments, options);
        }
        Invocation::Hidden => {
            if context.shuffle {
                options.extend(["--order".to_owned(), format!("rand:{}", context.seed)]);
            }
            let all = with_options(&command, &options);
            command = command.env("SPEC_OPTS", EnvChange::Set(all));
        }
    }
    command = command
        .env("FLAKY_RSPEC_REPORT", EnvChange::Set(format!("{}/{}", context.report_dir, parser::FOLDER)));
    if seed {
        command = command.env("FLAKY_RSPEC_SEED", EnvChange::Set(context.seed.to_string()));
    }
    let support = SupportFile { path: FILE.to_owned(), content: SOURCE.as_bytes().to_vec() };
    Instrumented { command, support_files: vec![support] }
}

fn is_order(argument: &str) -> bool {
    ["--order", "--seed"].iter().any(|option| {
        argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// `--seed 3`, `--order rand:3`.
fn names_a_seed(argument: &str, next: Option<&String>) -> bool {
    if argument == "--order" {
        return next.is_some_and(|order| order.contains(':'));
    }
    argument.strip_prefix("--order=").is_some_and(|order| order.contains(':'))
        || argument == "--seed"
        || argument.starts_with("--seed=")
}

/// The user's own `SPEC_OPTS`, with ours after them; RSpec splits them as a shell does.
fn with_options(command: &Command, options: &[String]) -> String {
    let users = command.env.iter().rev().find(|(name, _)| name == "SPEC_OPTS");
    let users = match users {
        Some((_, EnvChange::Set(users) | EnvChange::Prepend(users))) => users.trim(),
        _ => "",
    };
    let ours: Vec<String> = options.iter().map(|option| quoted(option)).collect();
    [users, &ours.join(" ")].join(" ").trim_start().to_owned()
}

fn quoted(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/.:=,@+".contains(&b)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(command: &str, shuffle: bool) -> (String, Vec<(String, EnvChange)>) {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/sup port".to_owned(),
            shuffle,
            workers: None,
        };
        let command = instrument(Command::new(command.split(' ')), &context).command;
        (command.argv.join(" "), command.env)
    }

    #[test]
    fn the_report_is_required_and_the_formatter_stays() {
        let require = "--require /sup port/flaky_rspec_report.rb";
        let cases = [
            ("rspec", false, format!("rspec {require}")),
            ("bundle exec rspec -f d spec", false, format!("bundle exec rspec {require} -f d spec")),
            ("rspec -f d", true, format!("rspec {require} --order rand:7 -f d")),
            ("rspec --order defined", true, format!("rspec {require} --order defined")),
            ("rspec --seed=3", true, format!("rspec {require} --seed=3")),
            ("make test", true, "make test".to_owned()),
        ];
        for (given, shuffle, expected) in cases {
            assert_eq!(argv(given, shuffle).0, expected, "{given}");
        }
    }

    #[test]
    fn a_seed_of_the_users_own_is_left_alone() {
        let has_seed =
            |command: &str| argv(command, false).1.iter().any(|(name, _)| name == "FLAKY_RSPEC_SEED");
        assert!(has_seed("rspec --order random"));
        assert!(has_seed("rspec"));
        for command in ["rspec --seed 3", "rspec --seed=3", "rspec --order rand:3", "rspec --order=rand:3"] {
            assert!(!has_seed(command), "{command}");
        }
    }

    #[test]
    fn behind_a_task_the_report_comes_by_environment() {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/it's".to_owned(),
            shuffle: false,
            workers: None,
        };
        let command = Command::new(["rake", "spec"]).env("SPEC_OPTS", EnvChange::Set("-f d".to_owned()));
        let command = instrument(command, &context).command;
        let options = command.env.iter().rev().find(|(name, _)| name == "SPEC_OPTS").unwrap();
        let expected = r"-f d --require '/it'\''s/flaky_rspec_report.rb'";
        assert_eq!(options.1, EnvChange::Set(expected.to_owned()));
    }
}
