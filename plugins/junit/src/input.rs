//! Bytes of a report as the XML reader wants them: UTF-8, whatever the file says or does.

use std::io::{self, BufRead, Read};

/// How bytes that are not UTF-8 are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// They become U+FFFD.
    Replace,
    /// They are ISO 8859-1 (which, for what test reports hold, also covers Windows code page 1252).
    Latin1,
}

/// Passes valid UTF-8 through without a copy and repairs the rest on the way. Offers what the reader of a
/// document needs beside that: to look ahead, to put back, and to skip an element's text without keeping it.
pub struct Input<R> {
    inner: R,
    fallback: Fallback,
    /// Repaired or put-back bytes, handed out before anything of `inner`.
    pending: Vec<u8>,
    handed_out: usize,
    /// How many bytes at the front of the inner buffer are known to be UTF-8. The XML reader asks for the
    /// buffer once per token; checking all of it every time would cost the square of its length.
    valid: usize,
}

impl<R: BufRead> Input<R> {
    /// Reads UTF-8; what is none becomes U+FFFD.
    pub fn new(inner: R) -> Self {
        Self { inner, fallback: Fallback::Replace, pending: Vec::new(), handed_out: 0, valid: 0 }
    }

    pub(crate) fn set_fallback(&mut self, fallback: Fallback) {
        self.fallback = fallback;
    }

    /// Makes `bytes`, which must be UTF-8, the next thing to be read.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        let rest = self.pending.split_off(self.handed_out);
        self.pending.clear();
        self.handed_out = 0;
        self.pending.extend_from_slice(bytes);
        self.pending.extend_from_slice(&rest);
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill_buf()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    /// Takes white space away; the byte after it stays.
    pub(crate) fn skip_white_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.fill_buf()?.first().copied() {
                Some(byte) if byte.is_ascii_whitespace() => self.consume(1),
                other => return Ok(other),
            }
        }
    }

    /// Whether the data starts with the byte order mark of UTF-16. To be asked before anything else is read.
    pub(crate) fn starts_as_utf_16(&mut self) -> io::Result<bool> {
        let buffer = self.inner.fill_buf()?;
        let second = match buffer.first() {
            Some(0xFF) => 0xFE,
            Some(0xFE) => 0xFF,
            _ => return Ok(false),
        };
        if let Some(byte) = buffer.get(1) {
            return Ok(*byte == second);
        }
        // The mark may come in two pieces. Its first byte stands nowhere in UTF-8.
        self.inner.consume(1);
        self.put_back("\u{FFFD}".as_bytes());
        Ok(self.inner.fill_buf()?.first() == Some(&second))
    }

    /// Takes away the byte order mark of UTF-8, if there is one.
    ///
    /// # Errors
    /// As the reader inside.
    pub fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        if self.peek(3)? == "\u{FEFF}".as_bytes() {
            self.consume_exactly(3)?;
        }
        Ok(())
    }

    /// The next bytes, at most `most`; they stay.
    ///
    /// # Errors
    /// As the reader inside.
    pub fn peek(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut seen = Vec::with_capacity(most);
        while seen.len() < most {
            match self.next_byte()? {
                Some(byte) => seen.push(byte),
                None => break,
            }
        }
        // A cut character cannot be put back as UTF-8, but what is handed out is a continuation of itself.
        self.put_back(&seen);
        Ok(seen)
    }

    /// What stands before the next `end`, at most `most` bytes of it; everything stays. Reads not one byte more
    /// than it gives, so that the meaning of later bytes can still be settled.
    pub(crate) fn peek_until(&mut self, end: u8, most: usize) -> io::Result<Vec<u8>> {
        let mut seen = Vec::new();
        while seen.len() < most && seen.last() != Some(&end) {
            match self.next_byte()? {
                Some(byte) => seen.push(byte),
                None => break,
            }
        }
        self.put_back(&seen);
        Ok(seen)
    }

    /// Takes everything up to and including the next line feed. False at the end of the data.
    ///
    /// # Errors
    /// As the reader inside.
    pub fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            if let Some(at) = memchr::memchr(b'\n', buffer) {
                self.consume(at + 1);
                return Ok(true);
            }
            let length = buffer.len();
            self.consume(length);
        }
    }

    /// Takes the text of an open element `name` without keeping it, so that what a test printed (which may be
    /// most of the file) costs neither memory nor entity decoding. The end tag stays. Markup inside is text,
    /// but for CDATA sections, which may hold something that looks like the end tag.
    pub(crate) fn skip_text_of(&mut self, name: &str) -> io::Result<()> {
        let end_tag = format!("</{name}");
        let longest = end_tag.len().max(CDATA.len());
        let kind = |ahead: &[u8]| match ahead {
            _ if ahead.starts_with(CDATA) => Markup::CData,
            _ if ahead.starts_with(end_tag.as_bytes()) => Markup::End,
            _ => Markup::Text,
        };
        loop {
            let buffer = self.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let Some(at) = memchr::memchr(b'<', buffer) else {
                let length = buffer.len();
                self.consume(length);
                continue;
            };
            // Looking ahead copies, and is only needed at the end of a piece.
            let in_buffer = buffer.get(at..at + longest).map(kind);
            self.consume(at);
            let markup = match in_buffer {
                Some(markup) => markup,
                None => kind(&self.peek(longest)?),
            };
            match markup {
                Markup::CData => {
                    self.consume_exactly(CDATA.len())?;
                    self.skip_past_cdata_end()?;
                }
                Markup::End => return Ok(()),
                Markup::Text => self.consume_exactly(1)?,
            }
        }
    }

    fn consume_exactly(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            self.next_byte()?;
        }
        Ok(())
    }

    fn skip_past_cdata_end(&mut self) -> io::Result<()> {
        let mut brackets = 0;
        loop {
            if brackets == 0 {
                let buffer = self.fill_buf()?;
                let upto = buffer.iter().position(|&b| b == b']').unwrap_or(buffer.len());
                self.consume(upto);
            }
            match self.next_byte()? {
                None => return Ok(()),
                Some(b']') => brackets += 1,
                Some(b'>') if brackets >= 2 => return Ok(()),
                Some(_) => brackets = 0,
            }
        }
    }

    /// Fills `pending` with the repaired form of what stands at the front of the inner buffer, which does not
    /// start with a whole UTF-8 character.
    fn repair(&mut self) -> io::Result<()> {
        let mut character = Vec::with_capacity(4);
        while let Some(&byte) = self.inner.fill_buf()?.first() {
            character.push(byte);
            match std::str::from_utf8(&character) {
                Ok(_) => {
                    self.inner.consume(1);
                    break;
                }
                // The start of a character that ends in the next buffer.
                Err(error) if error.error_len().is_none() => self.inner.consume(1),
                Err(_) => {
                    // The last byte is not part of it, unless it is the only one.
                    if character.len() > 1 {
                        character.pop();
                    } else {
                        self.inner.consume(1);
                    }
                    break;
                }
            }
        }
        self.pending.clear();
        self.handed_out = 0;
        match (std::str::from_utf8(&character), self.fallback) {
            (Ok(_), _) => self.pending.append(&mut character),
            (Err(_), Fallback::Latin1) => {
                let text: String = character.iter().map(|&b| char::from(b)).collect();
                self.pending.extend_from_slice(text.as_bytes());
            }
            (Err(_), Fallback::Replace) => self.pending.extend_from_slice("\u{FFFD}".as_bytes()),
        }
        Ok(())
    }
}

