//! Commands for some of the tests.

use flaky_plugin_pytest::python::Invocation;
use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

use super::UNITTEST;

/// The command for these tests alone. `-k` narrows what the command finds anyway, wherever it looks for tests: their
/// dotted names alone could not be imported from every folder.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Invocation::Direct { arguments, .. }) = Invocation::find(&command.argv, UNITTEST) else {
        return Err(PluginError::new(
            "cannot-select",
            "unittest is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `python -m unittest …` or `python manage.py test …`"));
    };
    let Selection::Only(ids) = selection else {
        return Err(PluginError::new("cannot-select", "unittest cannot leave out some of its tests"));
    };
    let given = command.argv.split_off(arguments);
    command.argv.extend(without_patterns(given));
    for id in ids {
        command.argv.extend(["-k".to_owned(), pattern(id)]);
    }
    Ok(command)
}

/// The patterns of the user's own: each adds tests, and what is chosen is among them already.
fn without_patterns(arguments: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "-k" {
            arguments.next();
        } else if !argument.starts_with("-k") {
            kept.push(argument);
        }
    }
    kept
}

/// A pattern that only this name ends like: one without `*` would be looked for anywhere in the names.
fn pattern(id: &str) -> String {
    let mut pattern = String::from("*");
    for c in id.chars() {
        match c {
            // As `fnmatch` wants characters that mean something to it.
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            _ => pattern.push(c),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_tests_narrow_what_the_command_finds() {
        let cases = [
            ("python -m unittest", "python -m unittest"),
            ("python -m unittest discover -s tests -k fast -kslow", "python -m unittest discover -s tests"),
            ("python manage.py test shop --keepdb", "python manage.py test shop --keepdb"),
        ];
        for (given, kept) in cases {
            let only = Selection::Only(vec!["m.C.test_a".to_owned(), "m.C.test_[x]*".to_owned()]);
            let argv = select(Command::new(given.split(' ')), &only).unwrap().argv;
            assert_eq!(argv.join(" "), format!("{kept} -k *m.C.test_a -k *m.C.test_[[]x][*]"));
        }
    }

    #[test]
    fn what_cannot_be_selected_is_refused() {
        let ids = vec!["m.C.test_a".to_owned()];
        let refused = [
            select(Command::new(["python", "-m", "unittest"]), &Selection::Without(ids.clone())),
            select(Command::new(["make", "test"]), &Selection::Only(ids)),
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().code, "cannot-select");
        }
    }
}
