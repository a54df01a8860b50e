//! Large inputs, read in pieces.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use crate::bindings::shared::flaky::plugin::inputs;
use crate::{PluginError, Result};

/// Bytes per read. From 4 to 256 KiB it makes no difference in time; a megabyte costs three times as much, and
/// what is small stays in the processor's cache.
const CHUNK: u32 = 64 * 1024;

/// A longer line is shortened: tests do print lines of a megabyte, and none that anybody reads is longer.
const LONGEST_LINE: usize = 1024 * 1024;

/// Bytes that the host keeps: what a command printed, a report, a file of the project.
#[derive(Debug)]
pub struct Blob<'a> {
    from: From<'a>,
    /// Of a blob in memory; the host is asked.
    cut: Option<(u64, u64)>,
    chunk: u32,
}

#[derive(Debug)]
enum From<'a> {
    Lent(&'a inputs::Blob),
    Owned(inputs::Blob),
    Memory(&'a [u8]),
}

impl<'a> Blob<'a> {
    /// A blob made of bytes, for tests and benchmarks.
    #[must_use]
    pub fn in_memory(bytes: &'a [u8]) -> Self {
        Self { from: From::Memory(bytes), cut: None, chunk: CHUNK }
    }

    /// The same blob, read in pieces of `chunk` bytes: tests use it to put the ends of pieces everywhere.
    #[must_use]
    pub fn in_chunks_of(self, chunk: u32) -> Self {
        Self { chunk: chunk.max(1), ..self }
    }

    pub(crate) fn with_cut(self, cut: Option<(u64, u64)>) -> Self {
        Self { cut, ..self }
    }

    pub(crate) fn lent(blob: &'a inputs::Blob) -> Self {
        Self { from: From::Lent(blob), cut: None, chunk: CHUNK }
    }

    pub(crate) fn owned(blob: inputs::Blob) -> Self {
        Self { from: From::Owned(blob), cut: None, chunk: CHUNK }
    }

    pub(crate) fn empty() -> Self {
        Self::in_memory(&[])
    }

    fn host(&self) -> std::result::Result<&inputs::Blob, &'a [u8]> {
        match &self.from {
            From::Lent(blob) => Ok(blob),
            From::Owned(blob) => Ok(blob),
            From::Memory(bytes) => Err(bytes),
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.host().map_or_else(|bytes| bytes.len() as u64, inputs::Blob::size)
    }

    /// The bytes `[from, to)` of the original that the host cut out at its own cap, if any. They are not part of
    /// [`size`](Self::size), and `from` is where they would have been.
    #[must_use]
    pub fn cut(&self) -> Option<(u64, u64)> {
        self.host().map_or(self.cut, inputs::Blob::cut)
    }

    /// Up to `most` bytes from `offset`; shorter at the end of the data or at the host's own limit, empty only at
    /// or after the end.
    #[must_use]
    pub fn read_at(&self, offset: u64, most: u32) -> Cow<'a, [u8]> {
        match self.host() {
            Ok(blob) => Cow::Owned(blob.read(offset, most)),
            Err(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                // What looks at a beginning gets it whole, as it does from the host; only pieces are small.
                let end = start.saturating_add(most.min(self.chunk.max(CHUNK)) as usize).min(bytes.len());
                Cow::Borrowed(bytes.get(start..end).unwrap_or_default())
            }
        }
    }

    /// Everything, in pieces of some 64 KiB.
    #[must_use]
    pub fn chunks(&self) -> Chunks<'_, 'a> {
        Chunks { blob: self, next: 0, gap: None }
    }

    /// Everything at once.
    ///
    /// # Errors
    /// `too-large` when there are more than `most` bytes.
    pub fn read_to_end(&self, most: u64) -> Result<Vec<u8>> {
        let size = self.size();
        if size > most {
            return Err(PluginError::new("too-large", format!("{size} bytes, at most {most} are read")));
        }
        let mut all = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        for chunk in self.chunks() {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// Everything at once, as text; U+FFFD where it is not UTF-8.
    ///
    /// # Errors
    /// `too-large` when there are more than `most` bytes.
    pub fn read_text(&self, most: u64) -> Result<String> {
        let bytes = self.read_to_end(most)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// For readers that want the traits of `std::io`.
    #[must_use]
    pub fn reader(&self) -> Reader<'_, 'a> {
        Reader { chunks: self.chunks(), chunk: Cow::Borrowed(&[]), at: 0 }
    }

    /// Line by line, in the memory of one piece. Lines of more than a megabyte are shortened.
    #[must_use]
    pub fn lines(&self) -> Lines<'_, 'a> {
        self.lines_up_to(LONGEST_LINE)
    }

    /// Line by line; of longer lines only the first `longest` bytes are given.
    #[must_use]
    pub fn lines_up_to(&self, longest: usize) -> Lines<'_, 'a> {
        let gap = self.cut().map(|(from, _)| from);
        let chunks = Chunks { blob: self, next: 0, gap };
        Lines { chunks, chunk: Cow::Borrowed(&[]), at: 0, chunk_start: 0, joined: Vec::new(), longest }
    }
}

/// The pieces of a blob, in order.
#[derive(Debug)]
pub struct Chunks<'b, 'a> {
    blob: &'b Blob<'a>,
    next: u64,
    /// Where a piece has to end, because what follows it in the original was cut out.
    gap: Option<u64>,
}

impl<'a> Iterator for Chunks<'_, 'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut most = self.blob.chunk;
        if let Some(gap) = self.gap.filter(|gap| *gap > self.next) {
            most = most.min(u32::try_from(gap - self.next).unwrap_or(u32::MAX));
        }
        let chunk = self.blob.read_at(self.next, most);
        self.next += chunk.len() as u64;
        (!chunk.is_empty()).then_some(chunk)
    }
}

/// A blob as `std::io` sees it. Reading never fails.
#[derive(Debug)]
pub struct Reader<'b, 'a> {
    chunks: Chunks<'b, 'a>,
    chunk: Cow<'a, [u8]>,
    at: usize,
}

impl BufRead for Reader<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.chunk.len() {
            self.at = 0;
            self.chunk = self.chunks.next().unwrap_or_default();
        }
        Ok(self.chunk.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.chunk.len());
    }
}

