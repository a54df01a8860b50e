//! Output on disk, within a quota: the first half of the quota and the last half are kept.
//!
//! Memory does not depend on how much is printed. Up to the quota the file is a plain copy; above it the
//! second half of the file becomes a ring, which is put in order once at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::launcher::protocol::Stream;

/// One stream's file. It is made with the first byte, so that silent commands cost nothing.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: Option<File>,
    head: u64,
    tail: u64,
    printed: u64,
}

impl Spool {
    /// Keeps at most `quota` bytes (at least two) in `path`, whose folder is made when it is needed.
    pub(crate) fn new(path: PathBuf, quota: u64) -> Self {
        let head = (quota / 2).max(1);
        Self { path, file: None, head, tail: quota.saturating_sub(head).max(1), printed: 0 }
    }

    /// Takes what was printed next.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (offset, room) = self.position();
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.file()?.write_all_at(now, offset)?;
            self.printed += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Where the next byte goes, and how many fit from there.
    fn position(&self) -> (u64, u64) {
        match self.printed.checked_sub(self.head) {
            None => (self.printed, self.head - self.printed),
            Some(after_head) => {
                let in_ring = after_head % self.tail;
                (self.head + in_ring, self.tail - in_ring)
            }
        }
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                match std::fs::create_dir(folder) {
                    Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                    _ => {}
                }
            }
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&self.path)?;
            self.file = Some(file);
        }
        self.file.as_ref().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Puts the ring in order.
    pub(crate) fn finish(self) -> io::Result<Stream> {
        let quota = self.head + self.tail;
        let Some(file) = &self.file else { return Ok(Stream { size: 0, cut: None }) };
        if self.printed <= quota {
            return Ok(Stream { size: self.printed, cut: None });
        }
        let (oldest, _) = self.position();
        if oldest != self.head {
            let ring = tempfile::tempfile_in(self.path.parent().unwrap_or(&self.path))?;
            let end_to_end = copy(file, oldest, &ring, 0, quota - oldest)?;
            copy(file, self.head, &ring, end_to_end, oldest - self.head)?;
            copy(&ring, 0, file, self.head, self.tail)?;
        }
        Ok(Stream { size: quota, cut: Some((self.head, self.printed - self.tail)) })
    }
}

/// Copies `length` bytes between offsets; returns how many that were.
fn copy(from: &File, mut read_at: u64, to: &File, mut write_at: u64, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let end = read_at + length;
    while read_at < end {
        let part = usize::try_from(end - read_at).unwrap_or(BUFFER).min(BUFFER);
        let Some(part) = buffer.get_mut(..part) else { return Err(ErrorKind::InvalidInput.into()) };
        from.read_exact_at(part, read_at)?;
        to.write_all_at(part, write_at)?;
        read_at += part.len() as u64;
        write_at += part.len() as u64;
    }
    Ok(length)
}

/// What a pipe holds by default: one read empties it.
pub(crate) const BUFFER: usize = 64 * 1024;

/// The reading end of a command's output, and where it goes.
#[derive(Debug)]
pub(crate) struct Pump {
    pipe: Option<File>,
    spool: Spool,
}

impl Pump {
    /// `pipe` must not block.
    pub(crate) const fn new(pipe: File, spool: Spool) -> Self {
        Self { pipe: Some(pipe), spool }
    }

    /// The pipe, until its end was seen.
    pub(crate) const fn pipe(&self) -> Option<&File> {
        self.pipe.as_ref()
    }

    /// Takes what the pipe holds, at most `rounds` buffers of it, so that two streams get their turns.
    pub(crate) fn pump(&mut self, buffer: &mut [u8], rounds: usize) -> io::Result<()> {
        for _ in 0..rounds {
            let Some(pipe) = &mut self.pipe else { return Ok(()) };
            match pipe.read(buffer) {
                Ok(0) => self.pipe = None,
                Ok(n) => self.spool.write(buffer.get(..n).unwrap_or_default())?,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Takes what is left in the pipe. Whoever still holds the other end is not waited for.
    pub(crate) fn finish(mut self, buffer: &mut [u8]) -> io::Result<Stream> {
        // A pipe can be enlarged to 1 MB by an ordinary user: 64 rounds take more than it can hold.
        self.pump(buffer, 64)?;
        self.spool.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the file must hold, by its definition.
    fn expected(printed: &[u8], quota: usize) -> (Vec<u8>, Option<(u64, u64)>) {
        if printed.len() <= quota {
            return (printed.to_vec(), None);
        }
        let (head, tail) = (quota / 2, quota - quota / 2);
        let cut = printed.len() - tail;
        ([&printed[..head], &printed[cut..]].concat(), Some((head as u64, cut as u64)))
    }

    proptest! {
        #[test]
        fn head_and_tail_are_kept_exactly(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            quota in 2_usize..120,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("attempt/stdout");
            let mut spool = Spool::new(path.clone(), quota as u64);
            for chunk in &chunks {
                spool.write(chunk).unwrap();
            }
            let stream = spool.finish().unwrap();
            let (bytes, cut) = expected(&chunks.concat(), quota);
            prop_assert_eq!(stream, Stream { size: bytes.len() as u64, cut });
            prop_assert_eq!(std::fs::read(path).unwrap_or_default(), bytes);
        }
    }
}
