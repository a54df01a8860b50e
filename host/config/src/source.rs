//! Finding and reading the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{ConfigError, ConfigErrorKind};
use crate::file::{ConfigFile, parse};

/// The name under which a project keeps its settings.
pub const FILE_NAME: &str = ".flaky-detector.yml";

/// Most bytes read of a configuration or job file. The original's own file has 1.3 kB; a thousand plugins with
/// settings fit as well.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The project's own file, if it has one.
///
/// # Errors
/// When the name is there but is a link that leads out of `root`: the file it points to would show in messages.
pub fn discover(root: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let path = root.join(FILE_NAME);
    let failed = |error| ConfigError::new(&path, None, ConfigErrorKind::Unreadable(error));
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if metadata.is_symlink() {
        let target = path.canonicalize().map_err(failed)?;
        if !target.starts_with(root.canonicalize().map_err(failed)?) {
            return Err(ConfigError::new(&path, None, ConfigErrorKind::LeavesProject));
        }
    }
    Ok(Some(path))
}

/// The file that holds: the one that was named, else the project's own, if it has one.
///
/// # Errors
/// Whatever is wrong with it.
pub fn load_named_or_own(named: Option<&Path>, root: &Path) -> Result<Option<ConfigFile>, ConfigError> {
    match named {
        Some(path) => load(path).map(Some),
        None => discover(root)?.map(|path| load(&path)).transpose(),
    }
}

/// Reads and parses a configuration file.
///
/// # Errors
/// Whatever is wrong with the file, at its line and column.
pub fn load(path: &Path) -> Result<ConfigFile, ConfigError> {
    let bytes = read(path).map_err(|kind| ConfigError::new(path, None, kind))?;
    parse(path, &bytes)
}

/// Reads at most [`MAX_FILE_BYTES`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConfigErrorKind> {
    // Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
    let metadata = path.metadata().map_err(ConfigErrorKind::Unreadable)?;
    if !metadata.is_file() {
        return Err(ConfigErrorKind::NotAFile);
    }
    let file = File::open(path).map_err(ConfigErrorKind::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(ConfigErrorKind::Unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigErrorKind::TooLarge { limit: MAX_FILE_BYTES });
    }
    Ok(bytes)
}
