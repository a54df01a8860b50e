//! What it takes to be somebody else, and whose the files are.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use nix::fcntl::AtFlags;
use nix::unistd::{Gid, Uid, fchown, fchownat, geteuid};

use super::{RunAs, RunAsProblem};
use crate::error::ExecError;
use crate::tree::{list, open_folder, open_folder_at};

/// Number and name of the capabilities of linux/capability.h that it takes: to give files away, to look after
/// what another user closed, to stop processes, to change user and groups.
const NEEDED: [(u32, &str); 6] = [
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (3, "CAP_FOWNER"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
];

/// Folders below each other that are given away; the same limit as for copies of work trees.
const MAX_DEPTH: u32 = 200;

impl RunAs {
    /// Gives a folder and everything in it to this user. Links are given themselves and not followed.
    ///
    /// # Errors
    /// When it cannot be done: we are not root, or folders are nested too deep.
    pub fn take_over(&self, folder: &Path) -> io::Result<()> {
        self.take_over_open(open_folder(folder)?.as_fd(), 0)
    }

    fn take_over_open(&self, folder: BorrowedFd<'_>, depth: u32) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} folders below each other")));
        }
        for entry in list(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                self.take_over_open(open_folder_at(folder, &name)?.as_fd(), depth + 1)?;
            } else {
                let (uid, gid) = self.ids();
                fchownat(folder, name.as_os_str(), Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
        }
        self.take(folder)
    }

    /// Gives away what is open, and nothing in it.
    pub(crate) fn take(&self, open: BorrowedFd<'_>) -> io::Result<()> {
        let (uid, gid) = self.ids();
        Ok(fchown(open, Some(uid), Some(gid))?)
    }

    /// Gives a folder away, and nothing in it.
    ///
    /// # Errors
    /// When it cannot be done: we are not root.
    pub fn take_folder(&self, folder: &Path) -> io::Result<()> {
        self.take(open_folder(folder)?.as_fd())
    }

    /// Takes back everything in a folder, which any other user may only read from then on. For root, without whom there is no
    /// other user. Links are taken back themselves and not followed.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn take_back(folder: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(folder)?;
        lchown(folder, Some(0), Some(0))?;
        if found.is_symlink() {
            return Ok(());
        }
        // Without what lets others write, and without the bits that would run a program as us.
        fs::set_permissions(folder, fs::Permissions::from_mode(found.mode() & 0o755))?;
        if found.is_dir() {
            for entry in fs::read_dir(folder)? {
                Self::take_back(&entry?.path())?;
            }
        }
        Ok(())
    }

    const fn ids(&self) -> (Uid, Gid) {
        (Uid::from_raw(self.uid), Gid::from_raw(self.gid))
    }

    /// Whether this process can do it.
    pub(crate) fn check(&self) -> Result<(), RunAsProblem> {
        if self.uid == 0 || self.gid == 0 {
            return Err(RunAsProblem::Root);
        }
        if !geteuid().is_root() {
            return Err(RunAsProblem::NotRoot(geteuid().as_raw()));
        }
        let read = |name: &str| fs::read_to_string(Path::new("/proc/self").join(name)).unwrap_or_default();
        mapped("user", self.uid, &read("uid_map"))?;
        mapped("group", self.gid, &read("gid_map"))?;
        if read("setgroups").trim() == "deny" {
            return Err(RunAsProblem::GroupsKept);
        }
        let lacks = lacking(&read("status"));
        if lacks.is_empty() { Ok(()) } else { Err(RunAsProblem::Lacks(lacks)) }
    }

    /// Opens the way to `path` where that harms nobody: the folder right above it is ours, is closed, and holds
    /// nothing else, as a temporary folder does that was made for it. Others may then pass, not look around.
    pub(crate) fn open_way(&self, path: &Path) -> io::Result<()> {
        let Some(above) = path.parent() else { return Ok(()) };
        let found = fs::metadata(above)?;
        if self.passes(&found) || found.uid() != geteuid().as_raw() {
            return Ok(());
        }
        let alone = fs::read_dir(above)?.all(|entry| entry.is_ok_and(|entry| entry.path() == path));
        if alone {
            fs::set_permissions(above, fs::Permissions::from_mode(found.mode() & 0o7777 | 0o011))?;
        }
        Ok(())
    }

    /// Whether this user can enter `folder`.
    ///
    /// # Errors
    /// [`ExecError::OutOfReach`] names what is closed on the way.
    pub(crate) fn reaches(&self, folder: &Path) -> Result<(), ExecError> {
        let closed = |on_the_way: &&Path| fs::metadata(on_the_way).is_ok_and(|found| !self.passes(&found));
        match folder.ancestors().find(closed) {
            None => Ok(()),
            Some(closed) => Err(ExecError::OutOfReach {
                path: folder.to_path_buf(),
                uid: self.uid,
                closed: closed.to_path_buf(),
            }),
        }
    }

    /// By owner and mode. Access lists are not looked at; where one says more than the mode, the mode is
    /// to be changed.
    fn passes(&self, found: &fs::Metadata) -> bool {
        let shift = match (found.uid() == self.uid, found.gid() == self.gid) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        found.mode() >> shift & 1 != 0
    }

    /// Whether `path` is this user's.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| found.uid() == self.uid)
    }

    /// Gives away the folders among these that are ours and empty: they were made to be filled.
    pub(crate) fn take_empty(&self, folders: &[PathBuf]) -> io::Result<()> {
        for folder in folders {
            let ours = fs::symlink_metadata(folder)?.uid() == geteuid().as_raw();
            if ours && fs::read_dir(folder)?.next().is_none() {
                self.take_folder(folder)?;
            }
        }
        Ok(())
    }
}

