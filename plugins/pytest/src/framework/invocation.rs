//! Where in a command a tool of Python is.

/// How a tool is called: each function says how many of the words, from the given ones on, call it; `None` when they
/// call something else.
#[derive(Clone, Copy)]
pub struct Tool {
    /// As a program; the first word has lost its folder.
    pub program: fn(&[&str]) -> Option<usize>,
    /// Behind `python -m` or `coverage run -m`.
    pub module: fn(&[&str]) -> Option<usize>,
    /// As a script behind `python`; the first word has lost its folder.
    pub script: fn(&[&str]) -> Option<usize>,
}

/// pytest itself.
pub(crate) const PYTEST: Tool = Tool {
    program: |words| words.first().is_some_and(|word| is_pytest(word)).then_some(1),
    module: |words| words.first().is_some_and(|word| is_pytest(word)).then_some(1),
    script: |words| words.first().is_some_and(|word| is_pytest(word)).then_some(1),
};

/// A tool found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct {
        /// Position after its name.
        arguments: usize,
        /// Whether the process that runs the tool sees the variables that we set.
        environment: Environment,
    },
    /// In the text of a shell command.
    InShell,
}

/// What of the environment reaches the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
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
    /// Looks for a tool where a command can be; its name as a mere argument (`pip install pytest`) does not count.
    #[must_use]
    pub fn find(argv: &[String], tool: Tool) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        tool.find(&words, 0, Environment::Inherited)
    }
}

impl Tool {
    fn find(self, words: &[&str], start: usize, environment: Environment) -> Option<Invocation> {
        // `NAME=value` before the command, as for `env` and in shells.
        let start =
            (start..words.len()).find(|&at| words.get(at).is_some_and(|word| !is_assignment(word)))?;
        let name = base_name(words.get(start)?);
        if let Some(taken) = (self.program)(&with_base_name(words.get(start..)?)) {
            return Some(Invocation::Direct { arguments: start + taken, environment });
        }
        if is_python(name) {
            return self.after_python(words, start + 1, environment);
        }
        if name == "coverage" {
            return self.after_coverage(words, start + 1, environment);
        }
        if SHELLS.contains(&name) {
            let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
            return self.runs_in(words.get(script)?).then_some(Invocation::InShell);
        }
        let (_, verbs) = RUNNERS.iter().find(|(runner, _)| *runner == name)?;
        let environment = if name == "tox" { Environment::Filtered } else { environment };
        let mut from = start + 1;
        if !verbs.is_empty() {
            from += words.get(from..)?.iter().position(|word| verbs.contains(word))? + 1;
        }
        self.after_runner(words, from, environment)
    }

    /// After a runner come options of its own, with values that only it knows: the first word that is a way to run
    /// the tool is taken.
    fn after_runner(self, words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
        (from..words.len()).find_map(|at| {
            let word = words.get(at)?;
            let before = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
            // `uv run -m pytest`
            if before == "-m"
                && let Some(taken) = (self.module)(words.get(at..)?)
            {
                return Some(Invocation::Direct { arguments: at + taken, environment });
            }
            match *word {
                // `--with pytest` is a need, not a command.
                "--" => self.find(words, at + 1, environment),
                _ if matches!(before, "--with" | "-w" | "--from" | "--extra" | "--group" | "--spec") => None,
                _ if word.starts_with('-') || is_assignment(word) => None,
                _ => self.find(words, at, environment),
            }
        })
    }

    /// `python [options] -m pytest`, `python [options] -m coverage run …`.
    fn after_python(self, words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
        let mut environment = environment;
        let mut at = from;
        loop {
            let option = *words.get(at)?;
            let flags = option.strip_prefix('-').filter(|flags| !flags.is_empty() && !flags.starts_with('-'));
            let Some(flags) = flags else {
                // A script: the tool's own, by its path.
                let taken = (self.script)(&with_base_name(words.get(at..)?))?;
                return Some(Invocation::Direct { arguments: at + taken, environment });
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
            let (value, next) =
                if glued.is_empty() { (*words.get(at + 1)?, at + 2) } else { (glued, at + 1) };
            match flags.get(end..end + 1) {
                Some("m") if value == "coverage" => return self.after_coverage(words, next, environment),
                Some("m") => {
                    let called: Vec<&str> =
                        std::iter::once(value).chain(words.get(next..)?.iter().copied()).collect();
                    let taken = (self.module)(&called)?;
                    return Some(Invocation::Direct { arguments: next + taken - 1, environment });
                }
                Some("W" | "X") => at = next,
                _ => return None,
            }
        }
    }

    /// `coverage run [options] -m pytest`, `coverage run [options] manage.py test`.
    fn after_coverage(self, words: &[&str], from: usize, environment: Environment) -> Option<Invocation> {
        if *words.get(from)? != "run" {
            return None;
        }
        (from + 1..words.len()).find_map(|at| {
            let rest = words.get(at..)?;
            let taken = if words.get(at - 1) == Some(&"-m") {
                (self.module)(rest)
            } else {
                (self.script)(&with_base_name(rest))
            };
            Some(Invocation::Direct { arguments: at + taken?, environment })
        })
    }

    /// Whether one of the simple commands of a shell text is the tool. Quotes are not understood; what is in them
    /// hardly ever looks like a command.
    fn runs_in(self, script: &str) -> bool {
        script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
            let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
            self.find(&words, 0, Environment::Inherited).is_some()
        })
    }
}

/// The next words, the first without its folder; no tool is called by more than three.
fn with_base_name<'w>(words: &[&'w str]) -> Vec<&'w str> {
    words.iter().take(3).enumerate().map(|(at, word)| if at == 0 { base_name(word) } else { word }).collect()
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
        Invocation::find(&words, PYTEST)
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
