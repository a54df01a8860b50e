//! The versioned format in which a shard's order goes to a worker and its raw attempts come back.
//!
//! Data flow: [`ShardOrder`] → text in the job → [`ShardOrder`] on the worker; there [`ShardHead`] and [`WireAttempt`]s →
//! stream chunks and the output of the job → the same on the host that asked.
//!
//! Everything here is a mirror of what `exec` and the engine work with, never their types: both sides may be of
//! different versions. All of it is hostile input to whoever reads it.

use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, RunId, Seed};
use flaky_core::report::IsolationUsed;
use serde::{Deserialize, Serialize};

mod attempt;
mod check;
mod envelope;
mod error;
mod head;
mod order;
mod packer;
mod parts;
mod path;
mod record;
mod squeeze;

pub use error::{Side, WireError};
pub use order::{MAX_ORDER_TEXT, pack_order, unpack_order};
pub use packer::{Packer, PackerLimits, pack_attempt};
pub use parts::{Part, PartLimits, Parts, unpack_part};

/// Version of the format. A worker refuses an order of a version it does not know, and names both.
pub const WIRE_VERSION: u32 = 1;

/// Stand-ins for folders that only the worker knows; it puts its own paths in their place, in arguments, in values of
/// variables and in support files. The characters cannot stand in a path that a user typed by chance.
pub mod placeholder {
    /// Root of the work tree as the attempt sees it.
    pub const TREE: &str = "@@flaky:tree@@";
    /// Where the framework may write report files.
    pub const REPORT_DIR: &str = "@@flaky:report-dir@@";
    /// Where support files are.
    pub const SUPPORT_DIR: &str = "@@flaky:support-dir@@";
    /// Where dependencies are installed.
    pub const ENV_DIR: &str = "@@flaky:env-dir@@";
}

/// What a worker is to run. It travels as [`pack_order`] writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardOrder {
    /// [`WIRE_VERSION`] of the writer.
    pub version: u32,
    /// The run it is part of.
    pub run: RunId,
    /// Number of the shard in its run, from 0.
    pub shard: u32,
    /// The sources.
    pub source: WireSource,
    /// Installation, before the first attempt.
    pub install: Option<WireInstall>,
    /// The best isolation that attempts may have; they get the best that the worker's machine offers up to it.
    pub isolation: IsolationUsed,
    /// Attempts side by side; at least 1.
    pub parallelism: u32,
    /// Per attempt.
    pub timeout: Duration,
    /// Globs of report files to bring back.
    pub report_globs: Vec<String>,
    /// Globs of tree files to bring back.
    pub tree_globs: Vec<String>,
    /// Bytes of output kept per attempt, both streams together. Its report and tree files together may take as many
    /// again, and 16 MiB in any case; one that does not fit is left out whole.
    pub output_quota: u64,
    /// Variables that settings name, put over the worker's own allow list. Over them go those of the installation, then
    /// those of the command.
    pub env: Vec<(String, String)>,
    /// Distinct contents of support files, which attempts name by position.
    pub blobs: Vec<Vec<u8>>,
    /// The attempts, in the order in which they are to be started; may be empty: then only sources and installation are
    /// tried, and the head says what the machine can do.
    pub attempts: Vec<WireOrder>,
}

/// Where a shard's sources are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireSource {
    /// To be fetched.
    Repository {
        /// Without credentials.
        url: String,
        /// Branch, tag or full reference.
        reference: Option<String>,
        /// Full id of the commit.
        commit: Option<String>,
    },
    /// A packed folder: a zstd-compressed tar archive.
    Packed(Vec<u8>),
}

/// Installation of dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireInstall {
    /// Changes with everything that the installation depends on; empty is "never reuse".
    pub cache_key: String,
    /// One after the other.
    pub steps: Vec<WireStep>,
    /// What attempts' environments get by it.
    pub env: Vec<(String, WireEnv)>,
    /// Per step.
    pub timeout: Duration,
}

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireStep {
    /// For people.
    pub title: String,
    /// What runs.
    pub command: WireCommand,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// In this order.
    pub env: Vec<(String, WireEnv)>,
    /// Relative to the tree.
    pub cwd: String,
}

/// What becomes of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireEnv {
    /// It has this value.
    Set(String),
    /// It is taken out.
    Remove,
    /// This is put before what is there, with a colon between.
    Prepend(String),
}

/// One attempt to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireOrder {
    /// Position in the run.
    pub index: AttemptIndex,
    /// Handed back; `command.env` already sets it.
    pub seed: Seed,
    /// What runs, as the framework plugin instrumented it.
    pub command: WireCommand,
    /// Path below the support folder, position in [`ShardOrder::blobs`].
    pub support: Vec<(String, u32)>,
}

/// What a worker says of a shard as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardHead {
    /// [`WIRE_VERSION`] of the writer.
    pub version: u32,
    /// From the order.
    pub run: RunId,
    /// From the order.
    pub shard: u32,
    /// Version of the worker.
    pub worker_version: String,
    /// Full id of the commit that was fetched.
    pub commit: Option<String>,
    /// What the machine offers at best.
    pub best: IsolationUsed,
    /// What attempts got.
    pub used: IsolationUsed,
    /// What stands in the way of more, and how to raise it.
    pub obstacles: Vec<(String, String)>,
    /// Things the reader of a report should know: code, sentence.
    pub notes: Vec<(String, String)>,
    /// Why no attempt could be made.
    pub failure: Option<ShardFailure>,
}

/// Why no attempt of a shard could be made: the same for every shard of the run, so none is submitted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFailure {
    /// What failed.
    pub kind: ShardFailureKind,
    /// One sentence.
    pub why: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What failed before the first attempt of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardFailureKind {
    /// The sources cannot be had.
    RepositoryUnreachable,
    /// Dependencies cannot be installed.
    InstallFailed,
    /// The worker itself.
    Infrastructure,
}

/// One attempt as it came back.
#[derive(Debug, Clone, PartialEq)]
pub struct WireAttempt {
    /// From the order.
    pub index: AttemptIndex,
    /// From the order.
    pub seed: Seed,
    /// How its command ended.
    pub exit: Exit,
    /// What it used.
    pub usage: Usage,
    /// Standard output.
    pub stdout: WireStream,
    /// Standard error.
    pub stderr: WireStream,
    /// Files of the report folder.
    pub reports: Vec<WireFile>,
    /// Files of the work tree.
    pub tree: Vec<WireFile>,
    /// Kind and number, as `exec` names them; unknown ones are left out.
    pub notes: Vec<(String, u64)>,
    /// Why it could not be made, when it could not.
    pub error: Option<String>,
}

/// A stream as it came back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireStream {
    /// What is kept.
    pub bytes: Vec<u8>,
    /// From and to (exclusive), in bytes of the whole stream: what was printed but is not in `bytes`.
    pub cut: Option<(u64, u64)>,
}

/// A collected file as it came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireFile {
    /// Relative path.
    pub name: String,
    /// Its content; empty when `left_out`.
    pub bytes: Vec<u8>,
    /// It did not fit.
    pub left_out: bool,
}

#[cfg(test)]
mod tests;
