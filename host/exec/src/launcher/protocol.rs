//! What the asynchronous side and the launcher's workers say to each other: length-prefixed JSON.
//! Both ends are the same build of the same program, so there is no version.

use std::io::{self, Read, Write};
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::report::IsolationUsed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::stage::Privilege;
use super::text::Text;
use crate::attempt::{AttemptNote, Purpose};
use crate::capabilities::{Obstacle, TreeMethod};
use crate::run_as::RunAs;

/// Largest frame. An order carries environment, arguments and support files: the kernel allows 6 MB of
/// the first two, support files are a few kB; 64 MB is far above both and still a bound.
pub(crate) const MAX_FRAME: usize = 64 * 1024 * 1024;

/// To a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// First of all: what holds for every attempt.
    Setup(Box<Setup>),
    /// Try whether a level can be had, and how trees are made there.
    Try(IsolationUsed),
    Run(Box<Order>),
}

/// From a worker, one for each `Try` and `Run`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Tried(Result<Tried, Obstacle>),
    Done(Box<Done>),
    Failed(Failure),
}

/// What a level looks like on this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) method: TreeMethod,
    pub(crate) privilege: Privilege,
    /// Why the method is not a better one.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// What holds for every attempt of an executor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) slot: usize,
    /// How many workers the executor had before: tells the attempts of a slot's workers apart.
    pub(crate) worker: u64,
    pub(crate) tree: Text,
    pub(crate) scratch: Text,
    pub(crate) visible: Vec<Text>,
    pub(crate) output_quota: u64,
    pub(crate) report_globs: Vec<String>,
    pub(crate) tree_globs: Vec<String>,
    pub(crate) run_as: Option<RunAs>,
}

/// One attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) level: IsolationUsed,
    pub(crate) method: TreeMethod,
    pub(crate) privilege: Privilege,
    pub(crate) purpose: Purpose,
    pub(crate) argv: Vec<Text>,
    pub(crate) env: Vec<(Text, Text)>,
    pub(crate) working_directory: Text,
    pub(crate) timeout: Duration,
    pub(crate) support_files: Vec<(Text, Text)>,
}

/// The end of an attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) exit: Exit,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
    pub(crate) folder: Text,
    /// Names as the globs saw them; the files are in `folder` as `report-N` and `tree-N`.
    pub(crate) report_files: Vec<Text>,
    pub(crate) tree_files: Vec<Text>,
    pub(crate) notes: Vec<AttemptNote>,
}

/// One spooled stream: `stdout` or `stderr` in the attempt's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Bytes in the file.
    pub(crate) size: u64,
    /// The range of what was printed that is not in the file.
    pub(crate) cut: Option<(u64, u64)>,
}

/// Why an attempt could not be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What was being done, as it follows "could not".
    pub(crate) step: String,
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn new(step: impl Into<String>, reason: impl ToString) -> Self {
        Self { step: step.into(), reason: reason.to_string() }
    }
}

/// The bytes of one frame.
pub(crate) fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).ok().filter(|n| *n as usize <= MAX_FRAME);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "message above 64 MB"))?;
    if let Some(head) = bytes.first_chunk_mut::<4>() {
        *head = length.to_le_bytes();
    }
    Ok(bytes)
}

/// The length that a frame's head announces.
pub(crate) fn frame_length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message above 64 MB"));
    }
    Ok(length)
}

/// Reads a frame; `None` at the end of the stream.
pub(crate) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = vec![0; frame_length(head)?];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes a frame.
pub(crate) fn send<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    to.write_all(&frame(message)?)
}
