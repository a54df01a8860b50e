//! One job as the server knows it, and what callers are told of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use flaky_runpod::JobId;
use reqwest::Url;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Chunks kept for a caller that does not fetch them, in bytes per job; the oldest go first. Twenty of the largest that
/// the platform takes (1 MB each).
const MAX_UNREAD_BYTES: usize = 20 << 20;

/// What a job costs beside its texts, in bytes; a guess on the safe side.
const OVERHEAD_BYTES: usize = 2048;

/// By which route a job came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Origin {
    Run,
    /// The caller waits, so its result is kept for a shorter time.
    RunSync,
}

impl Origin {
    /// How long results are kept: 30 minutes, or one where the caller waited (RunPod's documentation, "send requests").
    pub(super) const fn retention(self) -> Duration {
        match self {
            Self::Run => Duration::from_mins(30),
            Self::RunSync => Duration::from_mins(1),
        }
    }
}

/// Which queue a job waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Priority {
    Normal,
    /// Starts only when no other job waits.
    Low,
}

/// What the caller wants of a job's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct Policy {
    /// It may run for so long.
    pub(in crate::api) execution_timeout: Duration,
    /// From submission; then it is deleted, whatever it does.
    pub(in crate::api) ttl: Duration,
    pub(in crate::api) priority: Priority,
}

/// A job to be taken in: checked, but not known yet.
#[derive(Debug)]
pub(in crate::api) struct Submission {
    pub(in crate::api) origin: Origin,
    /// JSON of any type, nested no deeper than can be read back.
    pub(in crate::api) input: Arc<RawValue>,
    pub(in crate::api) webhook: Option<Url>,
    pub(in crate::api) policy: Policy,
}

/// A job's state, in the platform's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::api) enum Status {
    InQueue,
    InProgress,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

impl Status {
    pub(in crate::api) const fn is_final(self) -> bool {
        !matches!(self, Self::InQueue | Self::InProgress)
    }
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(in crate::api) enum Ending {
    Completed(Arc<RawValue>),
    Failed { error: String, output: Option<Arc<RawValue>> },
    Cancelled,
    TimedOut,
}

impl Ending {
    const fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Failed { .. } => Status::Failed,
            Self::Cancelled => Status::Cancelled,
            Self::TimedOut => Status::TimedOut,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Completed(output) => output.get().len(),
            Self::Failed { error, output } => error.len() + output.as_ref().map_or(0, |o| o.get().len()),
            Self::Cancelled | Self::TimedOut => 0,
        }
    }
}

/// Where a job is.
#[derive(Debug)]
pub(super) enum Stage {
    Queued { since: Instant },
    Running { delay: Duration, started: Instant, stop: CancellationToken, progress: Option<Arc<RawValue>> },
    Ended { ending: Ending, delay: Duration, execution: Option<Duration>, at: Instant },
}

/// One job.
#[derive(Debug)]
pub(super) struct Record {
    /// Position among all that came, for lists.
    pub(super) number: u64,
    /// Kept while it may have to be started.
    pub(super) input: Option<Arc<RawValue>>,
    pub(super) webhook: Option<Url>,
    pub(super) policy: Policy,
    /// When it is deleted, whatever it does.
    pub(super) expires: Instant,
    /// How long it is kept after its end.
    pub(super) retention: Duration,
    pub(super) stage: Stage,
    /// How often it was started: what an earlier start says after a retry is void.
    pub(super) starts: u32,
    /// A handler is at it, maybe one that was told to stop: it is not started a second time beside that.
    pub(super) busy: bool,
    unread: VecDeque<Arc<RawValue>>,
    unread_bytes: usize,
    /// Changes with everything that a caller could wait for.
    pub(super) changed: watch::Sender<()>,
}

impl Record {
    pub(super) fn new(number: u64, submission: Submission, now: Instant) -> Self {
        Self {
            number,
            input: Some(submission.input),
            webhook: submission.webhook,
            policy: submission.policy,
            expires: now + submission.policy.ttl,
            retention: submission.origin.retention(),
            stage: Stage::Queued { since: now },
            starts: 0,
            busy: false,
            unread: VecDeque::new(),
            unread_bytes: 0,
            changed: watch::Sender::new(()),
        }
    }

    pub(super) const fn status(&self) -> Status {
        match &self.stage {
            Stage::Queued { .. } => Status::InQueue,
            Stage::Running { .. } => Status::InProgress,
            Stage::Ended { ending, .. } => ending.status(),
        }
    }

    /// What it costs to know it, in bytes.
    pub(super) fn weight(&self) -> usize {
        let stage = match &self.stage {
            Stage::Queued { .. } => 0,
            Stage::Running { progress, .. } => progress.as_ref().map_or(0, |p| p.get().len()),
            Stage::Ended { ending, .. } => ending.bytes(),
        };
        OVERHEAD_BYTES + self.input.as_ref().map_or(0, |i| i.get().len()) + self.unread_bytes + stage
    }

