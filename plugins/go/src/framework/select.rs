//! Commands for some of the tests.
//!
//! Go selects by one pattern for every level of a name and for all packages. What cannot be said so exactly runs more:
//! a whole test instead of some of its subtests when several tests are chosen, and tests of one name in every chosen
//! package.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};
use flaky_plugin_text::regex;

use super::invocation::{self, Argument, Invocation, option};

pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let arguments = match invocation::find(&command.argv) {
        Some(Invocation::Go { arguments } | Invocation::Gotestsum { arguments: Some(arguments), .. }) => {
            arguments
        }
        _ => {
            return Err(PluginError::new(
                "cannot-select",
                "`go test` is not called directly, so its arguments are unknown",
            )
            .hint("name the command as `go test …`"));
        }
    };
    let given = command.argv.split_off(arguments);
    match selection {
        Selection::Only(ids) => {
            command.argv.push("-run".to_owned());
            command.argv.push(run_pattern(ids));
            let packages = packages(ids);
            command.argv.extend(kept(given, &packages, "run"));
        }
        Selection::Without(ids) => {
            let ours: Vec<String> = ids.iter().map(|id| skip_pattern(id)).collect();
            let mut pattern = ours.join("|");
            if let Some(Some(users)) = option(&given, "skip") {
                pattern = format!("{users}|{pattern}");
            }
            command.argv.push("-skip".to_owned());
            command.argv.push(pattern);
            command.argv.extend(kept(given, &[], "skip"));
        }
    }
    Ok(command)
}

fn split(id: &str) -> (Option<&str>, &str) {
    id.split_once("::").map_or((None, id), |(package, name)| (Some(package), name))
}

/// The packages of the ids, when all of them are known.
fn packages(ids: &[String]) -> Vec<String> {
    let mut packages: Vec<String> = Vec::new();
    for id in ids {
        let (Some(package), _) = split(id) else { return Vec::new() };
        packages.push(package.to_owned());
    }
    packages.sort();
    packages.dedup();
    packages
}

/// Options that stay; with packages of ours, those take the place of what was named.
fn kept(given: Vec<String>, packages: &[String], replaced: &str) -> Vec<String> {
    let parsed = invocation::arguments(&given);
    let end = parsed.last().map_or(0, |(at, argument)| match argument {
        Argument::Option { words, .. } => at + words,
        Argument::Package => at + 1,
    });
    let mut all = Vec::new();
    for (at, argument) in &parsed {
        match argument {
            Argument::Option { name, .. } if name.strip_prefix("test.").unwrap_or(name) == replaced => {}
            Argument::Option { words, .. } => {
                all.extend(given.iter().skip(*at).take(*words).cloned());
            }
            Argument::Package if packages.is_empty() => all.extend(given.get(*at).cloned()),
            Argument::Package => {}
        }
    }
    all.extend(packages.iter().cloned());
    all.extend(given.into_iter().skip(end));
    all
}

/// `^(TestA|TestB)$`, or `^TestA$/^(x|y)$` where all are subtests of one test.
fn run_pattern(ids: &[String]) -> String {
    let names: Vec<Vec<&str>> = ids.iter().map(|id| split(id).1.split('/').collect()).collect();
    let depth = names.iter().map(Vec::len).min().unwrap_or(0);
    let mut levels = Vec::new();
    for level in 0..depth {
        let mut at: Vec<&str> = names.iter().filter_map(|name| name.get(level).copied()).collect();
        at.sort_unstable();
        at.dedup();
        let several = at.len() > 1;
        let quoted: Vec<String> = at.iter().map(|name| regex(name)).collect();
        levels.push(format!("^({})$", quoted.join("|")));
        if several {
            break;
        }
    }
    levels.join("/")
}

fn skip_pattern(id: &str) -> String {
    let levels: Vec<String> = split(id).1.split('/').map(|name| format!("^{}$", regex(name))).collect();
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(command: &str, selection: &Selection) -> Vec<String> {
        select(Command::new(command.split(' ')), selection).unwrap().argv
    }

    fn only(ids: &[&str]) -> Selection {
        Selection::Only(ids.iter().map(|&id| id.to_owned()).collect())
    }

    #[test]
    fn chosen_tests_are_named_by_package_and_pattern() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("go test ./...", &["m/a::TestX"], "go test -run ^(TestX)$ m/a"),
            (
                "go test -v -run Old ./... -args -x",
                &["m/a::TestX", "m/b::TestY"],
                "go test -run ^(TestX|TestY)$ -v m/a m/b -args -x",
            ),
            ("go test .", &["TestX/a", "TestX/b.c"], r"go test -run ^(TestX)$/^(a|b\.c)$ ."),
            ("go test .", &["TestX/a/[b]"], r"go test -run ^(TestX)$/^(a)$/^(\[b\])$ ."),
            ("go test .", &["TestX/a", "TestY"], "go test -run ^(TestX|TestY)$ ."),
        ];
        for (command, ids, expected) in cases {
            assert_eq!(selected(command, &only(ids)).join(" "), *expected, "{ids:?}");
        }
    }

    #[test]
    fn tests_are_left_out_by_name() {
        let without = Selection::Without(vec!["m::TestX/a|b".to_owned(), "m::TestY".to_owned()]);
        assert_eq!(
            selected("go test ./...", &without),
            ["go", "test", "-skip", r"^TestX$/^a\|b$|^TestY$", "./..."]
        );
        assert_eq!(selected("go test -skip Slow .", &without)[3], r"Slow|^TestX$/^a\|b$|^TestY$");
    }

    #[test]
    fn a_command_that_hides_go_is_refused() {
        let error = select(Command::new(["make", "test"]), &only(&["m::TestX"])).unwrap_err();
        assert_eq!(error.code, "cannot-select");
    }
}
