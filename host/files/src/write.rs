//! Writing whole or not at all: to a temporary file beside, which then takes the name.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Beginning of the names of temporary files.
const PREFIX: &str = ".new-";

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Whoever the umask allows.
    Anybody,
    /// This user alone.
    Owner,
}

/// Writes a file.
///
/// # Errors
/// When it cannot be written; then what was there is still there.
pub fn write_whole(path: &Path, readers: Readers, bytes: &[u8]) -> io::Result<()> {
    temporary(path, permissions(readers), bytes)?.persist(path)?;
    Ok(())
}

/// The same, kept over a power cut, which takes its time.
///
/// # Errors
/// As [`write_whole`].
pub fn write_durably(path: &Path, readers: Readers, bytes: &[u8]) -> io::Result<()> {
    durably(path, permissions(readers), bytes)
}

/// A file that people edit as well: it keeps its mode, where it is a link what it leads to is written, and it is kept over
/// a power cut.
///
/// # Errors
/// As [`write_whole`].
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mode = path.metadata().map(|metadata| metadata.permissions()).ok();
    durably(&path, mode.filter(|_| cfg!(unix)).or_else(|| permissions(Readers::Anybody)), bytes)
}

/// What to make a file with; `None`: as temporary files are, for their owner, or as the system has it.
fn permissions(readers: Readers) -> Option<Permissions> {
    #[cfg(unix)]
    if readers == Readers::Anybody {
        return Some(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = readers;
    None
}

fn durably(path: &Path, mode: Option<Permissions>, bytes: &[u8]) -> io::Result<()> {
    let file = temporary(path, mode, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A file beside the one that it is to become.
fn temporary(path: &Path, mode: Option<Permissions>, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    if let Some(mode) = mode {
        builder.permissions(mode);
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_there_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        type Write = fn(&Path, &[u8]) -> io::Result<()>;
        for (text, write) in [
            ("one", (|path, bytes| write_whole(path, Readers::Anybody, bytes)) as Write),
            ("two", |path, bytes| write_durably(path, Readers::Owner, bytes)),
            ("and", |path, bytes| write_durably(path, Readers::Anybody, bytes)),
            ("three", rewrite),
        ] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{text}");
        }
        write_whole(&folder.path().join("none/file"), Readers::Anybody, b"x").unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_those_that_were_asked_for_and_links_are_written_through_by_who_says_so() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::symlink_metadata(path(name)).unwrap().permissions().mode() & 0o777;
        write_durably(&path("private"), Readers::Owner, b"x").unwrap();
        write_whole(&path("ordinary"), Readers::Anybody, b"x").unwrap();
        assert_eq!((mode("private"), mode("ordinary") & 0o700), (0o600, 0o600));
        fs::set_permissions(path("ordinary"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink(path("ordinary"), path("link")).unwrap();
        rewrite(&path("link"), b"new").unwrap();
        assert_eq!(
            (fs::read_to_string(path("ordinary")).unwrap().as_str(), mode("ordinary")),
            ("new", 0o640)
        );
        write_whole(&path("link"), Readers::Anybody, b"mine").unwrap();
        assert_eq!(fs::read_to_string(path("ordinary")).unwrap(), "new", "the link itself was replaced");
    }
}
