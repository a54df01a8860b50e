//! What an executor is started with.

use std::path::PathBuf;

use crate::collect::CollectGlobs;
use crate::run_as::RunAs;

/// What an executor needs to know.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// Root of the work tree. At [`IsolationUsed::Shared`](flaky_core::report::IsolationUsed::Shared) attempts write to it, at other levels never.
    pub tree: PathBuf,
    /// Folder for everything temporary; made if it is missing, outside `tree`, on a disk with room.
    pub scratch: PathBuf,
    /// How many attempts run side by side; at least one.
    pub parallelism: usize,
    /// Bytes of output kept of one attempt, both streams together, half for each; [`DEFAULT_OUTPUT_QUOTA`]
    /// is the usual.
    pub output_quota: u64,
    /// What becomes the launcher.
    pub launcher: LauncherProgram,
    /// Existing folders that attempts must see as they are though they lie below `/tmp` or the like, and
    /// that installations write to: see [`Purpose`](crate::Purpose). Before an installation as another user, those that
    /// are ours and empty are given to that user.
    pub writable: Vec<PathBuf>,
    /// Which files to collect after each attempt.
    pub collect: CollectGlobs,
    /// As whom commands run; `None` is as whom we run. Needs root. The work tree should be this user's
    /// ([`RunAs::take_over`], [`CheckoutSettings::owner`](crate::checkout::CheckoutSettings::owner)): one of somebody
    /// else is copied, and at [`IsolationUsed::Shared`](flaky_core::report::IsolationUsed::Shared) it is used as it is.
    pub run_as: Option<RunAs>,
}

/// 64 MB: a hundred attempts that all flood fill 6.4 GB of disk, and nobody reads more of one.
pub const DEFAULT_OUTPUT_QUOTA: u64 = 64 * 1024 * 1024;

/// The program that becomes the launcher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LauncherProgram {
    /// This one, even when its file has been replaced since. Its `main` must begin with [`enter_if_asked`](crate::launcher::enter_if_asked).
    #[default]
    CurrentExe,
    /// Another program whose `main` begins with it.
    Path(PathBuf),
}
