//! Shards on an endpoint: submitting, following, submitting again, merging.
//!
//! Data flow: [`FleetPlan`] → [`conduct`] → [`FleetEvent`]s while it goes on → [`FleetSummary`]. How attempts are cut into
//! shards is [`plan`]'s.
//!
//! Whatever happens on the way (chunks that came twice, a job that ran twice, a shard that was submitted again), every
//! attempt is handed over at most once, and every attempt that was not is named in [`FleetEvent::Lost`] or
//! [`FleetEvent::Stopped`], or its shard's last head says why no attempt can be made.

use std::sync::Arc;
use std::time::Duration;

use flaky_core::ids::AttemptIndex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::JobId;
use crate::endpoint::{Endpoint, EndpointError, Policy};
use crate::wire::{ShardHead, WireAttempt, WireError};

mod books;
mod conductor;
mod follower;
mod gathering;
mod hearing;
mod jobs;
pub mod plan;
mod rhythm;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// Attempts that one job makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its number in the run, from 0; no two are the same.
    pub number: u32,
    /// Its attempts that are still to be made.
    pub attempts: Vec<AttemptIndex>,
}

/// Makes the `input` of jobs.
pub trait Orders: Send + Sync + 'static {
    /// The input of a job that makes these attempts of a shard: all of them, or those still missing when it is submitted
    /// again. Called on a thread that may be blocked.
    ///
    /// # Errors
    /// One sentence, when there can be none.
    fn input(&self, shard: u32, attempts: &[AttemptIndex]) -> Result<Value, String>;
}

/// What is to be done.
#[derive(Clone)]
pub struct FleetPlan {
    /// The shards.
    pub shards: Vec<Shard>,
    /// Their inputs.
    pub orders: Arc<dyn Orders>,
    /// Jobs that an earlier client submitted, by shard, oldest first: they are followed instead of submitting the shard.
    /// Those of no shard in `shards` are ignored.
    pub known: Vec<(u32, JobId)>,
}

/// How it is to be done.
#[derive(Debug, Clone)]
pub struct FleetSettings {
    /// For every job.
    pub policy: Policy,
    /// How often one shard may be submitted again.
    pub resubmissions: u32,
    /// Jobs on the endpoint at once, queued ones included.
    pub in_flight: usize,
    /// The whole endpoint may be silent for this long before the fleet gives up; the jobs stay, and can be followed later.
    pub patience: Duration,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            resubmissions: 2,
            // Far below RunPod's limit of 500 queued jobs per worker, far above the workers an account may have.
            in_flight: 500,
            patience: Duration::from_secs(600),
        }
    }
}

/// How a fleet is called back.
#[derive(Debug, Clone, Default)]
pub struct FleetSignals {
    /// The user wants it to end: all jobs are cancelled.
    pub cancel: CancellationToken,
    /// Enough is known: the remaining jobs are cancelled.
    pub stop: CancellationToken,
}

/// What happens, in order per shard. Every shard ends with exactly one of `Ended`, `Lost` and `Stopped`, unless the fleet
/// fails as a whole.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FleetEvent {
    /// The endpoint has taken a job for the shard. Worth remembering before anything else: with it the job can be followed
    /// by a later client.
    Submitted {
        /// Which shard.
        shard: u32,
        /// Its job.
        job: JobId,
    },
    /// A worker has begun. Comes again when the platform gives the job to another one.
    Started {
        /// Which shard.
        shard: u32,
        /// Who, when the platform says so.
        worker: Option<String>,
    },
    /// What the worker says of the shard as a whole. Once per job, and again if a later one differs.
    Head {
        /// Which shard.
        shard: u32,
        /// What it says.
        head: Box<ShardHead>,
    },
    /// An attempt of the shard; once.
    Attempt {
        /// Which shard.
        shard: u32,
        /// The attempt.
        attempt: Box<WireAttempt>,
    },
    /// The shard's job was of no (more) use, and what is missing is about to be submitted again; `Submitted` follows.
    Resubmitted {
        /// Which shard.
        shard: u32,
        /// One sentence.
        why: String,
    },
    /// The shard is done: every attempt was handed over, or its last head says why none can be made.
    Ended {
        /// Which shard.
        shard: u32,
        /// Time of its last job on a worker.
        execution: Option<Duration>,
        /// Time of its last job in the queue.
        delay: Option<Duration>,
        /// Who did it.
        worker: Option<String>,
    },
    /// The shard was given up.
    Lost {
        /// Which shard.
        shard: u32,
        /// What is missing.
        attempts: Vec<AttemptIndex>,
        /// One sentence.
        why: String,
    },
    /// The shard was called back by one of the [`FleetSignals`].
    Stopped {
        /// Which shard.
        shard: u32,
        /// What is missing.
        attempts: Vec<AttemptIndex>,
    },
}

