//! One service message: `##teamcity[name key='value' …]`.
//!
//! In values `|` escapes: `|'` `|n` `|r` `||` `|[` `|]`, and `|0xABCD` for a UTF-16 unit.
//! <https://www.jetbrains.com/help/teamcity/service-messages.html>

const START: &str = "##teamcity[";

/// A message as it stands in a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Message {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The first message of a text, and what follows it; `None` when there is none that is whole.
    pub(crate) fn find(text: &str) -> Option<(Self, &str)> {
        let mut rest = text;
        while let Some(at) = rest.find(START) {
            rest = rest.get(at + START.len()..)?;
            if let Some(found) = Self::after_start(rest) {
                return Some(found);
            }
        }
        None
    }

    fn after_start(text: &str) -> Option<(Self, &str)> {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric())?;
        let (name, mut rest) = text.split_at(end);
        let mut message = Self { name: name.to_owned(), attributes: Vec::new() };
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix(']') {
                return (!message.name.is_empty()).then_some((message, rest));
            }
            // A single value has no key.
            let (key, quoted) = match rest.strip_prefix('\'') {
                Some(quoted) => ("", quoted),
                None => {
                    let (key, after) = rest.split_once('=')?;
                    let key = key.trim();
                    let is_key = !key.is_empty()
                        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
                    (is_key.then_some(key)?, after.trim_start().strip_prefix('\'')?)
                }
            };
            let (value, after) = unescaped(quoted)?;
            message.attributes.push((key.to_owned(), value));
            rest = after;
        }
    }
}

/// The value up to its closing quote, and what follows.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    loop {
        let at = rest.find(['\'', '|'])?;
        let (plain, special) = rest.split_at(at);
        if !plain.is_empty() {
            flush(&mut units, &mut value);
        }
        value.push_str(plain);
        if let Some(after) = special.strip_prefix('\'') {
            flush(&mut units, &mut value);
            return Some((value, after));
        }
        let escape = special.get(1..)?;
        let c = escape.chars().next()?;
        rest = escape.get(c.len_utf8()..)?;
        if c == '0'
            && let Some(digits) = rest.strip_prefix('x').and_then(|rest| rest.get(..4))
            && let Ok(unit) = u16::from_str_radix(digits, 16)
        {
            units.push(unit);
            rest = rest.get(5..)?;
            continue;
        }
        flush(&mut units, &mut value);
        match c {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            'x' => value.push('\u{85}'),
            'l' => value.push('\u{2028}'),
            'p' => value.push('\u{2029}'),
            other => value.push(other),
        }
    }
}

/// A character outside of the basic plane is written as two units.
fn flush(units: &mut Vec<u16>, value: &mut String) {
    if !units.is_empty() {
        value.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let cases = [
            ("##teamcity[testStarted name='a|'b||c|[d|]|n']", "a'b|c[d]\n"),
            ("text##teamcity[testStarted name='gr|0x00FCn |0xD83D|0xDE00 !' x='y']", "grün 😀 !"),
            ("##teamcity[ testStarted  name = 'spaces' ]", "spaces"),
            ("##teamcity[testStarted name='']", ""),
            ("##teamcity[testStarted name='|0xZZ']", "0xZZ"),
        ];
        for (line, name) in cases {
            let (message, _) = Message::find(line).unwrap();
            assert_eq!((message.name.as_str(), message.get("name")), ("testStarted", Some(name)), "{line}");
        }
    }

    #[test]
    fn what_is_no_whole_message_is_passed_over() {
        for line in [
            "",
            "##teamcity",
            "##teamcity[",
            "##teamcity not a message",
            "##teamcity[testStarted name='cut",
            "##teamcity[testStarted name='a'",
            "##teamcity[testStarted name=a]",
            "##teamcity[testStarted name='a|",
            "##teamcity[testStarted ='a']",
        ] {
            assert_eq!(Message::find(line), None, "{line}");
        }
        let line = "##teamcity[broken ##teamcity[testCount count='3'] rest";
        let (message, rest) = Message::find(line).unwrap();
        assert_eq!((message.get("count"), rest), (Some("3"), " rest"));
    }
}
