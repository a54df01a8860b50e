//! Components in the repository itself, so that a run needs neither network nor cache.
//!
//! They stand under their names in the lock, and count only as long as they have the digest that it says: no other
//! record of them is kept that could say something else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::lock::PluginName;
use crate::store::StoreError;

/// Below the folder of the configuration.
pub const VENDOR_FOLDER: &str = ".flaky/plugins";

/// What was done to the folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vendored {
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files of plugins that nothing names any more, which were deleted.
    pub deleted: Vec<PathBuf>,
}

/// The file of a plugin.
pub(crate) fn path(folder: &Path, name: &PluginName) -> PathBuf {
    folder.join(VENDOR_FOLDER).join(format!("{name}.wasm"))
}

/// Writes components into the repository, and deletes those that are not among them.
///
/// # Errors
/// When a file cannot be written, or the folder is a link: it could lead out of the repository.
pub fn vendor(folder: &Path, components: &[(PluginName, Vec<u8>)]) -> Result<Vendored, StoreError> {
    let target = real_folder(folder)?;
    let mut done = Vendored::default();
    for (name, bytes) in components {
        let path = path(folder, name);
        let failed = |source: io::Error| StoreError { path: path.clone(), source };
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
            && fs::read(&path).is_ok_and(|there| there == *bytes)
        {
            continue;
        }
        flaky_files::write_whole(&path, flaky_files::Readers::Anybody, bytes).map_err(failed)?;
        done.written.push(path);
    }
    let kept =
        |found: &Path| components.iter().any(|(name, _)| path(folder, name).file_name() == found.file_name());
    for entry in fs::read_dir(&target).map_err(StoreError::at(&target))? {
        let found = entry.map_err(StoreError::at(&target))?.path();
        let ours = found.extension().is_some_and(|extension| extension == "wasm");
        if ours && !kept(&found) {
            fs::remove_file(&found).map_err(StoreError::at(&found))?;
            done.deleted.push(found);
        }
    }
    Ok(done)
}

/// Deletes the vendored file of one plugin, if there is one.
///
/// # Errors
/// When it is there and cannot be deleted.
pub fn forget(folder: &Path, name: &PluginName) -> Result<bool, StoreError> {
    let path = path(folder, name);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError { path, source }),
    }
}

/// Makes the folder; neither part of it may be a link.
fn real_folder(folder: &Path) -> Result<PathBuf, StoreError> {
    let mut path = folder.to_owned();
    for part in Path::new(VENDOR_FOLDER).components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no folder of its own");
                return Err(StoreError { path, source });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&path).map_err(StoreError::at(&path))?;
            }
            Err(source) => return Err(StoreError { path, source }),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PluginName {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_vendored_follows_what_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let both = [(name("a"), b"A".to_vec()), (name("b"), b"B".to_vec())];
        assert_eq!(vendor(folder.path(), &both).unwrap().written.len(), 2);
        let note = folder.path().join(VENDOR_FOLDER).join("README.md");
        fs::write(&note, "ours").unwrap();
        let changed = [(name("b"), b"B2".to_vec())];
        let done = vendor(folder.path(), &changed).unwrap();
        assert_eq!(done.written, [path(folder.path(), &name("b"))]);
        assert_eq!(done.deleted.len(), 1);
        assert!(note.exists(), "what is not ours stays");
        assert_eq!(vendor(folder.path(), &changed).unwrap(), Vendored::default());
        assert!(forget(folder.path(), &name("b")).unwrap());
        assert!(!forget(folder.path(), &name("b")).unwrap());
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), folder.path().join(".flaky")).unwrap();
        let error = vendor(folder.path(), &[(name("a"), b"A".to_vec())]).unwrap_err();
        assert!(error.to_string().contains("no folder of its own"), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
