//! Where in a command RSpec is.

/// RSpec found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Its own arguments begin at this position of the argument list.
    Direct {
        /// Position after `rspec`.
        arguments: usize,
    },
    /// In the text of a shell command, or behind a task of Rake: its arguments are out of reach.
    Hidden,
}

/// Tools that run the command that stands among their arguments.
const RUNNERS: &[&str] = &[
    "bundle", "bundler", "env", "time", "timeout", "nice", "nohup", "stdbuf", "setsid", "xvfb-run", "rbenv",
    "asdf", "mise", "rvm", "dotenv", "spring",
];

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

impl Invocation {
    /// Looks for RSpec where a command can be; its name as a mere argument (`gem install rspec`) does not count.
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
    match name {
        "rspec" => Some(Invocation::Direct { arguments: start + 1 }),
        "rake" | "rails" => rest.iter().any(|word| is_task(word)).then_some(Invocation::Hidden),
        "ruby" | "jruby" => after_ruby(words, start + 1),
        _ if SHELLS.contains(&name) => {
            let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'))? + 1;
            runs_rspec(words.get(script)?).then_some(Invocation::Hidden)
        }
        "bundle" | "bundler" | "rbenv" | "asdf" | "mise" => {
            let exec = rest.iter().position(|word| matches!(*word, "exec" | "x"))?;
            after_runner(words, start + 2 + exec)
        }
        _ if RUNNERS.contains(&name) => after_runner(words, start + 1),
        _ => None,
    }
}

/// After a runner come options of its own, with values that only it knows: the first word that is a way to run RSpec
/// is taken.
fn after_runner(words: &[&str], from: usize) -> Option<Invocation> {
    (from..words.len()).find_map(|at| {
        let word = words.get(at)?;
        if word.starts_with('-') { None } else { find(words, at) }
    })
}

/// `ruby -Ilib -S rspec`, `ruby bin/rspec`.
fn after_ruby(words: &[&str], from: usize) -> Option<Invocation> {
    let at = (from..words.len()).find(|at| words.get(*at).is_some_and(|word| !word.starts_with('-')))?;
    (base_name(words.get(at)?) == "rspec").then_some(Invocation::Direct { arguments: at + 1 })
}

/// The name that RSpec's own Rake task has, and names below it as rspec-rails makes them.
fn is_task(word: &str) -> bool {
    word == "spec" || word.starts_with("spec:")
}

/// Whether one of the simple commands of a shell text is RSpec. Quotes are not understood; what is in them hardly ever
/// looks like a command.
fn runs_rspec(script: &str) -> bool {
    script.split(['\n', ';', '&', '|', '(', ')']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "exec").collect();
        // `bundle exec` has lost its verb with that of the shell.
        let words: Vec<&str> =
            words.into_iter().filter(|word| !matches!(*word, "bundle" | "bundler")).collect();
        find(&words, 0).is_some()
    })
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
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
    fn every_usual_way_to_run_rspec_is_known() {
        let direct = [
            ("rspec", 1),
            ("bin/rspec spec/models", 1),
            ("./vendor/bundle/bin/rspec", 1),
            ("bundle exec rspec -f d", 3),
            ("bundle exec --keep-file-descriptors rspec", 4),
            ("RAILS_ENV=test bundle exec bin/rspec", 4),
            ("env CI=1 rspec", 3),
            ("timeout 60 bundle exec rspec", 5),
            ("ruby -S rspec", 3),
            ("ruby -Ilib -w bin/rspec", 4),
            ("bundle exec ruby -S rspec", 5),
        ];
        for (command, arguments) in direct {
            assert_eq!(find(command), Some(Invocation::Direct { arguments }), "{command}");
        }
        for command in [
            "rake spec",
            "bundle exec rake spec:models",
            "sh -c 'cd app && bundle exec rspec -f d'",
            "bash -lc 'rspec; true'",
        ] {
            assert_eq!(find(command), Some(Invocation::Hidden), "{command}");
        }
    }

    #[test]
    fn the_name_of_rspec_as_an_argument_is_no_run_of_it() {
        for command in [
            "",
            "gem install rspec",
            "bundle add rspec",
            "bundle install",
            "echo rspec",
            "rake",
            "rake test",
            "rails test",
            "ruby test/cart_test.rb",
            "ruby",
            "parallel_rspec spec",
            "sh -c 'echo rspec'",
            "busted spec",
            "A=1",
        ] {
            assert_eq!(find(command), None, "{command}");
        }
    }
}
