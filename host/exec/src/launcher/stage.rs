//! What an isolated attempt sees: name spaces and mounts.
//!
//! Everything here runs in a child that was cloned into its new name spaces and has one thread. Sources of
//! mounts are opened first and named through `/proc/self/fd`: so they are found even where a later mount
//! hides them, and no character of a path can be taken for a separator of mount options.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flaky_core::report::IsolationUsed;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::sys;
use crate::run_as::RunAs;

/// By which right name spaces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Privilege {
    /// This process may do it itself.
    Own,
    /// Through a user name space, in which the user keeps its id.
    UserNamespace,
}

/// A step that this machine may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    NameSpaces,
    UserMap,
    PrivateMounts,
    HiddenFolder,
    Overlay,
    Bind,
    Proc,
    Loopback,
}

/// A step that was refused.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{step:?}: {message}")]
pub(crate) struct Refused {
    pub(crate) step: Step,
    pub(crate) errno: Option<i32>,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(step: Step, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        Self { step, errno: error.raw_os_error(), message: error.to_string() }
    }
}

/// A folder that gets a private upper layer.
#[derive(Debug, Clone)]
pub(crate) struct Layered {
    pub(crate) folder: PathBuf,
    pub(crate) upper: PathBuf,
    pub(crate) work: PathBuf,
}

/// Everything an isolated attempt is given.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) level: IsolationUsed,
    pub(crate) privilege: Privilege,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Source and mount point of the attempt's own folders and of a copied tree.
    pub(crate) binds: Vec<(PathBuf, PathBuf)>,
    /// Folders under a private layer, the tree among them.
    pub(crate) layers: Vec<Layered>,
    /// Paths that stay visible where a folder above them is replaced.
    pub(crate) kept: Vec<PathBuf>,
    /// Folders of the system that attempts share by accident, and what they get instead.
    pub(crate) replaced: Vec<(PathBuf, Replacement)>,
    /// Folders of ours that attempts see empty: those of other slots and of earlier attempts.
    pub(crate) hidden: Vec<PathBuf>,
    /// An empty folder.
    pub(crate) nothing: PathBuf,
    /// As whom the command runs, if not as ourselves.
    pub(crate) run_as: Option<RunAs>,
}

/// What an attempt gets instead of a shared folder.
#[derive(Debug, Clone)]
pub(crate) enum Replacement {
    Folder(PathBuf),
    Memory,
}

impl Stage {
    /// The name spaces that the level asks for.
    pub(crate) fn flags(&self) -> CloneFlags {
        let mut flags = CloneFlags::CLONE_NEWNS;
        if self.privilege == Privilege::UserNamespace {
            flags |= CloneFlags::CLONE_NEWUSER;
        }
        if self.has_own_processes() {
            flags |= CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
        }
        if self.level == IsolationUsed::Full {
            flags |= CloneFlags::CLONE_NEWNET;
        }
        flags
    }

    /// Whether the attempt has a PID name space, with which all its processes end.
    pub(crate) fn has_own_processes(&self) -> bool {
        matches!(self.level, IsolationUsed::Full | IsolationUsed::FullSharedNetwork)
    }

    /// Whether the parent has to say who is who in the user name space: more than one user can only be mapped by
    /// a process outside.
    pub(crate) fn is_mapped_by_parent(&self) -> bool {
        self.privilege == Privilege::UserNamespace && self.run_as.is_some()
    }

    /// Says who is who in the user name space of `child`: we, and the user of the command.
    pub(crate) fn map_users(&self, child: Pid) -> io::Result<()> {
        let Some(user) = self.run_as else { return Ok(()) };
        fs::write(format!("/proc/{child}/uid_map"), format!("{0} {0} 1\n{1} {1} 1\n", self.uid, user.uid))?;
        fs::write(format!("/proc/{child}/gid_map"), format!("{0} {0} 1\n{1} {1} 1\n", self.gid, user.gid))
    }

    /// Makes the name spaces, in which this process already is, look as ordered.
    pub(crate) fn enter(&self) -> Result<(), Refused> {
        if self.privilege == Privilege::UserNamespace && !self.is_mapped_by_parent() {
            self.map_user().map_err(|e| Refused::new(Step::UserMap, e))?;
        }
        let none = None::<&Path>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .map_err(|e| Refused::new(Step::PrivateMounts, e))?;
        let layers = self.open_layers()?;
        let binds = self.open_binds()?;
        let nothing = open_path(&self.nothing).map_err(|e| Refused::new(Step::Bind, e))?;
        if self.has_own_processes() {
            self.replace_folders()?;
        }
        for (layer, sources) in self.layers.iter().zip(&layers) {
            self.mount_layer(layer, sources)?;
        }
        // Before the binds: one of them fills the empty folder.
        for folder in &self.hidden {
            bind(&nothing, folder).map_err(|e| Refused::new(Step::Bind, e))?;
        }
        for ((_, target), source) in self.binds.iter().zip(&binds) {
            bind(source, target).map_err(|e| Refused::new(Step::Bind, e))?;
        }
        if self.has_own_processes() {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            mount(Some("proc"), "/proc", Some("proc"), flags, none)
                .map_err(|e| Refused::new(Step::Proc, e))?;
        }
        if self.level == IsolationUsed::Full {
            sys::loopback_up().map_err(|e| Refused::new(Step::Loopback, e))?;
        }
        Ok(())
    }

