//! Identities. Each is its own type, so that an index can never stand where a seed is meant.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One `flaky run` or one worker job: lower-case letters, digits and `-`, at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RunId(String);

/// Why a text is not a [`RunId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a run id: expected 1 to 64 lower-case letters, digits or `-`")]
pub struct InvalidRunId(String);

impl RunId {
    /// The id as text; safe as a file name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if fits { Ok(Self(text)) } else { Err(InvalidRunId(text.chars().take(80).collect())) }
    }
}

impl std::str::FromStr for RunId {
    type Err = InvalidRunId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One test as its framework names it, stable across attempts. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TestId(Arc<str>);

/// Longest test id kept, in bytes; what is longer is cut on a character boundary and ends in `…`.
/// Real ids stay under 1 kB (parametrised tests with long values are the worst); 4 kB leaves room.
pub const MAX_TEST_ID_BYTES: usize = 4096;

impl TestId {
    /// Makes an id of any text: control characters become U+FFFD, and what is over
    /// [`MAX_TEST_ID_BYTES`] is cut. An empty text becomes `(unnamed)`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self(Arc::from("(unnamed)"));
        }
        let clean = !text.chars().any(char::is_control) && text.len() <= MAX_TEST_ID_BYTES;
        if clean {
            return Self(Arc::from(text));
        }
        let mut out = String::with_capacity(text.len().min(MAX_TEST_ID_BYTES));
        for c in text.chars() {
            let c = if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            if out.len() + c.len_utf8() + '…'.len_utf8() > MAX_TEST_ID_BYTES {
                out.push('…');
                break;
            }
            out.push(c);
        }
        Self(Arc::from(out))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for TestId {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<TestId> for String {
    fn from(id: TestId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an attempt gets as `TEST_SEED`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position of an attempt in its run, from 0: what an attempt gets as `ATTEMPT`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct AttemptIndex(pub u32);

impl fmt::Display for AttemptIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
