//! A report, a seed and an order for `go test`.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented};

use super::invocation::{self, Invocation, option};

/// Name of the report that `gotestsum` writes beside what it shows.
const REPORT: &str = "go-test.jsonl";

/// Options after which `go test` reports nothing, or not by test.
const NO_TESTS: [&str; 2] = ["c", "list"];

/// Adds events, the seed and the order; no option that the author gave is changed, but for a shuffled order, which
/// gets the attempt's seed. Results never come from Go's cache: an attempt that runs nothing says nothing.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    match invocation::find(&command.argv) {
        Some(Invocation::Go { arguments }) => {
            let given = command.argv.split_off(arguments);
            let told_apart = !NO_TESTS.iter().any(|name| option(&given, name).is_some());
            if told_apart && option(&given, "json").is_none() {
                command.argv.push("-json".to_owned());
            }
            extend(&mut command.argv, given, context);
        }
        Some(Invocation::Gotestsum { options, arguments: Some(arguments) }) => {
            let given = command.argv.split_off(arguments);
            extend(&mut command.argv, given, context);
            report(&mut command.argv, options, context);
        }
        Some(Invocation::Gotestsum { options, arguments: None }) => {
            report(&mut command.argv, options, context);
        }
        Some(Invocation::InShell) => {}
        None => return Instrumented { command, support_files: Vec::new() },
    }
    let command = command.env("GO_TEST_SEED", EnvChange::Set(context.seed.to_string()));
    Instrumented { command, support_files: Vec::new() }
}

/// The arguments of `go test`, ours first.
fn extend(argv: &mut Vec<String>, mut given: Vec<String>, context: &AttemptContext) {
    // A positive number of 63 bits is all that `-shuffle` takes.
    let seed = context.seed & u64::MAX >> 1;
    if option(&given, "count").is_none() {
        argv.push("-count=1".to_owned());
    }
    match option(&given, "shuffle") {
        Some(Some("on")) => set_shuffle(&mut given, seed),
        None if context.shuffle => argv.push(format!("-shuffle={seed}")),
        _ => {}
    }
    if let Some(workers) = context.workers {
        for name in ["p", "parallel"] {
            if option(&given, name).is_none() {
                argv.push(format!("-{name}={workers}"));
            }
        }
    }
    argv.append(&mut given);
}

fn set_shuffle(given: &mut [String], seed: u64) {
    let positions: Vec<(usize, usize)> = invocation::arguments(given)
        .into_iter()
        .filter_map(|(at, argument)| match argument {
            invocation::Argument::Option { name: "shuffle" | "test.shuffle", words, .. } => Some((at, words)),
            _ => None,
        })
        .collect();
    for (at, words) in positions {
        if let Some(word) = given.get_mut(at + words - 1) {
            *word = if words == 1 { format!("-shuffle={seed}") } else { seed.to_string() };
        }
    }
}

fn report(argv: &mut Vec<String>, options: usize, context: &AttemptContext) {
    let given = argv.iter().skip(options).take_while(|word| *word != "--");
    if !given.into_iter().any(|word| word.starts_with("--jsonfile")) {
        argv.insert(options, format!("--jsonfile={}/{REPORT}", context.report_dir));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(command: &str, shuffle: bool, workers: Option<u32>) -> String {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle,
            workers,
        };
        let instrumented = instrument(Command::new(command.split(' ')), &context);
        let seeded = instrumented.command.env.iter().any(|(name, _)| name == "GO_TEST_SEED");
        assert_eq!(seeded, instrumented.command.argv[0] != "make");
        instrumented.command.argv.join(" ")
    }

    #[test]
    fn what_the_author_chose_stays() {
        let cases = [
            ("go test ./...", "go test -json -count=1 ./..."),
            ("go test -json -count 3 -v .", "go test -json -count 3 -v ."),
            ("go test -shuffle=on .", "go test -json -count=1 -shuffle=7 ."),
            ("go test -shuffle on .", "go test -json -count=1 -shuffle 7 ."),
            ("go test -shuffle=42 .", "go test -json -count=1 -shuffle=42 ."),
            ("go test . -args -count=2", "go test -json -count=1 . -args -count=2"),
            ("go test -c", "go test -count=1 -c"),
            ("gotestsum", "gotestsum --jsonfile=/report/go-test.jsonl"),
            (
                "gotestsum --format dots -- ./...",
                "gotestsum --jsonfile=/report/go-test.jsonl --format dots -- -count=1 ./...",
            ),
            ("make test", "make test"),
        ];
        for (given, expected) in cases {
            assert_eq!(argv(given, false, None), expected);
        }
    }

    #[test]
    fn order_and_workers_are_added_where_nobody_chose() {
        assert_eq!(
            argv("go test ./...", true, Some(2)),
            "go test -json -count=1 -shuffle=7 -p=2 -parallel=2 ./..."
        );
        assert_eq!(
            argv("go test -shuffle=off -p 8 .", true, Some(2)),
            "go test -json -count=1 -parallel=2 -shuffle=off -p 8 ."
        );
    }
}