    /// One user and one group, each itself: all that an ordinary user may map.
    fn map_user(&self) -> io::Result<()> {
        // These files are root's while our memory is hidden.
        sys::hide_memory(false);
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", self.uid))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", self.gid))?;
        sys::hide_memory(true);
        Ok(())
    }

    fn open_layers(&self) -> Result<Vec<[File; 3]>, Refused> {
        let open = |l: &Layered| Ok([open_path(&l.folder)?, open_path(&l.upper)?, open_path(&l.work)?]);
        self.layers.iter().map(open).collect::<io::Result<_>>().map_err(|e| Refused::new(Step::Overlay, e))
    }

    fn open_binds(&self) -> Result<Vec<File>, Refused> {
        let opened = self.binds.iter().map(|(source, _)| open_path(source)).collect::<io::Result<_>>();
        opened.map_err(|e| Refused::new(Step::Bind, e))
    }

    fn mount_layer(&self, layer: &Layered, sources: &[File; 3]) -> Result<(), Refused> {
        let [lower, upper, work] = sources.each_ref().map(fd_path);
        let mut options =
            format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        options.push_str(match self.privilege {
            // Renaming a folder of the lower layer needs redirects; a user name space cannot have them.
            Privilege::Own => ",redirect_dir=on",
            Privilege::UserNamespace => ",userxattr",
        });
        // Without `volatile`, the end of every attempt would flush the whole disk that holds the layer.
        let volatile = format!("{options},volatile");
        let flags = MsFlags::empty();
        let mounted = mount(Some("overlay"), &layer.folder, Some("overlay"), flags, Some(volatile.as_str()));
        let mounted = match mounted {
            // Kernels before 5.10.
            Err(Errno::EINVAL) => {
                mount(Some("overlay"), &layer.folder, Some("overlay"), flags, Some(options.as_str()))
            }
            other => other,
        };
        mounted.map_err(|e| Refused::new(Step::Overlay, e))
    }

    fn replace_folders(&self) -> Result<(), Refused> {
        let refused = |e: io::Error| Refused::new(Step::HiddenFolder, e);
        for (folder, replacement) in &self.replaced {
            let kept = kept_below(&self.kept, folder);
            if kept.iter().any(|path| path == folder) {
                continue;
            }
            let sources =
                kept.iter().map(|path| open_path(path)).collect::<io::Result<Vec<_>>>().map_err(refused)?;
            match replacement {
                Replacement::Folder(private) => {
                    bind(&open_path(private).map_err(refused)?, folder).map_err(|e| refused(e.into()))?;
                }
                Replacement::Memory => {
                    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
                    mount(Some("tmpfs"), folder, Some("tmpfs"), flags, Some("mode=1777"))
                        .map_err(|e| refused(e.into()))?;
                }
            }
            for (path, source) in kept.iter().zip(&sources) {
                fs::create_dir_all(path).map_err(refused)?;
                bind(source, path).map_err(|e| refused(e.into()))?;
            }
        }
        Ok(())
    }
}

/// The paths of `kept` that lie in `folder`, without those that lie in another of them.
fn kept_below(kept: &[PathBuf], folder: &Path) -> Vec<PathBuf> {
    let mut below: Vec<PathBuf> = kept.iter().filter(|path| path.starts_with(folder)).cloned().collect();
    below.sort();
    below.dedup_by(|path, above| path.starts_with(&*above));
    below
}

fn open_path(path: &Path) -> io::Result<File> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn fd_path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn bind(source: &File, target: &Path) -> nix::Result<()> {
    let none = None::<&Path>;
    // Recursive: in a user name space, the kernel refuses to uncover what lies under a mount.
    mount(Some(&fd_path(source)), target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_topmost_kept_paths_are_mounted_again() {
        let kept = ["/tmp/a/b", "/home/x", "/tmp/a", "/tmp/ab", "/tmp/a/c"].map(PathBuf::from);
        assert_eq!(kept_below(&kept, Path::new("/tmp")), ["/tmp/a", "/tmp/ab"].map(PathBuf::from));
    }
}
