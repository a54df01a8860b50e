//! Secrets of the user: filled in for placeholders while sending, kept out of all that is said.

use reqwest::Url;

use crate::error::HttpError;
use crate::world::Environment;

/// Longest piece of foreign text in an error, in characters: a sentence or two.
const SHOWN: usize = 300;
/// Pieces of a secret URL that are shorter tell nothing: `services`, `api`, version numbers.
const TELLING: usize = 9;

/// What a text is filled into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A URL, or the value of a header.
    Line,
    /// A string of a JSON document.
    Json,
    /// A value of a form.
    Form,
    /// Text.
    Text,
}

/// The secrets of one delivery.
#[derive(Debug)]
pub(crate) struct Secrets<'a> {
    environment: &'a Environment,
    granted: &'a [String],
    used: Vec<String>,
}

impl<'a> Secrets<'a> {
    pub(crate) const fn new(environment: &'a Environment, granted: &'a [String]) -> Self {
        Self { environment, granted, used: Vec::new() }
    }

    /// Replaces all placeholders. In a URL or a header each of them has to be granted. Bodies hold names and messages of
    /// tests, which may look like placeholders: there, what is not granted stays as it is.
    pub(crate) fn fill(&mut self, template: &str, place: Place) -> Result<String, HttpError> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(found) = next(rest) {
            let name = found.name.to_owned();
            filled.push_str(found.before);
            if self.granted.contains(&name) {
                let Some(value) = self.environment.get(&name) else {
                    return Err(HttpError::SecretMissing { name });
                };
                let value = value.trim();
                filled.push_str(&escaped(value, place).ok_or(HttpError::SecretUnusable { name })?);
                self.used.push(value.to_owned());
            } else if place == Place::Line {
                return Err(HttpError::SecretNotGranted { name });
            } else {
                filled.push_str(&rest[found.before.len()..rest.len() - found.after.len()]);
            }
            rest = found.after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Whether any was filled in.
    pub(crate) fn were_used(&self) -> bool {
        !self.used.is_empty()
    }

    /// What has to stay out of errors.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(&self.used)
    }
}

/// A placeholder, and what stands around it.
struct Found<'a> {
    before: &'a str,
    name: &'a str,
    after: &'a str,
}

/// The first `${{ secrets.NAME }}`.
fn next(text: &str) -> Option<Found<'_>> {
    let mut from = 0;
    while let Some(at) = text[from..].find("${{") {
        let start = from + at;
        let inner = &text[start + 3..];
        if let Some(end) = inner.find("}}")
            && let Some(name) = inner[..end].trim().strip_prefix("secrets.")
            && is_name(name)
        {
            return Some(Found { before: &text[..start], name, after: &inner[end + 2..] });
        }
        from = start + 3;
    }
    None
}

/// As GitHub allows names of secrets.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.bytes().all(plain) && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// The name, where the text is one placeholder and nothing else.
pub(crate) fn whole(text: &str) -> Option<&str> {
    next(text.trim())
        .filter(|found| found.before.is_empty() && found.after.is_empty())
        .map(|found| found.name)
}

/// Whether there is a placeholder of one of these.
pub(crate) fn names_any(text: &str, names: &[String]) -> bool {
    let mut rest = text;
    while let Some(found) = next(rest) {
        if names.iter().any(|name| name == found.name) {
            return true;
        }
        rest = found.after;
    }
    false
}

fn escaped(value: &str, place: Place) -> Option<String> {
    match place {
        Place::Line => value.bytes().all(|b| b.is_ascii_graphic() || b == b' ').then(|| value.to_owned()),
        Place::Json => {
            let quoted = serde_json::to_string(value).ok()?;
            Some(quoted.get(1..quoted.len() - 1)?.to_owned())
        }
        Place::Form => Some(percent_encoded(value)),
        Place::Text => Some(value.to_owned()),
    }
}

/// RFC 3986: all but unreserved characters.
fn percent_encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Takes secrets out of foreign text, which may repeat what it was sent.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<String>);

impl Redactor {
    pub(crate) fn new(secrets: &[String]) -> Self {
        let mut all = Vec::new();
        for secret in secrets {
            all.push(secret.clone());
            all.extend([Place::Json, Place::Form].into_iter().filter_map(|place| escaped(secret, place)));
            if let Ok(url) = Url::parse(secret) {
                all.extend([url.as_str(), url.path()].map(str::to_owned));
                let pieces = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
                all.extend(pieces.filter(|piece| piece.len() >= TELLING).map(str::to_owned));
            }
        }
        // Hosts are written in lower case, whatever was filled in.
        all.extend(all.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>());
        all.retain(|text| text.len() > 1);
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all.dedup();
        Self(all)
    }

