//! JUnit XML somewhere in what a command printed.

use std::io::{self, BufRead};

use crate::document::{self, DocumentEnd};
use crate::input::Input;
use crate::reading::{Options, Reading, Recognised};

/// Longest start of a line that is looked at: white space and the beginning of a tag.
const LINE_START: usize = 64;

/// Reads every document that begins at the start of a line. A root that is not JUnit's is passed over. After
/// one that is cut off nothing more is read: what follows may be a document that a test of the first printed.
pub(crate) fn read<R: BufRead>(
    input: &mut Input<R>,
    options: Options<'_>,
    reading: &mut Reading,
) -> io::Result<Recognised> {
    let mut recognised = Recognised::No;
    loop {
        // Looking ahead copies, and nearly all lines are told by one byte.
        let maybe = input.fill_buf()?.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|&b| b == b'<');
        if maybe && begins_document(&input.peek(LINE_START)?) {
            input.skip_white_space()?;
            document::note_encoding(input)?;
            match document::read(input, options, reading) {
                DocumentEnd::Closed => {
                    recognised = Recognised::Yes;
                    continue;
                }
                DocumentEnd::CutOff => return Ok(Recognised::Yes),
                DocumentEnd::Foreign => {}
            }
        }
        if !input.skip_line()? {
            return Ok(recognised);
        }
    }
}

fn begins_document(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(b"<?xml ")
        || line.strip_prefix(b"<testsuites").or_else(|| line.strip_prefix(b"<testsuite")).is_some_and(
            |rest| rest.first().is_some_and(|&b| b.is_ascii_whitespace() || b == b'>' || b == b'/'),
        )
}
