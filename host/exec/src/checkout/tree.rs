//! From a received commit to a work tree, and what has to be said about it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::build::CheckoutBuilder;
use git2::{AttrCheckFlags, CheckoutNotificationType, ErrorCode, Index, IndexEntry, Oid, Repository};

use super::CheckoutNote;
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

/// Looks for what a fetch by libgit2 leaves out.
///
/// # Errors
/// When files are pointers to a Git LFS server.
pub(super) fn look_through(repository: &Repository) -> Result<Vec<CheckoutNote>, CheckoutErrorKind> {
    let index = repository.index().map_err(|e| io("read the index", &e.message()))?;
    let pointers: Vec<String> =
        index.iter().filter(|entry| is_pointer(repository, entry)).map(|entry| path_text(&entry)).collect();
    if !pointers.is_empty() {
        let (count, paths) = (pointers.len(), first_few(pointers));
        return Err(CheckoutErrorKind::Lfs { count, paths });
    }
    Ok(submodules(&index).into_iter().collect())
}

fn submodules(index: &Index) -> Option<CheckoutNote> {
    let paths: Vec<String> =
        index.iter().filter(|e| e.mode & TYPE_MASK == SUBMODULE).map(|e| path_text(&e)).collect();
    (!paths.is_empty())
        .then(|| CheckoutNote::SubmodulesNotFetched { count: paths.len(), paths: first_few(paths) })
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
    let path = Path::new(OsStr::from_bytes(&entry.path));
    matches!(repository.get_attr_bytes(path, "filter", AttrCheckFlags::FILE_THEN_INDEX), Ok(Some(b"lfs")))
}

fn path_text(entry: &IndexEntry) -> String {
    String::from_utf8_lossy(&entry.path).chars().take(200).flat_map(char::escape_debug).collect()
}

fn first_few(mut paths: Vec<String>) -> Vec<String> {
    if paths.len() > MOST_NAMED {
        paths.truncate(MOST_NAMED);
        paths.push("…".into());
    }
    paths
}
