//! `history`: where earlier runs are kept, and for how long.

use std::borrow::Cow;
use std::fmt;

use flaky_core::period::{InvalidPeriod, Period};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;

use crate::error::shown;

/// The file's `history`: the store alone, or the store and how long runs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryEntry {
    /// Where.
    pub store: HistoryStore,
    /// How long; `None`: until somebody takes them away. Only for a store that is named beside it.
    pub keep: Option<Period>,
}

/// Where earlier runs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HistoryStore {
    /// In the state folder of the user.
    #[default]
    Usual,
    /// Nowhere.
    Nowhere,
    /// In a file; relative to the folder that the configuration stands in, or to the current one where it was typed.
    File(String),
    /// In PostgreSQL.
    Postgres(DatabaseUrl),
}

/// `postgres://…`, in which passwords stand as `${{ secrets.NAME }}`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Secret(String),
}

/// Why a text names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStore {
    /// Nothing.
    #[error("expected a path or a URL, not an empty text")]
    Empty,
    /// A NUL, a line end and the like.
    #[error("the place of the history holds a control character")]
    ControlCharacter,
    /// `mysql://…`.
    #[error("{0} is no kind of database: expected a path, or `postgres://…`")]
    Scheme(String),
    /// `postgres://user:password@…` where others read it.
    #[error(
        "the URL holds a password: write `${{{{ secrets.FLAKY_HISTORY_PASSWORD }}}}` in its place, and set that variable"
    )]
    Password,
    /// A variable that is not meant for this.
    #[error("`secrets.{0}` cannot be used here: expected a name that begins with `FLAKY_HISTORY`")]
    SecretName(String),
    /// `keep` without a `store`.
    #[error("`keep` needs a `store` of its own: in the usual one are the runs of other repositories, too")]
    KeepOfOthers,
    /// `${{` without an end.
    #[error("`${{{{` begins a secret: expected `${{{{ secrets.NAME }}}}`")]
    Placeholder,
}

/// The secret that a URL names is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable `{0}` is not set, and the URL of the history needs it")]
pub struct SecretMissing(pub String);

/// Variables that a configuration may name here. A repository's file could send any other one to a server of its own.
const SECRETS_BEGIN: &str = "FLAKY_HISTORY";

impl HistoryStore {
    /// As it stands in a configuration, which others read: a password in it is refused.
    ///
    /// # Errors
    /// When it names no store.
    pub fn of_file(text: &str) -> Result<Self, InvalidStore> {
        let store = Self::typed(text)?;
        match &store {
            Self::Postgres(url) if url.has_password() => Err(InvalidStore::Password),
            _ => Ok(store),
        }
    }

    /// As it was typed, or stands in a variable. `off` is nowhere.
    ///
    /// # Errors
    /// When it names no store.
    pub fn typed(text: &str) -> Result<Self, InvalidStore> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidStore::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidStore::ControlCharacter);
        }
        match text.split_once("://") {
            _ if text == "off" => Ok(Self::Nowhere),
            None => Ok(Self::File(text.to_owned())),
            Some(("postgres" | "postgresql", _)) => DatabaseUrl::parse(text).map(Self::Postgres),
            Some(("sqlite" | "file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            // Of an unknown scheme nobody knows what behind it is secret.
            Some((scheme, _)) => Err(InvalidStore::Scheme(shown(scheme))),
        }
    }
}

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, InvalidStore> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (inner, after) = after.split_once("}}").ok_or(InvalidStore::Placeholder)?;
            let name = inner.trim().strip_prefix("secrets.").ok_or(InvalidStore::Placeholder)?;
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !plain || !name.starts_with(SECRETS_BEGIN) {
                return Err(InvalidStore::SecretName(shown(name).replace('`', "")));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Secret(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// With its secrets, each escaped as a part of a URL has to be.
    ///
    /// # Errors
    /// When one is not set.
    pub fn filled(&self, secret: impl Fn(&str) -> Option<String>) -> Result<String, SecretMissing> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Ok(text.clone()),
                Piece::Secret(name) => {
                    let value = secret(name).filter(|value| !value.trim().is_empty());
                    value
                        .map(|value| percent_encoded(value.trim()))
                        .ok_or_else(|| SecretMissing(name.clone()))
                }
            })
            .collect()
    }

    /// Whether a password stands in it as it is.
    fn has_password(&self) -> bool {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Secret(_) => "\u{0}".to_owned(),
        };
        let shape: String = self.0.iter().map(piece).collect();
        let (address, query) = shape.split_once('?').unwrap_or((&shape, ""));
        let authority = address.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        let userinfo = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let literal = |value: &str| !value.is_empty() && value != "\u{0}";
        let in_address = userinfo.split_once(':').is_some_and(|(_, password)| literal(password));
        let in_query = query.split('&').any(|part| {
            part.split_once('=').is_some_and(|(key, value)| key.contains("password") && literal(value))
        });
        in_address || in_query
    }
}

/// Never with what may be secret in it.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(postgres://…)")
    }
}

