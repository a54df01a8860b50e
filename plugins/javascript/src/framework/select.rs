//! Commands for some of the tests.

use std::collections::BTreeSet;

use flaky_plugin_sdk::{Command, PluginError, Result};

use super::{Invocation, Tool};
use crate::ids::SEPARATOR;

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

/// A regular expression for whole full titles: those of blocks and test with spaces between. `skip` parts of an id stand
/// before them (the file). A title may hold the separator of ids itself; an id holds neither blocks without a title, nor the
/// white space around titles.
#[must_use]
pub fn pattern(ids: &[String], skip: usize) -> String {
    let all: Vec<String> =
        ids.iter().map(|id| titles(id.splitn(skip + 1, SEPARATOR).last().unwrap_or(id))).collect();
    format!(r"\s*(?:{})\s*", all.join("|"))
}

/// Titles of an id, with nothing before and after them.
#[must_use]
fn titles(id: &str) -> String {
    id.split(SEPARATOR).map(title).collect::<Vec<_>>().join(BETWEEN)
}

/// What stands between titles, and what separates the parts of an id that is in a title.
const BETWEEN: &str = r"(?: > |\s+)";

/// One title: in ids, line ends and tabs are spaces.
#[must_use]
pub fn title(text: &str) -> String {
    escaped(text).replace(' ', r"\s+")
}

/// A regular expression for the last of these parts, after as many of those before it as there are: `(?:(?:a/)?b/)?c`.
#[must_use]
pub fn ending(parts: &[String], between: &str) -> String {
    let Some((last, before)) = parts.split_last() else { return String::new() };
    let before = before.iter().fold(String::new(), |all, part| format!("(?:{all}{part}{between})?"));
    format!("{before}{last}")
}

/// The files of ids that begin with one, each once; none when some id begins with a path that leads out of the project.
#[must_use]
pub fn files(ids: &[String]) -> Vec<&str> {
    let all: BTreeSet<&str> =
        ids.iter().map(|id| id.split_once(SEPARATOR).map_or(id.as_str(), |(file, _)| file)).collect();
    let inside = |file: &&str| !file.is_empty() && !file.starts_with(['.', '-', '/']);
    if all.iter().all(inside) { all.into_iter().collect() } else { Vec::new() }
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
        let expected = r"\s*(?:cart(?: > |\s+)costs\s+\(in\s+\$\)\s+\[x\]\s+a\/b|one)\s*";
        assert_eq!(pattern(&ids, 1), expected);
    }

    #[test]
    fn an_ending_needs_its_last_part_and_takes_the_others_from_behind() {
        let parts: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(ending(&parts, "/"), "(?:(?:a/)?b/)?c");
        assert_eq!(ending(&parts[2..], "/"), "c");
        assert_eq!(ending(&[], "/"), "");
    }

    #[test]
    fn files_are_told_once_and_only_where_all_lie_in_the_project() {
        let ids = |all: &[&str]| all.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(files(&ids(&["b.js > x", "a/c.js > y", "b.js > z"])), ["a/c.js", "b.js"]);
        for outside in ["../a.js > x", "/a.js > x", "--help > x", ""] {
            assert!(files(&ids(&["b.js > x", outside])).is_empty(), "{outside}");
        }
    }
}
