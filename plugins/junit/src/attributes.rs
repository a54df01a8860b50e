//! The attributes of an element, in the order in which they are written.

use std::borrow::Cow;

use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attributes as AnyAttributes;

/// Names and values, the values as written. What is no attribute is left out.
pub struct Attributes<'a> {
    rest: &'a str,
    /// From the first attribute on that is not written in the plain way, `name="value"`.
    unusual: Option<AnyAttributes<'a>>,
}

impl<'a> Attributes<'a> {
    /// Those of this element.
    #[must_use]
    pub fn of(element: &'a BytesStart<'_>) -> Self {
        Self { rest: element.attributes_raw(), unusual: None }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.unusual.is_none() {
            self.rest = self.rest.trim_start_matches([' ', '\r', '\n', '\t']);
            if let Some((name, value, rest)) = plain(self.rest) {
                self.rest = rest;
                return Some((name, value.into()));
            }
        }
        let unusual = self.unusual.get_or_insert_with(|| {
            let mut unusual = AnyAttributes::new(self.rest, 0);
            unusual.with_checks(false);
            unusual
        });
        unusual.flatten().next().map(|found| (found.key.into_inner(), found.value))
    }
}

/// Name, value and what follows, where the text begins with an attribute as nearly all are written. The XML reader
/// looks at every byte of a value, and values are most of a report; this searches for their ends.
fn plain(text: &str) -> Option<(&str, &str, &str)> {
    let equals = text.bytes().position(|b| matches!(b, b'=' | b' ' | b'\r' | b'\n' | b'\t'))?;
    let name = text.get(..equals).filter(|name| !name.is_empty())?;
    let quoted = text.get(equals..)?.strip_prefix('=')?;
    let quote = *quoted.as_bytes().first().filter(|quote| matches!(quote, b'"' | b'\''))?;
    let value = quoted.get(1..)?;
    let end = memchr::memchr(quote, value.as_bytes())?;
    Some((name, value.get(..end)?, value.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_those_that_the_xml_reader_finds() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            (" \n", &[]),
            (" a=\"1\" b='2'", &[("a", "1"), ("b", "2")]),
            ("\t a=\"x y\"b=''\r\nc=\"'\"", &[("a", "x y"), ("b", ""), ("c", "'")]),
            (" a=\"&lt;é\" a=\"again\"", &[("a", "&lt;é"), ("a", "again")]),
            (" a = \"1\" b=\"2\"", &[("a", "1"), ("b", "2")]),
            (" a=\"1\" alone b=\"2\"", &[("a", "1"), ("b", "2")]),
            (" a=1 b=\"2\"", &[("b", "2")]),
            (" a=\"1\" b=\"never closed", &[("a", "1")]),
            (" =\"1\" b=\"2\"", &[("b", "2")]),
            (" ==\"1\"", &[("=", "1")]),
            (" a=", &[]),
            (" /", &[]),
        ];
        for (text, expected) in cases {
            let element = BytesStart::from_content(format!("testcase{text}"), "testcase".len());
            let found: Vec<_> = Attributes::of(&element).collect();
            let reference: Vec<_> = (element.attributes().with_checks(false).flatten())
                .map(|found| (found.key.into_inner(), found.value))
                .collect();
            assert_eq!(found, reference, "{text}");
            let found: Vec<_> = found.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
