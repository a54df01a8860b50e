//! Where in a command `cargo test` is, and its arguments.

use flaky_plugin_text::Found;

/// Options of cargo itself, before the subcommand, whose value is the next argument.
const GLOBAL_VALUED: &[&str] = &["--config", "-C", "--color", "-Z"];

/// Options of `cargo test` whose value is the next argument.
const VALUED: &[&str] = &[
    "-p",
    "--package",
    "--exclude",
    "--bin",
    "--test",
    "--bench",
    "--example",
    "-F",
    "--features",
    "-j",
    "--jobs",
    "--profile",
    "--target",
    "--target-dir",
    "--manifest-path",
    "--message-format",
    "--color",
    "--config",
    "-Z",
    "--lockfile-path",
];

/// Options of the test harness whose value is the next argument.
const HARNESS_VALUED: &[&str] =
    &["--test-threads", "--skip", "--logfile", "--format", "--color", "--shuffle-seed", "-Z"];

pub(crate) fn find(argv: &[String]) -> Option<Found> {
    flaky_plugin_text::find(argv, &|words| {
        let at = subcommand(words)?;
        matches!(words.get(at), Some(&("test" | "t"))).then_some(at + 1)
    })
}

/// Position of cargo's subcommand.
fn subcommand(words: &[&str]) -> Option<usize> {
    if words.first() != Some(&"cargo") {
        return None;
    }
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|word| word.starts_with(['-', '+'])) {
        at += if GLOBAL_VALUED.contains(word) { 2 } else { 1 };
    }
    Some(at)
}

/// Arguments of `cargo test`, those of cargo and those of the harness, without names of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) cargo: Vec<String>,
    pub(super) harness: Vec<String>,
    /// Parts of names that choose tests.
    pub(super) filters: Vec<String>,
}

impl Arguments {
    pub(super) fn of(words: &[String]) -> Self {
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let mut arguments = Self::default();
        let (cargo, harness) = words.split_at(end);
        arguments.filters = split(cargo, VALUED, &mut arguments.cargo);
        let behind = harness.get(1..).unwrap_or_default();
        arguments.filters.extend(split(behind, HARNESS_VALUED, &mut arguments.harness));
        arguments
    }
}

/// Keeps options with their values, and gives what is none.
fn split(words: &[String], valued: &[&str], options: &mut Vec<String>) -> Vec<String> {
    let mut others = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            others.push(word.clone());
            continue;
        }
        options.push(word.clone());
        if valued.contains(&word.as_str()) {
            options.extend(words.next().cloned());
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn cargo_test_is_found() {
        let direct = |at, arguments| Some(Found::Direct { at, arguments });
        for (command, expected) in [
            ("cargo test", direct(0, 2)),
            ("cargo +nightly t -q", direct(0, 3)),
            ("cargo --config a=1 --offline test", direct(0, 5)),
            ("env A=1 /root/.cargo/bin/cargo test", direct(2, 4)),
            ("cargo nextest run", None),
            ("cargo build test", None),
            ("cargo", None),
        ] {
            assert_eq!(find(&argv(command)), expected, "{command}");
        }
    }

    #[test]
    fn options_are_told_from_names() {
        let arguments = Arguments::of(&argv("-p shop adds --all -- --test-threads 2 more --exact"));
        assert_eq!(arguments.cargo, ["-p", "shop", "--all"]);
        assert_eq!(arguments.harness, ["--test-threads", "2", "--exact"]);
        assert_eq!(arguments.filters, ["adds", "more"]);
    }
}
