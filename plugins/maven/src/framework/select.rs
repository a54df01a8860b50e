//! Commands for some of the tests.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

/// The command for these tests alone, or for all others. Surefire selects methods: of a test that runs with several
/// arguments all are taken, and of a name that is no method the whole class.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(arguments) = super::arguments(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "maven is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `mvn … test`"));
    };
    let mut given = command.argv.split_off(arguments);
    let theirs = given.iter().rposition(|word| word.starts_with("-Dtest=")).map(|at| given.remove(at));
    let pattern = match selection {
        Selection::Only(ids) => {
            let named = patterns(ids, "");
            // An empty pattern is none: everything would run.
            if named.is_empty() {
                return Err(PluginError::new("cannot-select", "no test that was named is of a Java class"));
            }
            named.join(",")
        }
        Selection::Without(ids) => {
            let theirs = theirs.as_deref().and_then(|theirs| theirs.strip_prefix("-Dtest="));
            // Every class, or an exclusion alone would select nothing in some versions.
            let all = theirs.unwrap_or("*").to_owned();
            std::iter::once(all).chain(patterns(ids, "!")).collect::<Vec<_>>().join(",")
        }
    };
    command.argv.append(&mut given);
    command.argv.push(format!("-Dtest={pattern}"));
    // Modules without any of these tests are no failure: version 3, version 2.
    command
        .argv
        .extend(["-Dsurefire.failIfNoSpecifiedTests=false".to_owned(), "-DfailIfNoTests=false".to_owned()]);
    Ok(command)
}

/// `shop.CartTest#adds+removes`, one for each class. An exclusion names methods of one class alone.
fn patterns(ids: &[String], sign: &str) -> Vec<String> {
    let mut classes: BTreeMap<&str, Option<Vec<&str>>> = BTreeMap::new();
    for id in ids {
        let (class, name) = id.split_once("::").unwrap_or((id, ""));
        if !is_identifier(class) {
            continue;
        }
        let end = name.find(['(', '[', '{']).unwrap_or(name.len());
        let method = name.get(..end).unwrap_or_default();
        let methods = classes.entry(class).or_insert_with(|| Some(Vec::new()));
        match methods {
            Some(methods) if is_identifier(method) => methods.push(method),
            // What cannot be named takes its class with it when it is to run, and stays when it is not.
            _ if sign.is_empty() => *methods = None,
            _ => {}
        }
    }
    let mut all = Vec::new();
    for (class, methods) in classes {
        match methods {
            None => all.push(format!("{sign}{class}")),
            Some(mut methods) if !methods.is_empty() => {
                methods.sort_unstable();
                methods.dedup();
                all.push(format!("{sign}{class}#{}", methods.join("+")));
            }
            Some(_) => {}
        }
    }
    all
}

/// A name of Java: nothing that a pattern gives a meaning.
fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(command: &str, selection: &Selection) -> String {
        let argv = select(Command::new(command.split(' ')), selection).unwrap().argv;
        argv.iter().find(|word| word.starts_with("-Dtest=")).cloned().unwrap_or_default()
    }

    #[test]
    fn methods_are_named_class_by_class_and_nothing_of_a_name_is_a_pattern() {
        let ids: Vec<String> =
            ["a.T::x", "a.T::y(int)[2]", "b.U::has a name, *", "b.U::z", "c.V::p{String}[1]"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(
            selected("mvn test -Dtest=Old", &Selection::Only(ids.clone())),
            "-Dtest=a.T#x+y,b.U,c.V#p"
        );
        assert_eq!(selected("mvn test", &Selection::Without(ids.clone())), "-Dtest=*,!a.T#x+y,!b.U#z,!c.V#p");
        assert_eq!(
            selected("mvn test -Dtest=It*", &Selection::Without(ids)),
            "-Dtest=It*,!a.T#x+y,!b.U#z,!c.V#p"
        );
    }

    #[test]
    fn what_maven_cannot_do_is_refused() {
        for (command, id) in [("make test", "a.T::x"), ("mvn test", "*::x"), ("mvn test", "")] {
            let selection = Selection::Only(vec![id.to_owned()]);
            let error = select(Command::new(command.split(' ')), &selection).unwrap_err();
            assert_eq!(error.code, "cannot-select", "{command} {id}");
        }
    }
}
