//! A copy of the work tree that is put back into its first state between attempts.
//!
//! What the copy looked like is kept in memory (about 150 bytes a file), and what an attempt has changed is
//! found by comparing. A file's change time cannot be set by programs, so that inode and change time alone
//! tell whether it was touched; nothing is read. Links are never followed: every step is taken from an open
//! folder.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, UtimensatFlags, fchmod, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, geteuid, symlinkat};

use super::remove::{list, open_folder, open_folder_at, remove_entry, status_at};
use crate::capabilities::TreeMethod;
use crate::launcher::sys;
use crate::run_as::RunAs;

/// Folders below each other; real trees stay below 50 (nested `node_modules` are the deepest).
const MAX_DEPTH: u32 = 200;

/// A copy, and what it looked like.
pub(crate) struct TreeCopy {
    from: PathBuf,
    root: PathBuf,
    first: Folder,
    copier: Copier,
}

/// A folder as it was first.
#[derive(Default)]
struct Folder {
    stamp: Stamp,
    entries: BTreeMap<OsString, Entry>,
}

enum Entry {
    Folder(Folder),
    /// A file or a link.
    Leaf(Stamp),
}

/// Tells whether something was touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    change: (i64, i64),
}

impl From<&FileStat> for Stamp {
    fn from(found: &FileStat) -> Self {
        Self { inode: found.st_ino, change: (found.st_ctime, found.st_ctime_nsec) }
    }
}

impl TreeCopy {
    /// Copies `from` to `to`, which must not exist. All of it belongs to `owner`, or to whom the original does as far
    /// as we may give it away.
    pub(crate) fn make(from: &Path, to: &Path, method: TreeMethod, owner: Option<RunAs>) -> io::Result<Self> {
        std::fs::create_dir_all(to)?;
        let mut copier = Copier {
            reflink: method == TreeMethod::Reflink,
            as_root: geteuid().is_root(),
            owner,
            skipped: 0,
        };
        let (source, target) = (open_folder(from)?, open_folder(to)?);
        let first = copier.folder(source.as_fd(), &target, 0)?;
        Ok(Self { from: from.to_path_buf(), root: to.to_path_buf(), first, copier })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Sockets, pipes, devices and unreadable files that are not in the copy.
    pub(crate) fn skipped(&self) -> u64 {
        self.copier.skipped
    }

    /// Puts everything back that was touched; returns how much could not be.
    pub(crate) fn restore(&mut self) -> io::Result<u64> {
        let source = open_folder(&self.from)?;
        let target = open_folder_repaired(&self.root)?;
        let mut failed = 0;
        self.copier.restore(source.as_fd(), &target, &mut self.first, 0, &mut failed)?;
        Ok(failed)
    }

    /// Whether the file at `name` is not as it was first.
    pub(crate) fn differs(&self, name: &Path, found: &FileStat) -> bool {
        let mut folder = &self.first;
        for part in name.iter() {
            match folder.entries.get(part) {
                Some(Entry::Folder(inner)) => folder = inner,
                Some(Entry::Leaf(stamp)) => return *stamp != Stamp::from(found),
                None => return true,
            }
        }
        true
    }
}

fn open_folder_repaired(path: &Path) -> io::Result<OwnedFd> {
    match open_folder(path) {
        Err(Errno::EACCES) => {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            Ok(open_folder(path)?)
        }
        other => Ok(other?),
    }
}

struct Copier {
    reflink: bool,
    as_root: bool,
    owner: Option<RunAs>,
    skipped: u64,
}

impl Copier {
    /// Fills `target`, an empty folder, with what `source` holds.
    fn folder(&mut self, source: BorrowedFd<'_>, target: &OwnedFd, depth: u32) -> io::Result<Folder> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} folders below each other")));
        }
        let mut entries = BTreeMap::new();
        for entry in list(source)? {
            let name = entry?.file_name();
            let found = status_at(source, &name)?;
            if let Some(entry) = self.entry(source, target.as_fd(), &name, &found, depth)? {
                entries.insert(name, entry);
            }
        }
        self.finish(target.as_fd(), &nix::sys::stat::fstat(source)?)?;
        Ok(Folder { stamp: (&nix::sys::stat::fstat(target)?).into(), entries })
    }