/// `map` is as user_namespaces(7) describes `uid_map`: first id here, first id outside, how many.
fn mapped(kind: &'static str, id: u32, map: &str) -> Result<(), RunAsProblem> {
    let ranges: Vec<(u64, u64)> = map
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u64>);
            let first = numbers.next()?.ok()?;
            Some((first, first.saturating_add(numbers.nth(1)?.ok()?)))
        })
        .collect();
    // A kernel without user name spaces has no such file, and all ids.
    if map.is_empty() || ranges.iter().any(|(first, end)| (*first..*end).contains(&u64::from(id))) {
        return Ok(());
    }
    let range = |(first, end): &(u64, u64)| match end.saturating_sub(1) {
        last if last == *first => first.to_string(),
        last => format!("{first}-{last}"),
    };
    let known = ranges.iter().map(range).collect::<Vec<_>>().join(", ");
    Err(RunAsProblem::NotMapped { kind, id, known })
}

/// What is missing of [`NEEDED`] in the effective set of `/proc/self/status`.
fn lacking(status: &str) -> Vec<&'static str> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(set) = line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()) else { return Vec::new() };
    NEEDED.iter().filter(|(number, _)| set >> number & 1 == 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_a_user_name_space_lacks_is_named() {
        let all = "         0          0 4294967295\n";
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        let cases = [
            (1000, all, Ok(())),
            (1000, "", Ok(())),
            (1000, rootless, Ok(())),
            (65536, rootless, Ok(())),
            (65537, rootless, Err("user 65537 does not exist in this user name space; it has 0, 1-65536")),
            (1000, "0 1000 1\n", Err("user 1000 does not exist in this user name space; it has 0")),
        ];
        for (id, map, expected) in cases {
            let found = mapped("user", id, map).map_err(|e| e.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{id} in {map:?}");
        }
    }

    #[test]
    fn rights_that_a_container_took_from_root_are_named() {
        let cases: [(&str, &[&str]); 4] = [
            ("Name:\tx\nCapEff:\t000001ffffffffff\n", &[]),
            // Docker's default set.
            ("CapEff:\t00000000a80425fb\n", &[]),
            (
                "CapEff:\t0000000000000000\n",
                &["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"],
            ),
            ("CapEff:\t00000000a80425db\n", &["CAP_KILL"]),
        ];
        for (status, expected) in cases {
            assert_eq!(lacking(status), expected, "{status:?}");
        }
    }

    #[test]
    fn root_is_nobody_to_run_tests_as() {
        for user in [RunAs { uid: 0, gid: 1000 }, RunAs { uid: 1000, gid: 0 }] {
            assert_eq!(user.check(), Err(RunAsProblem::Root));
        }
    }
}
