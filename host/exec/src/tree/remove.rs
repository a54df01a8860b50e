//! Removing what attempts leave: folders without permissions, folders nested deeper than any path reaches.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, fchmod, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Open folders at a time: well below the usual limit of 1,024 descriptors. What is nested deeper is moved up.
const MAX_DEPTH: u32 = 128;

/// Removes a folder and everything in it, whatever its permissions and however deep; nothing to remove is no error, and
/// no link is followed.
///
/// # Errors
/// When something cannot be removed, or `folder` is no folder.
pub fn remove(folder: &Path) -> io::Result<()> {
    empty(folder)?;
    match fs::remove_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Removes everything in a folder; a missing folder is no error.
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    let root = match open_folder(folder) {
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EACCES) => {
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            open_folder(folder)
        }
        other => other,
    }?;
    empty_open(&root)
}

/// As [`empty`], of a folder that is open.
pub(crate) fn empty_open(root: &OwnedFd) -> io::Result<()> {
    let mut moved_up = 0;
    loop {
        let before = moved_up;
        clear(root.as_fd(), root.as_fd(), 0, &mut moved_up)?;
        if moved_up == before {
            return Ok(());
        }
    }
}

fn clear(folder: BorrowedFd<'_>, root: BorrowedFd<'_>, depth: u32, moved_up: &mut u64) -> io::Result<()> {
    for entry in list(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !entry.file_type()?.is_dir() {
            with_permission(folder, || unlinkat(folder, name.as_os_str(), UnlinkatFlags::NoRemoveDir))?;
        } else if depth == MAX_DEPTH {
            // No name that an attempt would choose by accident; should it exist, the next number is free.
            *moved_up += 1;
            let up = format!(".flaky-removing-{}-{moved_up}", std::process::id());
            with_permission(folder, || renameat(folder, name.as_os_str(), root, up.as_str()))?;
        } else {
            let inner = open_inner(folder, &name)?;
            clear(inner.as_fd(), root, depth + 1, moved_up)?;
            with_permission(folder, || unlinkat(folder, name.as_os_str(), UnlinkatFlags::RemoveDir))?;
        }
    }
    Ok(())
}

/// Opens a folder inside an open one, after making it accessible if it is not.
fn open_inner(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    match open_folder_at(folder, name) {
        Err(Errno::EACCES) => {
            fchmodat(folder, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            Ok(open_folder_at(folder, name)?)
        }
        other => Ok(other?),
    }
}

/// Does something that needs write permission on `folder`, taking that permission where it is missing.
fn with_permission(folder: BorrowedFd<'_>, act: impl Fn() -> nix::Result<()>) -> io::Result<()> {
    match act() {
        Err(Errno::EACCES) => {
            fchmod(folder, Mode::S_IRWXU)?;
            Ok(act()?)
        }
        Err(Errno::ENOENT) => Ok(()),
        other => Ok(other?),
    }
}

/// Removes one entry, whatever it is.
pub(super) fn remove_entry(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match with_permission(folder, || unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)) {
        Err(e) if e.raw_os_error() == Some(libc::EISDIR) => {
            empty_open(&open_inner(folder, name)?)?;
            with_permission(folder, || unlinkat(folder, name, UnlinkatFlags::RemoveDir))
        }
        other => other,
    }
}

pub(crate) fn open_folder(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

pub(crate) fn open_folder_at(folder: BorrowedFd<'_>, name: &OsStr) -> nix::Result<OwnedFd> {
    openat(folder, name, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

pub(crate) fn status_at(folder: BorrowedFd<'_>, name: &OsStr) -> nix::Result<FileStat> {
    fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// The entries of an open folder.
pub(crate) fn list(folder: BorrowedFd<'_>) -> io::Result<fs::ReadDir> {
    fs::read_dir(PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn everything_is_removed_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        std::fs::create_dir(place.path().join("precious")).unwrap();
        std::fs::write(place.path().join("precious/file"), "x").unwrap();
        let made = [
            "true",
            "echo > a; mkfifo b; ln -s ../precious c; ln -s /nowhere d; mkdir -p e/f/g; echo > e/f/g/h",
            "mkdir -p a/b/c; echo > a/b/c/d; chmod 0 a/b/c; chmod 500 a/b; chmod 0 a",
            "mkdir a; chmod 500 .",
            "chmod 0 .",
        ];
        for text in made {
            std::fs::create_dir(&folder).unwrap();
            let done = Command::new("sh").args(["-c", text]).current_dir(&folder).status().unwrap();
            assert!(done.success(), "{text}");
            empty(&folder).unwrap();
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{text}");
            remove(&folder).unwrap();
            assert!(!folder.exists(), "{text}");
        }
        remove(&folder).unwrap();
        assert!(place.path().join("precious/file").exists());
    }

    #[test]
    fn folders_nested_deeper_than_any_path_reaches_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = open_folder(place.path()).unwrap();
        // With names of one letter, a path ends after 2,048 levels.
        for _ in 0..5000 {
            nix::sys::stat::mkdirat(&folder, "d", Mode::S_IRWXU).unwrap();
            folder = open_folder_at(folder.as_fd(), OsStr::new("d")).unwrap();
        }
        empty(place.path()).unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
