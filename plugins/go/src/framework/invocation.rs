//! Where in a command `go test` is, and its arguments.

use flaky_plugin_text::Found;

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invocation {
    /// `go test`; its arguments begin here.
    Go {
        /// Position after `test`.
        arguments: usize,
    },
    /// `gotestsum`; its own options begin here, those of `go test` behind `--`.
    Gotestsum {
        /// Position after `gotestsum`.
        options: usize,
        /// Position after `--`, if it is there.
        arguments: Option<usize>,
    },
    /// In the text of a shell command.
    InShell,
}

pub(super) fn find(argv: &[String]) -> Option<Invocation> {
    match flaky_plugin_text::find(argv, &calls_tests)? {
        Found::InShell => Some(Invocation::InShell),
        Found::Direct { at, arguments } => {
            let word = argv.get(at)?.rsplit('/').next().unwrap_or_default();
            if word.starts_with("gotestsum") {
                let dashes = argv.iter().skip(arguments).position(|word| word == "--");
                let behind = dashes.map(|dashes| arguments + dashes + 1);
                return Some(Invocation::Gotestsum { options: arguments, arguments: behind });
            }
            Some(Invocation::Go { arguments })
        }
    }
}

fn calls_tests(words: &[&str]) -> Option<usize> {
    match words {
        // A Go of a certain version is called `go1.22.1`.
        [go, rest @ ..] if is_go(go) => match rest {
            ["test", ..] => Some(2),
            ["-C", _, "test", ..] => Some(4),
            [change, "test", ..] if change.starts_with("-C=") => Some(3),
            _ => None,
        },
        ["gotestsum", rest @ ..] => rest.first().is_none_or(|word| *word != "tool").then_some(1),
        _ => None,
    }
}

fn is_go(name: &str) -> bool {
    name.strip_prefix("go").is_some_and(|version| {
        version.is_empty()
            || version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    })
}

/// Options of `go test` whose value may be the next argument.
const VALUED: &[&str] = &[
    "run",
    "skip",
    "bench",
    "benchtime",
    "count",
    "timeout",
    "tags",
    "p",
    "parallel",
    "cpu",
    "shuffle",
    "list",
    "fuzz",
    "fuzztime",
    "fuzzminimizetime",
    "coverprofile",
    "covermode",
    "coverpkg",
    "o",
    "exec",
    "ldflags",
    "gcflags",
    "asmflags",
    "gccgoflags",
    "mod",
    "modfile",
    "overlay",
    "pkgdir",
    "toolexec",
    "vet",
    "C",
    "outputdir",
    "trace",
    "blockprofile",
    "blockprofilerate",
    "cpuprofile",
    "memprofile",
    "memprofilerate",
    "mutexprofile",
    "mutexprofilefraction",
    "installsuffix",
    "buildmode",
    "compiler",
    "pgo",
    "test.run",
    "test.skip",
];

/// One argument of `go test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// An option by its name without dashes, and how many words it takes.
    Option {
        name: &'a str,
        value: Option<&'a str>,
        words: usize,
    },
    Package,
}

/// The arguments of `go test` with their positions in `words`, up to `-args`: what follows is the tests' own.
pub(super) fn arguments(words: &[String]) -> Vec<(usize, Argument<'_>)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|name| !name.is_empty());
        let Some(name) = name else {
            all.push((at, Argument::Package));
            at += 1;
            continue;
        };
        if name == "args" {
            break;
        }
        let argument = match name.split_once('=') {
            Some((name, value)) => Argument::Option { name, value: Some(value), words: 1 },
            None if VALUED.contains(&name) => {
                let value = words.get(at + 1).map(String::as_str);
                Argument::Option { name, value, words: 2 }
            }
            None => Argument::Option { name, value: None, words: 1 },
        };
        all.push((at, argument));
        at += if let Argument::Option { words, .. } = argument { words } else { 1 };
    }
    all
}

/// The value of an option that was given last; `Some(None)` for one without a value.
pub(super) fn option<'a>(words: &'a [String], wanted: &str) -> Option<Option<&'a str>> {
    arguments(words).into_iter().rev().find_map(|(_, argument)| match argument {
        Argument::Option { name, value, .. } if name.strip_prefix("test.").unwrap_or(name) == wanted => {
            Some(value)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_usual_way_to_run_go_tests_is_known() {
        let go = |arguments| Some(Invocation::Go { arguments });
        let cases = [
            ("go test ./...", go(2)),
            ("/opt/go/bin/go test", go(2)),
            ("go1.22.1 test", go(2)),
            ("go -C sub test -v", go(4)),
            ("env GOFLAGS=-mod=mod go test", go(4)),
            ("gotestsum", Some(Invocation::Gotestsum { options: 1, arguments: None })),
            (
                "gotestsum --format testname -- -race ./...",
                Some(Invocation::Gotestsum { options: 1, arguments: Some(4) }),
            ),
            ("go vet ./...", None),
            ("go build test", None),
            ("gofmt test", None),
            ("godoc test", None),
        ];
        for (command, expected) in cases {
            assert_eq!(find(&argv(command)), expected, "{command}");
        }
    }

    #[test]
    fn options_are_told_from_packages() {
        let words = argv("-v -run TestA --tags=x ./a -count 2 b -args -run own");
        let packages = arguments(&words);
        let packages: Vec<usize> =
            packages.iter().filter(|(_, a)| *a == Argument::Package).map(|(at, _)| *at).collect();
        assert_eq!(packages, [4, 7]);
        assert_eq!(option(&words, "run"), Some(Some("TestA")));
        assert_eq!(option(&words, "v"), Some(None));
        assert_eq!(option(&words, "race"), None);
    }
}
