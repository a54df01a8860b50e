//! Where in a command pytest is.

/// pytest found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct {
        /// Position after `pytest`.
        arguments: usize,
        /// Whether the process that imports pytest sees the variables that we set.
        environment: Environment,
    },
    /// In the text of a shell command.
    InShell,
}

/// What of the environment reaches pytest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    /// All of it.
    Inherited,
    /// Python is told to ignore its variables, or a tool in between passes only those it knows. To name a plugin that
    /// then cannot be imported would end the run.
    Filtered,
}

/// Tools that run the command after some word, and the words.
const RUNNERS: &[(&str, &[&str])] = &[
    ("uv", &["run"]),
    ("uvx", &[]),
    ("poetry", &["run"]),
    ("pipenv", &["run"]),
    ("pdm", &["run"]),
    ("hatch", &["run", "test"]),
    ("rye", &["run", "test"]),
    ("pixi", &["run"]),
    ("conda", &["run"]),
    ("mamba", &["run"]),
    ("micromamba", &["run"]),
    ("pipx", &["run"]),
    ("tox", &[]),
    ("nox", &[]),
    ("env", &[]),
    ("time", &[]),
    ("timeout", &[]),
    ("nice", &[]),
    ("ionice", &[]),
    ("nohup", &[]),
    ("stdbuf", &[]),
    ("setsid", &[]),
    ("xvfb-run", &[]),
    ("dbus-run-session", &[]),
];

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

impl Invocation {
    /// Looks for pytest where a command can be; its name as a mere argument (`pip install pytest`) does not count.
    pub(crate) fn find(argv: &[String]) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        find(&words, 0, Environment::Inherited)
    }
}

fn find(words: &[&str], start: usize, environment: Environment) -> Option<Invocation> {
    // `NAME=value` before the command, as for `env` and in shells.
    let start = (start..words.len()).find(|&at| words.get(at).is_some_and(|word| !is_assignment(word)))?;
    let name = base_name(words.get(start)?);
    if is_pytest(name) {
        return Some(Invocation::Direct { arguments: start + 1, environment });
    }
    if is_python(name) {
        return after_python(words, start + 1, environment);
    }
    if name == "coverage" {
        return after_coverage(words, start + 1, environment);
    }
    if SHELLS.contains(&name) {
        let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
        return runs_pytest(words.get(script)?).then_some(Invocation::InShell);
    }
    let (_, verbs) = RUNNERS.iter().find(|(runner, _)| *runner == name)?;
    let environment = if name == "tox" { Environment::Filtered } else { environment };
    let mut from = start + 1;
    if !verbs.is_empty() {
        from += words.get(from..)?.iter().position(|word| verbs.contains(word))? + 1;
    }
    after_runner(words, from, environment)
}

/// After a runner come options of its own, with values that only it knows: the first word that is a way to run
/// pytest is taken.
fn after_runner(words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
    (from..words.len()).find_map(|at| {
        let word = words.get(at)?;
        let before = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        match *word {
            // `--with pytest` is a need, not a command.
            "--" => find(words, at + 1, environment),
            _ if matches!(before, "--with" | "-w" | "--from" | "--extra" | "--group" | "--spec") => None,
            // `uv run -m pytest`
            "pytest" | "py.test" if before == "-m" => {
                Some(Invocation::Direct { arguments: at + 1, environment })
            }
            _ if word.starts_with('-') || is_assignment(word) => None,
            _ => find(words, at, environment),
        }
    })
}

/// `python [options] -m pytest`, `python [options] -m coverage run …`.
fn after_python(words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
    let mut environment = environment;
    let mut at = from;
    loop {
        let option = *words.get(at)?;
        let flags = option.strip_prefix('-').filter(|flags| !flags.is_empty() && !flags.starts_with('-'));
        let Some(flags) = flags else {
            // A script: pytest's own, by its path.
            return is_pytest(base_name(option))
                .then_some(Invocation::Direct { arguments: at + 1, environment });
        };
        // Letters may stand together; `m`, `W` and `X` take what follows as their value.
        let valued = flags.find(['m', 'W', 'X', 'c']);
        let letters = valued.map_or(flags, |end| flags.get(..end).unwrap_or(flags));
        if letters.contains(['E', 'I']) {
            environment = Environment::Filtered;
        }
        let Some(end) = valued else {
            at += 1;
            continue;
        };
        let glued = flags.get(end + 1..).unwrap_or_default();
        let (value, next) = if glued.is_empty() { (*words.get(at + 1)?, at + 2) } else { (glued, at + 1) };
        match flags.get(end..end + 1) {
            Some("m") if matches!(value, "pytest" | "py.test") => {
                return Some(Invocation::Direct { arguments: next, environment });
            }
            Some("m") if value == "coverage" => return after_coverage(words, next, environment),
            Some("W" | "X") => at = next,
            _ => return None,
        }
    }
}

