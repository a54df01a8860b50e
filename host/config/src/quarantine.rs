//! `.flaky-quarantine.yml`: tests that are known to be flaky, each with an owner, a reason and an end.
//!
//! The file is a list that people review. It is read as strictly as the configuration: an entry that says less than what a
//! reviewer has to know, or that means nothing, is an error at its line.

mod choice;
pub mod edit;

use std::io;
use std::path::{Path, PathBuf};

use flaky_core::date::Date;
use flaky_core::ids::{MAX_TEST_ID_BYTES, TestId};
use flaky_core::settings::InvalidSetting;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

pub use self::choice::QuarantineChoice;
use crate::de::from_node;
use crate::error::{ConfigError, ConfigErrorKind, Place, shown};
use crate::file::text_of;
use crate::rate::VerdictBound;
use crate::source;
use crate::tree::{self, Node, Problem, Value};

/// The name under which a project keeps its quarantine, where its configuration names no other.
pub const QUARANTINE_FILE_NAME: &str = ".flaky-quarantine.yml";

/// Longest owner, reason or name of a suite, in characters: what a reviewer reads in a line or two.
const MAX_LINE_CHARS: usize = 300;

/// One line of text, not empty and without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = MAX_LINE_CHARS))]
pub struct Line(String);

impl Line {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Line {
    type Error = InvalidSetting;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        // A folded block of YAML ends in a line end of its own.
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidSetting("expected a text, found an empty one".to_owned()));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidSetting("expected one line of text, without control characters".to_owned()));
        }
        if text.chars().nth(MAX_LINE_CHARS).is_some() {
            return Err(InvalidSetting(format!("expected at most {MAX_LINE_CHARS} characters")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What was known when a test was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `failed`, `ran`, `runs` and `commits`")]
pub struct QuarantineEvidence {
    /// Failed attempts.
    pub failed: u32,
    /// Attempts.
    pub ran: u32,
    /// Runs in which it failed, at a commit at which it passed as well.
    pub runs: u32,
    /// Commits at which it failed and passed.
    pub commits: u32,
}

/// A test in quarantine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `test`, `owner`, `reason`, `since` and `expires`")]
pub struct QuarantineEntry {
    /// Its id, as reports name it.
    #[serde(deserialize_with = "test_id")]
    #[schemars(extend("minLength" = 1))]
    pub test: TestId,
    /// The suite that it is of, by its name in the configuration or its folder; left out: any.
    #[serde(default)]
    pub suite: Option<Line>,
    /// Who mends it: a person or a team.
    pub owner: Line,
    /// Why it is here, for whoever reviews.
    pub reason: Line,
    /// The day on which it came here.
    pub since: Date,
    /// What was known then.
    #[serde(default)]
    pub evidence: Option<QuarantineEvidence>,
    /// The first day on which it gates again.
    pub expires: Date,
    /// The failure rate that clean attempts have to bound before it is released; left out: 0.05.
    #[serde(default)]
    pub release_below: Option<VerdictBound>,
}

impl QuarantineEntry {
    /// Whether it no longer holds on a day.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        today >= self.expires
    }

    /// Whether it is of this suite, by one of its names.
    #[must_use]
    pub fn is_of(&self, suite: &[&str]) -> bool {
        self.suite.as_ref().is_none_or(|own| suite.contains(&own.as_str()))
    }
}

/// A quarantine file, read and checked.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Quarantine {
    /// The file, as it was named.
    pub path: PathBuf,
    /// In its order.
    pub entries: Vec<QuarantineEntry>,
    /// Where each begins.
    places: Vec<Place>,
}

impl Quarantine {
    /// Where an entry begins.
    #[must_use]
    pub fn place(&self, entry: usize) -> Option<Place> {
        self.places.get(entry).copied()
    }

    /// The place of the entry of a test in the list.
    #[must_use]
    pub fn find(&self, test: &TestId, suite: Option<&str>) -> Option<usize> {
        let is_it = |e: &QuarantineEntry| e.test == *test && e.suite.as_ref().map(Line::as_str) == suite;
        self.entries.iter().position(is_it)
    }
}

/// Parses a quarantine; `path` is only for messages.
///
/// # Errors
/// The first thing that is wrong, at its line and column.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Quarantine, ConfigError> {
    let fail = |problem: Problem| ConfigError::new(path, Some(problem.place), problem.kind);
    let text = text_of(bytes).map_err(fail)?;
    let Some(root) = tree::parse(text).map_err(fail)? else {
        return Ok(Quarantine { path: path.to_owned(), ..Quarantine::default() });
    };
    let entries: Vec<QuarantineEntry> = from_node(&root).map_err(fail)?;
    let Value::List(items) = &root.value else {
        return Ok(Quarantine { path: path.to_owned(), ..Quarantine::default() });
    };
    check_together(&entries, items).map_err(fail)?;
    Ok(Quarantine { path: path.to_owned(), entries, places: items.iter().map(|item| item.place).collect() })
}

