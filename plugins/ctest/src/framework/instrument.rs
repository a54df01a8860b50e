//! Seed, order and parallel tests, as far as the author of a command left them open.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented};

use super::invocation::Invocation;

/// The seeds that GoogleTest takes: from 1, because 0 asks for the time.
const GTEST_SEEDS: u64 = 99_999;

/// There is no report to add: CTest prints the result of every test, and leaves what tests printed in a log.
/// CTest shuffles without a seed that could be given, so under `shuffle` only the order within GoogleTest programs
/// can be repeated.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let found = Invocation::find(&command.argv);
    if found.is_none() {
        return Instrumented { command, support_files: Vec::new() };
    }
    set(&mut command, "GTEST_RANDOM_SEED", (context.seed % GTEST_SEEDS + 1).to_string());
    if context.shuffle {
        set(&mut command, "GTEST_SHUFFLE", "1".to_owned());
    }
    if let Some(workers) = context.workers
        && !command.argv.iter().any(|word| word.starts_with("-j") || word.starts_with("--parallel"))
    {
        set(&mut command, "CTEST_PARALLEL_LEVEL", workers.to_string());
    }
    if let Some(Invocation::Direct { arguments }) = found
        && context.shuffle
        && !command.argv.iter().any(|word| word == "--schedule-random")
    {
        command.argv.insert(arguments, "--schedule-random".to_owned());
    }
    Instrumented { command, support_files: Vec::new() }
}

/// A variable that the author of the command set stays.
fn set(command: &mut Command, name: &str, value: String) {
    if !command.env.iter().any(|(set, _)| set == name) {
        command.env.push((name.to_owned(), EnvChange::Set(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrumented(argv: &[&str], shuffle: bool) -> Command {
        let context = AttemptContext {
            index: 0,
            seed: 99_999,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle,
            workers: Some(2),
        };
        let command = Command::new(argv.iter().copied()).env("GTEST_SHUFFLE", EnvChange::Set("0".to_owned()));
        instrument(command, &context).command
    }

    #[test]
    fn the_authors_own_choices_stay() {
        let command = instrumented(&["ctest", "-j4"], false);
        assert_eq!(command.argv, ["ctest", "-j4"]);
        let names: Vec<_> =
            command.env.iter().map(|(name, change)| (name.as_str(), change.clone())).collect();
        assert_eq!(
            names,
            [
                ("GTEST_SHUFFLE", EnvChange::Set("0".to_owned())),
                ("GTEST_RANDOM_SEED", EnvChange::Set("1".to_owned())),
            ]
        );
        let command = instrumented(&["ctest", "-V"], true);
        assert_eq!(command.argv, ["ctest", "--schedule-random", "-V"]);
        assert!(command.env.contains(&("CTEST_PARALLEL_LEVEL".to_owned(), EnvChange::Set("2".to_owned()))));
        assert_eq!(instrumented(&["make", "test"], true).env.len(), 1);
    }
}
