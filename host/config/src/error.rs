//! Errors and warnings about the configuration file. Each says where, what, and (apart) what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A place in a text file, as editors count: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a configuration file was not taken. Displays as `path:line:column: message`, or `path: message` where the
/// file was never parsed.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    place: Option<Place>,
    kind: Box<ConfigErrorKind>,
}

/// What is wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The operating system refused to read it.
    #[error("cannot read the configuration: {0}")]
    Unreadable(#[source] io::Error),
    /// A folder, pipe or device.
    #[error("the configuration is not a regular file")]
    NotAFile,
    /// A link that leads out of the project, whose target would show in error messages.
    #[error("the configuration is a link that leads out of the project")]
    LeavesProject,
    /// More bytes than are read.
    #[error("the configuration is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes read.
        limit: u64,
    },
    /// Not text.
    #[error("the configuration is not UTF-8 text")]
    NotUtf8,
    /// Not YAML.
    #[error("invalid YAML: {message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
    /// A second `---`.
    #[error("a second YAML document begins here: expected one")]
    SeveralDocuments,
    /// Lists and mappings nested too deep.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// Deepest level read.
        limit: usize,
    },
    /// More keys and values, aliases written out, than are taken.
    #[error("more than {limit} keys and values once aliases are written out")]
    TooManyValues {
        /// Most values taken.
        limit: usize,
    },
    /// An alias inside the value that it stands for.
    #[error("the alias stands inside the value that it refers to")]
    AliasOfItself,
    /// `!something`.
    #[error("the YAML tag `{0}` is not supported")]
    Tag(String),
    /// `? [a, b]`, or a mapping key without text.
    #[error("expected a key, which is a plain word")]
    KeyNotText,
    /// `<<` with something that cannot be merged.
    #[error("`<<` expects a mapping, or a list of mappings")]
    Merge,
    /// One key twice in one mapping.
    #[error("{key}: given twice, first at {first}")]
    DuplicateKey {
        /// The key, in backticks.
        key: String,
        /// Where it was given first.
        first: Place,
    },
    /// A key that means nothing.
    #[error("unknown key {key}{}", within_text(.within))]
    UnknownKey {
        /// The key, in backticks.
        key: String,
        /// The mapping it stands in, or empty at the top.
        within: String,
        /// The valid key that was probably meant.
        nearest: Option<String>,
        /// Every valid key.
        valid: Vec<&'static str>,
    },
    /// A word that is none of those allowed.
    #[error("{}expected one of {}, found {found}", key_prefix(.key), listed(.valid))]
    UnknownWord {
        /// Path of the key.
        key: String,
        /// The word, in backticks.
        found: String,
        /// The valid word that was probably meant.
        nearest: Option<String>,
        /// Every valid word.
        valid: Vec<&'static str>,
    },
    /// A value of the wrong shape.
    #[error("{}expected {expected}, found {found}", key_prefix(.key))]
    WrongType {
        /// Path of the key.
        key: String,
        /// What was expected, in words.
        expected: String,
        /// What was found, in words.
        found: String,
    },
    /// A value of the right shape that is out of range or otherwise refused.
    #[error("{}{message}", key_prefix(.key))]
    Invalid {
        /// Path of the key.
        key: String,
        /// Why.
        message: String,
    },
}

impl ConfigError {
    pub(crate) fn new(path: &Path, place: Option<Place>, kind: ConfigErrorKind) -> Self {
        Self { path: path.to_owned(), place, kind: Box::new(kind) }
    }

    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where in the file; `None` when it was never parsed.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ConfigErrorKind {
        &self.kind
    }

    /// What to do about it, when there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.kind.hint()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{}:{place}: {}", self.path.display(), self.kind),
            None => write!(f, "{}: {}", self.path.display(), self.kind),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.kind)
    }
}

impl ConfigErrorKind {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax { hint, .. } => return hint.map(str::to_owned),
            Self::LeavesProject => "if it is meant, name it with `--config`".to_owned(),
            Self::NotUtf8 => "save the file as UTF-8".to_owned(),
            Self::SeveralDocuments => "keep what stands before `---`, or what stands after it".to_owned(),
            Self::DuplicateKey { .. } => "remove one of the two".to_owned(),
            Self::UnknownKey { nearest: Some(nearest), .. }
            | Self::UnknownWord { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::UnknownKey { nearest: None, valid, .. } if !valid.is_empty() => {
                format!("valid keys are {}", listed(valid))
            }
            Self::WrongType { expected, found, .. } => return wrong_type_hint(expected, found),
            _ => return None,
        };
        Some(hint)
    }
}

fn wrong_type_hint(expected: &str, found: &str) -> Option<String> {
    let hint = if found == NOTHING {
        "give it a value, or remove it"
    } else if expected == TEXT && !found.starts_with("a ") {
        "put the value in quotes"
    } else if expected.contains("number") && found.starts_with("the text") {
        "write it in digits, without quotes"
    } else if expected.contains("true") && found.starts_with("the text") {
        "write it without quotes"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// How messages name an absent value.
pub(crate) const NOTHING: &str = "nothing";
/// How messages name a string.
pub(crate) const TEXT: &str = "text";

/// A known key that was read, and that changes nothing yet. Displays as `path:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Where the key stands.
    pub place: Place,
    /// The key.
    pub key: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}` has no effect yet", self.path.display(), self.place, self.key)
    }
}

/// Longest text repeated in a message, in characters: enough to recognise it by.
const SHOWN: usize = 60;

/// Foreign text for a message: in backticks, cut, and without control characters, which could drive a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (position, c) in text.chars().enumerate() {
        if position == SHOWN {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.push('`');
    out
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

fn within_text(within: &str) -> String {
    if within.is_empty() { String::new() } else { format!(" in `{within}`") }
}