/// `coverage run [options] -m pytest`.
fn after_coverage(words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
    if *words.get(from)? != "run" {
        return None;
    }
    (from + 1..words.len()).find_map(|at| {
        let is_module = words.get(at - 1) == Some(&"-m") && is_pytest(words.get(at)?);
        is_module.then_some(Invocation::Direct { arguments: at + 1, environment })
    })
}

/// Whether one of the simple commands of a shell text is pytest. Quotes are not understood; what is in them hardly
/// ever looks like a command.
fn runs_pytest(script: &str) -> bool {
    script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
        find(&words, 0, Environment::Inherited).is_some()
    })
}

fn base_name(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn is_pytest(name: &str) -> bool {
    let version = name.strip_prefix("pytest-").or_else(|| name.strip_prefix("pytest"));
    name == "py.test" || name == "pytest" || version.is_some_and(is_version)
}

fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.is_empty() || is_version(rest.trim_end_matches('t')))
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(command: &str) -> Option<Invocation> {
        // `'…'` is one word, as in a shell.
        let mut words = Vec::new();
        for (index, part) in command.split('\'').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        Invocation::find(&words)
    }

    #[test]
    fn every_usual_way_to_run_pytest_is_known() {
        use Environment::{Filtered, Inherited};
        let cases = [
            ("pytest", 1, Inherited),
            ("py.test -q", 1, Inherited),
            ("pytest-3 tests", 1, Inherited),
            ("/opt/venv/bin/pytest tests -v", 1, Inherited),
            ("python -m pytest -v", 3, Inherited),
            ("/usr/bin/python3.12 -X dev -W error -m pytest", 7, Inherited),
            ("python -mpytest x", 2, Inherited),
            ("python3 -um pytest", 3, Inherited),
            ("python -I -m pytest", 4, Filtered),
            ("python -Em pytest", 3, Filtered),
            ("python venv/bin/pytest x", 2, Inherited),
            ("poetry run pytest -x", 3, Inherited),
            ("uv run --with pytest-xdist pytest -n 2", 5, Inherited),
            ("uv run -m pytest", 4, Inherited),
            ("uv --quiet run python -m pytest", 6, Inherited),
            ("uvx pytest", 2, Inherited),
            ("uv tool run pytest", 4, Inherited),
            ("hatch run pytest", 3, Inherited),
            ("pdm run pytest", 3, Inherited),
            ("nox -s tests -- pytest", 5, Inherited),
            ("tox exec -- pytest", 4, Filtered),
            ("env CI=1 pytest", 3, Inherited),
            ("CI=1 PYTHONHASHSEED=0 python -m pytest", 5, Inherited),
            ("timeout 60 pytest", 3, Inherited),
            ("coverage run -m pytest tests", 4, Inherited),
            ("coverage run --branch -p -m pytest", 6, Inherited),
            ("python -m coverage run -m pytest", 6, Inherited),
            ("conda run -n base pytest", 5, Inherited),
        ];
        for (command, arguments, environment) in cases {
            assert_eq!(find(command), Some(Invocation::Direct { arguments, environment }), "{command}");
        }
        for shell in
            ["sh -c 'cd tests && pytest -v'", "bash -euc 'A=1 python -m pytest; true'", "sh -c 'exec pytest'"]
        {
            assert_eq!(find(shell), Some(Invocation::InShell), "{shell}");
        }
    }

    #[test]
    fn the_name_of_pytest_as_an_argument_is_no_run_of_it() {
        let others = [
            "",
            "echo pytest",
            "grep -r pytest .",
            "pip install pytest",
            "python -m pip install pytest",
            "python setup.py test",
            "python -c 'import pytest'",
            "python -m unittest",
            "uv add pytest",
            "poetry add pytest",
            "uv run --with pytest mypy",
            "sh -c 'echo pytest'",
            "sh script.sh",
            "coverage report -m",
            "cargo test pytest",
            "pytest-watch",
            "python",
            "python -m",
            "A=1",
        ];
        for command in others {
            assert_eq!(find(command), None, "{command}");
        }
    }
}