/// How a fleet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FleetEnd {
    /// Every shard ended or was lost.
    #[default]
    Through,
    /// [`FleetSignals::stop`] came first.
    Stopped,
    /// [`FleetSignals::cancel`] came first.
    Cancelled,
}

/// What it took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetSummary {
    /// How it ended.
    pub end: FleetEnd,
    /// Seconds on workers, each job's rounded up, as RunPod bills them. A worker's start and its idle time are billed too,
    /// but not told per job.
    pub execution_seconds: u64,
    /// Jobs that ran, or may have, and whose time the platform did not tell.
    pub untold: u32,
    /// Jobs that this client submitted.
    pub submitted: u32,
    /// Those of them that replaced one that was of no use.
    pub resubmitted: u32,
    /// How long jobs waited in the queue.
    pub delays: Delays,
    /// Different workers that were seen.
    pub workers: u32,
    /// Jobs that may still be on the endpoint: cancelling them failed, or took too long.
    pub left: Vec<JobId>,
}

/// How long jobs waited in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delays {
    /// Jobs whose delay is known.
    pub jobs: u32,
    /// The middle one.
    pub median: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Why a fleet failed as a whole. Jobs that were submitted are cancelled where the endpoint still listens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The endpoint refuses what every shard needs.
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    /// A worker speaks another version of the wire format.
    #[error("shard {shard}: {error}")]
    Version {
        /// Which shard.
        shard: u32,
        /// Both versions.
        error: WireError,
    },
    /// The input of a shard cannot be made.
    #[error("cannot describe shard {shard} to a worker: {why}")]
    Order {
        /// Which shard.
        shard: u32,
        /// One sentence.
        why: String,
    },
    /// Nothing was heard of the endpoint for too long. Jobs were left as they are.
    #[error("nothing was heard of the endpoint for {} s: {why}", after.as_secs())]
    Silent {
        /// How long.
        after: Duration,
        /// What happened last.
        why: String,
    },
    /// Our own fault.
    #[error("a task that follows a shard broke off: {why}")]
    Broken {
        /// How.
        why: String,
    },
}

impl FleetError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Endpoint(error) => error.hint(),
            Self::Version { error, .. } => error.hint(),
            Self::Silent { .. } => {
                Some("jobs that were submitted go on: resume the run when the endpoint is back")
            }
            Self::Order { .. } | Self::Broken { .. } => None,
        }
    }
}

/// Submits shards, follows them, submits again what was lost, and returns when every shard ended, was lost or was called
/// back. When `events` is closed, that is a cancellation.
///
/// Dropping the future leaves the jobs on the endpoint: they can be followed later.
///
/// # Errors
/// When the endpoint refuses what every shard needs, or is silent for too long.
pub async fn conduct(
    endpoint: &Endpoint,
    plan: FleetPlan,
    settings: FleetSettings,
    events: mpsc::Sender<FleetEvent>,
    signals: FleetSignals,
) -> Result<FleetSummary, FleetError> {
    conductor::conduct(jobs::Once::new(endpoint), plan, settings, events, signals).await
}
