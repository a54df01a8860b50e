//! Commands that run pytest: which they are, and how they run some tests only.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

/// Programs that start another one inside an environment: `poetry run pytest`.
const RUNNERS: [&str; 7] = ["poetry", "uv", "pdm", "hatch", "pipenv", "rye", "pixi"];

/// Options of those runners, of `env`, and of Python that take a value as the next word, so that the value is not
/// taken for the program.
const RUNNER_VALUES: [&str; 14] = [
    "-p", "--python", "--with", "--with-requirements", "--extra", "--group", "--project", "--directory", "-C",
    "--package", "--env-file", "-u", "--index", "-e",
];

/// Options of pytest that take a value as the next word. Of a plugin's options nothing is known: the word behind
/// one is an option's value when it is not a path of tests, see [`narrows`].
const PYTEST_VALUES: [&str; 39] = [
    "-k", "-m", "-c", "-o", "-p", "-r", "-n", "-W", "--maxfail", "--tb", "--show-capture", "--color", "--durations",
    "--durations-min", "--junitxml", "--junit-xml", "--junit-prefix", "--junitprefix", "--ignore", "--ignore-glob",
    "--deselect", "--confcutdir", "--basetemp", "--rootdir", "--import-mode", "--override-ini", "--config-file",
    "--capture", "--log-level", "--log-file", "--log-cli-level", "--cov", "--cov-report", "--cov-config", "--dist",
    "--timeout", "--reruns", "--reruns-delay", "--count",
];

/// Position in `argv` behind the word that names pytest; `None` when the command does not run it itself.
pub(crate) fn pytest_at(argv: &[String]) -> Option<usize> {
    let mut at = 0;
    // Each round takes one program off the front; a command has few.
    loop {
        let program = name_of(argv.get(at)?);
        at += 1;
        at = match program {
            "pytest" | "py.test" => return Some(at),
            "env" => skip_options(argv, at, |word| word.contains('=')),
            "time" | "nice" | "exec" | "command" | "xvfb-run" => skip_options(argv, at, |_| false),
            "coverage" => {
                let run = argv.get(at).filter(|word| *word == "run").map(|_| at + 1)?;
                return module_at(argv, run);
            }
            runner if RUNNERS.contains(&runner) => {
                let run = (at..argv.len()).find(|&i| argv.get(i).is_some_and(|word| word == "run"))?;
                skip_options(argv, run + 1, |_| false)
            }
            python if is_python(python) => return module_at(argv, at),
            assignment if assignment.contains('=') => at,
            _ => return None,
        };
    }
}

fn name_of(word: &str) -> &str {
    // An assignment may hold a slash.
    if word.contains('=') { word } else { word.rsplit('/').next().unwrap_or(word) }
}

fn is_python(name: &str) -> bool {
    ["python", "pypy"].iter().any(|python| {
        name.strip_prefix(python).is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    })
}

/// Passes over options, and words that `more` says belong to them.
fn skip_options(argv: &[String], mut at: usize, more: impl Fn(&str) -> bool) -> usize {
    while let Some(word) = argv.get(at) {
        if word == "--" {
            return at + 1;
        }
        if RUNNER_VALUES.contains(&word.as_str()) {
            at += 2;
        } else if word.starts_with('-') || more(word) {
            at += 1;
        } else {
            break;
        }
    }
    at
}

/// Behind `-m pytest`, with other options of Python (or `coverage run`) before it.
fn module_at(argv: &[String], mut at: usize) -> Option<usize> {
    while let Some(word) = argv.get(at) {
        match word.as_str() {
            "-m" => {
                match argv.get(at + 1)?.as_str() {
                    "pytest" | "py.test" => return Some(at + 2),
                    "coverage" if argv.get(at + 2).is_some_and(|word| word == "run") => at += 3,
                    _ => return None,
                }
            }
            "-mpytest" => return Some(at + 1),
            "-W" | "-X" => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return None,
        }
    }
    None
}

/// The command for some of the tests.
///
/// # Errors
/// `cannot-select` when the command starts pytest by way of another program.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(start) = pytest_at(&command.argv) else {
        return Err(PluginError::new("cannot-select", "the command does not start pytest itself")
            .hint("name a command such as `pytest` or `python -m pytest`"));
    };
    match selection {
        Selection::Only(ids) => {
            if let Some(bad) = ids.iter().find(|id| id.is_empty() || id.starts_with('-')) {
                return Err(PluginError::new("cannot-select", format!("`{bad}` is not an id of pytest")));
            }
            let options = command.argv.split_off(start);
            command.argv.extend(without_paths(options));
            command.argv.extend(ids.iter().cloned());
        }
        Selection::Without(ids) => {
            let end = command.argv.iter().skip(start).position(|word| word == "--");
            let at = end.map_or(command.argv.len(), |end| start + end);
            let tail = command.argv.split_off(at);
            command.argv.extend(ids.iter().map(|id| format!("--deselect={id}")));
            command.argv.extend(tail);
        }
    }
    Ok(command)
}

