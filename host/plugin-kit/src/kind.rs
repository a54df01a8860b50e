//! What a plugin is for.

use std::fmt;
use std::str::FromStr;

/// What a project is made for: the role that its template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Judges the numbers.
    Policy,
    /// Reads what a framework printed or wrote.
    Parser,
    /// Makes text, files and messages of the report.
    Reporter,
}

impl Kind {
    /// By name.
    pub const ALL: &[(&'static str, Self)] =
        &[("policy", Self::Policy), ("parser", Self::Parser), ("reporter", Self::Reporter)];

    /// The role's name in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Parser => "parser",
            Self::Reporter => "reporter",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of plugin: expected `policy`, `parser` or `reporter`")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
