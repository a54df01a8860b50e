//! From the tree to types, by serde, keeping places.
//!
//! An error raised anywhere inside a type has no place of its own. On its way out it passes the key or the value
//! that it speaks of, and the innermost of them gives it its place and its path; so a range check in a `TryFrom`
//! points at the number, and an unknown key at the key.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use crate::error::{ConfigErrorKind, NOTHING, Place, TEXT, shown};
use crate::nearest::nearest;
use crate::scalar::{Scalar, resolve};
use crate::tree::{Entry, Node, Problem, Value};

/// Newtype name under which a scalar is handed over as it is written, whatever it would mean.
pub(crate) const VERBATIM: &str = "flaky:verbatim";

/// Reads a type from a node.
pub(crate) fn from_node<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, Problem> {
    T::deserialize(NodeDeserializer { node })
        .map_err(|error| error.or_at(node.place).into_problem(node.place))
}

/// An error that is looking for its place.
#[derive(Debug)]
pub(crate) struct Lost {
    place: Option<Place>,
    /// From the inside out.
    path: Vec<Step>,
    what: What,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Item(usize),
}

#[derive(Debug)]
enum What {
    Custom(String),
    WrongType { expected: String, found: String },
    UnknownKey { key: String, valid: &'static [&'static str] },
    UnknownWord { word: String, valid: &'static [&'static str] },
    Missing(&'static str),
}

impl Lost {
    fn new(what: What) -> Self {
        Self { place: None, path: Vec::new(), what }
    }

    fn or_at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    fn into_problem(self, fallback: Place) -> Problem {
        let key = path_text(&self.path);
        let kind = match self.what {
            What::Custom(message) => ConfigErrorKind::Invalid { key, message },
            What::WrongType { expected, found } => ConfigErrorKind::WrongType { key, expected, found },
            What::UnknownKey { key: unknown, valid } => ConfigErrorKind::UnknownKey {
                nearest: nearest(&unknown, valid.iter().copied()).map(str::to_owned),
                key: shown(&unknown),
                within: key,
                valid: valid.to_vec(),
            },
            What::UnknownWord { word, valid } => ConfigErrorKind::UnknownWord {
                key,
                nearest: nearest(&word, valid.iter().copied()).map(str::to_owned),
                found: shown(&word),
                valid: valid.to_vec(),
            },
            What::Missing(field) => {
                ConfigErrorKind::Invalid { key, message: format!("the key `{field}` is missing") }
            }
        };
        Problem { place: self.place.unwrap_or(fallback), kind }
    }
}

fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path.iter().rev() {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(shown(key).trim_matches('`'));
            }
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Lost {}

impl de::Error for Lost {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(What::Custom(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::WrongType { expected: expected_text(expected), found: found_text(&found) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(key: &str, valid: &'static [&'static str]) -> Self {
        Self::new(What::UnknownKey { key: key.to_owned(), valid })
    }

    fn unknown_variant(word: &str, valid: &'static [&'static str]) -> Self {
        Self::new(What::UnknownWord { word: word.to_owned(), valid })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }
}

/// What serde's own visitors expect, in words that a user reads.
fn expected_text(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" | "u16" | "u32" | "u64" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" => TEXT,
        "a sequence" => "a list",
        "a map" => "a mapping",
        other => other,
    }
    .to_owned()
}

fn found_text(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value:?}`"),
        Unexpected::Str(text) => format!("the text {}", shown(text)),
        Unexpected::Unit | Unexpected::Option => NOTHING.to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

struct NodeDeserializer<'de> {
    node: &'de Node,
}

impl<'de> NodeDeserializer<'de> {
    fn unexpected(&self) -> Unexpected<'de> {
        match &self.node.value {
            Value::Null => Unexpected::Unit,
            Value::Text(text) => Unexpected::Str(text),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
            Value::Plain(text) => match resolve(text) {
                Scalar::Bool(value) => Unexpected::Bool(value),
                Scalar::Integer(value) => {
                    i64::try_from(value).map_or(Unexpected::Str(text), Unexpected::Signed)
                }
                Scalar::Number(value) => Unexpected::Float(value),
                Scalar::TooLarge | Scalar::Text(_) => Unexpected::Str(text),
            },
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Lost;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Lost> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            Value::Plain(text) => match resolve(text) {
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Integer(value) => match (i64::try_from(value), u64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_i64(value),
                    (_, Ok(value)) => visitor.visit_u64(value),
                    _ => visitor.visit_i128(value),
                },
                Scalar::Number(value) => visitor.visit_f64(value),
                Scalar::TooLarge => {
                    Err(de::Error::custom(format_args!("{} is not a number that can be used", shown(text))))
                }
                Scalar::Text(text) => visitor.visit_borrowed_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Lost> {
        // The original's YAML reader took these words for truth values.
        if let Value::Plain(text) = &self.node.value {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" => return visitor.visit_bool(true),
                "no" | "off" => return visitor.visit_bool(false),
                _ => {}
            }
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Lost> {
        if matches!(self.node.value, Value::Null) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Lost> {
        match (&self.node.value, name) {
            (Value::Plain(text), VERBATIM) => visitor.visit_borrowed_str(text),
            (_, VERBATIM) => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Lost> {
        match &self.node.value {
            Value::Plain(text) | Value::Text(text) => visitor.visit_enum(Word { text }),
            _ => {
                let words = variants.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                let expected = format!("one of {words}");
                Err(de::Error::invalid_type(self.unexpected(), &expected.as_str()))
            }
        }
    }

    /// A struct is a mapping; serde would take a list of its fields as well.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Lost> {
        match &self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            _ => Err(de::Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Word<'de> {
    text: &'de str,
}

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Lost;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Lost> {
        let word: de::value::BorrowedStrDeserializer<'de, Lost> =
            de::value::BorrowedStrDeserializer::new(self.text);
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = Lost;

    fn unit_variant(self) -> Result<(), Lost> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Lost> {
        Err(de::Error::invalid_type(Unexpected::Str(self.text), &"a mapping"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Lost> {
        Err(de::Error::invalid_type(Unexpected::Str(self.text), &"a mapping"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Lost> {
        Err(de::Error::invalid_type(Unexpected::Str(self.text), &"a mapping"))
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Lost;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Lost> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer { node })
            .map(Some)
            .map_err(|error| error.or_at(node.place).within(Step::Item(index)))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Lost;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Lost> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: &str = &entry.key;
        seed.deserialize(key.into_deserializer())
            .map(Some)
            .map_err(|error: Lost| error.or_at(entry.key_place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Lost> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer { node: &entry.node })
            .map_err(|error| error.or_at(entry.node.place).within(Step::Key(entry.key.as_ref().to_owned())))
    }
}
