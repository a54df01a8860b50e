//! What lies in the cache folder, how large it is, and taking it away. Only what `flaky` puts there is touched: a folder
//! that somebody names as the cache may hold more.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::folders::Folders;

/// A part of the cache folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Native code of components.
    Components,
    /// Installed dependencies.
    Environments,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 2] = [Self::Components, Self::Environments];

    /// What it holds, as people say it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Components => "compiled plugins",
            Self::Environments => "installed dependencies",
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(self, folders: &Folders) -> PathBuf {
        match self {
            Self::Components => folders.components(),
            Self::Environments => folders.environments(),
        }
    }

    /// How much it holds; a folder that is not there holds nothing.
    ///
    /// # Errors
    /// When the folder itself cannot be read.
    pub fn size(self, folders: &Folders) -> io::Result<Size> {
        size(&self.path(folders))
    }

    /// Takes away what is in it, but for what a run uses at this moment.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clean(self, folders: &Folders) -> io::Result<Cleaned> {
        let path = self.path(folders);
        let before = size(&path)?;
        let in_use = match self {
            // Whoever has read an entry does not need it again; whoever wants to write one goes on without.
            Self::Components => flaky_exec::remove_folder(&path).map(|()| 0)?,
            Self::Environments => remove_unused(&path)?,
        };
        let after = size(&path)?;
        Ok(Cleaned { bytes: before.bytes.saturating_sub(after.bytes), in_use })
    }
}

/// How much a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Plain files, links among them.
    pub files: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// What was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaned {
    /// Bytes on disk.
    pub bytes: u64,
    /// Folders that a run uses, which stay.
    pub in_use: usize,
}

/// Folders of dependencies are locked while a run uses them. Locks themselves stay: one that is removed while somebody
/// waits for it guards nothing any more.
fn remove_unused(environments: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(environments) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut in_use = 0;
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let lock = File::create(entry.path().with_added_extension("lock"))?;
        match lock.try_lock() {
            Ok(()) => flaky_exec::remove_folder(&entry.path())?,
            Err(TryLockError::WouldBlock) => in_use += 1,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(in_use)
}

/// Follows no link. What vanishes meanwhile, or may not be looked into, counts for nothing.
fn size(folder: &Path) -> io::Result<Size> {
    let mut size = Size::default();
    let mut folders = match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => vec![folder.to_owned()],
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(e),
    };
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            size.bytes = size.bytes.saturating_add(on_disk(&found));
            if found.is_dir() {
                folders.push(entry.path());
            } else {
                size.files += 1;
            }
        }
    }
    Ok(size)
}

/// Where the system does not say what a file takes, what it holds.
fn on_disk(found: &fs::Metadata) -> u64 {
    /// What `st_blocks` counts in.
    #[cfg(unix)]
    const BLOCK: u64 = 512;
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(found).saturating_mul(BLOCK);
    #[cfg(not(unix))]
    return found.len();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folders(root: &Path) -> Folders {
        Folders { state: root.join("state"), cache: root.join("cache") }
    }

    fn write(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [1; 5000]).unwrap();
    }

    #[test]
    fn nothing_is_there_before_anything_was_kept() {
        let root = tempfile::tempdir().unwrap();
        for part in Part::ALL {
            assert_eq!(part.size(&folders(root.path())).unwrap(), Size::default());
            assert_eq!(part.clean(&folders(root.path())).unwrap(), Cleaned { bytes: 0, in_use: 0 });
        }
    }

    #[test]
    fn only_what_was_asked_for_goes_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let folders = folders(root.path());
        let mine = root.path().join("mine");
        write(&mine.join("file"));
        write(&folders.components().join("x.cwasm"));
        write(&folders.cache.join("somebody's/file"));
        symlink(&mine, folders.components().join("link")).unwrap();
        let size = Part::Components.size(&folders).unwrap();
        assert!(size.files == 2 && size.bytes >= 5000, "{size:?}");
        let cleaned = Part::Components.clean(&folders).unwrap();
        assert_eq!(cleaned, Cleaned { bytes: size.bytes, in_use: 0 });
        assert!(!folders.components().exists());
        assert!(mine.join("file").exists() && folders.cache.join("somebody's/file").exists());
    }

    /// Go's module cache is such a folder.
    #[test]
    fn dependencies_in_folders_without_permissions_go_too() {
        let root = tempfile::tempdir().unwrap();
        let folders = folders(root.path());
        let inner = folders.environments().join("a/pkg");
        write(&inner.join("file"));
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(Part::Environments.clean(&folders).unwrap().in_use, 0);
        assert!(!folders.environments().join("a").exists());
    }

    #[test]
    fn dependencies_that_a_run_uses_stay() {
        let root = tempfile::tempdir().unwrap();
        let folders = folders(root.path());
        write(&folders.environments().join("used/file"));
        write(&folders.environments().join("unused/file"));
        let lock = File::create(folders.environments().join("used.lock")).unwrap();
        lock.lock_shared().unwrap();
        assert_eq!(Part::Environments.clean(&folders).unwrap().in_use, 1);
        assert!(folders.environments().join("used/file").exists());
        assert!(!folders.environments().join("unused").exists());
    }
}