/// Reads the file of a folder that a choice names; `None` where there is none.
///
/// # Errors
/// Whatever is wrong with it; where it was named, also that it is not there.
pub fn load(root: &Path, choice: &QuarantineChoice) -> Result<Option<Quarantine>, ConfigError> {
    let Some(name) = choice.file() else { return Ok(None) };
    let path = root.join(name);
    let fail = |kind| ConfigError::new(&path, None, kind);
    match path.canonicalize() {
        Ok(real) => {
            let root = root.canonicalize().map_err(|e| fail(ConfigErrorKind::Unreadable(e)))?;
            if !real.starts_with(root) {
                return Err(fail(ConfigErrorKind::LeavesProject));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !choice.is_named() => return Ok(None),
        Err(error) => return Err(fail(ConfigErrorKind::Unreadable(error))),
    }
    let bytes = source::read(&path).map_err(fail)?;
    parse(&path, &bytes).map(Some)
}

/// The JSON Schema of the file, for editors.
#[must_use]
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(Vec<QuarantineEntry>);
    schema.insert("title".to_owned(), Json::from(QUARANTINE_FILE_NAME));
    schema.insert("description".to_owned(), Json::from("Tests that are known to be flaky."));
    // An empty file is valid: nothing is in quarantine.
    schema.insert("type".to_owned(), serde_json::json!(["array", "null"]));
    schema.to_value()
}

/// What no single value can show: ends before beginnings, and entries that mean the same test.
fn check_together(entries: &[QuarantineEntry], items: &[Node]) -> Result<(), Problem> {
    let mut met = std::collections::BTreeMap::new();
    for (at, (entry, item)) in entries.iter().zip(items).enumerate() {
        let invalid = |key: &str, message: String| Problem {
            place: value_place(item, key),
            kind: ConfigErrorKind::Invalid { key: format!("[{at}].{key}"), message },
        };
        if entry.expires <= entry.since {
            return Err(invalid(
                "expires",
                format!("`{}` is not after `since`, `{}`", entry.expires, entry.since),
            ));
        }
        if entry.evidence.is_some_and(|evidence| evidence.failed > evidence.ran) {
            return Err(invalid("evidence", "more failed than ran".to_owned()));
        }
        if let Some(first) = met.insert((&entry.test, &entry.suite), item.place) {
            let message = format!("{} is here already, at {first}", shown(entry.test.as_str()));
            return Err(invalid("test", message));
        }
    }
    Ok(())
}

fn value_place(item: &Node, key: &str) -> Place {
    let Value::Map(entries) = &item.value else { return item.place };
    entries.iter().find(|entry| *entry.key == *key).map_or(item.place, |entry| entry.node.place)
}

/// An id that is kept as it stands: one that is cleaned or cut would be another test's.
fn test_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TestId, D::Error> {
    use serde::de::Error;
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(D::Error::custom("expected the id of a test, found an empty text"));
    }
    let id = TestId::new(&text);
    if id.as_str() != text {
        let why = format!("holds a control character, or is longer than {MAX_TEST_ID_BYTES} bytes");
        return Err(D::Error::custom(why));
    }
    Ok(id)
}
