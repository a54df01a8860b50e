//! All results, a seed and a number of threads for `cargo test`.
//!
//! The harness' JSON is unstable, and its text tells all that it does; so the output stays as it is. Its order is by
//! name, and shuffling is unstable too: only who shuffles already gets the attempt's seed.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented};
use flaky_plugin_text::Found;

use super::invocation::{self, Arguments};

pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(found) = invocation::find(&command.argv) else {
        return Instrumented { command, support_files: Vec::new() };
    };
    if let Found::Direct { arguments, .. } = found {
        let given = Arguments::of(command.argv.get(arguments..).unwrap_or_default());
        // Cargo stops behind the first binary with a failure, and then nothing is known of the tests of the others.
        let chose = |option: &str| given.cargo.iter().any(|word| word == option);
        if !chose("--no-fail-fast") && !chose("--no-run") {
            command.argv.insert(arguments, "--no-fail-fast".to_owned());
        }
    }
    let set = |command: &Command, name: &str| command.env.iter().any(|(known, _)| known == name);
    // Read by the harness only where it shuffles.
    if !set(&command, "RUST_TEST_SHUFFLE_SEED") {
        command = command.env("RUST_TEST_SHUFFLE_SEED", EnvChange::Set(context.seed.to_string()));
    }
    // Weaker than `--test-threads`.
    if let Some(workers) = context.workers.filter(|_| !set(&command, "RUST_TEST_THREADS")) {
        command = command.env("RUST_TEST_THREADS", EnvChange::Set(workers.to_string()));
    }
    Instrumented { command, support_files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrumented(argv: &str, workers: Option<u32>) -> Command {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: true,
            workers,
        };
        instrument(Command::new(argv.split(' ')), &context).command
    }

    #[test]
    fn every_binary_runs_and_what_the_author_chose_stays() {
        for (given, expected) in [
            ("cargo test adds -- --nocapture", "cargo test --no-fail-fast adds -- --nocapture"),
            ("cargo +nightly test --no-fail-fast", "cargo +nightly test --no-fail-fast"),
            ("cargo test --no-run", "cargo test --no-run"),
            ("make test", "make test"),
        ] {
            assert_eq!(instrumented(given, None).argv.join(" "), expected);
        }
    }

    #[test]
    fn seed_and_threads_are_given_by_variables() {
        let env = instrumented("cargo test", Some(3)).env;
        let set = |name: &str, value: &str| (name.to_owned(), EnvChange::Set(value.to_owned()));
        assert_eq!(env, [set("RUST_TEST_SHUFFLE_SEED", "7"), set("RUST_TEST_THREADS", "3")]);
    }
}