    /// When it is to be forgotten, as things are.
    pub(super) fn forget_at(&self) -> Instant {
        match &self.stage {
            Stage::Ended { at, .. } => self.expires.min(*at + self.retention),
            _ => self.expires,
        }
    }

    /// When it has run for too long, if it runs.
    pub(super) fn time_out_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Running { started, .. } => Some(*started + self.policy.execution_timeout),
            _ => None,
        }
    }

    /// Ends it, and tells whoever is at it to stop. Nothing happens to a job that has ended already.
    pub(super) fn end(&mut self, ending: Ending, now: Instant) -> bool {
        let (delay, execution) = match &self.stage {
            Stage::Queued { since } => (now.duration_since(*since), None),
            Stage::Running { delay, started, stop, .. } => {
                stop.cancel();
                (*delay, Some(now.duration_since(*started)))
            }
            Stage::Ended { .. } => return false,
        };
        // Only these can be asked for again.
        if !matches!(ending, Ending::Failed { .. } | Ending::TimedOut) {
            self.input = None;
        }
        self.stage = Stage::Ended { ending, delay, execution, at: now };
        self.changed.send_replace(());
        true
    }

    pub(super) fn push_chunk(&mut self, chunk: Arc<RawValue>) {
        self.unread_bytes += chunk.get().len();
        self.unread.push_back(chunk);
        while self.unread_bytes > MAX_UNREAD_BYTES {
            let Some(oldest) = self.unread.pop_front() else { break };
            self.unread_bytes -= oldest.get().len();
        }
        self.changed.send_replace(());
    }

    pub(super) fn take_chunks(&mut self) -> Vec<Arc<RawValue>> {
        self.unread_bytes = 0;
        self.unread.drain(..).collect()
    }

    pub(super) fn document(&self, id: &JobId, now: Instant) -> Document {
        let (delay, execution, output, error) = match &self.stage {
            Stage::Queued { since } => (now.duration_since(*since), None, None, None),
            Stage::Running { delay, progress, .. } => (*delay, None, progress.clone(), None),
            Stage::Ended { ending, delay, execution, .. } => {
                let (output, error) = match ending.clone() {
                    Ending::Completed(output) => (Some(output), None),
                    Ending::Failed { error, output } => (output, Some(error)),
                    Ending::Cancelled => (None, None),
                    Ending::TimedOut => (None, Some(too_long(self.policy.execution_timeout))),
                };
                (*delay, *execution, output, error)
            }
        };
        let started = !matches!(self.stage, Stage::Queued { .. });
        Document { id: id.clone(), status: self.status(), delay, execution, started, output, error }
    }
}

fn too_long(limit: Duration) -> String {
    format!("the job ran for longer than {} ms, its `executionTimeout`", limit.as_millis())
}

/// What callers are told of a job: the platform's status document.
#[derive(Debug, Clone)]
pub(in crate::api) struct Document {
    pub(in crate::api) id: JobId,
    pub(in crate::api) status: Status,
    delay: Duration,
    execution: Option<Duration>,
    started: bool,
    /// Of a job that runs: how far it is.
    output: Option<Arc<RawValue>>,
    error: Option<String>,
}

impl Document {
    /// What ended, without the rest: `{"output": …}`, `{"error": …}` or both.
    pub(in crate::api) fn result(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Result<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            output: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
        }
        let cancelled = (self.status == Status::Cancelled).then_some("the job was cancelled");
        Result { output: self.output.as_deref(), error: self.error.as_deref().or(cancelled) }
    }
}

/// What callers are told of chunks.
#[derive(Debug, Serialize)]
pub(in crate::api) struct StreamDocument<'a> {
    id: &'a JobId,
    status: Status,
    stream: Vec<Chunk<'a>>,
}

#[derive(Debug, Serialize)]
struct Chunk<'a> {
    output: &'a RawValue,
}

impl<'a> StreamDocument<'a> {
    pub(in crate::api) fn new(id: &'a JobId, status: Status, chunks: &'a [Arc<RawValue>]) -> Self {
        Self { id, status, stream: chunks.iter().map(|output| Chunk { output }).collect() }
    }
}

/// The name of the only worker there is.
const WORKER_ID: &str = "local";

impl Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("delayTime", &milliseconds(self.delay))?;
        if let Some(execution) = self.execution {
            map.serialize_entry("executionTime", &milliseconds(execution))?;
        }
        if let Some(output) = self.output.as_deref() {
            map.serialize_entry("output", output)?;
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        if self.started {
            map.serialize_entry("workerId", WORKER_ID)?;
        }
        map.end()
    }
}
