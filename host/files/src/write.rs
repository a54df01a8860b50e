//! Writing whole or not at all: to a temporary file beside, which then takes the name.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::path::Path;

/// Beginning of the names of temporary files.
const PREFIX: &str = ".new-";

/// A file like any other, readable by whoever the umask allows.
///
/// # Errors
/// When it cannot be written; then what was there is still there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, ordinary(), Durable::No, bytes)
}

/// The same, kept over a power cut.
///
/// # Errors
/// As [`write_whole`].
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, ordinary(), Durable::Yes, bytes)
}

/// A file for this user alone, kept over a power cut.
///
/// # Errors
/// As [`write_whole`].
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, None, Durable::Yes, bytes)
}

/// A file that people edit as well: it keeps its mode, where it is a link what it leads to is written, and it is kept over
/// a power cut.
///
/// # Errors
/// As [`write_whole`].
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mode = path.metadata().map(|metadata| metadata.permissions()).ok();
    write(&path, mode.filter(|_| cfg!(unix)).or_else(ordinary), Durable::Yes, bytes)
}

/// Permissions to make a file with that is nobody's secret; `None` where files have none.
fn ordinary() -> Option<Permissions> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    #[cfg(not(unix))]
    return None;
}

enum Durable {
    Yes,
    No,
}

fn write(path: &Path, mode: Option<Permissions>, durable: Durable, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    if let Some(mode) = mode {
        builder.permissions(mode);
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if matches!(durable, Durable::Yes) {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_there_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (text, write) in [
            ("one", write_whole as fn(&Path, &[u8]) -> io::Result<()>),
            ("two", write_private),
            ("and", write_durably),
            ("three", rewrite),
        ] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{text}");
        }
        write_whole(&folder.path().join("none/file"), b"x").unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_those_that_were_asked_for_and_links_are_written_through_by_who_says_so() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::symlink_metadata(path(name)).unwrap().permissions().mode() & 0o777;
        write_private(&path("private"), b"x").unwrap();
        write_whole(&path("ordinary"), b"x").unwrap();
        assert_eq!((mode("private"), mode("ordinary") & 0o700), (0o600, 0o600));
        fs::set_permissions(path("ordinary"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink(path("ordinary"), path("link")).unwrap();
        rewrite(&path("link"), b"new").unwrap();
        assert_eq!(
            (fs::read_to_string(path("ordinary")).unwrap().as_str(), mode("ordinary")),
            ("new", 0o640)
        );
        write_whole(&path("link"), b"mine").unwrap();
        assert_eq!(fs::read_to_string(path("ordinary")).unwrap(), "new", "the link itself was replaced");
    }
}
