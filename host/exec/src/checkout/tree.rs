//! From a received commit to a work tree, and what has to be said about it.

use std::sync::atomic::{AtomicBool, Ordering};

use flaky_files::path_of;
use git2::build::CheckoutBuilder;
use git2::{AttrCheckFlags, CheckoutNotificationType, ErrorCode, Index, IndexEntry, Oid, Repository};

use super::error::{CheckoutErrorKind, io};

/// "Pointer files must be less than 1024 bytes in size": the specification of Git LFS.
const LARGEST_POINTER: u32 = 1_024;
/// First line of a pointer file up to the version's number, of today and of the time before the name.
const POINTER_STARTS: [&[u8]; 2] =
    [b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"];
/// Enough to recognise which files are meant.
const MOST_NAMED: usize = 5;
/// Modes of index entries: type of entry, regular file, submodule.
const TYPE_MASK: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const SUBMODULE: u32 = 0o160_000;

/// Writes the files of `commit`, with no branch checked out.
pub(super) fn write(
    repository: &Repository,
    commit: Oid,
    cancel: &AtomicBool,
) -> Result<(), CheckoutErrorKind> {
    let failure = |e: git2::Error| match e.code() {
        ErrorCode::User => CheckoutErrorKind::Cancelled,
        _ => io("write the work tree", &e.message()),
    };
    repository.set_head_detached(commit).map_err(failure)?;
    let mut options = CheckoutBuilder::new();
    options
        .force()
        .notify_on(CheckoutNotificationType::all())
        .notify(|_, _, _, _, _| !cancel.load(Ordering::SeqCst));
    repository.checkout_head(Some(&mut options)).map_err(failure)
}

/// Files that are pointers to a Git LFS server, which libgit2 knows nothing of.
pub(super) fn pointers(repository: &Repository) -> Result<Vec<String>, CheckoutErrorKind> {
    let index = index(repository)?;
    let pointers = index.iter().filter(|entry| is_pointer(repository, entry));
    Ok(pointers.map(|entry| path_text(&entry.path)).collect())
}

/// Path and commit of each submodule.
pub(super) fn submodules(repository: &Repository) -> Result<Vec<(Vec<u8>, Oid)>, CheckoutErrorKind> {
    let index = index(repository)?;
    let links = index.iter().filter(|entry| entry.mode & TYPE_MASK == SUBMODULE);
    Ok(links.map(|entry| (entry.path, entry.id)).collect())
}

fn index(repository: &Repository) -> Result<Index, CheckoutErrorKind> {
    repository.index().map_err(|e| io("read the index", &e.message()))
}

/// A file with the text of a pointer that `.gitattributes` puts under LFS; others, such as the samples of a program that
/// reads pointers, are meant as they are. The content is read from the objects, so symbolic links lead nowhere.
fn is_pointer(repository: &Repository, entry: &IndexEntry) -> bool {
    if entry.mode & TYPE_MASK != FILE || entry.file_size >= LARGEST_POINTER {
        return false;
    }
    let Ok(blob) = repository.find_blob(entry.id) else { return false };
    if !POINTER_STARTS.iter().any(|start| blob.content().starts_with(start)) {
        return false;
    }
    let Some(path) = path_of(&entry.path) else { return false };
    matches!(repository.get_attr_bytes(path, "filter", AttrCheckFlags::FILE_THEN_INDEX), Ok(Some(b"lfs")))
}

/// A path as messages may show it.
pub(super) fn path_text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(200).flat_map(char::escape_debug).collect()
}

/// Enough of them to recognise which are meant.
pub(super) fn first_few(mut paths: Vec<String>) -> Vec<String> {
    if paths.len() > MOST_NAMED {
        paths.truncate(MOST_NAMED);
        paths.push("…".into());
    }
    paths
}
