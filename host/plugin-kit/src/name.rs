//! Names of plugins.

use std::fmt;
use std::str::FromStr;

/// The contract's bound.
const LONGEST: usize = 64;

/// A name that the contract takes, and that packages of every language can have: lower-case letters, digits and `-`,
/// at most 64, the first a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginName(String);

impl PluginName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As languages write it that have no `-` in names: `my_plugin`.
    #[must_use]
    pub fn snake(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing.
    #[error("the name of a plugin is empty")]
    Empty,
    /// More than the contract takes.
    #[error("the name of a plugin has {0} characters, more than the {LONGEST} allowed")]
    TooLong(usize),
    /// Something else.
    #[error("`{0}` is no name of a plugin: lower-case letters, digits and `-`, the first a letter")]
    Characters(String),
}

impl FromStr for PluginName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let (Some(first), Some(last)) = (text.as_bytes().first(), text.as_bytes().last()) else {
            return Err(InvalidName::Empty);
        };
        if text.len() > LONGEST {
            return Err(InvalidName::TooLong(text.chars().count()));
        }
        if !first.is_ascii_lowercase() || *last == b'-' || !text.as_bytes().iter().all(fits) {
            return Err(InvalidName::Characters(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_the_contract_and_every_language() {
        for good in ["a", "owners", "my-plugin-2", &"a".repeat(64)] {
            assert_eq!(good.parse::<PluginName>().unwrap().as_str(), good);
        }
        for bad in
            ["", "-", "-a", "a-", "1", "2fast", "My", "a_b", "a b", "../a", "ä", "a/b", &"a".repeat(65)]
        {
            assert!(bad.parse::<PluginName>().is_err(), "{bad:?}");
        }
        assert_eq!("my-own".parse::<PluginName>().unwrap().snake(), "my_own");
    }
}
