//! What whole attempts printed, for callers that asked for it: the original tool's jobs return it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_exec::Spooled;

/// One attempt and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOutput {
    /// Which.
    pub attempt: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// How its command ended.
    pub exit: Exit,
    /// Whether the attempt counted; one that was set aside says nothing about the tests.
    pub counted: bool,
    /// Whether anything failed in it.
    pub passed: bool,
    /// What it printed.
    pub kept: KeptOutput,
}

/// Head and tail of both streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptOutput {
    /// Of standard output.
    pub stdout: KeptStream,
    /// Of standard error.
    pub stderr: KeptStream,
}

/// Head and tail of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptStream {
    /// From the beginning.
    pub head: Vec<u8>,
    /// To the end; empty when `head` is everything.
    pub tail: Vec<u8>,
    /// Bytes between them that are not kept.
    pub left_out: u64,
}

impl KeptOutput {
    /// Reads up to `quota` bytes of each stream, half of them from its end. What cannot be read any more is empty:
    /// the attempt's own verdict does not depend on it.
    pub(crate) fn read(stdout: &Spooled, stderr: &Spooled, quota: u64) -> Self {
        let stream = |spooled: &Spooled| KeptStream::read(spooled, quota).unwrap_or_default();
        Self { stdout: stream(stdout), stderr: stream(stderr) }
    }
}

impl KeptStream {
    fn read(spooled: &Spooled, quota: u64) -> std::io::Result<Self> {
        let mut file = File::open(&spooled.path)?;
        let mut kept = Self::default();
        let already_cut = spooled.cut.map_or(0, |(from, to)| to.saturating_sub(from));
        // Where the file itself was cut, its two parts meet there.
        let middle = spooled.cut.map_or(spooled.size, |(from, _)| from).min(spooled.size);
        if spooled.size <= quota && already_cut == 0 {
            file.read_to_end(&mut kept.head)?;
            return Ok(kept);
        }
        let half = quota / 2;
        let head = half.min(middle);
        let tail = half.min(spooled.size - if already_cut > 0 { middle } else { head });
        Read::by_ref(&mut file).take(head).read_to_end(&mut kept.head)?;
        file.seek(SeekFrom::Start(spooled.size - tail))?;
        file.take(tail).read_to_end(&mut kept.tail)?;
        kept.left_out = spooled.size - head - tail + already_cut;
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_head_and_tail_and_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, b"0123456789").unwrap();
        let read =
            |quota, cut| KeptStream::read(&Spooled { path: path.clone(), size: 10, cut }, quota).unwrap();
        let kept = |head: &[u8], tail: &[u8], left_out| KeptStream {
            head: head.into(),
            tail: tail.into(),
            left_out,
        };
        for (quota, cut, expected) in [
            (10, None, kept(b"0123456789", b"", 0)),
            (4, None, kept(b"01", b"89", 6)),
            (0, None, kept(b"", b"", 10)),
            (100, Some((5, 105)), kept(b"01234", b"56789", 100)),
            (4, Some((5, 105)), kept(b"01", b"89", 106)),
            (100, Some((0, 7)), kept(b"", b"0123456789", 7)),
        ] {
            assert_eq!(read(quota, cut), expected, "{quota} {cut:?}");
        }
    }
}
