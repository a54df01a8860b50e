//! Names that RunPod gives to things, and the key that it wants to see.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest id taken, in bytes. RunPod's are about 40; whatever comes back from a server goes into URLs and file names.
const MAX_ID_BYTES: usize = 200;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not {what}: expected 1 to {MAX_ID_BYTES} letters, digits, `-`, `_`, `.` or `:`")]
pub struct InvalidId {
    what: &'static str,
    shown: String,
}

fn check(text: &str, what: &'static str) -> Result<String, InvalidId> {
    let fits = (1..=MAX_ID_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        // `.` and `..` would be other places in a URL or a folder.
        && !text.bytes().all(|b| b == b'.');
    if fits {
        return Ok(text.to_owned());
    }
    let shown = text.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(InvalidId { what, shown })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As RunPod spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(text, $what).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id!(
    /// A job, as the platform names it: `<uuid>-u1`, `sync-<uuid>-e1` and the like; opaque.
    JobId,
    "a job id"
);
id!(
    /// An endpoint, as the platform names it.
    EndpointId,
    "an endpoint id"
);

/// The key of a RunPod account. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// `None` when nothing is left without blanks around, or when it could not be part of a header line.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// For the header alone.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_be_another_place_in_a_url_or_folder_are_refused() {
        for (text, taken) in [
            ("0f1e-u1", true),
            ("sync-0f1e-e2", true),
            ("test-0:1", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a?b", false),
            ("a b", false),
            ("ä", false),
            ("a\n", false),
        ] {
            assert_eq!(text.parse::<JobId>().is_ok(), taken, "{text:?}");
        }
        assert!("x".repeat(201).parse::<JobId>().is_err());
        assert!(serde_json::from_str::<JobId>(r#""a/b""#).is_err());
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = ApiKey::new(" rpa_SECRET \n").unwrap();
        assert_eq!(key.secret(), "rpa_SECRET");
        assert!(!format!("{key:?}").contains("SECRET"));
        assert_eq!(ApiKey::new("a\nb"), None);
        assert_eq!(ApiKey::new("  "), None);
    }
}
