//! What a run tells while it goes on. The receiver draws; the engine never prints.

use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, RunId, Seed};
use tokio::sync::mpsc::UnboundedSender;

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// A stage began; the text is for people, e.g. ``cloning `https://…` ``.
    Stage(String),
    /// A command of a framework plugin is about to run, as the user would type it.
    Command(String),
    /// The plan stands; attempts follow.
    Planned {
        /// Which run this is.
        run: RunId,
        /// Attempts.
        attempts: u32,
        /// Side by side.
        parallelism: u32,
        /// The master seed, when seeds are drawn from one.
        master_seed: Option<u64>,
    },
    /// An attempt ended.
    AttemptFinished {
        /// Which.
        index: AttemptIndex,
        /// Its seed.
        seed: Seed,
        /// How.
        exit: Exit,
        /// What it was judged to be.
        verdict: AttemptVerdict,
        /// How long it took.
        wall: Duration,
    },
    /// The attempts are being repeated with nothing beside them.
    Confirming {
        /// At most this many.
        at_most: u32,
    },
    /// Something happened to a shard on an endpoint.
    Shard(ShardEvent),
    /// Something the user should know at once.
    Warning(String),
}

/// Something that happened to a shard on an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardEvent {
    /// Its number in the run.
    pub shard: u32,
    /// How many shards there are beside it, itself included.
    pub shards: u32,
    /// What happened.
    pub state: ShardState,
}

/// What happened to a shard. It ends with exactly one of `Ended`, `Lost` and `Stopped`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardState {
    /// The endpoint took its job.
    Submitted {
        /// Attempts that the shard is to make.
        attempts: u32,
        /// The platform's name for the job.
        job: String,
    },
    /// A worker has begun.
    Started {
        /// Which, when the platform says so.
        worker: Option<String>,
    },
    /// Another attempt came back.
    Progress {
        /// So many did by now.
        done: u32,
    },
    /// Its job was of no use: what is missing is submitted again.
    Resubmitted {
        /// One sentence.
        why: String,
    },
    /// It is through.
    Ended {
        /// Time on a worker, when the platform says so.
        execution: Option<Duration>,
    },
    /// It was given up.
    Lost {
        /// One sentence.
        why: String,
    },
    /// It was called back.
    Stopped,
}

/// What one attempt says at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// Nothing failed.
    Passed,
    /// A test, or the command itself, failed.
    Failed,
    /// Does not count: nothing about tests can be read from it.
    SetAside,
}

/// Where events go. A closed receiver is no reason to stop a run, so sending never fails.
#[derive(Debug, Clone)]
pub struct Events(UnboundedSender<RunEvent>);

impl Events {
    /// Unbounded: there are at most a few thousand events in a run, and a slow terminal must not slow attempts.
    #[must_use]
    pub fn new(sender: UnboundedSender<RunEvent>) -> Self {
        Self(sender)
    }

    /// Tells the receiver, if there still is one.
    pub fn send(&self, event: RunEvent) {
        let _ = self.0.send(event);
    }

    /// Shorthand for [`RunEvent::Stage`].
    pub fn stage(&self, text: impl Into<String>) {
        self.send(RunEvent::Stage(text.into()));
    }
}