/// The options alone: a path would bring in more tests than were asked for.
fn without_paths(options: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(options.len());
    let mut is_value = false;
    let mut unknown_before = false;
    for word in options {
        if std::mem::take(&mut is_value) {
            kept.push(word);
            continue;
        }
        if word == "--" {
            break;
        }
        if word.starts_with('-') {
            is_value = PYTEST_VALUES.contains(&word.as_str());
            unknown_before = word.starts_with("--") && !word.contains('=') && !is_value;
            kept.push(word);
        } else if std::mem::take(&mut unknown_before) && !narrows(&word) {
            kept.push(word);
        }
    }
    kept
}

/// Whether a word behind an option that is not known looks like tests: then it is not the option's value.
fn narrows(word: &str) -> bool {
    word.contains("::") || word.contains('/') || word.ends_with(".py") || matches!(word, "." | "tests" | "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(command: &str) -> Vec<String> {
        command.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn commands_that_run_pytest_are_recognised() {
        for command in [
            "pytest",
            "pytest tests/ -v",
            "py.test -q",
            "/opt/venv/bin/pytest",
            "python -m pytest tests",
            "python3.12 -X dev -W error -m pytest",
            "/usr/bin/python3 -I -mpytest",
            "pypy3 -m pytest",
            "coverage run -m pytest -q",
            "coverage run --branch --source=x -m pytest",
            "python -m coverage run -m pytest",
            "poetry run pytest",
            "uv run --with pytest-xdist -p 3.12 pytest -n 2",
            "uv run -- pytest",
            "uv run python -m pytest",
            "pdm run pytest",
            "hatch run pytest",
            "pipenv run pytest",
            "rye run pytest",
            "env A=b PATH=/x/y pytest",
            "env -u HOME A=b python -m pytest",
            "A=b pytest",
            "time pytest",
        ] {
            assert!(pytest_at(&argv(command)).is_some(), "{command}");
        }
    }

    #[test]
    fn other_commands_are_not() {
        for command in
            ["", "make test", "tox", "nox -s tests", "python setup.py test", "python -m unittest", "python pytest.py",
             "cargo test", "poetry install", "coverage report", "python -m coverage report", "pytest-watch", "echo pytest", "env"]
        {
            assert!(pytest_at(&argv(command)).is_none(), "{command}");
        }
    }

    fn only(command: &str, ids: &[&str]) -> Vec<String> {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        select(Command::new(argv(command)), &Selection::Only(ids)).unwrap().argv
    }

    #[test]
    fn selected_tests_take_the_place_of_paths_and_options_stay() {
        let id = "tests/test_a.py::test_b[x y]";
        let cases = [
            ("pytest", "pytest"),
            ("pytest tests/ -v", "pytest -v"),
            ("python -m pytest -k slow tests -n 2", "python -m pytest -k slow -n 2"),
            ("pytest -x --tb short src/a_test.py::T::t", "pytest -x --tb short"),
            ("uv run pytest --unknown value tests", "uv run pytest --unknown value"),
            ("pytest --unknown tests/unit", "pytest --unknown"),
            ("pytest -q -- tests", "pytest -q"),
        ];
        for (command, kept) in cases {
            let mut expected = argv(kept);
            expected.push(id.to_owned());
            assert_eq!(only(command, &[id]), expected, "{command}");
        }
    }

    #[test]
    fn deselected_tests_are_options_of_one_word_each() {
        let selection = Selection::Without(vec!["a.py::t[x y]".into(), "-odd".into()]);
        let got = select(Command::new(["pytest", "-q", "--", "tests"]), &selection).unwrap().argv;
        assert_eq!(got, ["pytest", "-q", "--deselect=a.py::t[x y]", "--deselect=-odd", "--", "tests"]);
    }

    #[test]
    fn what_cannot_be_selected_is_refused() {
        let selection = Selection::Only(vec!["a.py::t".into()]);
        assert_eq!(select(Command::new(["make"]), &selection).unwrap_err().code, "cannot-select");
        let option = Selection::Only(vec!["--co".into()]);
        assert_eq!(select(Command::new(["pytest"]), &option).unwrap_err().code, "cannot-select");
    }
}
