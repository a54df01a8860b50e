//! Where in a command PHPUnit is.

/// PHPUnit found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct {
        /// Position after `phpunit`.
        arguments: usize,
    },
    /// In the text of a shell command, or behind a script of Composer or a task of Laravel: its arguments are out of
    /// reach.
    Hidden,
}

/// Tools that run the command that stands among their arguments.
const RUNNERS: &[&str] = &["env", "time", "timeout", "nice", "nohup", "stdbuf", "setsid", "xvfb-run"];

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

/// Options of PHP whose value is the next argument.
const PHP_VALUED: &[&str] = &["-d", "-c", "-z"];

/// Options of PHP that run code from the command line.
const PHP_CODE: &[&str] = &["-r", "-B", "-R", "-E", "-F", "--run"];

impl Invocation {
    /// Looks for PHPUnit where a command can be; its name as a mere argument (`composer require phpunit/phpunit`) does
    /// not count.
    pub(crate) fn find(argv: &[String]) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        find(&words, 0)
    }
}

fn find(words: &[&str], start: usize) -> Option<Invocation> {
    // `NAME=value` before the command, as for `env` and in shells.
    let start = (start..words.len()).find(|&at| words.get(at).is_some_and(|word| !is_assignment(word)))?;
    let name = base_name(words.get(start)?);
    let rest = words.get(start + 1..)?;
    if is_phpunit(name) {
        return Some(Invocation::Direct { arguments: start + 1 });
    }
    if is_php(name) {
        return after_php(words, start + 1);
    }
    if SHELLS.contains(&name) {
        let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
        return runs_phpunit(words.get(script)?).then_some(Invocation::Hidden);
    }
    match name {
        "composer" | "composer.phar" => after_composer(rest, words, start + 1),
        "artisan" => (rest.first() == Some(&"test")).then_some(Invocation::Hidden),
        _ if RUNNERS.contains(&name) => (start + 1..words.len()).find_map(|at| {
            let word = words.get(at)?;
            if word.starts_with('-') { None } else { find(words, at) }
        }),
        _ => None,
    }
}

/// `php -d memory_limit=-1 vendor/bin/phpunit`, `php artisan test`.
fn after_php(words: &[&str], from: usize) -> Option<Invocation> {
    let mut at = from;
    while let Some(word) = words.get(at) {
        if PHP_CODE.contains(word) {
            return None;
        }
        if PHP_VALUED.contains(word) {
            at += 2;
        } else if word.starts_with('-') {
            at += 1;
        } else {
            return find(words, at);
        }
    }
    None
}

/// `composer exec phpunit` runs it; `composer test` runs a script, which by custom is PHPUnit.
fn after_composer(rest: &[&str], words: &[&str], from: usize) -> Option<Invocation> {
    let at = rest.iter().position(|word| !word.starts_with('-'))?;
    match *rest.get(at)? {
        "test" | "tests" | "phpunit" => Some(Invocation::Hidden),
        "run" | "run-script" => {
            let script = rest.get(at + 1..)?.iter().find(|word| !word.starts_with('-'))?;
            matches!(*script, "test" | "tests" | "phpunit").then_some(Invocation::Hidden)
        }
        "exec" => {
            let binary = (from + at + 1..words.len())
                .find(|at| words.get(*at).is_some_and(|w| !w.starts_with('-')))?;
            is_phpunit(base_name(words.get(binary)?)).then_some(Invocation::Hidden)
        }
        _ => None,
    }
}

/// Whether one of the simple commands of a shell text is PHPUnit. Quotes are not understood; what is in them hardly
/// ever looks like a command.
fn runs_phpunit(script: &str) -> bool {
    script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
        find(&words, 0).is_some()
    })
}

fn base_name(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word)
}

/// `phpunit`, `phpunit.phar`, `phpunit-9.6.phar`, `phpunit10`, and Symfony's way to run it.
fn is_phpunit(name: &str) -> bool {
    let name = name.strip_suffix(".phar").unwrap_or(name);
    let version = name.strip_prefix("phpunit").map(|rest| rest.trim_start_matches('-'));
    name == "simple-phpunit" || version.is_some_and(is_version)
}

fn is_php(name: &str) -> bool {
    name.strip_prefix("php").is_some_and(is_version)
}

fn is_version(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
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
    fn every_usual_way_to_run_phpunit_is_known() {
        let direct = [
            ("phpunit", 1),
            ("vendor/bin/phpunit --testdox", 1),
            ("./vendor/bin/phpunit tests/Unit", 1),
            ("php vendor/bin/phpunit", 2),
            ("php8.2 -d memory_limit=-1 -n vendor/bin/phpunit", 5),
            ("php phpunit-9.6.phar", 2),
            ("XDEBUG_MODE=off php bin/phpunit", 3),
            ("timeout 60 vendor/bin/phpunit", 3),
            ("vendor/bin/simple-phpunit", 1),
        ];
        for (command, arguments) in direct {
            assert_eq!(find(command), Some(Invocation::Direct { arguments }), "{command}");
        }
        for command in [
            "composer test",
            "composer run-script --timeout=0 test",
            "composer run test -- --filter x",
            "composer exec phpunit",
            "php artisan test",
            "sh -c 'cd app && vendor/bin/phpunit'",
        ] {
            assert_eq!(find(command), Some(Invocation::Hidden), "{command}");
        }
    }

    #[test]
    fn the_name_of_phpunit_as_an_argument_is_no_run_of_it() {
        for command in [
            "",
            "composer require phpunit/phpunit",
            "composer install",
            "composer run lint",
            "echo phpunit",
            "php",
            "php -r 'phpunit'",
            "php artisan migrate",
            "phpstan analyse",
            "vendor/bin/paratest",
            "vendor/bin/phpunit-watcher watch",
            "sh -c 'echo phpunit'",
            "A=1",
        ] {
            assert_eq!(find(command), None, "{command}");
        }
    }
}
