//! Takes out of a message what changes from attempt to attempt, and keeps its words.

use std::borrow::Cow;

/// A message without what changes from attempt to attempt. Each such part becomes a placeholder:
///
/// | Placeholder | Stands for |
/// |---|---|
/// | `<uuid>` | 8-4-4-4-12 hexadecimal digits |
/// | `<time>` | a date, a clock time with seconds, or both |
/// | `<hex>` | `0x…`, digests and short commits of 7 digits or more, Java's `@1b6d3586` |
/// | `<temp>` | a path with a `tmp` or `temp` folder in it; the file's name is kept where it looks chosen |
/// | `<duration>` | a number with a unit of time |
/// | `<n>` | every other run of digits, inside words too: ports, process ids, indices, values |
///
/// Terminal escapes are dropped; white space and control characters become single spaces.
#[must_use]
pub fn normalise(text: &str) -> String {
    normalise_up_to(text, usize::MAX)
}

/// The same, at most `limit` bytes of it. The limit counts what comes out, so that a long and a short number
/// at the front do not move the cut; no more of the text is read than is needed.
pub(super) fn normalise_up_to(text: &str, limit: usize) -> String {
    let mut out = String::new();
    normalise_into(&mut out, text, limit);
    out
}

/// The same into a buffer that is used again.
pub(super) fn normalise_into(buffer: &mut String, text: &str, limit: usize) {
    buffer.clear();
    let text = without_escapes(text);
    let mut scanner = Scanner { text: &text, at: 0, out: std::mem::take(buffer) };
    while scanner.at < scanner.text.len() && scanner.out.len() <= limit {
        scanner.step();
    }
    let mut out = scanner.out;
    out.truncate(out.floor_char_boundary(limit));
    out.truncate(out.trim_end().len());
    *buffer = out;
}

/// Drops terminal escape sequences (`ESC [ … letter`) and single escape characters.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split('\x1b');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.strip_prefix('[').map_or(piece, |sequence| {
            let end = sequence.find(|c: char| ('\x40'..='\x7e').contains(&c));
            end.map_or("", |end| sequence.get(end + 1..).unwrap_or_default())
        });
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// Reads a text once, from front to back.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    out: String,
}