/// RFC 3986: all but unreserved characters.
fn percent_encoded(value: &str) -> String {
    use fmt::Write as _;
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The store as YAML writes it: `false`, `true` or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoreNode(HistoryStore);

impl<'de> Deserialize<'de> for StoreNode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = StoreNode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`false`, a path, or `postgres://…`")
            }
            fn visit_bool<E: serde::de::Error>(self, kept: bool) -> Result<StoreNode, E> {
                Ok(StoreNode(if kept { HistoryStore::Usual } else { HistoryStore::Nowhere }))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StoreNode, E> {
                HistoryStore::of_file(text).map(StoreNode).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct KeepNode(Period);

impl TryFrom<String> for KeepNode {
    type Error = InvalidPeriod;
    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse().map(Self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
struct LongForm {
    #[serde(default)]
    store: Option<StoreNode>,
    #[serde(default)]
    keep: Option<KeepNode>,
}

impl<'de> Deserialize<'de> for HistoryEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = HistoryEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`false`, a path, `postgres://…`, or a mapping with `store` and `keep`")
            }
            fn visit_bool<E: serde::de::Error>(self, kept: bool) -> Result<HistoryEntry, E> {
                let store = if kept { HistoryStore::Usual } else { HistoryStore::Nowhere };
                Ok(HistoryEntry { store, keep: None })
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HistoryEntry, E> {
                Ok(HistoryEntry { store: HistoryStore::of_file(text).map_err(E::custom)?, keep: None })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<HistoryEntry, A::Error> {
                let LongForm { store, keep } = LongForm::deserialize(MapAccessDeserializer::new(map))?;
                let store = store.map_or_else(HistoryStore::default, |store| store.0);
                match (&store, &keep) {
                    (HistoryStore::Usual | HistoryStore::Nowhere, Some(_)) => {
                        Err(serde::de::Error::custom(InvalidStore::KeepOfOthers))
                    }
                    _ => Ok(HistoryEntry { store, keep: keep.map(|keep| keep.0) }),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for HistoryEntry {
    fn schema_name() -> Cow<'static, str> {
        "HistoryEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let switch = serde_json::json!({
            "type": "boolean",
            "description": "`false`: runs are not kept; `true`: in the state folder, as where nothing is said.",
        });
        let store = serde_json::json!({
            "type": "string",
            "minLength": 1,
            "description": "A file, from the folder of the configuration, or `postgres://…` with passwords as `${{ secrets.FLAKY_HISTORY_… }}`.",
        });
        json_schema!({
            "description": "Where earlier runs are kept: the place alone, or the place and for how long.",
            "anyOf": [
                switch,
                store,
                {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "store": {
                            "anyOf": [switch, store, {"type": "null"}],
                            "description": "Where.",
                        },
                        "keep": {
                            "type": ["string", "null"],
                            "pattern": "^\\s*[0-9]+[mhdw]\\s*$",
                            "description": "How long runs are kept in that store, such as `90d`; left out: until `flaky history prune`.",
                        },
                    },
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_path_or_a_database() {
        for (text, expected) in [
            ("shared/history.sqlite", "file shared/history.sqlite"),
            ("sqlite:///var/h.sqlite", "file /var/h.sqlite"),
            ("off", "nowhere"),
            ("postgres://db.example.org/flaky", "postgres"),
            (
                "postgresql://${{ secrets.FLAKY_HISTORY_USER }}:${{secrets.FLAKY_HISTORY_PASSWORD}}@db/f",
                "postgres",
            ),
            ("postgres://me:hunter2@db/f", "the URL holds a password"),
            ("postgres://db/f?user=me&password=hunter2", "the URL holds a password"),
            ("postgres://db/f?password=${{ secrets.FLAKY_HISTORY_PASSWORD }}", "postgres"),
            ("postgres://x:${{ secrets.AWS_SECRET }}@evil/f", "`secrets.AWS_SECRET` cannot be used"),
            ("postgres://x:${{ secrets.FLAKY_HISTORY@evil/f", "begins a secret"),
            ("mysql://me:hunter2@db/f", "`mysql` is no kind of database"),
            ("", "an empty text"),
            ("a\nb", "control character"),
        ] {
            let said = match HistoryStore::of_file(text) {
                Ok(HistoryStore::File(path)) => format!("file {path}"),
                Ok(HistoryStore::Nowhere) => "nowhere".into(),
                Ok(HistoryStore::Usual) => "usual".into(),
                Ok(HistoryStore::Postgres(_)) => "postgres".into(),
                Err(error) => error.to_string(),
            };
            assert!(said.contains(expected), "{text}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn secrets_are_filled_in_escaped_and_shown_nowhere() {
        let text = "postgres://me:${{ secrets.FLAKY_HISTORY_PASSWORD }}@db/f";
        let Ok(HistoryStore::Postgres(url)) = HistoryStore::of_file(text) else { panic!("a URL") };
        let filled = url.filled(|name| (name == "FLAKY_HISTORY_PASSWORD").then(|| " p@ss/1 ".to_owned()));
        assert_eq!(filled.as_deref(), Ok("postgres://me:p%40ss%2F1@db/f"));
        assert_eq!(url.filled(|_| None), Err(SecretMissing("FLAKY_HISTORY_PASSWORD".into())));
        let Ok(typed) = HistoryStore::typed("postgres://me:hunter2@db/f") else { panic!("a URL") };
        assert!(!format!("{typed:?}").contains("hunter2"));
    }
}
