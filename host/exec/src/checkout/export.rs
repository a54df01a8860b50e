//! Another revision of a folder's own repository, as files in a folder beside it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{ErrorCode, Repository};

use super::tree;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Full id of the commit.
    pub commit: String,
    /// Where the folder that was asked about stands in what was written.
    pub folder: PathBuf,
}

/// Why a revision cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The folder is in no repository.
    #[error("`{}` is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// Nothing has this name.
    #[error("the repository has no revision `{0}`")]
    NoRevision(String),
    /// The folder is not there at that revision.
    #[error("there is no folder `{}` at `{revision}`", folder.display())]
    NoFolder {
        /// Relative to the repository.
        folder: PathBuf,
        /// What was asked for.
        revision: String,
    },
    /// Git or the disk.
    #[error("`{revision}` cannot be written: {why}")]
    Unwritable {
        /// What was asked for.
        revision: String,
        /// What went wrong.
        why: String,
    },
}

impl ExportError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRevision(_) => Some(
                "in a shallow clone only a few revisions are there: fetch it first, e.g. `git fetch origin main`",
            ),
            Self::NoRepository(_) => Some("only revisions of one repository can be compared"),
            Self::NoFolder { .. } | Self::Unwritable { .. } => None,
        }
    }
}

/// Writes the files that the repository of `folder` has at `revision` (anything that `git rev-parse` takes) into
/// `into`, which is made: a repository with that commit checked out, which borrows the objects of the one it is made
/// from and has its tags (tools that name versions look for both). Only files that git tracks; submodules are empty
/// folders; no hook or filter is run, and nothing of the repository of `folder` is changed.
///
/// # Errors
/// See [`ExportError`].
pub fn export(
    folder: &Path,
    revision: &str,
    into: &Path,
    cancel: &AtomicBool,
) -> Result<Exported, ExportError> {
    let repository =
        Repository::discover(folder).map_err(|_| ExportError::NoRepository(folder.to_owned()))?;
    let unwritable = |why: String| ExportError::Unwritable { revision: revision.to_owned(), why };
    let commit =
        repository.revparse_single(revision).and_then(|object| object.peel_to_commit()).map_err(|error| {
            match error.code() {
                ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel => {
                    ExportError::NoRevision(revision.to_owned())
                }
                _ => unwritable(error.message().to_owned()),
            }
        })?;
    let inside = repository.workdir().and_then(|root| {
        let (root, folder) = (root.canonicalize().ok()?, folder.canonicalize().ok()?);
        folder.strip_prefix(&root).ok().map(Path::to_owned)
    });
    let inside = inside.unwrap_or_default();
    let beside = borrowing(&repository, into).map_err(&unwritable)?;
    tree::write(&beside, commit.id(), cancel).map_err(|error| unwritable(error.to_string()))?;
    copy_tags(&repository, &beside);
    let found = into.join(&inside);
    if !found.is_dir() {
        return Err(ExportError::NoFolder { folder: inside, revision: revision.to_owned() });
    }
    Ok(Exported { commit: commit.id().to_string(), folder: found })
}

/// A new repository in `into` that finds every object of `repository`.
fn borrowing(repository: &Repository, into: &Path) -> Result<Repository, String> {
    let io = |error: std::io::Error| error.to_string();
    let git = |error: git2::Error| error.message().to_owned();
    std::fs::create_dir_all(into).map_err(io)?;
    let beside = Repository::init(into).map_err(git)?;
    let (from, to) = (repository.commondir(), beside.path());
    let objects = from.join("objects").canonicalize().map_err(io)?;
    let mut line = objects.into_os_string();
    line.push("\n");
    std::fs::write(to.join("objects/info/alternates"), line.as_encoded_bytes()).map_err(io)?;
    if from.join("shallow").is_file() {
        std::fs::copy(from.join("shallow"), to.join("shallow")).map_err(io)?;
    }
    // Anew: alternates are read when a repository is opened.
    Repository::open(into).map_err(git)
}

/// A tag that cannot be copied is no reason not to test.
fn copy_tags(from: &Repository, to: &Repository) {
    let tags = from.references_glob("refs/tags/*").into_iter().flatten().flatten();
    for tag in tags {
        if let (Ok(name), Some(target)) = (tag.name(), tag.target()) {
            let _ = to.reference(name, target, false, "");
        }
    }
}
