//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

use super::invocation::Invocation;

/// Options that say by name which tests run.
const ONLY: [&str; 2] = ["-R", "--tests-regex"];
const WITHOUT: [&str; 2] = ["-E", "--exclude-regex"];

/// The command for these tests alone, or for all others.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Invocation::Direct { arguments }) = Invocation::find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "ctest is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `ctest …`"));
    };
    let mut given = command.argv.split_off(arguments);
    match selection {
        Selection::Only(ids) => {
            // The chosen ones are among those that the author's expression names.
            take(&mut given, &ONLY);
            command.argv.extend(["-R".to_owned(), one_of(ids)]);
        }
        Selection::Without(ids) => {
            let theirs = take(&mut given, &WITHOUT);
            let both = theirs.map_or_else(|| one_of(ids), |theirs| format!("({theirs})|{}", one_of(ids)));
            command.argv.extend(["-E".to_owned(), both]);
        }
    }
    command.argv.append(&mut given);
    Ok(command)
}

/// Takes an option and its value out of the arguments; of several the last counts.
fn take(arguments: &mut Vec<String>, names: &[&str]) -> Option<String> {
    let mut value = None;
    let mut kept = Vec::with_capacity(arguments.len());
    let mut rest = std::mem::take(arguments).into_iter();
    while let Some(argument) = rest.next() {
        let joined = names.iter().find_map(|name| argument.strip_prefix(name)?.strip_prefix('='));
        if names.contains(&argument.as_str()) {
            value = rest.next().or(value);
        } else if let Some(joined) = joined {
            value = Some(joined.to_owned());
        } else {
            kept.push(argument);
        }
    }
    *arguments = kept;
    value
}

fn one_of(ids: &[String]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
    format!("^({})$", quoted.join("|"))
}

/// CMake's regular expressions know these characters, and a backslash before any of them.
fn quoted(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for c in id.chars() {
        if "\\^$.[]|()*+?".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(argv: &str, selection: &Selection) -> Vec<String> {
        select(Command::new(argv.split(' ')), selection).unwrap().argv
    }

    #[test]
    fn names_are_quoted_and_the_authors_other_options_stay() {
        let ids = vec!["a.b (1)".to_owned(), "x+*|$^[]?\\".to_owned()];
        let expression = "^(a\\.b \\(1\\)|x\\+\\*\\|\\$\\^\\[\\]\\?\\\\)$";
        assert_eq!(
            selected("ctest -V -R foo --tests-regex=bar -j2", &Selection::Only(ids.clone())),
            ["ctest", "-R", expression, "-V", "-j2"]
        );
        assert_eq!(
            selected("ctest -E slow -V", &Selection::Without(ids)),
            ["ctest", "-E", &format!("(slow)|{expression}"), "-V"]
        );
    }

    #[test]
    fn a_command_that_hides_ctest_is_refused() {
        let selection = Selection::Only(vec!["a".to_owned()]);
        for argv in [&["make", "test"][..], &["sh", "-c", "ctest"]] {
            let error = select(Command::new(argv.iter().copied()), &selection).unwrap_err();
            assert_eq!(error.code, "cannot-select");
        }
    }
}
