//! Where in a command a tool is.

use super::{Tool, name_of};

/// A tool found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct(usize),
    /// In the text of a shell command.
    InShell,
    /// A script of `package.json` runs it, probably.
    Script,
}

/// Programs that run what follows their own options.
const WRAPPERS: [&str; 15] = [
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
    "cross-env",
    "cross-env-shell",
    "dotenv",
    "c8",
    "nyc",
];

const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ksh"];

impl Invocation {
    /// Looks for the tool where a command can be; its name as a mere argument (`npm install jest`) does not count.
    #[must_use]
    pub fn find(tool: &Tool, argv: &[String]) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        find(tool, &words, 0)
    }

    /// The same, and scripts of `package.json` too: of a project that is known to be the tool's.
    #[must_use]
    pub fn assumed(tool: &Tool, argv: &[String]) -> Option<Self> {
        Self::find(tool, argv).or_else(|| {
            let words: Vec<&str> =
                argv.iter().map(String::as_str).filter(|word| !is_assignment(word)).collect();
            let manager = words.first().map(|word| program(word));
            let runs = matches!(manager, Some("npm" | "yarn" | "pnpm" | "bun"))
                && words.iter().any(|word| matches!(*word, "test" | "t" | "tst" | "run" | "run-script"));
            runs.then_some(Self::Script)
        })
    }

    /// Whether one of the simple commands of a shell text is the tool. Quotes are not understood; what is in them hardly
    /// ever looks like a command.
    #[must_use]
    pub fn in_shell(tool: &Tool, script: &str) -> bool {
        script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
            let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
            find(tool, &words, 0).is_some()
        })
    }
}

fn find(tool: &Tool, words: &[&str], from: usize) -> Option<Invocation> {
    let start = (from..words.len()).find(|at| words.get(*at).is_some_and(|word| !is_assignment(word)))?;
    let name = program(words.get(start)?);
    if tool.programs.contains(&name) {
        return direct(tool, words, start + 1);
    }
    match name {
        "npx" | "bunx" | "pnpx" => after_options(tool, words, start + 1),
        "npm" => match *words.get(start + 1)? {
            "exec" | "x" => after_options(tool, words, start + 2),
            _ => None,
        },
        "pnpm" | "yarn" | "bun" => match *words.get(start + 1)? {
            "exec" | "dlx" | "run" | "x" => after_options(tool, words, start + 2),
            word if tool.programs.contains(&word) => direct(tool, words, start + 2),
            _ => None,
        },
        "node" | "nodejs" => after_node(tool, words, start + 1),
        _ if WRAPPERS.contains(&name) => {
            let next = (start + 1..words.len()).find(|at| {
                words.get(*at).is_some_and(|word| {
                    let word = program(word);
                    tool.programs.contains(&word)
                        || matches!(word, "npx" | "npm" | "yarn" | "pnpm" | "node" | "bunx")
                })
            })?;
            find(tool, words, next)
        }
        _ if SHELLS.contains(&name) => {
            let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
            Invocation::in_shell(tool, words.get(script)?).then_some(Invocation::InShell)
        }
        _ => None,
    }
}

/// The tool is what stands before `arguments`; some do other things too.
fn direct(tool: &Tool, words: &[&str], arguments: usize) -> Option<Invocation> {
    let Some(next) = words.get(arguments) else {
        return tool.verbs.is_empty().then_some(Invocation::Direct(arguments));
    };
    if tool.verbs.is_empty() {
        return Some(Invocation::Direct(arguments));
    }
    tool.verbs.contains(next).then_some(Invocation::Direct(arguments + 1))
}

/// `npx --no-install jest`, `npm exec -- jest`, `npx -p jest jest`
fn after_options(tool: &Tool, words: &[&str], from: usize) -> Option<Invocation> {
    let mut at = from;
    while let Some(word) = words.get(at) {
        match *word {
            "-p" | "--package" | "--filter" | "-F" | "-w" | "--workspace" => at += 2,
            _ if word.starts_with('-') => at += 1,
            // `jest@29`
            _ => {
                let name = program(
                    word.split_once('@').map_or(word, |(name, _)| if name.is_empty() { word } else { name }),
                );
                return tool.programs.contains(&name).then(|| direct(tool, words, at + 1)).flatten();
            }
        }
    }
    None
}

/// `node [options] node_modules/.bin/jest`, `node_modules/jest/bin/jest.js`.
fn after_node(tool: &Tool, words: &[&str], from: usize) -> Option<Invocation> {
    let script = (from..words.len()).find(|at| words.get(*at).is_some_and(|word| !word.starts_with('-')))?;
    let path = *words.get(script)?;
    let in_package = path.contains("node_modules/") || path.contains("/bin/");
    (in_package && tool.programs.contains(&program(path))).then(|| direct(tool, words, script + 1)).flatten()
}

fn program(word: &str) -> &str {
    let name = name_of(word);
    [".cmd", ".exe", ".js", ".cjs", ".mjs"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
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

    fn tool(programs: &'static [&'static str], verbs: &'static [&'static str]) -> Tool {
        Tool {
            name: "t",
            programs,
            verbs,
            package: "t",
            key: None,
            settings: &[],
            command: programs,
            options_first: false,
        }
    }

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
        Invocation::find(&tool(&["jest"], &[]), &words)
    }

    #[test]
    fn every_usual_way_to_run_a_tool_is_known() {
        let cases = [
            ("jest", 1),
            ("jest --ci a.test.js", 1),
            ("node_modules/.bin/jest", 1),
            ("npx jest", 2),
            ("npx --no-install jest@29 -t x", 3),
            ("npx -p jest jest", 4),
            ("npm exec -- jest", 4),
            ("pnpm jest", 2),
            ("pnpm exec jest", 3),
            ("yarn run jest", 3),
            ("bunx jest", 2),
            ("CI=1 npx jest", 3),
            ("env CI=1 jest", 3),
            ("timeout 60 npx jest", 4),
            ("cross-env NODE_ENV=test jest", 3),
            ("nyc --reporter lcov jest", 4),
            ("node --experimental-vm-modules node_modules/.bin/jest", 3),
            ("node node_modules/jest/bin/jest.js", 2),
        ];
        for (command, arguments) in cases {
            assert_eq!(find(command), Some(Invocation::Direct(arguments)), "{command}");
        }
        assert_eq!(find("sh -c 'cd app && npx jest'"), Some(Invocation::InShell));
    }

    #[test]
    fn its_name_as_an_argument_is_no_run_of_it() {
        let others = [
            "",
            "echo jest",
            "npm install jest",
            "npm test",
            "yarn add jest",
            "npx tsc jest",
            "node jest.js",
            "sh jest",
            "grep jest package.json",
            "npx",
            "npx -p jest",
            "A=1",
            "node",
            "jester",
        ];
        for command in others {
            assert_eq!(find(command), None, "{command}");
        }
    }

    #[test]
    fn a_program_with_other_uses_needs_its_verb() {
        let tool = tool(&["playwright"], &["test"]);
        let find = |words: &[&str]| {
            Invocation::find(&tool, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(find(&["npx", "playwright", "test", "-g", "x"]), Some(Invocation::Direct(3)));
        assert_eq!(find(&["npx", "playwright", "install"]), None);
        assert_eq!(find(&["playwright"]), None);
    }
}
