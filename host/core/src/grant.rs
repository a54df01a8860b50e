//! What a plugin may be allowed beyond returning data. Its manifest asks, the configuration or the command line grants,
//! and only what both name counts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::origin::{InvalidOrigin, Origin};

/// Longest name of a secret, in bytes: no real name comes near it.
const MAX_SECRET_BYTES: usize = 256;

/// Name of a variable whose value is filled in for a placeholder: letters, digits and `_`, not a digit first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SecretName(String);

/// One thing that a plugin is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Grant {
    /// HTTP deliveries to this origin.
    Http(Origin),
    /// A secret as placeholder in the URL and the headers of its deliveries.
    Secret(SecretName),
    /// To decide commands: the role `framework`.
    Commands,
}

/// A text that is no grant. Texts are not shown: somebody may have typed a secret into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGrant {
    /// Neither of the three.
    #[error("not a grant: expected `http:https://HOST`, `secret:NAME` or `commands`")]
    Shape,
    /// The origin.
    #[error("`http`: {0}")]
    Http(#[from] InvalidOrigin),
    /// The secret's name.
    #[error("not the name of a variable: expected letters, digits and `_`")]
    Secret,
}

impl SecretName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidGrant;

    fn from_str(name: &str) -> Result<Self, InvalidGrant> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let fits = (1..=MAX_SECRET_BYTES).contains(&name.len())
            && name.bytes().all(plain)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if fits { Ok(Self(name.to_owned())) } else { Err(InvalidGrant::Secret) }
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidGrant;

    fn try_from(name: String) -> Result<Self, InvalidGrant> {
        name.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Grant {
    /// As it stands in the list `grants` of a configuration file.
    #[must_use]
    pub fn in_configuration(&self) -> String {
        match self {
            Self::Http(origin) => format!("http: {origin}"),
            Self::Secret(name) => format!("secret: {name}"),
            Self::Commands => "commands".to_owned(),
        }
    }
}

/// As on the command line.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(origin) => write!(f, "http:{origin}"),
            Self::Secret(name) => write!(f, "secret:{name}"),
            Self::Commands => f.write_str("commands"),
        }
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        match text.split_once(':') {
            Some(("http", origin)) => Ok(Self::Http(origin.parse()?)),
            Some(("secret", name)) => Ok(Self::Secret(name.trim().parse()?)),
            None if text == "commands" => Ok(Self::Commands),
            _ => Err(InvalidGrant::Shape),
        }
    }
}

impl TryFrom<String> for Grant {
    type Error = InvalidGrant;

    fn try_from(text: String) -> Result<Self, InvalidGrant> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_in_two_ways_and_nothing_else_is_one() {
        for (text, shown, in_configuration) in [
            (
                "http:https://Hooks.Example.org",
                "http:https://hooks.example.org",
                "http: https://hooks.example.org",
            ),
            ("http:http://127.0.0.1:80", "http:http://127.0.0.1", "http: http://127.0.0.1"),
            ("secret: TEAMS_URL", "secret:TEAMS_URL", "secret: TEAMS_URL"),
            ("commands", "commands", "commands"),
        ] {
            let grant: Grant = text.parse().unwrap();
            assert_eq!(
                (grant.to_string(), grant.in_configuration()),
                (shown.to_owned(), in_configuration.to_owned())
            );
            assert_eq!(shown.parse(), Ok(grant));
        }
        for (text, why) in [
            ("", InvalidGrant::Shape),
            ("https://hooks.example.org", InvalidGrant::Shape),
            ("Commands", InvalidGrant::Shape),
            ("http:hooks.example.org", InvalidGrant::Http(InvalidOrigin::NotAUrl)),
            ("http:http://hooks.example.org", InvalidGrant::Http(InvalidOrigin::Clear)),
            ("http:https://hooks.example.org/path", InvalidGrant::Http(InvalidOrigin::Extra)),
            ("secret:", InvalidGrant::Secret),
            ("secret:1A", InvalidGrant::Secret),
            ("secret:A-B", InvalidGrant::Secret),
        ] {
            assert_eq!(text.parse::<Grant>(), Err(why), "{text}");
        }
    }
}
