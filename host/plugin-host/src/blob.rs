//! Bytes that a plugin reads in chunks. A read never blocks the thread it is called on: what is not in memory is
//! fetched on the blocking pool.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_files::{open_regular, read_at};

use crate::attempt::BlobInput;
use crate::limits::{CHUNK, WINDOW};

/// Where the bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Memory(Arc<[u8]>),
    /// The same, with a chunk cap of its own.
    Pieces(Arc<[u8]>, usize),
    File {
        path: PathBuf,
        size: u64,
        cut: Option<(u64, u64)>,
    },
    /// A disk that never answers.
    #[cfg(test)]
    Silent,
}

impl From<&BlobInput> for Content {
    fn from(input: &BlobInput) -> Self {
        match input {
            BlobInput::Bytes(bytes) => Self::Memory(Arc::clone(bytes)),
            BlobInput::Pieces(bytes, most) => {
                Self::Pieces(Arc::clone(bytes), usize::try_from(most.get()).unwrap_or(CHUNK))
            }
            BlobInput::File { path, size, cut } => Self::File { path: path.clone(), size: *size, cut: *cut },
        }
    }
}

impl Content {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) | Self::Pieces(bytes, _) => bytes.len() as u64,
            Self::File { size, .. } => *size,
            #[cfg(test)]
            Self::Silent => u64::MAX,
        }
    }
}

/// One open blob of one call.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "generated code re-exports it within this crate")]
pub struct Blob {
    /// For errors.
    name: String,
    content: Content,
    file: Option<Arc<File>>,
    /// Part of the file that is in memory, with its offset.
    window: (u64, Vec<u8>),
}

/// A stretch of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TextChunk {
    pub(crate) text: String,
    pub(crate) next: u64,
}

/// A read that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("`{name}`: {source}")]
pub(crate) struct ReadError {
    pub(crate) name: String,
    pub(crate) source: io::Error,
}

impl Blob {
    pub(crate) fn new(name: String, content: Content) -> Self {
        Self { name, content, file: None, window: (0, Vec::new()) }
    }

    pub(crate) fn size(&self) -> u64 {
        self.content.size()
    }

    pub(crate) fn cut(&self) -> Option<(u64, u64)> {
        match &self.content {
            Content::File { cut, .. } => *cut,
            _ => None,
        }
    }

    /// Up to `max` bytes from `offset`; less only at the end or at [`CHUNK`].
    pub(crate) async fn read(&mut self, offset: u64, max: u32) -> Result<Vec<u8>, ReadError> {
        self.bytes(offset, max as usize, 0).await.map(<[u8]>::to_vec)
    }

    /// The same as text. A chunk ends before a character that it would cut, so at least one whole character is read
    /// however small `max` is.
    pub(crate) async fn read_text(&mut self, offset: u64, max: u32) -> Result<TextChunk, ReadError> {
        const LONGEST_CHARACTER: usize = 4;
        let size = self.size();
        let wanted = (max as usize).max(LONGEST_CHARACTER);
        let bytes = self.bytes(offset, wanted, LONGEST_CHARACTER).await?;
        let last = offset.saturating_add(bytes.len() as u64) >= size || bytes.is_empty();
        let whole = if last { bytes.len() } else { bytes.len() - cut_character(bytes) };
        let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
        Ok(TextChunk { text, next: offset.saturating_add(whole as u64) })
    }

    /// Up to `max` bytes, and no more than the cap, which is never below `least`.
    async fn bytes(&mut self, offset: u64, max: usize, least: usize) -> Result<&[u8], ReadError> {
        let cap = if let Content::Pieces(_, most) = &self.content { (*most).max(least) } else { CHUNK };
        let wanted = max.min(cap).min(CHUNK);
        self.fetch(offset, wanted).await?;
        let (start, held): (u64, &[u8]) = match &self.content {
            Content::Memory(bytes) | Content::Pieces(bytes, _) => (0, bytes),
            _ => (self.window.0, &self.window.1),
        };
        let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(held.len());
        Ok(&held[from..held.len().min(from.saturating_add(wanted))])
    }

    /// Makes the window hold `wanted` bytes from `offset`, as far as the file has them.
    async fn fetch(&mut self, offset: u64, wanted: usize) -> Result<(), ReadError> {
        let (path, size) = match &self.content {
            Content::Memory(_) | Content::Pieces(..) => return Ok(()),
            Content::File { path, size, .. } => (path, *size),
            #[cfg(test)]
            Content::Silent => std::future::pending().await,
        };
        let end = offset.saturating_add(wanted as u64).min(size);
        let (start, held) = (self.window.0, self.window.1.len() as u64);
        if end <= offset || (start <= offset && end <= start + held) {
            return Ok(());
        }
        let (path, file) = (path.clone(), self.file.clone());
        let mut buffer = std::mem::take(&mut self.window.1);
        let read = move || {
            let file = file.map_or_else(|| open(&path).map(Arc::new), Ok)?;
            let length = (size - offset).min(WINDOW as u64);
            // At most a window, so it fits.
            buffer.resize(usize::try_from(length).unwrap_or(WINDOW), 0);
            let read = read_full(&file, &mut buffer, offset)?;
            buffer.truncate(read);
            Ok((file, buffer))
        };
        let outcome = tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| Err(io::Error::other(e)));
        let (file, buffer) = outcome.map_err(|source| ReadError { name: self.name.clone(), source })?;
        self.file = Some(file);
        self.window = (offset, buffer);
        Ok(())
    }
}

