//! Where in a command `ctest` is.

/// `ctest` found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct {
        /// Position after `ctest`.
        arguments: usize,
    },
    /// In the text of a shell command, or below `cmake --build`: only variables reach it.
    Inside,
}

/// Tools that run the command after them.
const RUNNERS: [&str; 11] = [
    "env",
    "time",
    "timeout",
    "nice",
    "ionice",
    "nohup",
    "stdbuf",
    "setsid",
    "xvfb-run",
    "dbus-run-session",
    "catchsegv",
];

const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ksh"];

impl Invocation {
    /// Looks for `ctest` where a command can be; its name as a mere argument does not count.
    pub(crate) fn find(argv: &[String]) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        find(&words, 0)
    }
}

fn find(words: &[&str], start: usize) -> Option<Invocation> {
    // `NAME=value` before the command, as for `env` and in shells.
    let start = (start..words.len()).find(|&at| words.get(at).is_some_and(|word| !is_assignment(word)))?;
    let name = base_name(words.get(start)?);
    if name == "ctest" || name == "ctest3" {
        return Some(Invocation::Direct { arguments: start + 1 });
    }
    if name == "cmake" || name == "cmake3" {
        return builds_tests(words.get(start + 1..)?).then_some(Invocation::Inside);
    }
    if SHELLS.contains(&name) {
        let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
        let text = words.get(script)?;
        // What follows the script and its name is handed on, as in the command that we propose.
        if words.len() > script + 1
            && let Some(command) = text.trim_end().strip_suffix(" \"$@\"")
        {
            let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
            let is_one = !command.contains(['\n', ';', '&', '|', '(', ')']);
            if is_one && matches!(find(&words, 0), Some(Invocation::Direct { .. })) {
                return Some(Invocation::Direct { arguments: script + 2 });
            }
        }
        let mut commands = text.split(['\n', ';', '&', '|', '(', ')']);
        let runs = commands.any(|command| {
            let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
            find(&words, 0).is_some()
        });
        return runs.then_some(Invocation::Inside);
    }
    // Options of the runner and their values come first.
    RUNNERS.contains(&name).then(|| {
        (start + 1..words.len()).find_map(|at| {
            let word = words.get(at)?;
            (!word.starts_with('-') && !is_assignment(word)).then(|| find(words, at)).flatten()
        })
    })?
}

/// `cmake --build build --target test`; the target's name is another for IDEs.
fn builds_tests(arguments: &[&str]) -> bool {
    let is_test = |word: &&str| matches!(*word, "test" | "RUN_TESTS" | "check");
    let target = arguments.iter().position(|word| matches!(*word, "--target" | "-t"));
    let named = target.and_then(|at| arguments.get(at + 1)).is_some_and(is_test);
    arguments.first() == Some(&"--build") && (named || arguments.contains(&"--target=test"))
}

fn base_name(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
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

    #[test]
    fn every_usual_way_to_run_ctest_is_known() {
        let cases: &[(&[&str], Option<Invocation>)] = &[
            (&["ctest"], Some(Invocation::Direct { arguments: 1 })),
            (&["/usr/bin/ctest", "-j4"], Some(Invocation::Direct { arguments: 1 })),
            (&["env", "A=b", "ctest"], Some(Invocation::Direct { arguments: 3 })),
            (&["A=b", "timeout", "-k", "5", "60", "ctest", "-V"], Some(Invocation::Direct { arguments: 6 })),
            (&["sh", "-c", "cd build && exec ctest -V"], Some(Invocation::Inside)),
            (
                &["sh", "-c", "exec ctest --test-dir \"$A\" \"$@\"", "ctest"],
                Some(Invocation::Direct { arguments: 4 }),
            ),
            (&["sh", "-c", "ctest -V \"$@\"", "sh", "-j4"], Some(Invocation::Direct { arguments: 4 })),
            (&["sh", "-c", "ctest \"$@\""], Some(Invocation::Inside)),
            (&["sh", "-c", "ctest; echo \"$@\"", "sh"], Some(Invocation::Inside)),
            (&["cmake", "--build", "build", "--target", "test"], Some(Invocation::Inside)),
            (&["cmake", "--build", "build"], None),
            (&["make", "test"], None),
            (&["echo", "ctest"], None),
            (&["sh", "-c", "echo ctest"], None),
            (&[], None),
        ];
        for (words, expected) in cases {
            let argv: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(Invocation::find(&argv), *expected, "{words:?}");
        }
    }
}
