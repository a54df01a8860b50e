//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result};

use super::{Invocation, Tool};

/// A command that takes more arguments, added to its end. `taken` are options that choose tests already: with them, what
/// comes out could be none.
///
/// # Errors
/// `cannot-select` when the tool's arguments are not at the end of the command, or it chooses already.
pub fn arguments(tool: &Tool, mut command: Command, taken: &[&str], more: Vec<String>) -> Result<Command> {
    let chosen = command.argv.iter().find(|word| {
        taken.iter().any(|option| {
            *word == option || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
        })
    });
    if let Some(chosen) = chosen {
        let said = format!("the command chooses tests by `{chosen}` already");
        return Err(PluginError::new("cannot-select", said).hint("leave the option out of the command"));
    }
    match Invocation::assumed(tool, &command.argv) {
        Some(Invocation::Direct(_)) => {}
        // npm keeps options before `--` for itself; the other managers hand all on.
        Some(Invocation::Script) => {
            let npm = command.argv.iter().any(|word| word == "npm" || word.ends_with("/npm"));
            if npm && !command.argv.iter().any(|word| word == "--") {
                command.argv.push("--".to_owned());
            }
        }
        Some(Invocation::InShell) | None => {
            let said = format!(
                "{} is not called directly, so its arguments are unknown",
                tool.programs.join(" or ")
            );
            return Err(PluginError::new("cannot-select", said));
        }
    }
    command.argv.extend(more);
    Ok(command)
}

/// A regular expression for full titles: those of blocks and test with spaces between. `skip` parts of an id stand before
/// them (the file). A title may hold the separator of ids itself.
#[must_use]
pub fn pattern(ids: &[String], skip: usize) -> String {
    let all: Vec<String> = ids
        .iter()
        .map(|id| {
            let titles = id.splitn(skip + 1, " > ").last().unwrap_or(id);
            titles.split(" > ").map(escaped).collect::<Vec<_>>().join("(?: > | )")
        })
        .collect();
    all.join("|")
}

/// Text that a regular expression of JavaScript takes literally.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\^$.*+?()[]{}|/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_taken_literally() {
        let ids = ["a.js > cart > costs (in $) [x] a/b".to_owned(), "b.js > one".to_owned()];
        assert_eq!(pattern(&ids, 1), r"cart(?: > | )costs \(in \$\) \[x\] a\/b|one");
    }
}
