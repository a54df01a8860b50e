//! A taste of a long output, to find out who could read it. A parser that knows nothing of an output has to read all of it
//! to say so, and there are thirty: of a gigabyte of logs nobody wants that thirty times.
//!
//! What a taste says depends on the output alone, so the same output is read by the same parser every time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flaky_plugin_host::{AttemptInput, BlobInput};

/// Bytes of the beginning, and as many of the end. Frameworks tell test by test or at the end; what prints a megabyte
/// before its tests and another after them is not met in practice.
const PART: u64 = 1 << 20;

/// Lines of the beginning in which a document could begin, below what a package manager prints above it.
const FIRST_LINES: usize = 50;

/// The attempt with a taste of its long streams in their place; `None` where there is none, or where a taste would say
/// less than it seems to: a document that was cut is no document.
pub(crate) fn taste(input: &AttemptInput) -> Option<AttemptInput> {
    let (stdout, stderr) = (of_stream(&input.stdout), of_stream(&input.stderr));
    if matches!(stdout, Taste::Document) || matches!(stderr, Taste::Document) {
        return None;
    }
    if matches!(stdout, Taste::Short) && matches!(stderr, Taste::Short) {
        return None;
    }
    let or = |taste, whole: &BlobInput| match taste {
        Taste::Of(bytes) => BlobInput::Bytes(Arc::from(bytes)),
        Taste::Short | Taste::Document => whole.clone(),
    };
    Some(AttemptInput {
        stdout: or(stdout, &input.stdout),
        stderr: or(stderr, &input.stderr),
        ..input.clone()
    })
}

enum Taste {
    /// There is no need for one.
    Short,
    /// Not to be cut.
    Document,
    Of(Vec<u8>),
}

fn of_stream(blob: &BlobInput) -> Taste {
    match blob {
        BlobInput::File { path, size, .. } if *size > 4 * PART => {
            // What cannot be read here will be told by whoever reads it in whole.
            ends(path, *size).map_or(Taste::Document, |(head, tail)| joined(&head, &tail))
        }
        BlobInput::File { .. } | BlobInput::Bytes(_) | BlobInput::Pieces(..) => Taste::Short,
    }
}

fn ends(path: &Path, size: u64) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = File::open(path)?;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    file.by_ref().take(PART).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(size - PART))?;
    file.take(PART).read_to_end(&mut tail)?;
    Ok((head, tail))
}

/// Whole lines of both.
fn joined(head: &[u8], tail: &[u8]) -> Taste {
    let begins_document = |line: &[u8]| matches!(line.trim_ascii_start().first(), Some(b'{' | b'[' | b'<'));
    if head.split(|b| *b == b'\n').take(FIRST_LINES).any(begins_document) {
        return Taste::Document;
    }
    let (Some(last), Some(first)) =
        (head.iter().rposition(|b| *b == b'\n'), tail.iter().position(|b| *b == b'\n'))
    else {
        // A line of a megabyte is a document too.
        return Taste::Document;
    };
    let whole = [head.get(..=last), tail.get(first + 1..)];
    Taste::Of(whole.into_iter().flatten().flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flaky_core::attempt::Exit;
    use flaky_core::ids::{AttemptIndex, Seed};

    use super::*;

    fn of(text: &[u8]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        std::fs::write(&path, text).unwrap();
        let input = AttemptInput {
            index: AttemptIndex(0),
            seed: Seed(0),
            command: Vec::new(),
            exit: Exit::Code(0),
            duration: Duration::ZERO,
            conditions: Vec::new(),
            stdout: BlobInput::File { path, size: text.len() as u64, cut: None },
            stderr: BlobInput::Bytes(Arc::from(&[][..])),
            reports: Vec::new(),
            tree: Vec::new(),
        };
        taste(&input).map(|tasted| match tasted.stdout {
            BlobInput::Bytes(bytes) | BlobInput::Pieces(bytes, _) => bytes.to_vec(),
            BlobInput::File { .. } => panic!("the whole file"),
        })
    }

    fn lines(text: &str, bytes: usize) -> Vec<u8> {
        text.bytes().cycle().take(bytes / text.len() * text.len()).collect()
    }

    #[test]
    fn of_long_text_there_are_whole_lines_of_both_ends() {
        let middle = lines("a line of the middle\n", 6 << 20);
        let text = [b"first line\n", middle.as_slice(), b"last line\n"].concat();
        let taste = of(&text).unwrap();
        assert!(taste.starts_with(b"first line\n") && taste.ends_with(b"last line\n"));
        assert!(taste.len() as u64 <= 2 * PART);
        let odd: Vec<&[u8]> = taste
            .split(|b| *b == b'\n')
            .filter(|line| ![&b"first line"[..], b"last line", b"a line of the middle", b""].contains(line))
            .collect();
        assert!(odd.is_empty(), "no line was cut: {odd:?}");
    }

    #[test]
    fn short_text_documents_and_endless_lines_are_read_in_whole() {
        let long = lines("some text\n", 6 << 20);
        for (what, text) in [
            ("short", b"ok 1\n".to_vec()),
            ("json", [b"> jest --json\n\n{\n".as_slice(), &long].concat()),
            ("xml", [b"<?xml version='1.0'?>\n".as_slice(), &long].concat()),
            ("one line", vec![b'x'; 6 << 20]),
            ("a long last line", [long.as_slice(), &vec![b'x'; 2 << 20]].concat()),
        ] {
            assert!(of(&text).is_none(), "{what}");
        }
    }
}
