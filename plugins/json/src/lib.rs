//! The report document itself, laid out for people: the same values, in the same order, with white space.

mod component;

use std::fmt::Write as _;

/// Spaces per level.
const INDENT: usize = 2;

/// Lays out JSON text. Nothing but white space between tokens changes: numbers keep every digit, fields their
/// order. Lists of plain values (seeds, mostly) stay on one line. The text must be JSON; of what is not, the
/// result is unspecified, but there is one.
#[must_use]
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.trim();
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '{' | '[' => match flat_length(rest) {
                Some(length) => {
                    flat(&mut out, rest.get(..length).unwrap_or_default());
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                None => 1,
            },
            _ => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
                new_line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if c.is_whitespace() => {}
            _ => out.push_str(token),
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    let _ = write!(out, "\n{:indent$}", "", indent = depth * INDENT);
}

/// Bytes of the string that the text begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the list or object that the text begins with, if it belongs on one line: an empty one, or a list of
/// plain values.
fn flat_length(text: &str) -> Option<usize> {
    let is_list = text.starts_with('[');
    let mut at = 1;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' if is_list => at += string_length(text.get(at..)?),
            b']' | b'}' => return Some(at + 1),
            b'[' | b'{' | b'"' => return None,
            _ if is_list || byte.is_ascii_whitespace() => at += 1,
            _ => return None,
        }
    }
    None
}

/// Writes a list of plain values, or something empty, on one line.
fn flat(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c == '"' { string_length(rest) } else { c.len_utf8() };
        let (token, after) = rest.split_at(length);
        rest = after;
        match c {
            ',' => out.push_str(", "),
            _ if c.is_whitespace() => {}
            _ => out.push_str(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn documents_are_laid_out() {
        let cases = [
            ("{}", "{}\n"),
            ("[ ]", "[]\n"),
            (r#"{"a":1,"b":[1,2 , 3],"c":{}}"#, "{\n  \"a\": 1,\n  \"b\": [1, 2, 3],\n  \"c\": {}\n}\n"),
            (
                r#"{"a":[{"b":"x, {y} \" ] "}],"c":["]",null,true]}"#,
                "{\n  \"a\": [\n    {\n      \"b\": \"x, {y} \\\" ] \"\n    }\n  ],\n  \"c\": [\"]\", null, true]\n}\n",
            ),
            (
                "[18446744073709551615,0.30000000000000004,1e400]",
                "[18446744073709551615, 0.30000000000000004, 1e400]\n",
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(pretty(json), expected);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_meaning_stays_and_a_second_time_changes_nothing(value in value()) {
            let laid_out = pretty(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&laid_out).unwrap(), value);
            prop_assert_eq!(pretty(&laid_out), laid_out);
        }

        #[test]
        fn what_is_not_json_does_no_harm(text in any::<String>()) {
            let _ = pretty(&text);
        }
    }
}