    /// The secrets of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self.0.dedup();
        self
    }

    /// One line of foreign text: no secret, no control characters, not long.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
        flaky_core::text::one_line(&text, SHOWN)
    }

    /// What an answer says: its `message` or `error` where it is JSON, else all of it.
    pub(crate) fn said(&self, body: &[u8]) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let sentence = json.as_ref().and_then(|json| {
            let found = ["message", "error", "error_description"].into_iter().find_map(|key| json.get(key));
            let found = found.filter(|value| !value.is_null())?;
            let details =
                json.get("errors").filter(|errors| errors.as_array().is_some_and(|a| !a.is_empty()));
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            Some(details.map_or_else(|| text.clone(), |details| format!("{text}: {details}")))
        });
        let text = sentence.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        match self.clean(&text) {
            empty if empty.is_empty() => "nothing more was said".to_owned(),
            text => text,
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new(|name| match name {
            "TOKEN" => Some("s3\"cr\\et/1\n".to_owned()),
            "EMPTY" => Some(String::new()),
            "LINES" => Some("a\r\nHost: evil".to_owned()),
            "NOT_MINE" => Some("other".to_owned()),
            _ => None,
        })
    }

    fn filled(template: &str, place: Place) -> Result<String, HttpError> {
        let granted = ["TOKEN", "EMPTY", "LINES", "GONE"].map(str::to_owned);
        Secrets::new(&environment(), &granted).fill(template, place)
    }

    #[test]
    fn placeholders_are_filled_as_their_place_needs_it() {
        for (template, place, expected) in [
            ("Bearer ${{ secrets.TOKEN }}", Place::Line, r#"Bearer s3"cr\et/1"#),
            ("${{secrets.TOKEN}}${{  secrets.TOKEN  }}", Place::Line, r#"s3"cr\et/1s3"cr\et/1"#),
            (r#"{"a":"${{ secrets.TOKEN }}"}"#, Place::Json, r#"{"a":"s3\"cr\\et/1"}"#),
            ("a=${{ secrets.TOKEN }}", Place::Form, "a=s3%22cr%5Cet%2F1"),
            ("${{secrets.NOT_MINE}}${{ secrets.TOKEN }}.", Place::Text, "${{secrets.NOT_MINE}}s3\"cr\\et/1."),
            // Not placeholders.
            ("${{ github.token }} ${{ secrets.1 }} ${{ secrets. }} ${{ secrets.A", Place::Line, ""),
            ("${{ ${{ secrets.TOKEN }}", Place::Text, "${{ s3\"cr\\et/1"),
        ] {
            let expected = if expected.is_empty() { template } else { expected };
            assert_eq!(filled(template, place).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_is_not_there_not_granted_or_not_fit_is_refused_by_its_name() {
        for (template, expected) in [
            ("${{ secrets.GONE }}", HttpError::SecretMissing { name: "GONE".into() }),
            ("${{ secrets.EMPTY }}", HttpError::SecretMissing { name: "EMPTY".into() }),
            ("${{ secrets.NOT_MINE }}", HttpError::SecretNotGranted { name: "NOT_MINE".into() }),
            ("${{ secrets.LINES }}", HttpError::SecretUnusable { name: "LINES".into() }),
        ] {
            assert_eq!(filled(template, Place::Line).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_url_is_one_secret_only_as_a_whole() {
        for (text, name) in [
            ("${{ secrets.HOOK }}", Some("HOOK")),
            (" ${{secrets.HOOK}} ", Some("HOOK")),
            ("${{ secrets.HOOK }}/slack", None),
            ("https://x/${{ secrets.HOOK }}", None),
            ("https://x", None),
        ] {
            assert_eq!(whole(text), name, "{text}");
        }
    }

    #[test]
    fn foreign_text_is_one_short_line_without_secrets_or_their_pieces() {
        let hook = "https://hooks.slack.com/services/T000/B00000000/abcDEF1234567890";
        let redactor = Redactor::new(&[hook.to_owned(), "p@ss\"word".to_owned()]);
        for (text, expected) in [
            (format!("no route to {hook}"), "no route to …".to_owned()),
            ("for /services/T000/B00000000/abcDEF1234567890".to_owned(), "for …".to_owned()),
            ("key abcDEF1234567890 of B00000000".to_owned(), "key … of …".to_owned()),
            (r#"p@ss"word p@ss\"word p%40ss%22word"#.to_owned(), "… … …".to_owned()),
            ("two\n\u{1b}[31mlines\u{7}".to_owned(), "two [31mlines".to_owned()),
            ("\u{1f600}".repeat(301), format!("{}…", "\u{1f600}".repeat(300))),
        ] {
            assert_eq!(redactor.clean(&text), expected);
        }
        assert_eq!(redactor.said(br#"{"message": "no\nway", "errors": []}"#), "no way");
        let body = br#"{"message": "Validation Failed", "errors": [{"field": "body"}]}"#;
        assert_eq!(redactor.said(body), r#"Validation Failed: [{"field":"body"}]"#);
        assert_eq!(redactor.said(b" \n"), "nothing more was said");
        assert_eq!(redactor.said(b"<h1>no</h1>"), "<h1>no</h1>");
    }
}