/// A regular file and nothing else: tests wrote what is opened here.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    Ok(open_regular(path)?)
}

fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read_at(file, &mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// How many bytes at the end of `bytes` begin a character that is not complete.
fn cut_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    for (i, byte) in tail.iter().enumerate() {
        let needs = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => continue,
        };
        let has = tail.len() - i;
        // Only what could still become a character counts: the rest is invalid however it goes on.
        let open = has < needs && tail[i + 1..].iter().all(|b| (0x80..0xc0).contains(b));
        if open {
            return has;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: &[u8]) -> Blob {
        Blob::new("stdout".into(), Content::Memory(bytes.into()))
    }

    fn on_disk(folder: &Path, bytes: &[u8]) -> Blob {
        let path = folder.join("blob");
        std::fs::write(&path, bytes).unwrap();
        Blob::new("blob".into(), Content::File { path, size: bytes.len() as u64, cut: None })
    }

    #[tokio::test]
    async fn pieces_end_where_they_are_told_to_and_text_never_within_a_character() {
        let text = "aé€😀b";
        let mut blob = Blob::new("stdout".into(), Content::Pieces(text.as_bytes().into(), 1));
        let mut bytes = Vec::new();
        while bytes.len() < text.len() {
            let piece = blob.read(bytes.len() as u64, u32::MAX).await.unwrap();
            assert_eq!(piece.len(), 1);
            bytes.extend(piece);
        }
        assert_eq!(bytes, text.as_bytes());
        let (mut read, mut pieces, mut next) = (String::new(), 0, 0);
        while next < text.len() as u64 {
            let chunk = blob.read_text(next, u32::MAX).await.unwrap();
            (read, next, pieces) = (read + &chunk.text, chunk.next, pieces + 1);
        }
        assert_eq!((read.as_str(), pieces), (text, 4));
    }

    #[tokio::test]
    async fn chunks_from_memory_and_disk_are_the_same_and_end_only_at_the_cap_or_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..3 * WINDOW + 17).map(|i| (i % 251) as u8).collect();
        for mut blob in [memory(&bytes), on_disk(folder.path(), &bytes)] {
            for step in [1_u32 << 16, 99_991, u32::MAX] {
                let mut all = Vec::new();
                loop {
                    let chunk = blob.read(all.len() as u64, step).await.unwrap();
                    let left = bytes.len() - all.len();
                    assert_eq!(chunk.len(), left.min(CHUNK).min(step as usize));
                    if chunk.is_empty() {
                        break;
                    }
                    all.extend(chunk);
                }
                assert!(all == bytes, "{step}");
            }
            assert_eq!(blob.read(u64::MAX, 10).await.unwrap(), b"");
            assert_eq!(blob.read(5, 0).await.unwrap(), b"");
            assert_eq!(blob.read(7, 3).await.unwrap(), [7, 8, 9]);
        }
    }

    #[tokio::test]
    async fn text_chunks_never_end_inside_a_character() {
        let text = "aé€😀".repeat(50);
        for max in 0..20 {
            let mut blob = memory(text.as_bytes());
            let (mut all, mut at) = (String::new(), 0);
            while at < text.len() as u64 {
                let chunk = blob.read_text(at, max).await.unwrap();
                assert!(chunk.next > at, "{max}");
                all.push_str(&chunk.text);
                at = chunk.next;
            }
            assert_eq!(all, text, "{max}");
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_replaced_and_reading_goes_on() {
        for (bytes, expected) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"ab\xe2\x82", "ab\u{fffd}"),
            (b"\xf0\x9f\x98abcdef", "\u{fffd}abcdef"),
            (b"\x80\x80\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"", ""),
        ] {
            let mut blob = memory(bytes);
            let (mut all, mut at) = (String::new(), 0);
            while at < bytes.len() as u64 {
                let chunk = blob.read_text(at, 4).await.unwrap();
                all.push_str(&chunk.text);
                at = chunk.next;
            }
            assert_eq!(all, expected, "{bytes:?}");
        }
        assert_eq!(memory(b"ab").read_text(9, 4).await.unwrap(), TextChunk { text: String::new(), next: 9 });
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_read_as_far_as_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut blob = on_disk(folder.path(), b"0123456789");
        let Content::File { path, .. } = &blob.content else { panic!() };
        std::fs::write(path, b"0123").unwrap();
        assert_eq!(blob.read(2, 100).await.unwrap(), b"23");
        assert_eq!(blob.read(8, 100).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_pipe_a_link_and_a_folder_are_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        std::fs::write(&target, b"x").unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for path in [pipe, link, folder.path().to_owned()] {
            let mut blob = Blob::new("x".into(), Content::File { path: path.clone(), size: 10, cut: None });
            assert!(blob.read(0, 10).await.is_err(), "{path:?}");
        }
    }
}
