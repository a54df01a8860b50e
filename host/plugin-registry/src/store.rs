//! Fetched components on disk, by their digest.
//!
//! A name says which bytes stand there, so an entry needs no trust: it is hashed each time it is read, and what has
//! another digest is deleted and fetched again. Deleting the folder is always safe.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flaky_core::digest::Sha256Digest;
use flaky_files::{NotRegular, open_regular};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// A folder of fetched components.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// Most bytes of a component.
    limit: u64,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {source}", path.display())]
pub struct StoreError {
    /// Which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl StoreError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self { path: path.to_owned(), source }
    }

    /// A full or broken disk is nobody's mistake.
    pub(crate) fn is_outage(&self) -> bool {
        !matches!(self.source.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
    }
}

/// What stands in a file that is to hold certain bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Those bytes.
    Whole(Vec<u8>),
    /// There is no such file.
    Nothing,
    /// Something else.
    Other,
}

impl Store {
    /// Of a folder that is there and that only this user can write to; components have at most `limit` bytes.
    #[must_use]
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit }
    }

    /// The component of this digest, whole. What stands there with another digest is deleted.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, digest: &Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.entry(digest);
        match read_exactly(&path, digest, self.limit).map_err(StoreError::at(&path))? {
            Found::Whole(bytes) => Ok(Some(bytes)),
            Found::Nothing => Ok(None),
            Found::Other => {
                // If it cannot be deleted, what is fetched replaces it.
                let _ = fs::remove_file(&path);
                Ok(None)
            }
        }
    }

    /// Whether something stands under this digest; it may still be found wanting when it is read.
    #[must_use]
    pub fn has(&self, digest: &Sha256Digest) -> bool {
        self.entry(digest).symlink_metadata().is_ok_and(|found| found.is_file())
    }

    /// A place to write what arrives; it is deleted unless it is kept.
    pub(crate) fn incoming(&self) -> Result<Incoming, StoreError> {
        let file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder);
        let file = file.map_err(StoreError::at(&self.folder))?;
        Ok(Incoming { file, hasher: Sha256::new(), size: 0 })
    }

    /// Gives what has arrived its name.
    pub(crate) fn keep(&self, arrived: Arrived) -> Result<(), StoreError> {
        let path = self.entry(&arrived.digest);
        arrived.file.persist(&path).map_err(|e| StoreError { path, source: e.error })?;
        Ok(())
    }

    fn entry(&self, digest: &Sha256Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }
}

/// A component that arrives.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: NamedTempFile,
    hasher: Sha256,
    size: u64,
}

impl Incoming {
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(chunk);
        self.size += chunk.len() as u64;
        self.file.write_all(chunk).map_err(|source| StoreError { path: self.file.path().to_owned(), source })
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Nothing more comes.
    pub(crate) fn end(self) -> Arrived {
        Arrived { file: self.file, digest: Sha256Digest::new(self.hasher.finalize().into()), size: self.size }
    }
}

/// One that has arrived; whether it is the right one, its digest tells.
#[derive(Debug)]
pub(crate) struct Arrived {
    file: NamedTempFile,
    pub(crate) digest: Sha256Digest,
    pub(crate) size: u64,
}

/// The digest of bytes in memory.
pub(crate) fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(Sha256::digest(bytes).into())
}

/// Reads a file and hashes what is read. Links are not followed, and nothing is waited for.
pub(crate) fn read_exactly(path: &Path, digest: &Sha256Digest, limit: u64) -> io::Result<Found> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(NotRegular::Missing) => return Ok(Found::Nothing),
        Err(NotRegular::Other) => return Ok(Found::Other),
        Err(NotRegular::Io(error)) => return Err(error),
    };
    let bytes = read_at_most(file, limit)?;
    let whole = bytes.len() as u64 <= limit && sha256(&bytes) == *digest;
    Ok(if whole { Found::Whole(bytes) } else { Found::Other })
}

/// One byte more than allowed, so that what is too large is noticed.
fn read_at_most(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(store: &Store, bytes: &[u8]) -> Sha256Digest {
        let mut incoming = store.incoming().unwrap();
        incoming.take(bytes).unwrap();
        let arrived = incoming.end();
        let digest = arrived.digest;
        store.keep(arrived).unwrap();
        digest
    }

    #[test]
    fn what_was_kept_is_found_again_until_a_byte_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned(), 100);
        let digest = kept(&store, b"component");
        assert_eq!(store.read(&digest).unwrap().as_deref(), Some(&b"component"[..]));
        let path = store.entry(&digest);
        for content in [&b"componenT"[..], b"", b"component ", &[7; 101]] {
            fs::write(&path, content).unwrap();
            assert_eq!(store.read(&digest).unwrap(), None);
            assert!(!path.exists(), "it is deleted");
            kept(&store, b"component");
            assert!(store.read(&digest).unwrap().is_some());
        }
    }

    #[test]
    fn a_link_or_a_folder_in_place_of_a_component_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned(), 100);
        let digest = kept(&store, b"component");
        let (path, moved) = (store.entry(&digest), folder.path().join("moved"));
        fs::rename(&path, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &path).unwrap();
        assert_eq!(store.read(&digest).unwrap(), None);
        assert!(moved.exists());
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        assert!(!store.has(&digest));
        assert_eq!(store.read(&digest).unwrap(), None);
    }

    #[test]
    fn what_does_not_arrive_whole_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned(), 100);
        let mut incoming = store.incoming().unwrap();
        incoming.take(b"comp").unwrap();
        drop(incoming);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
