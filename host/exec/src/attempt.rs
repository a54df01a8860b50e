//! One attempt, as it is ordered and as it comes back.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use serde::{Deserialize, Serialize};

/// One execution of a command, as it is ordered.
#[derive(Debug, Clone)]
pub struct AttemptSpec {
    /// Position in the run; handed back.
    pub index: AttemptIndex,
    /// Handed back; putting it into `env` is the caller's.
    pub seed: Seed,
    /// Program and arguments. The program is searched in the `PATH` of `env` as the attempt sees it.
    pub argv: Vec<OsString>,
    /// The complete environment; what [`AttemptPaths::variables`] says is put over it.
    pub env: Vec<(OsString, OsString)>,
    /// Relative to the work tree, without `..`.
    pub working_directory: PathBuf,
    /// From the start of the command; then the whole process tree is killed.
    pub timeout: Duration,
    /// Written into the support folder before the command starts: path relative to it, content.
    pub support_files: Vec<(PathBuf, Vec<u8>)>,
    /// What becomes of writes to the visible folders.
    pub purpose: Purpose,
}

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Running tests: what is written into a visible folder stays in the attempt where overlay mounts can
    /// be had, and report and tree files are collected.
    #[default]
    Test,
    /// Installing: what is written into a visible folder is really written; nothing is collected.
    Install,
}

/// Where things are, as the attempts of a slot see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptPaths {
    /// Root of the work tree: the original's own path, except where trees are copies.
    pub tree: PathBuf,
    /// Where the framework may write report files; empty before each attempt.
    pub report_dir: PathBuf,
    /// Where support files are; empty before each attempt.
    pub support_dir: PathBuf,
    /// Private and empty; only at [`IsolationUsed::Full`](flaky_core::report::IsolationUsed::Full) and where commands run as another user.
    pub home: Option<PathBuf>,
    /// Folder for temporary files: private and empty, except at [`IsolationUsed::Shared`](flaky_core::report::IsolationUsed::Shared) as ourselves.
    pub tmp: PathBuf,
    pub(crate) cache: Option<PathBuf>,
}

impl AttemptPaths {
    /// The variables that the level of isolation decides: `Some` is set, `None` is taken out.
    /// [`Slot::run`](crate::Slot::run) puts them over the environment of the spec.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, Option<PathBuf>)> {
        let mut variables = Vec::new();
        if let Some(cache) = &self.cache {
            variables.extend(["TMPDIR", "TMP", "TEMP"].map(|name| (name, Some(self.tmp.clone()))));
            variables.push(("XDG_CACHE_HOME", Some(cache.clone())));
        }
        if let Some(home) = &self.home {
            variables.push(("HOME", Some(home.clone())));
            // These would lead back to the user's own folders; without them programs derive them from HOME.
            let others = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];
            variables.extend(others.map(|name| (name, None)));
        }
        variables
    }
}

/// One execution of a command, as it was.
#[derive(Debug)]
pub struct RawAttempt {
    /// From the spec.
    pub index: AttemptIndex,
    /// From the spec.
    pub seed: Seed,
    /// How the command ended.
    pub exit: Exit,
    /// What the command and all its descendants used.
    pub usage: Usage,
    /// What was printed to standard output.
    pub stdout: Spooled,
    /// What was printed to standard error.
    pub stderr: Spooled,
    /// Files of the report folder that match, by name.
    pub report_files: Vec<CollectedFile>,
    /// Files of the work tree that match and that the attempt wrote, by name.
    pub tree_files: Vec<CollectedFile>,
    /// What the reader should know.
    pub notes: Vec<AttemptNote>,
    /// Holds all files above; they are deleted with it.
    pub folder: AttemptFolder,
}

/// A stream on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Always exists as long as the attempt's folder does.
    pub path: PathBuf,
    /// Bytes in the file.
    pub size: u64,
    /// From and to (exclusive), in bytes of the whole stream: what was printed but is not in the file.
    pub cut: Option<(u64, u64)>,
}

/// A file that an attempt wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectedFile {
    /// Path relative to the report folder or the work tree, as the pattern saw it.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
}

/// What the reader of an attempt should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptNote {
    /// More files matched than are collected, or they are larger; so many were left behind.
    FilesLeftBehind(u64),
    /// So many sockets, pipes, devices and unreadable files of the work tree are not in its copy.
    NotCopied(u64),
    /// So many processes could not be killed: they run under another user.
    ProcessesLeft(u64),
    /// So many files could not be put back as they were.
    NotRestored(u64),
}

/// The folder of one attempt's files, deleted on drop.
#[derive(Debug)]
pub struct AttemptFolder {
    path: Option<PathBuf>,
}

impl AttemptFolder {
    #[cfg(target_os = "linux")]
    pub(crate) const fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Where it is; `None` when the attempt left no file at all.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl Drop for AttemptFolder {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Whatever is left goes with the scratch folder.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
