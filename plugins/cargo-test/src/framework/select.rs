//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};
use flaky_plugin_text::Found;

use super::invocation::{self, Arguments};

/// The command for these tests alone, or for all others, by the harness' exact names.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Found::Direct { arguments, .. }) = invocation::find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "`cargo test` is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `cargo test …`"));
    };
    let given = Arguments::of(&command.argv.split_off(arguments));
    command.argv.extend(given.cargo);
    command.argv.push("--".to_owned());
    let is_exact = given.harness.iter().any(|word| word == "--exact");
    command.argv.extend(given.harness);
    if !is_exact {
        command.argv.push("--exact".to_owned());
    }
    match selection {
        Selection::Only(ids) => command.argv.extend(ids.iter().cloned()),
        Selection::Without(ids) => {
            // Exact names would take the place of the author's parts of names.
            if !given.filters.is_empty() && !is_exact {
                return Err(PluginError::new(
                    "cannot-select",
                    "the command chooses tests by parts of names, which cannot be joined with exact names",
                ));
            }
            command.argv.extend(given.filters);
            command.argv.extend(ids.iter().map(|id| format!("--skip={id}")));
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(argv: &str, selection: &Selection) -> Result<String> {
        Ok(select(Command::new(argv.split(' ')), selection)?.argv.join(" "))
    }

    #[test]
    fn tests_are_chosen_by_exact_names() {
        let only = Selection::Only(vec!["a::b".to_owned(), "src/lib.rs - sum (line 9)".to_owned()]);
        let tail = "--exact a::b src/lib.rs - sum (line 9)";
        assert_eq!(selected("cargo test", &only).unwrap(), format!("cargo test -- {tail}"));
        assert_eq!(
            selected("cargo test -p x part -- more --nocapture", &only).unwrap(),
            format!("cargo test -p x -- --nocapture {tail}")
        );
        let without = Selection::Without(vec!["a::b".to_owned()]);
        assert_eq!(selected("cargo test -q", &without).unwrap(), "cargo test -q -- --exact --skip=a::b");
    }

    #[test]
    fn what_cannot_be_chosen_exactly_is_refused() {
        let without = Selection::Without(vec!["a::b".to_owned()]);
        for argv in ["make test", "cargo test part"] {
            assert_eq!(selected(argv, &without).unwrap_err().code, "cannot-select", "{argv}");
        }
    }
}
