//! Commands for some of the examples.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

use super::invocation::Invocation;

/// Linux takes at most 128 KiB in one argument.
const LONGEST_PATTERN: usize = 100 * 1024;

/// The command for these examples alone, or for all others, by patterns over full descriptions (`-E`, RSpec 3.9):
/// `-e` would take every description that holds the words.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Invocation::Direct { arguments }) = Invocation::find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "RSpec is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `rspec …` or `bundle exec rspec …`"));
    };
    let given = command.argv.split_off(arguments);
    let (others, chosen) = without_descriptions(given);
    let patterns = match selection {
        Selection::Only(ids) => ids
            .iter()
            .flat_map(|id| ["-E".to_owned(), format!("\\A(?:{})\\z", alternatives(id))])
            .collect::<Vec<_>>(),
        Selection::Without(_) if chosen => {
            return Err(PluginError::new(
                "cannot-select",
                "the command chooses examples by description already, and RSpec runs what any of them matches",
            ));
        }
        Selection::Without(ids) => {
            let all: Vec<String> = ids.iter().map(|id| alternatives(id)).collect();
            vec!["-E".to_owned(), format!("\\A(?!(?:{})\\z)", all.join("|"))]
        }
    };
    if patterns.iter().any(|pattern| pattern.len() > LONGEST_PATTERN) {
        return Err(PluginError::new("cannot-select", "the descriptions are too long for an argument"));
    }
    command.argv.extend(patterns);
    command.argv.extend(others);
    Ok(command)
}

/// The arguments that choose no example by description, and whether there was one that does.
fn without_descriptions(arguments: Vec<String>) -> (Vec<String>, bool) {
    let mut kept = Vec::new();
    let mut chosen = false;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-e" | "-E" | "--example" | "--example-matches" => {
                arguments.next();
                chosen = true;
            }
            _ if argument.starts_with("--example=") || argument.starts_with("--example-matches=") => {
                chosen = true;
            }
            _ if !argument.starts_with("--")
                && (argument.starts_with("-e") || argument.starts_with("-E")) =>
            {
                chosen = true;
            }
            _ => kept.push(argument),
        }
    }
    (kept, chosen)
}

/// `Cart adds #2` may be the second example of the description `Cart adds`.
fn alternatives(id: &str) -> String {
    let numbered = id
        .rsplit_once(" #")
        .filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    match numbered {
        Some((name, _)) => format!("{}|{}", escaped(id), escaped(name)),
        None => escaped(id),
    }
}

/// As Ruby's patterns need it.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(argv: &str, selection: &Selection) -> Result<Vec<String>> {
        select(Command::new(argv.split(' ')), selection).map(|command| command.argv)
    }

    #[test]
    fn chosen_examples_are_patterns_and_files_and_options_stay() {
        let only = Selection::Only(vec!["A (b) [c].*".to_owned(), "A twice #2".to_owned()]);
        assert_eq!(
            selected("bundle exec rspec -f d -e other spec/a_spec.rb", &only).unwrap(),
            [
                "bundle",
                "exec",
                "rspec",
                "-E",
                r"\A(?:A\ \(b\)\ \[c\]\.\*)\z",
                "-E",
                r"\A(?:A\ twice\ \#2|A\ twice)\z",
                "-f",
                "d",
                "spec/a_spec.rb"
            ]
        );
    }

    #[test]
    fn examples_are_left_out_by_description() {
        let without = Selection::Without(vec!["A b".to_owned(), "c".to_owned()]);
        assert_eq!(selected("rspec spec", &without).unwrap(), ["rspec", "-E", r"\A(?!(?:A\ b|c)\z)", "spec"]);
        assert_eq!(selected("rspec --example x", &without).unwrap_err().code, "cannot-select");
        assert_eq!(selected("rake spec", &without).unwrap_err().code, "cannot-select");
    }
}
