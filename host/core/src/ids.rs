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
    /// Of a run that never was.
    #[must_use]
    pub fn none() -> Self {
        Self("none".to_owned())
    }

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
        // Bytes first: this runs for every test of every attempt, and nearly every id is plain.
        let suspicious = text.bytes().fold(false, |found, b| found | (b < 0x20) | (b == 0x7f) | (b == 0xc2));
        let clean = text.len() <= MAX_TEST_ID_BYTES && !(suspicious && text.chars().any(char::is_control));
        if clean {
            return Self(Arc::from(text));
        }
        let mut out = String::with_capacity(text.len().min(MAX_TEST_ID_BYTES));
        // Where to cut so that the mark fits, should the text turn out too long.
        let mut cut = 0;
        for c in text.chars() {
            let c = if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            if out.len() + c.len_utf8() > MAX_TEST_ID_BYTES {
                out.truncate(cut);
                out.push('…');
                break;
            }
            out.push(c);
            if out.len() + '…'.len_utf8() <= MAX_TEST_ID_BYTES {
                cut = out.len();
            }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl std::str::FromStr for Seed {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position of an attempt in its run, from 0: what an attempt gets as `ATTEMPT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AttemptIndex(pub u32);

impl fmt::Display for AttemptIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn run_ids_are_short_plain_names() {
        let longest = "a".repeat(64);
        for good in ["a", "0", "run-2026-11-24", "a-", &longest] {
            let id: RunId = good.parse().unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (good, good));
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{good}\""));
        }
        let too_long = "a".repeat(65);
        for bad in ["", "-a", "A", "a b", "a/b", "..", "ä", "a\0", &too_long] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?}");
            assert!(serde_json::from_value::<RunId>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_endless_run_id_is_not_repeated_in_full() {
        let error = "X".repeat(1_000_000).parse::<RunId>().unwrap_err();
        assert!(error.to_string().len() < 200);
    }

    #[test]
    fn test_ids_are_cleaned_and_cut() {
        let fits = "x".repeat(MAX_TEST_ID_BYTES);
        let cut = format!("{}…", "x".repeat(MAX_TEST_ID_BYTES - 3));
        let last_fits = format!("{}\n", "x".repeat(MAX_TEST_ID_BYTES - 3));
        let table = [
            ("tests/t.py::test_a[ä-1]", "tests/t.py::test_a[ä-1]".to_owned()),
            ("", "(unnamed)".to_owned()),
            ("a\u{1b}[31m\nb", "a\u{fffd}[31m\u{fffd}b".to_owned()),
            (&fits, fits.clone()),
            (&format!("{fits}x"), cut.clone()),
            (&last_fits, format!("{}\u{fffd}", "x".repeat(MAX_TEST_ID_BYTES - 3))),
        ];
        for (text, want) in table {
            assert_eq!(TestId::new(text).as_str(), want);
        }
    }

    #[test]
    fn ids_seeds_and_attempts_are_plain_values_in_json() {
        let all = (TestId::new("a::b"), Seed(u64::MAX), AttemptIndex(7));
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(json, r#"["a::b",18446744073709551615,7]"#);
        assert_eq!(serde_json::from_str::<(TestId, Seed, AttemptIndex)>(&json).unwrap(), all);
        assert_eq!(
            (all.0.to_string(), all.1.to_string(), all.2.to_string()),
            ("a::b".into(), u64::MAX.to_string(), "7".into())
        );
    }

    proptest! {
        #[test]
        fn any_text_makes_a_test_id_that_stays_itself(text in "(?s).{0,40}", repeat in 1_usize..400) {
            let id = TestId::new(&text.repeat(repeat));
            prop_assert!(!id.as_str().is_empty() && id.as_str().len() <= MAX_TEST_ID_BYTES);
            prop_assert!(!id.as_str().chars().any(char::is_control));
            prop_assert_eq!(TestId::new(id.as_str()), id);
        }
    }
}