const CDATA: &[u8] = b"<![CDATA[";

/// What a `<` begins inside of text that is skipped.
enum Markup {
    CData,
    /// The end tag that is looked for.
    End,
    Text,
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), buffer.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.handed_out == self.pending.len() && self.valid == 0 {
            let buffer = self.inner.fill_buf()?;
            self.valid = match std::str::from_utf8(buffer) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            if self.valid == 0 && !buffer.is_empty() {
                self.repair()?;
            }
        }
        if self.handed_out < self.pending.len() {
            return Ok(self.pending.get(self.handed_out..).unwrap_or_default());
        }
        let buffer = self.inner.fill_buf()?;
        Ok(buffer.get(..self.valid).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let waiting = self.pending.len() - self.handed_out;
        if waiting > 0 {
            self.handed_out += count.min(waiting);
            if self.handed_out == self.pending.len() {
                self.pending.clear();
                self.handed_out = 0;
            }
        } else {
            let count = count.min(self.valid);
            self.valid -= count;
            self.inner.consume(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read_all(bytes: &[u8], buffer: usize, fallback: Fallback) -> String {
        let mut input = Input::new(BufReader::with_capacity(buffer, bytes));
        input.set_fallback(fallback);
        let mut out = Vec::new();
        input.read_to_end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_buffer_size_gives_the_text_of_a_lossy_conversion() {
        let cases: &[&[u8]] = &[
            b"",
            b"plain",
            "grün € 😀 end".as_bytes(),
            b"a\xffb",
            b"\xe2\x82",
            b"x\xe2\x82y\xf0\x9f\x98",
            b"\x80\x80\xc3\xa9",
        ];
        for case in cases {
            for buffer in 1..9 {
                assert_eq!(
                    read_all(case, buffer, Fallback::Replace),
                    String::from_utf8_lossy(case),
                    "buffer of {buffer}, {case:?}"
                );
            }
        }
    }

    #[test]
    fn the_mark_of_utf_16_is_seen_in_pieces_of_any_size() {
        let cases: [(&[u8], bool); 7] = [
            (b"\xff\xfe<\0", true),
            (b"\xfe\xff\0<", true),
            (b"\xff\xff", false),
            (b"\xff", false),
            (b"\xfe", false),
            (b"<a/>", false),
            (b"", false),
        ];
        for (bytes, expected) in cases {
            for buffer in 1..4 {
                let mut input = Input::new(BufReader::with_capacity(buffer, bytes));
                assert_eq!(input.starts_as_utf_16().unwrap(), expected, "buffer of {buffer}, {bytes:?}");
                let mut rest = Vec::new();
                input.read_to_end(&mut rest).unwrap();
                assert_eq!(rest, String::from_utf8_lossy(bytes).as_bytes(), "nothing is lost");
            }
        }
    }

    #[test]
    fn declared_latin_1_is_read_as_such() {
        assert_eq!(read_all(b"gr\xfcn \xe9t\xe9", 3, Fallback::Latin1), "grün été");
    }

    #[test]
    fn the_text_of_an_element_is_skipped_up_to_its_own_end_tag() {
        let cases = [
            ("text</o>rest", "</o>rest"),
            ("<b>bold</b> & <i></o>rest", "</o>rest"),
            ("<![CDATA[</o>]] ]> ]]]]></o>rest", "</o>rest"),
            ("never closed <![CDATA[</o>", ""),
            ("", ""),
        ];
        for (text, rest) in cases {
            for buffer in 1..12 {
                let mut input = Input::new(BufReader::with_capacity(buffer, text.as_bytes()));
                input.skip_text_of("o").unwrap();
                let mut out = String::new();
                input.read_to_string(&mut out).unwrap();
                assert_eq!(out, rest, "buffer of {buffer}, {text}");
            }
        }
    }
}
