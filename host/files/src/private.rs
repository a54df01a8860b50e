//! Folders and files that nobody else could have written.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that others could write to, or that cannot be made. The text says which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPrivate(String);

/// Makes a folder where it is missing, for this user alone, and checks that nobody else can write to it or to any above it:
/// all of them belong to this user or root, and others may write at most to a sticky one such as `/tmp`, in which they cannot
/// replace what is ours. On Windows nothing is checked: what is below a user's own folder is theirs by inheritance.
///
/// # Errors
/// When somebody else can write there, or it cannot be made.
pub fn private_folder(folder: &Path) -> Result<PathBuf, NotPrivate> {
    let unusable = |why: String| NotPrivate(format!("`{}`: {why}", folder.display()));
    make_private_folder(folder).map_err(|e| unusable(e.to_string()))?;
    let folder = folder.canonicalize().map_err(|e| unusable(e.to_string()))?;
    for ancestor in folder.ancestors() {
        let metadata = fs::symlink_metadata(ancestor).map_err(|e| unusable(e.to_string()))?;
        if let Some(why) = can_be_changed_by_others(&metadata) {
            return Err(unusable(format!("`{}` {why}", ancestor.display())));
        }
    }
    Ok(folder)
}

/// Makes a folder, and those above it, where they are missing: for this user's eyes only.
///
/// # Errors
/// What the system says.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whom a temporary folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// This user alone.
    Nobody,
    /// Others may pass through it to what they know the name of, and not look around.
    Others,
}

/// A temporary folder, deleted when it is dropped.
///
/// # Errors
/// What the system says.
pub fn temporary_folder(prefix: &str, passing: Passing) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        let mode = match passing {
            Passing::Nobody => 0o700,
            Passing::Others => 0o711,
        };
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = passing;
    builder.tempdir()
}

/// Why others could have written this, if they could.
#[must_use]
pub fn can_be_changed_by_others(metadata: &Metadata) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        const STICKY: u32 = 0o1000;
        let (owner, mode) = (metadata.uid(), metadata.mode());
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            return Some(format!("belongs to another user ({owner})"));
        }
        let shared = metadata.is_dir() && mode & STICKY != 0;
        (mode & 0o022 != 0 && !shared)
            .then(|| format!("can be written by others (mode {:03o})", mode & 0o777))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_temporary_folder_lets_pass_whom_it_is_for() {
        for (passing, mode) in [(Passing::Nobody, 0o700), (Passing::Others, 0o711)] {
            let folder = temporary_folder("flaky-test-", passing).unwrap();
            assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_folder_is_private_where_nobody_else_can_write_to_it_or_above_it() {
        let place = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let made = private_folder(&place.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
        for (folder, mode, fine) in
            [("a", 0o755, true), ("a", 0o775, false), ("a", 0o1777, true), ("a/b", 0o702, false)]
        {
            set(&place.path().join(folder), mode);
            let found = private_folder(&place.path().join("a/b"));
            assert_eq!(found.is_ok(), fine, "{folder} {mode:o}: {found:?}");
            if let Err(error) = found {
                assert!(error.to_string().contains("can be written by others"), "{error}");
            }
            set(&place.path().join("a"), 0o755);
        }
    }
}
