//! What a parser is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};

/// One finished attempt, for [`Plugin::parse`](crate::Plugin::parse).
#[derive(Debug, Clone)]
pub struct AttemptInput {
    /// Which.
    pub index: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// What ran, after instrumentation.
    pub command: Vec<String>,
    /// How it ended.
    pub exit: Exit,
    /// From start to end.
    pub duration: Duration,
    /// What differed between attempts: (condition, value).
    pub conditions: Vec<(String, String)>,
    /// Standard output.
    pub stdout: BlobInput,
    /// Standard error.
    pub stderr: BlobInput,
    /// Files of the report folder by their path in it; the plugin sees those its manifest wants.
    pub reports: Vec<(String, BlobInput)>,
    /// Files of the work tree by their path in it; the plugin sees those its manifest wants.
    pub tree: Vec<(String, BlobInput)>,
}

/// Bytes for a plugin to read.
#[derive(Debug, Clone)]
pub enum BlobInput {
    /// A regular file. It is opened when the plugin first reads, without following a link in its last part.
    File {
        /// Where.
        path: PathBuf,
        /// Bytes in it; nothing beyond is read.
        size: u64,
        /// The bytes [from, to) that were cut out before it was written, if any.
        cut: Option<(u64, u64)>,
    },
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In memory, and handed over in pieces of at most this many bytes, however many are asked for: the host's chunk
    /// cap made small, so that tests of plugins can put the ends of pieces everywhere. Text still ends with a whole
    /// character, so a piece of it has at least four bytes where there are as many.
    Pieces(Arc<[u8]>, std::num::NonZeroU32),
}