impl Read for Reader<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// The lines of a blob. Not an `Iterator`, because a line borrows from it:
/// `while let Some(line) = lines.next_line() { … }`.
#[derive(Debug)]
pub struct Lines<'b, 'a> {
    chunks: Chunks<'b, 'a>,
    chunk: Cow<'a, [u8]>,
    at: usize,
    /// Offset of the piece in the blob.
    chunk_start: u64,
    /// A line that began in an earlier piece.
    joined: Vec<u8>,
    longest: usize,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'l> {
    /// Without the line feed, and without a carriage return before it.
    pub bytes: &'l [u8],
    /// Where in the blob it begins.
    pub offset: u64,
    /// How it ended.
    pub end: LineEnd,
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// By a line feed, as it should.
    LineFeed,
    /// By the end of the data: the writer may have been stopped.
    EndOfData,
    /// Where the host cut bytes out: the rest of it is missing, and the next line may have lost its beginning.
    CutOut,
    /// By a line feed, but only its beginning is given.
    TooLong,
}

impl<'l> Line<'l> {
    /// As text; U+FFFD where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'l, str> {
        String::from_utf8_lossy(self.bytes)
    }
}

impl Lines<'_, '_> {
    /// The next line; `None` after the last.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        self.joined.clear();
        let mut offset = None;
        let mut end = LineEnd::LineFeed;
        let in_chunk = loop {
            if self.at >= self.chunk.len() {
                let cut = offset.is_some() && self.chunks.gap == Some(self.chunks.next);
                self.chunk_start = self.chunks.next;
                self.at = 0;
                // Without a piece to put in its place, the loop ends here at every further call.
                self.chunk = if cut { Cow::Borrowed(&[]) } else { self.chunks.next().unwrap_or_default() };
                if self.chunk.is_empty() {
                    offset?;
                    end = if cut { LineEnd::CutOut } else { LineEnd::EndOfData };
                    break None;
                }
            }
            let rest = self.chunk.get(self.at..).unwrap_or_default();
            let start = self.at;
            let begin = *offset.get_or_insert(self.chunk_start + start as u64);
            let Some(length) = memchr::memchr(b'\n', rest) else {
                let room = self.longest.saturating_sub(self.joined.len());
                self.joined.extend_from_slice(rest.get(..room).unwrap_or(rest));
                self.at = self.chunk.len();
                continue;
            };
            self.at += length + 1;
            let line = rest.get(..length).unwrap_or_default();
            if begin == self.chunk_start + start as u64 && self.joined.is_empty() {
                break Some(start..start + length);
            }
            let room = self.longest.saturating_sub(self.joined.len());
            self.joined.extend_from_slice(line.get(..room).unwrap_or(line));
            break None;
        };
        let offset = offset?;
        let whole = match in_chunk {
            Some(range) => self.chunk.get(range).unwrap_or_default(),
            None => &self.joined,
        };
        let mut bytes = whole.get(..self.longest).unwrap_or(whole);
        let length = self.chunk_start + self.at as u64 - offset;
        if end == LineEnd::LineFeed && length > bytes.len() as u64 + 1 {
            end = LineEnd::TooLong;
        }
        if end == LineEnd::LineFeed {
            bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        }
        Some(Line { bytes, offset, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(
        text: &[u8],
        chunk: u32,
        longest: usize,
        cut: Option<(u64, u64)>,
    ) -> Vec<(String, u64, LineEnd)> {
        let blob = Blob::in_memory(text).in_chunks_of(chunk).with_cut(cut);
        let mut lines = blob.lines_up_to(longest);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line() {
            all.push((line.text().into_owned(), line.offset, line.end));
        }
        assert!(lines.next_line().is_none(), "the end stays the end");
        all
    }

    #[test]
    fn lines_are_the_same_however_the_data_falls_into_pieces() {
        let text = b"one\r\n\n\nfour and more\nlast";
        let expected = [
            ("one", 0, LineEnd::LineFeed),
            ("", 5, LineEnd::LineFeed),
            ("", 6, LineEnd::LineFeed),
            ("four and more", 7, LineEnd::LineFeed),
            ("last", 21, LineEnd::EndOfData),
        ]
        .map(|(line, offset, end)| (line.to_owned(), offset, end));
        for chunk in 1..30 {
            assert_eq!(lines_of(text, chunk, 100, None), expected, "pieces of {chunk}");
        }
    }

    #[test]
    fn a_long_line_is_shortened_and_the_next_one_is_whole() {
        for chunk in 1..40 {
            let lines = lines_of(b"0123456789abcdef\nnext\n", chunk, 10, None);
            let expected =
                [("0123456789".to_owned(), 0, LineEnd::TooLong), ("next".to_owned(), 17, LineEnd::LineFeed)];
            assert_eq!(lines, expected, "pieces of {chunk}");
        }
    }

    #[test]
    fn a_line_ends_where_bytes_were_cut_out() {
        for chunk in 1..40 {
            let lines = lines_of(b"whole\nhead tail\nlast\n", chunk, 100, Some((10, 500)));
            let expected = [
                ("whole".to_owned(), 0, LineEnd::LineFeed),
                ("head".to_owned(), 6, LineEnd::CutOut),
                (" tail".to_owned(), 10, LineEnd::LineFeed),
                ("last".to_owned(), 16, LineEnd::LineFeed),
            ];
            assert_eq!(lines, expected, "pieces of {chunk}");
        }
    }

    #[test]
    fn nothing_has_no_lines_and_a_line_feed_is_one() {
        assert!(lines_of(b"", 8, 10, None).is_empty());
        assert_eq!(lines_of(b"\n", 8, 10, None), [(String::new(), 0, LineEnd::LineFeed)]);
    }

    #[test]
    fn a_reader_gives_all_bytes_and_a_limit_holds() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for chunk in [1, 7, 256, 5000] {
            let blob = Blob::in_memory(&bytes).in_chunks_of(chunk);
            let mut all = Vec::new();
            blob.reader().read_to_end(&mut all).unwrap();
            assert_eq!(all, bytes);
            assert_eq!(blob.read_to_end(1000).unwrap(), bytes);
            assert_eq!(blob.read_to_end(999).unwrap_err().code, "too-large");
        }
    }
}
