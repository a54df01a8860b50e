//! Opening what somebody else may have put there.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum NotRegular {
    /// There is nothing of that name.
    #[error("there is no such file")]
    Missing,
    /// A link, a folder, a pipe, a socket, a device.
    #[error("it is not a regular file")]
    Other,
    /// What the system says.
    #[error(transparent)]
    Io(io::Error),
}

impl From<NotRegular> for io::Error {
    fn from(error: NotRegular) -> Self {
        match error {
            NotRegular::Missing => io::ErrorKind::NotFound.into(),
            NotRegular::Io(error) => error,
            other @ NotRegular::Other => io::Error::other(other),
        }
    }
}

/// Opens a regular file for reading, and nothing else: a link in the last part of the path is not followed, and a pipe is
/// not waited for.
///
/// # Errors
/// What is there instead, or what the system says.
pub fn open_regular(path: &Path) -> Result<File, NotRegular> {
    let file = without_following(path)?;
    let metadata = file.metadata().map_err(NotRegular::Io)?;
    if metadata.is_file() { Ok(file) } else { Err(NotRegular::Other) }
}

#[cfg(unix)]
fn without_following(path: &Path) -> Result<File, NotRegular> {
    use std::os::unix::fs::OpenOptionsExt;

    use nix::errno::Errno;
    use nix::fcntl::OFlag;

    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NotRegular::Missing,
        // What a link answers when it is not to be followed.
        _ if error.raw_os_error() == Some(Errno::ELOOP as i32) => NotRegular::Other,
        // What a socket answers.
        _ if error.raw_os_error() == Some(Errno::ENXIO as i32) => NotRegular::Other,
        _ => NotRegular::Io(error),
    })
}

#[cfg(windows)]
fn without_following(path: &Path) -> Result<File, NotRegular> {
    use std::os::windows::fs::OpenOptionsExt;

    /// `FILE_FLAG_OPEN_REPARSE_POINT`: the link itself, which is no regular file then.
    /// <https://learn.microsoft.com/en-us/windows/win32/api/fileapi/nf-fileapi-createfilew>
    const ITSELF: u32 = 0x0020_0000;

    OpenOptions::new().read(true).custom_flags(ITSELF).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NotRegular::Missing,
        // What a folder answers.
        io::ErrorKind::PermissionDenied if path.is_dir() => NotRegular::Other,
        _ => NotRegular::Io(error),
    })
}

/// A path as git and archives have it, which is bytes. `None`: the system has text alone, and this is none.
#[must_use]
pub fn path_of(bytes: &[u8]) -> Option<&Path> {
    #[cfg(unix)]
    return Some(Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes)));
    #[cfg(not(unix))]
    return std::str::from_utf8(bytes).ok().map(Path::new);
}

/// Reads at a place, as much as one call gives; the file's own position is nobody's business afterwards.
///
/// # Errors
/// What the system says.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_regular_file_is_opened_and_read_anywhere_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "0123456789").unwrap();
        let opened = open_regular(&file).unwrap();
        let mut buffer = [0; 4];
        for (offset, expected) in [(6, "6789"), (0, "0123"), (9, "9")] {
            let read = read_at(&opened, &mut buffer, offset).unwrap();
            assert_eq!(&buffer[..read], expected.as_bytes(), "{offset}");
        }
        assert!(matches!(open_regular(&folder.path().join("missing")), Err(NotRegular::Missing)));
        assert!(matches!(open_regular(folder.path()), Err(NotRegular::Other)));
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_sockets_are_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for name in ["link", "pipe", "socket"] {
            assert!(matches!(open_regular(&path(name)), Err(NotRegular::Other)), "{name}");
        }
        // In front of the last part, links lead on, as they do for everybody.
        std::os::unix::fs::symlink(folder.path(), path("folder")).unwrap();
        open_regular(&path("folder/file")).unwrap();
    }
}