impl<'a> Scanner<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn before(&self) -> Option<u8> {
        self.at.checked_sub(1).and_then(|at| self.byte(at))
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Position after the bytes from `from` on that fit.
    fn run(&self, from: usize, fits: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().position(|b| !fits(*b)).unwrap_or(rest.len())
    }

    fn put(&mut self, placeholder: &str, end: usize) {
        self.out.push_str(placeholder);
        self.at = end;
    }

    /// Takes one token, at least one byte long.
    fn step(&mut self) {
        match self.byte(self.at) {
            Some(b) if b.is_ascii_alphanumeric() => self.word(),
            Some(b) if b.is_ascii_whitespace() || b.is_ascii_control() => {
                if !self.out.is_empty() && !self.out.ends_with(' ') {
                    self.out.push(' ');
                }
                self.at += 1;
            }
            Some(b'/') => self.slash(),
            Some(b'-' | b'+') if self.starts_signed_number() => self.at += 1,
            Some(_) => self.other(),
            None => self.at = self.text.len(),
        }
    }

    /// Whether a sign belongs to the number behind it rather than to what stands before.
    fn starts_signed_number(&self) -> bool {
        self.byte(self.at + 1).is_some_and(|b| b.is_ascii_digit())
            && !self.before().is_some_and(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b')' | b']' | b'_' | b'-' | b'+' | b'>')
            })
    }

    /// A character that is no ASCII letter, digit or space.
    fn other(&mut self) {
        let length = self.slice(self.at, self.text.len()).chars().next().map_or(1, char::len_utf8);
        let end = self.at + length;
        let text = self.slice(self.at, end);
        // Unicode has more white space and control characters.
        if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            if !self.out.is_empty() && !self.out.ends_with(' ') {
                self.out.push(' ');
            }
        } else {
            self.out.push_str(text);
        }
        self.at = end;
    }

    /// A maximal run of ASCII letters and digits, with what belongs to it.
    fn word(&mut self) {
        let end = self.run(self.at, |b| b.is_ascii_alphanumeric());
        let word = self.slice(self.at, end);
        if end == self.at + 1 && self.slice(end, end + 2) == ":\\" && self.temp_path() {
            return;
        }
        if !word.bytes().any(|b| b.is_ascii_digit()) {
            return if self.is_lettered_uuid(word) {
                self.put("<uuid>", self.at + UUID_LENGTH)
            } else {
                self.put(word, end)
            };
        }
        if self.uuid_at(self.at) {
            self.put("<uuid>", self.at + UUID_LENGTH);
        } else if let Some(end) = self.time() {
            self.put("<time>", end);
        } else if is_address(word) || is_digest(word) || (self.before() == Some(b'@') && is_object_id(word)) {
            self.put("<hex>", end);
        } else if !self.number() {
            self.digits_in_word(end);
        }
    }

    /// Every run of digits in a word that is no number as a whole.
    fn digits_in_word(&mut self, end: usize) {
        while self.at < end {
            let digits = self.run(self.at, |b| b.is_ascii_digit()).min(end);
            if digits > self.at {
                self.put("<n>", digits);
            }
            let letters = self.run(self.at, |b| b.is_ascii_alphabetic()).min(end);
            self.put(self.slice(self.at, letters), letters);
        }
    }

    /// A UUID whose first group has no digit.
    fn is_lettered_uuid(&self, word: &str) -> bool {
        word.len() == 8 && self.uuid_at(self.at)
    }

    fn uuid_at(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes().get(at..at + UUID_LENGTH).unwrap_or_default();
        bytes.len() == UUID_LENGTH
            && bytes.iter().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => *b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
            && !self.byte(at + UUID_LENGTH).is_some_and(|b| b.is_ascii_alphanumeric())
    }

    /// A number with fraction, exponent and unit; false when the word goes on behind it.
    fn number(&mut self) -> bool {
        if !self.byte(self.at).is_some_and(|b| b.is_ascii_digit()) {
            return false;
        }
        let mut end = self.plain_number(self.at);
        let mut placeholder = "<n>";
        // `1m30s` is one duration.
        while let Some(after) = self.unit(end) {
            placeholder = "<duration>";
            end = after;
            if !self.byte(end).is_some_and(|b| b.is_ascii_digit()) {
                break;
            }
            end = self.plain_number(end);
        }
        if self.byte(end).is_some_and(|b| b.is_ascii_alphanumeric()) {
            return false;
        }
        self.put(placeholder, end);
        true
    }

    /// Position after digits, `.`/`_` and more digits, and an exponent.
    fn plain_number(&self, from: usize) -> usize {
        let mut end = self.run(from, |b| b.is_ascii_digit());
        while matches!(self.byte(end), Some(b'.' | b'_'))
            && self.byte(end + 1).is_some_and(|b| b.is_ascii_digit())
        {
            end = self.run(end + 1, |b| b.is_ascii_digit());
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let exponent = self.run(end + 1 + sign, |b| b.is_ascii_digit());
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        end
    }

    /// Position after a unit of time at `from`, if one stands there.
    fn unit(&self, from: usize) -> Option<usize> {
        let (start, units) =
            if self.byte(from) == Some(b' ') { (from + 1, SPACED_UNITS) } else { (from, CLOSE_UNITS) };
        let rest = self.slice(start, self.text.len());
        let length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        units.contains(&rest.get(..length).unwrap_or_default()).then_some(start + length)
    }

    /// Position after a date, a clock time with seconds, or both, if one starts here.
    fn time(&self) -> Option<usize> {
        if let Some(date) =
            self.pattern(self.at, "dddd-dd-dd").or_else(|| self.pattern(self.at, "dddd/dd/dd"))
        {
            let clock = match self.byte(date) {
                Some(b'T' | b' ' | b't') => self.clock(date + 1),
                _ => None,
            };
            let end = clock.unwrap_or(date);
            return (!self.byte(end).is_some_and(|b| b.is_ascii_alphanumeric())).then_some(end);
        }
        self.clock(self.at).filter(|end| !self.byte(*end).is_some_and(|b| b.is_ascii_alphanumeric()))
    }

    /// Position after `hh:mm:ss`, a fraction and a zone.
    fn clock(&self, from: usize) -> Option<usize> {
        let mut end = self.pattern(from, "dd:dd:dd").or_else(|| self.pattern(from, "d:dd:dd"))?;
        if matches!(self.byte(end), Some(b'.' | b','))
            && self.byte(end + 1).is_some_and(|b| b.is_ascii_digit())
        {
            end = self.run(end + 1, |b| b.is_ascii_digit());
        }
        let zone = match self.byte(end) {
            Some(b'Z' | b'z') => Some(end + 1),
            Some(b'+' | b'-') => self.pattern(end + 1, "dd:dd").or_else(|| self.pattern(end + 1, "dddd")),
            _ => None,
        };
        Some(zone.unwrap_or(end))
    }

    /// Position after a pattern in which `d` stands for a digit.
    fn pattern(&self, from: usize, pattern: &str) -> Option<usize> {
        let fits = pattern.bytes().zip(from..).all(|(want, at)| match self.byte(at) {
            Some(got) if want == b'd' => got.is_ascii_digit(),
            got => got == Some(want),
        });
        fits.then(|| from + pattern.len())
    }

    /// One or more slashes, of which the last may begin a path.
    fn slash(&mut self) {
        let starts_path = !self.before().is_some_and(is_path_byte);
        let end = self.run(self.at, |b| b == b'/');
        // Two slashes stand before the host of a URL, three before a path.
        if starts_path && end - self.at != 2 {
            let leading = self.slice(self.at, end - 1);
            self.put(leading, end - 1);
            if self.temp_path() {
                return;
            }
        }
        self.put(self.slice(self.at, end), end);
    }

    /// Takes the path that starts here, if it leads through a folder for temporary files.
    fn temp_path(&mut self) -> bool {
        let drive = if self.byte(self.at + 1) == Some(b':') { 2 } else { 0 };
        let end = self.run(self.at + drive, is_path_byte);
        let path = self.slice(self.at + drive, end);
        let mut parts = path.split(['/', '\\']).filter(|part| !part.is_empty());
        let in_macos_folders = path.starts_with("/var/folders/") || path.starts_with("/private/var/folders/");
        let found = parts.by_ref().any(|part| {
            part.eq_ignore_ascii_case("tmp")
                || part.eq_ignore_ascii_case("temp")
                || part == "shm"
                || (in_macos_folders && part == "T")
        });
        if !found {
            return false;
        }
        // The first part below is a folder made for this attempt, or a file with a name made up by chance.
        let chosen = parts
            .skip(1)
            .last()
            .filter(|name| !name.starts_with("tmp") && name.find('.').is_some_and(|dot| dot > 0));
        self.put("<temp>", end);
        if let Some(name) = chosen {
            let mut name = Scanner { text: name, at: 0, out: String::new() };
            while name.at < name.text.len() {
                name.step();
            }
            self.out.push('/');
            self.out.push_str(&name.out);
        }
        true
    }
}

