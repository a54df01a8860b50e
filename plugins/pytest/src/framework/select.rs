//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

use super::invocation::{Invocation, PYTEST};

/// Options of pytest and of common plugins whose value is the next argument.
const VALUED: &[&str] = &[
    "-k",
    "-m",
    "-p",
    "-c",
    "-o",
    "-r",
    "-n",
    "-W",
    "--maxfail",
    "--tb",
    "--capture",
    "--color",
    "--durations",
    "--durations-min",
    "--junitxml",
    "--junit-xml",
    "--junitprefix",
    "--rootdir",
    "--confcutdir",
    "--basetemp",
    "--ignore",
    "--ignore-glob",
    "--deselect",
    "--import-mode",
    "--log-level",
    "--log-cli-level",
    "--log-file",
    "--override-ini",
    "--config-file",
    "--cov",
    "--cov-report",
    "--cov-config",
    "--dist",
    "--tx",
    "--maxprocesses",
    "--numprocesses",
    "--timeout",
    "--timeout-method",
    "--reruns",
    "--reruns-delay",
    "--only-rerun",
    "--pythonwarnings",
    "--show-capture",
    "--verbosity",
    "--lfnf",
    "--last-failed-no-failures",
    "--html",
    "--count",
    "--randomly-seed",
    "--random-order-seed",
    "--random-order-bucket",
    "--alluredir",
    "--ds",
    "--dc",
    "--asyncio-mode",
    "--benchmark-json",
];

/// The command for these tests alone, or for all others.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Invocation::Direct { arguments, .. }) = Invocation::find(&command.argv, PYTEST) else {
        return Err(PluginError::new(
            "cannot-select",
            "pytest is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `pytest …` or `python -m pytest …`"));
    };
    match selection {
        Selection::Only(ids) => {
            let given = command.argv.split_off(arguments);
            command.argv.extend(without_paths(given));
            command.argv.extend(ids.iter().map(|id| as_argument(id)));
        }
        // pytest compares beginnings: a test whose id begins with that of a deselected one is left out too.
        Selection::Without(ids) => command.argv.extend(ids.iter().map(|id| format!("--deselect={id}"))),
    }
    Ok(command)
}

/// The options: paths among the arguments would add all their tests.
fn without_paths(arguments: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        if !argument.starts_with('-') {
            continue;
        }
        // All that follows `--` are paths.
        if argument == "--" {
            break;
        }
        let takes_next = VALUED.contains(&argument.as_str())
            // An option that is not known takes what follows if that does not look like a path of tests.
            || (argument.starts_with("--") && !argument.contains('=') && !FLAGS.contains(&argument.as_str())
                && arguments.peek().is_some_and(|next| !looks_like_tests(next)));
        kept.push(argument);
        if takes_next {
            kept.extend(arguments.next_if(|_| true));
        }
    }
    kept
}

/// Long options of pytest without a value.
const FLAGS: &[&str] = &[
    "--verbose",
    "--quiet",
    "--exitfirst",
    "--strict",
    "--strict-markers",
    "--strict-config",
    "--lf",
    "--last-failed",
    "--ff",
    "--failed-first",
    "--nf",
    "--new-first",
    "--sw",
    "--stepwise",
    "--pdb",
    "--setup-show",
    "--no-header",
    "--no-summary",
    "--showlocals",
    "--no-cov",
    "--forked",
    "--cache-clear",
    "--doctest-modules",
    "--pyargs",
    "--disable-warnings",
    "--runxfail",
    "--keep-duplicates",
    "--continue-on-collection-errors",
];

fn looks_like_tests(argument: &str) -> bool {
    let path = argument.split("::").next().unwrap_or(argument).trim_end_matches('/');
    argument.starts_with('-')
        || argument.contains("::")
        || path.contains('/')
        || path.ends_with(".py")
        || matches!(path, "." | "test" | "tests" | "testing" | "src")
}

/// An id never starts with `-` in practice; a file that does is named as a path.
fn as_argument(id: &str) -> String {
    if id.starts_with('-') { format!("./{id}") } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(argv: &str, ids: &[&str]) -> Vec<String> {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        select(Command::new(argv.split(' ')), &Selection::Only(ids)).unwrap().argv
    }

    #[test]
    fn chosen_tests_take_the_place_of_paths_and_options_stay() {
        let cases = [
            ("pytest", "pytest"),
            ("pytest tests/ -v", "pytest -v"),
            ("pytest -n 4 tests/test_a.py::test_x -k fast -q", "pytest -n 4 -k fast -q"),
            ("python -m pytest --tb short tests", "python -m pytest --tb short"),
            ("pytest --unknown value tests", "pytest --unknown value"),
            ("pytest --unknown-flag tests/unit", "pytest --unknown-flag"),
            ("pytest --maxfail=1 -x a.py -- b.py", "pytest --maxfail=1 -x"),
        ];
        for (given, options) in cases {
            let argv = only(given, &["tests/a.py::t[a b]", "-odd.py::t"]);
            let expected: Vec<&str> =
                options.split(' ').chain(["tests/a.py::t[a b]", "./-odd.py::t"]).collect();
            assert_eq!(argv, expected, "{given}");
        }
    }

    #[test]
    fn tests_are_left_out_by_name() {
        let without = Selection::Without(vec!["a.py::t[x y]".to_owned()]);
        let command = select(Command::new(["pytest", "a.py"]), &without).unwrap();
        assert_eq!(command.argv, ["pytest", "a.py", "--deselect=a.py::t[x y]"]);
    }

    #[test]
    fn a_command_that_hides_pytest_is_refused() {
        let selection = Selection::Only(vec!["a.py::t".to_owned()]);
        for argv in [&["make", "test"][..], &["sh", "-c", "pytest"]] {
            assert_eq!(
                select(Command::new(argv.iter().copied()), &selection).unwrap_err().code,
                "cannot-select"
            );
        }
    }
}
