//! The test command: words, split as a shell would, never given to a shell.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

/// A program and its arguments; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct TestCommand(Vec<String>);

/// Why a text is not a [`TestCommand`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTestCommand {
    /// Nothing but space, or a comment, or an empty program name.
    #[error("Test command is required")]
    Empty,
    /// A quote that is never closed.
    #[error("unbalanced quotes in the test command: `{quote}` at character {position} is never closed")]
    UnbalancedQuotes {
        /// Which.
        quote: char,
        /// Where in the command, in characters from 1.
        position: usize,
    },
    /// A character that no program can be given.
    #[error("the test command contains a NUL character")]
    Nul,
}

impl TestCommand {
    /// Takes words that are split already, as after `--` on the command line.
    ///
    /// # Errors
    /// When there is no word, the first is empty, or one contains NUL.
    pub fn from_words(words: Vec<String>) -> Result<Self, InvalidTestCommand> {
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(InvalidTestCommand::Empty);
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(InvalidTestCommand::Nul);
        }
        Ok(Self(words))
    }

    /// Program and arguments.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Program and arguments.
    #[must_use]
    pub fn into_words(self) -> Vec<String> {
        self.0
    }

    /// The first word that a shell would act on. The command is not given to one, so the word goes to the
    /// program as it stands, which is seldom meant.
    #[must_use]
    pub fn shell_operator(&self) -> Option<&str> {
        const OPERATORS: [&str; 9] = ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"];
        self.0.iter().map(String::as_str).find(|word| OPERATORS.contains(word))
    }
}

impl FromStr for TestCommand {
    type Err = InvalidTestCommand;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match shell_words::split(text) {
            Ok(words) => Self::from_words(words),
            Err(_) => {
                let (quote, position) = open_quote(text);
                Err(InvalidTestCommand::UnbalancedQuotes { quote, position })
            }
        }
    }
}

impl TryFrom<String> for TestCommand {
    type Error = InvalidTestCommand;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for TestCommand {
    /// Quoted where needed, so that a shell would read the same words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shell_words::join(&self.0))
    }
}

/// The quote that stands open at the end of `text`, and its position; the splitter does not say.
fn open_quote(text: &str) -> (char, usize) {
    let mut open: Option<(char, usize)> = None;
    let (mut escaped, mut comment, mut at_word_start) = (false, false, true);
    for (index, c) in text.chars().enumerate() {
        let starts_word = at_word_start;
        at_word_start = open.is_none() && !escaped && matches!(c, ' ' | '\t' | '\n');
        if comment {
            comment = c != '\n';
            at_word_start = !comment;
        } else if escaped {
            escaped = false;
            at_word_start = open.is_none() && c == '\n' && starts_word;
        } else {
            match (open, c) {
                (Some(('\'', _)), '\'') | (Some(('"', _)), '"') => open = None,
                (None | Some(('"', _)), '\\') => {
                    escaped = true;
                    at_word_start = starts_word && open.is_none();
                }
                (None, '\'' | '"') => open = Some((c, index + 1)),
                (None, '#') if starts_word => comment = true,
                _ => {}
            }
        }
    }
    open.unwrap_or(('"', text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::{InvalidTestCommand, TestCommand};

    fn check(text: &str, expected: Result<&[&str], InvalidTestCommand>) {
        let parsed = text.parse::<TestCommand>().map(TestCommand::into_words);
        let expected = expected.map(|words| words.iter().map(|w| (*w).to_owned()).collect());
        assert_eq!(parsed, expected, "{text:?}");
    }

    fn open(quote: char, position: usize) -> Result<&'static [&'static str], InvalidTestCommand> {
        Err(InvalidTestCommand::UnbalancedQuotes { quote, position })
    }

    #[test]
    fn a_command_is_split_as_a_shell_splits_words() {
        check("pytest -v", Ok(&["pytest", "-v"]));
        check("  pytest\t-k 'a b' \"c d\" e\\ f ''", Ok(&["pytest", "-k", "a b", "c d", "e f", ""]));
        check("pytest \\\n -v # why", Ok(&["pytest", "-v"]));
        check("sh -c 'echo \"$HOME\"; exit 1'", Ok(&["sh", "-c", "echo \"$HOME\"; exit 1"]));
        check("pytest tests/é.py", Ok(&["pytest", "tests/é.py"]));
    }

    #[test]
    fn a_command_without_a_program_is_refused() {
        for text in ["", "   ", "\n", "# only a comment", "''", "' ' -v"] {
            check(text, Err(InvalidTestCommand::Empty));
        }
        check("pytest \0", Err(InvalidTestCommand::Nul));
        assert_eq!(TestCommand::from_words(Vec::new()), Err(InvalidTestCommand::Empty));
    }

    #[test]
    fn an_open_quote_is_named_by_its_position() {
        check("pytest 'a b", open('\'', 8));
        check("pytest \"a b", open('"', 8));
        check("pytest 'a' \"b", open('"', 12));
        check("é \"", open('"', 3));
        check("a \\' \"", open('"', 6));
        check("a \"b \\\" c", open('"', 3));
        check("a it's", open('\'', 5));
        check("a # it's\n b '", open('\'', 13));
        check("a#'", open('\'', 3));
        check("a '\"", open('\'', 3));
        check("'", open('\'', 1));
    }

    #[test]
    fn a_word_meant_for_a_shell_is_found() {
        let operator = |text: &str| text.parse::<TestCommand>().unwrap().shell_operator().map(str::to_owned);
        assert_eq!(operator("cd a && pytest").as_deref(), Some("&&"));
        assert_eq!(operator("pytest | tee x").as_deref(), Some("|"));
        assert_eq!(operator("pytest -k 'a && b'"), None);
    }

    #[test]
    fn a_command_shown_reads_back_as_the_same_words() {
        let command: TestCommand = "pytest -k 'a b' \"it's\" ''".parse().unwrap();
        assert_eq!(command.to_string().parse::<TestCommand>().unwrap(), command);
    }
}