const UUID_LENGTH: usize = 36;

/// Units that may follow a number at once.
const CLOSE_UNITS: &[&str] =
    &["ns", "us", "µs", "μs", "ms", "msec", "s", "sec", "secs", "m", "min", "mins", "h", "hr", "hrs"];

/// Units that may follow a number and a space: those that are hardly words of their own.
const SPACED_UNITS: &[&str] = &[
    "ns",
    "us",
    "µs",
    "μs",
    "ms",
    "msec",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "millisecond",
    "milliseconds",
    "microsecond",
    "microseconds",
    "nanosecond",
    "nanoseconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "hr",
    "hrs",
    "hour",
    "hours",
    "day",
    "days",
];

/// `0x` and hexadecimal digits.
fn is_address(word: &str) -> bool {
    word.strip_prefix("0x")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Hexadecimal digits, letters and figures mixed, as many as a short commit has.
fn is_digest(word: &str) -> bool {
    word.len() >= 7
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

/// What Java prints behind `@`: short ones and ones without letters happen.
fn is_object_id(word: &str) -> bool {
    (5..=16).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Bytes that paths in messages are made of; the rest ends them.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/\\_-.~+=%@#".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_changes_is_replaced_and_words_are_kept() {
        let table = [
            ("Order not processed in time (took 0.213s)", "Order not processed in time (took <duration>)"),
            ("assert 3 == 4", "assert <n> == <n>"),
            ("assert -3 == +4.5e-07", "assert <n> == <n>"),
            ("a-1 b_2 c+3", "a-<n> b_<n> c+<n>"),
            ("<Order object at 0x7f3a2c1d>", "<Order object at <hex>>"),
            ("com.shop.Order@1b6d3586 and Order@12345678", "com.shop.Order@<hex> and Order@<hex>"),
            ("process 4711 (pid=12) died", "process <n> (pid=<n>) died"),
            ("connect to 127.0.0.1:54321 refused", "connect to <n>:<n> refused"),
            ("worker gw3, Thread-12, port8080", "worker gw<n>, Thread-<n>, port<n>"),
            ("id 123e4567-e89b-12d3-a456-426614174000!", "id <uuid>!"),
            ("id abcdefab-e89b-12d3-a456-426614174000!", "id <uuid>!"),
            ("id abcdefab-e89b", "id abcdefab-e<n>b"),
            ("commit 3f2a9c1, deadbeef, decade", "commit <hex>, deadbeef, decade"),
            ("at 2026-11-24T02:03:14.123Z: x", "at <time>: x"),
            ("at 2026-11-24 02:03:14,123+0100 x", "at <time> x"),
            ("[2026/11/24] 02:03:14 x", "[<time>] <time> x"),
            ("12:34 stays a pair", "<n>:<n> stays a pair"),
            ("after 12 ms, 3 seconds, 1m30s, 5µs", "after <duration>, <duration>, <duration>, <duration>"),
            ("5 items in 3 stacks", "<n> items in <n> stacks"),
            ("5s3x 3rd 12ab", "<n>s<n>x <n>rd <n>ab"),
            ("open '/tmp/tmpab12cd': gone", "open '<temp>': gone"),
            ("open /tmp/pytest-of-me/pytest-3/test_a0/out1.txt", "open <temp>/out<n>.txt"),
            ("open /w/3/tmp/x/tmpab.txt and /home/me/app.py", "open <temp> and /home/me/app.py"),
            ("/var/folders/zz/abc/T/x1/data.json", "<temp>/data.json"),
            (r"C:\Users\me\AppData\Local\Temp\x\log.txt:", "<temp>/log.txt:"),
            (r"C:\work\app.py", r"C:\work\app.py"),
            ("file:///tmp/a/b.html http://host/tmp/x", "file://<temp>/b.html http://host/tmp/x"),
            ("\x1b[31mred\x1b[0m  text\n\tnext\u{a0}line ", "red text next line"),
            ("Zeit überschritten: 5 Äpfel", "Zeit überschritten: <n> Äpfel"),
            ("", ""),
            ("1_000.5 and 1.2.3", "<n> and <n>"),
        ];
        for (text, want) in table {
            assert_eq!(normalise(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_limit_ends_on_a_character() {
        assert_eq!(normalise_up_to("ääää", 3), "ä");
        assert_eq!(normalise_up_to("word word", 5), "word");
        assert_eq!(normalise_up_to("word", 0), "");
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        // Each would take minutes if a token were scanned again from each of its bytes.
        for unit in ["/", "/-", "1", "1.", "1e", "0x", "a", "1s", "\x1b[", "/tmp/", "12:", "\\", "C:\\"] {
            assert!(!normalise(&unit.repeat(1_000_000 / unit.len())).contains('\x1b'));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_normalising_again_would_take(text in "[ -~]{0,80}") {
            let once = normalise(&text);
            prop_assert!(!once.bytes().any(|b| b.is_ascii_digit()), "{once}");
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn any_text_has_a_normal_form(text: String, limit in 0_usize..200) {
            let out = normalise_up_to(&text, limit);
            prop_assert!(out.len() <= limit);
            prop_assert!(!out.chars().any(char::is_control));
        }

        #[test]
        fn numbers_do_not_matter(a: u64, b: f64, words in "[a-z ]{0,20}") {
            prop_assume!(b.is_finite());
            let with = |n: u64, x: f64| normalise(&format!("{words} {n}: got {x:?} of x{n}"));
            prop_assert_eq!(with(a, b), with(7, 1.5));
        }
    }
}
