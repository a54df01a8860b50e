//! A shard of somebody else's run, on this machine: sources, installation, attempts – raw, for others to read.
//!
//! Data flow: [`ShardOrder`] → sources → executor → installation → [`ShardPart::Head`] →
//! attempts in parallel slots → [`ShardPart::Attempt`]s, each as it ends.
//!
//! No plugin is asked: whoever conducts the run made every attempt ready, with stand-ins for the folders that only this
//! machine knows, and reads what comes back.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use flaky_core::report::IsolationUsed;
use flaky_exec::checkout::CheckoutSettings;
use flaky_exec::{ExecError, LauncherProgram, RunAs};
use flaky_runpod::wire::{ShardHead, ShardOrder, WireAttempt};
use tokio::sync::mpsc;

use crate::attempt::SetAside;
use crate::cancel::Cancel;
use crate::folders::Folders;
use crate::isolation::rank;

mod attempt;
mod fill;
mod ready;
mod stage;

pub use stage::run_shard;

/// Everything a shard needs from outside.
#[derive(Debug)]
pub struct ShardRequest {
    /// What is to be run. Hostile, though whoever may send it may run commands here anyway.
    pub order: ShardOrder,
    /// How to fetch: credentials, known hosts, time limit.
    pub checkout: CheckoutSettings,
    /// Where installed dependencies are kept.
    pub folders: Folders,
    /// The environment of tests, `HOME` included.
    pub environment: Vec<(OsString, OsString)>,
    /// Our own program.
    pub launcher: LauncherProgram,
    /// The switch that ends the shard early.
    pub cancel: Cancel,
    /// As whom tests and installations run; `None` is as whom we run.
    pub run_as: Option<RunAs>,
}

/// What a shard tells while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum ShardPart {
    /// What is known before the first attempt; comes first, and once.
    Head(Box<ShardHead>),
    /// An attempt that ended.
    Attempt(Box<WireAttempt>),
}

/// Why a shard broke: another worker may do better.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It was asked to end.
    #[error("the shard was stopped")]
    Stopped,
    /// The executor failed.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A folder of ours.
    #[error("`{}`: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A fault of ours.
    #[error("making an attempt broke: {0}")]
    Broke(String),
}

/// Where parts go. Full means: whoever takes them is slower than the attempts, which then wait.
pub type PartSender = mpsc::Sender<ShardPart>;

/// The lower of two levels.
fn lower(a: IsolationUsed, b: IsolationUsed) -> IsolationUsed {
    std::cmp::min_by_key(a, b, |level| rank(*level))
}

/// Why no attempt is made.
enum NoAttempts {
    /// The same for every shard of the run: told in the head.
    Aside(SetAside),
    /// This machine's.
    Error(ShardError),
}

impl<E: Into<ShardError>> From<E> for NoAttempts {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

#[cfg(test)]
mod tests;
