//! Where in a command a tool is called.

/// A tool found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is called directly.
    Direct {
        /// Position of the tool's own word.
        at: usize,
        /// Where its arguments begin.
        arguments: usize,
    },
    /// In the text of a shell command, whose words are not ours to change.
    InShell,
}

/// Programs that run the command that follows their own options.
const WRAPPERS: &[&str] = &[
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
    "taskset",
    "unshare",
    "sudo",
    "command",
    "exec",
];

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

/// Looks for a tool where a command can be; its name as a mere argument does not count. `tool` gets the words from a
/// command's beginning, that one without its folder, and says how many of them call it.
#[must_use]
pub fn find(argv: &[String], tool: &dyn Fn(&[&str]) -> Option<usize>) -> Option<Found> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    find_from(&words, 0, tool)
}

fn find_from(words: &[&str], start: usize, tool: &dyn Fn(&[&str]) -> Option<usize>) -> Option<Found> {
    // `NAME=value` before the command, as for `env` and in shells.
    let at = (start..words.len()).find(|&at| words.get(at).is_some_and(|word| !is_assignment(word)))?;
    let name = base_name(words.get(at)?);
    let mut own: Vec<&str> = words.get(at..)?.to_vec();
    if let Some(first) = own.first_mut() {
        *first = name;
    }
    if let Some(count) = tool(&own) {
        return Some(Found::Direct { at, arguments: at + count });
    }
    if SHELLS.contains(&name) {
        let option = words.iter().skip(at).position(|word| word.starts_with('-') && word.ends_with('c'))?;
        return in_script(words.get(at + option + 1)?, tool).then_some(Found::InShell);
    }
    if !WRAPPERS.contains(&name) {
        return None;
    }
    // Options of wrappers may have values that only they know: the first word that calls the tool is taken.
    (at + 1..words.len()).find_map(|next| {
        let word = words.get(next)?;
        if word.starts_with('-') || is_assignment(word) { None } else { find_from(words, next, tool) }
    })
}

/// Whether one of the simple commands of a shell text calls the tool. Quotes are not understood; what is in them
/// hardly ever looks like a command.
fn in_script(script: &str, tool: &dyn Fn(&[&str]) -> Option<usize>) -> bool {
    script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        matches!(find_from(&words, 0, tool), Some(Found::Direct { .. }))
    })
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

    fn found(command: &[&str]) -> Option<Found> {
        let argv: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        find(&argv, &|words| words.starts_with(&["go", "test"]).then_some(2))
    }

    #[test]
    fn a_tool_is_found_where_a_command_can_be() {
        let direct = |at, arguments| Some(Found::Direct { at, arguments });
        let cases: &[(&[&str], Option<Found>)] = &[
            (&["go", "test", "./..."], direct(0, 2)),
            (&["/usr/local/go/bin/go", "test"], direct(0, 2)),
            (&["CGO_ENABLED=0", "go", "test"], direct(1, 3)),
            (&["env", "-u", "X", "A=1", "go", "test"], direct(4, 6)),
            (&["timeout", "-k", "5", "60", "nice", "go", "test"], direct(5, 7)),
            (&["sh", "-c", "cd x && A=1 go test -v ./..."], Some(Found::InShell)),
            (&["bash", "-euc", "go vet; exec go test"], Some(Found::InShell)),
            (&["go", "vet"], None),
            (&["echo", "go", "test"], None),
            (&["sh", "-c", "echo go test"], None),
            (&["sh", "go", "test"], None),
            (&["make"], None),
            (&["A=1"], None),
            (&[], None),
        ];
        for (command, expected) in cases {
            assert_eq!(found(command), *expected, "{command:?}");
        }
    }
}