    /// Copies one entry; `None` when it is nothing that is copied.
    fn entry(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        name: &OsStr,
        found: &FileStat,
        depth: u32,
    ) -> io::Result<Option<Entry>> {
        let kind = kind(found);
        if kind == SFlag::S_IFDIR {
            let Ok(inner) = open_folder_at(source, name) else { return Ok(self.skip()) };
            mkdirat(target, name, Mode::S_IRWXU)?;
            let made = open_folder_at(target, name)?;
            return Ok(Some(Entry::Folder(self.folder(inner.as_fd(), &made, depth + 1)?)));
        }
        if kind == SFlag::S_IFREG {
            let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let Ok(from) = openat(source, name, flags, Mode::empty()) else { return Ok(self.skip()) };
            self.file(File::from(from), target, name)?;
        } else if kind == SFlag::S_IFLNK {
            symlinkat(readlinkat(source, name)?.as_os_str(), target, name)?;
            if self.as_root {
                let (uid, gid) = self.owner_of(found);
                fchownat(target, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
            let times = times(found);
            utimensat(target, name, &times.0, &times.1, UtimensatFlags::NoFollowSymlink)?;
        } else {
            return Ok(self.skip());
        }
        Ok(Some(Entry::Leaf((&status_at(target, name)?).into())))
    }

    fn owner_of(&self, original: &FileStat) -> (Uid, Gid) {
        let (uid, gid) =
            self.owner.map_or((original.st_uid, original.st_gid), |owner| (owner.uid, owner.gid));
        (Uid::from_raw(uid), Gid::from_raw(gid))
    }

    fn skip(&mut self) -> Option<Entry> {
        self.skipped += 1;
        None
    }

    fn file(&mut self, mut from: File, target: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut to = File::from(openat(target, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        let found = nix::sys::stat::fstat(&from)?;
        let shared = self.reflink && sys::reflink(from.as_fd(), to.as_fd()).is_ok();
        if !shared {
            io::copy(&mut from, &mut to)?;
        }
        self.finish(to.as_fd(), &found)
    }

    /// Owner, mode and times of the original.
    fn finish(&self, made: BorrowedFd<'_>, original: &FileStat) -> io::Result<()> {
        if self.as_root {
            let (uid, gid) = self.owner_of(original);
            fchown(made, Some(uid), Some(gid))?;
        }
        fchmod(made, Mode::from_bits_truncate(original.st_mode))?;
        let times = times(original);
        Ok(futimens(made, &times.0, &times.1)?)
    }

    fn restore(
        &mut self,
        source: BorrowedFd<'_>,
        target: &OwnedFd,
        first: &mut Folder,
        depth: u32,
        failed: &mut u64,
    ) -> io::Result<()> {
        let now = Stamp::from(&nix::sys::stat::fstat(target)?);
        let mut touched = now != first.stamp;
        if touched {
            // Needed where an attempt has taken its own right to write here.
            fchmod(target, Mode::S_IRWXU)?;
            remove_new(target.as_fd(), first, failed)?;
        }
        for (name, entry) in &mut first.entries {
            touched |= match self.restore_entry(source, target.as_fd(), name, entry, depth, failed) {
                Ok(touched) => touched,
                Err(_) => {
                    *failed += 1;
                    true
                }
            };
        }
        if touched {
            self.finish(target.as_fd(), &nix::sys::stat::fstat(source)?)?;
            first.stamp = (&nix::sys::stat::fstat(target)?).into();
        }
        Ok(())
    }

    /// Puts one entry back; says whether the folder it is in was changed by that.
    fn restore_entry(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        name: &OsStr,
        entry: &mut Entry,
        depth: u32,
        failed: &mut u64,
    ) -> io::Result<bool> {
        let found = match status_at(target, name) {
            Ok(found) => Some(found),
            Err(Errno::ENOENT) => None,
            Err(e) => return Err(e.into()),
        };
        match (&mut *entry, &found) {
            (Entry::Leaf(stamp), Some(found)) if *stamp == Stamp::from(found) => return Ok(false),
            (Entry::Folder(inner), Some(found)) if kind(found) == SFlag::S_IFDIR => {
                let opened = match open_folder_at(target, name) {
                    Err(Errno::EACCES) => {
                        let mode = nix::sys::stat::FchmodatFlags::FollowSymlink;
                        nix::sys::stat::fchmodat(target, name, Mode::S_IRWXU, mode)?;
                        open_folder_at(target, name)?
                    }
                    other => other?,
                };
                let original = open_folder_at(source, name)?;
                self.restore(original.as_fd(), &opened, inner, depth + 1, failed)?;
                return Ok(false);
            }
            _ => {}
        }
        if found.is_some() {
            remove_entry(target, name)?;
        }
        let original = status_at(source, name)?;
        if let Some(made) = self.entry(source, target, name, &original, depth)? {
            *entry = made;
        }
        Ok(true)
    }
}

/// Removes what was not there first.
fn remove_new(target: BorrowedFd<'_>, first: &Folder, failed: &mut u64) -> io::Result<()> {
    for entry in list(target)? {
        let name = entry?.file_name();
        if !first.entries.contains_key(&name) && remove_entry(target, &name).is_err() {
            *failed += 1;
        }
    }
    Ok(())
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

fn times(found: &FileStat) -> (TimeSpec, TimeSpec) {
    (TimeSpec::new(found.st_atime, found.st_atime_nsec), TimeSpec::new(found.st_mtime, found.st_mtime_nsec))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn script(folder: &Path, text: &str) -> String {
        let output = Command::new("sh").args(["-c", text]).current_dir(folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    const LOOK: &str = "find . -printf '%p %M %U %G %y %l ' \\( -type f -printf '%s %T@ ' -exec cksum {} \\; -o -printf '%T@\\n' \\) | sort";

    const MAKE: &str = "mkdir -p a/b/c .git/objects empty ro; echo 1 > a/one; echo 2 > a/b/two; echo 3 > a/b/c/three; \
        echo x > .git/objects/x; chmod 444 .git/objects/x; ln -s ../a/one a/b/link; ln -s /etc outside; ln -s nowhere dangling; \
        echo run > tool; chmod 755 tool; mkfifo pipe; echo r > ro/file; chmod 500 ro; head -c 100000 /dev/urandom > big; touch -d '2001-01-01' a/one a";

    #[test]
    fn whatever_an_attempt_did_is_undone() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        script(&from, MAKE);
        let mut copy = TreeCopy::make(&from, &to, TreeMethod::Reflink, None).unwrap();
        assert_eq!(copy.skipped(), 1);
        std::fs::remove_file(from.join("pipe")).unwrap();
        script(&from, "touch -d @1000000000 .");
        copy.restore().unwrap();
        script(&to, "touch -d @1000000000 .");
        let before = script(&from, LOOK);
        let outside = "stat -c '%n %Y %s' /etc /etc/passwd";
        let etc = script(&from, outside);
        let attacks = [
            "true",
            "rm -rf a .git",
            "echo changed > a/one; touch -d '2001-01-01' a/one",
            "chmod 777 tool; chmod 0 a/b; chmod 0 a",
            "rm -r a; ln -s /etc a",
            "rm a/one; mkdir a/one; echo > a/one/deep; rm -r a/b; echo file > a/b",
            "rm tool; ln -s /etc/passwd tool; rm outside; mkdir outside; echo > outside/passwd",
            "mv a moved; mkdir a; mv moved/b a/b; rm -r moved",
            "mkdir -p new/x; echo > new/x/y; chmod 0 new/x; chmod 0 new; mkfifo new-pipe; ln -s / root",
            "chmod 700 ro; rm ro/file; echo other > ro/file; chmod 555 ro; rm big; touch big",
            "for i in $(seq 300); do mkdir d && cd d || exit 1; done; echo > file",
            "ln a/one hard; ln -f a/b/two a/one; echo both > a/one",
            "chmod 0 .",
        ];
        for attack in attacks {
            script(&to, attack);
            assert_eq!(copy.restore().unwrap(), 0, "{attack}");
            assert_eq!(script(&to, LOOK), before, "{attack}");
            assert_eq!(script(&from, LOOK), before, "{attack}");
        }
        assert_eq!(script(&from, outside), etc);
    }

    #[test]
    fn files_that_differ_from_the_first_state_are_told() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        script(&from, "mkdir a; echo 1 > a/same; echo 2 > a/changed");
        let copy = TreeCopy::make(&from, &to, TreeMethod::Copy, None).unwrap();
        script(&to, "echo 3 > a/changed; echo 4 > a/new; mkdir b; echo 5 > b/new");
        let root = open_folder(&to).unwrap();
        for (folder, name, differs) in
            [("a", "same", false), ("a", "changed", true), ("a", "new", true), ("b", "new", true)]
        {
            let inner = open_folder_at(root.as_fd(), OsStr::new(folder)).unwrap();
            let found = status_at(inner.as_fd(), OsStr::new(name)).unwrap();
            assert_eq!(copy.differs(&Path::new(folder).join(name), &found), differs, "{folder}/{name}");
        }
    }
}
