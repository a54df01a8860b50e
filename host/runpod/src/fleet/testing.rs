//! A platform in memory that does what a test tells it, on tokio's clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::jobs::Jobs;
use super::{Orders, Shard};
use crate::JobId;
use crate::endpoint::{EndpointError, JobRequest, JobState, JobStatus, Missing, StreamAnswer};
use crate::wire::{
    Packer, PackerLimits, ShardFailure, ShardFailureKind, ShardHead, WIRE_VERSION, WireAttempt, WireStream,
};

/// There and back.
const WAY: Duration = Duration::from_millis(20);

pub(super) fn attempt(index: u32, stdout: &str) -> WireAttempt {
    WireAttempt {
        index: AttemptIndex(index),
        seed: Seed(u64::from(index)),
        exit: Exit::Code(0),
        usage: Usage::default(),
        stdout: WireStream { bytes: stdout.into(), cut: None },
        stderr: WireStream::default(),
        reports: vec![],
        tree: vec![],
        notes: vec![],
        error: None,
    }
}

/// Of which only `stdout` is left.
pub(super) fn cut(index: u32, stdout: &str) -> WireAttempt {
    let mut attempt = attempt(index, stdout);
    let left = stdout.len() as u64;
    attempt.stdout.cut = Some((left, left + 1000));
    attempt
}

pub(super) fn head(shard: u32) -> ShardHead {
    ShardHead {
        version: WIRE_VERSION,
        run: "r1".parse().unwrap(),
        shard,
        worker_version: "0.1.0".into(),
        commit: None,
        best: IsolationUsed::Full,
        used: IsolationUsed::Full,
        obstacles: vec![],
        notes: vec![],
        failure: None,
    }
}

pub(super) fn failed_head(shard: u32) -> ShardHead {
    let why = "no such repository".into();
    let failure = ShardFailure { kind: ShardFailureKind::RepositoryUnreachable, why, hint: None };
    ShardHead { failure: Some(failure), ..head(shard) }
}

/// A stream chunk with these attempts.
pub(super) fn chunk(attempts: impl IntoIterator<Item = WireAttempt>) -> Value {
    let mut packer = Packer::new(PackerLimits::default());
    for attempt in attempts {
        assert!(packer.push(attempt).is_empty());
    }
    packer.flush().unwrap()
}

/// A stream chunk with the head alone.
pub(super) fn head_chunk(head: &ShardHead) -> Value {
    Packer::new(PackerLimits::default()).head_chunk(head).unwrap()
}

/// The output of a job.
pub(super) fn output(head: &ShardHead, attempts: impl IntoIterator<Item = WireAttempt>) -> Value {
    let mut packer = Packer::new(PackerLimits::default());
    for attempt in attempts {
        packer.push(attempt);
    }
    packer.finish(head).unwrap()
}

/// Inputs that name the shard and its attempts.
pub(super) struct PlainOrders;

impl Orders for PlainOrders {
    fn input(&self, shard: u32, attempts: &[AttemptIndex]) -> Result<Value, String> {
        let attempts: Vec<u32> = attempts.iter().map(|a| a.0).collect();
        Ok(json!({ "shard": shard, "attempts": attempts }))
    }
}

pub(super) fn shard(number: u32, attempts: impl IntoIterator<Item = u32>) -> Shard {
    Shard { number, attempts: attempts.into_iter().map(AttemptIndex).collect() }
}

/// What was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Submission {
    pub(super) shard: u32,
    pub(super) attempts: Vec<u32>,
    /// How many the shard had before.
    pub(super) earlier: usize,
}

/// How a job ends.
#[derive(Debug, Clone)]
pub(super) enum End {
    State(JobState),
    /// The platform no longer knows it.
    Forgotten,
    /// It runs for ever.
    Never,
    /// Asking for it is answered by 500.
    Unspeakable,
}

/// What becomes of a job.
#[derive(Debug, Clone)]
pub(super) struct Play {
    pub(super) queue: Duration,
    pub(super) run: Duration,
    /// When, since it was started, what is streamed.
    pub(super) chunks: Vec<(Duration, Value)>,
    pub(super) end: End,
    pub(super) output: Option<Value>,
    pub(super) error: Option<String>,
}

impl Play {
    pub(super) fn ending(end: End) -> Self {
        let (queue, run) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { queue, run, chunks: vec![], end, output: None, error: None }
    }

    /// All attempts are in the output.
    pub(super) fn good(submission: &Submission) -> Self {
        let attempts = submission.attempts.iter().map(|i| attempt(*i, "out"));
        Self {
            output: Some(output(&head(submission.shard), attempts)),
            ..Self::ending(End::State(JobState::Completed))
        }
    }

    /// The first `count` attempts are streamed, one per 100 ms.
    pub(super) fn streaming(mut self, submission: &Submission, count: usize) -> Self {
        self.chunks.push((Duration::ZERO, head_chunk(&head(submission.shard))));
        for (i, index) in (1_u32..).zip(submission.attempts.iter().take(count)) {
            self.chunks.push((Duration::from_millis(100) * i, chunk([attempt(*index, "out")])));
        }
        self
    }
}

struct Scripted {
    play: Play,
    submitted: Instant,
    streamed: usize,
    cancelled: bool,
}

impl Scripted {
    fn started(&self) -> Instant {
        self.submitted + self.play.queue
    }

    /// `None`: forgotten.
    fn state(&self) -> Option<JobState> {
        if self.cancelled {
            return Some(JobState::Cancelled);
        }
        let now = Instant::now();
        if now < self.started() {
            return Some(JobState::InQueue);
        }
        if now < self.started() + self.play.run {
            return Some(JobState::InProgress);
        }
        match self.play.end {
            End::State(state) => Some(state),
            End::Never | End::Unspeakable => Some(JobState::InProgress),
            End::Forgotten => None,
        }
    }
}

type Director = Box<dyn Fn(&Submission) -> Play + Send + Sync>;

/// A platform in memory.
pub(super) struct Platform {
    began: Instant,
    director: Director,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    jobs: BTreeMap<JobId, Scripted>,
    submissions: Vec<Submission>,
    requests: Vec<(Instant, &'static str)>,
    away: Option<(Duration, Duration)>,
    lose_run_answers: usize,
    refusal: Option<EndpointError>,
}

/// What a fleet sees of it.
pub(super) struct Client(pub(super) Arc<Platform>);

impl Platform {
    pub(super) fn new(director: impl Fn(&Submission) -> Play + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), director: Box::new(director), inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Nobody answers from `from` to `to`, counted from the beginning.
    pub(super) fn away(&self, from: Duration, to: Duration) {
        self.inner().away = Some((from, to));
    }

    /// The next answers to submissions get lost on their way back.
    pub(super) fn lose_run_answers(&self, count: usize) {
        self.inner().lose_run_answers = count;
    }

    /// Every request is refused from now on.
    pub(super) fn refuse(&self, error: EndpointError) {
        self.inner().refusal = Some(error);
    }

    /// A job that is there already.
    pub(super) fn put(&self, id: &str, play: Play) -> JobId {
        let id: JobId = id.parse().unwrap();
        let scripted = Scripted { play, submitted: Instant::now(), streamed: 0, cancelled: false };
        self.inner().jobs.insert(id.clone(), scripted);
        id
    }

    pub(super) fn submissions(&self) -> Vec<Submission> {
        self.inner().submissions.clone()
    }

    /// Jobs that are queued or run.
    pub(super) fn alive(&self) -> usize {
        self.inner().jobs.values().filter(|job| job.state().is_some_and(|state| !state.is_final())).count()
    }

    pub(super) fn cancelled(&self) -> usize {
        self.inner().jobs.values().filter(|job| job.cancelled).count()
    }

    /// Most requests of one kind within ten seconds.
    pub(super) fn most_in_window(&self, kind: &str) -> usize {
        let inner = self.inner();
        let times: Vec<_> = inner.requests.iter().filter(|r| r.1 == kind).map(|r| r.0).collect();
        let window = Duration::from_secs(10);
        times
            .iter()
            .enumerate()
            .map(|(i, from)| times[i..].iter().take_while(|t| **t < *from + window).count())
            .max()
            .unwrap_or(0)
    }

    async fn request(&self, kind: &'static str) -> Result<(), EndpointError> {
        sleep(WAY).await;
        let mut inner = self.inner();
        inner.requests.push((Instant::now(), kind));
        let now = self.began.elapsed();
        if inner.away.is_some_and(|(from, to)| now >= from && now < to) {
            return Err(EndpointError::Unreachable { why: "connection refused".into(), tries: 1 });
        }
        inner.refusal.clone().map_or(Ok(()), Err)
    }

    fn with<T>(
        &self,
        id: &JobId,
        look: impl FnOnce(&mut Scripted, JobState) -> Result<T, EndpointError>,
    ) -> Result<T, EndpointError> {
        let mut inner = self.inner();
        let unknown = EndpointError::NotFound { what: Missing::Job };
        let job = inner.jobs.get_mut(id).ok_or_else(|| unknown.clone())?;
        let state = job.state().ok_or(unknown)?;
        if matches!(job.play.end, End::Unspeakable) {
            return Err(EndpointError::Server { status: 500, why: "no".into(), tries: 1 });
        }
        look(job, state)
    }
}

impl Jobs for Client {
    async fn run(&self, request: &JobRequest) -> Result<JobId, EndpointError> {
        self.0.request("run").await?;
        let shard = u32::try_from(request.input["shard"].as_u64().unwrap()).unwrap();
        let attempts = serde_json::from_value(request.input["attempts"].clone()).unwrap();
        let id: String;
        let submission = {
            let inner = self.0.inner();
            id = format!("job-{}", inner.submissions.len());
            let earlier = inner.submissions.iter().filter(|s| s.shard == shard).count();
            Submission { shard, attempts, earlier }
        };
        let id = self.0.put(&id, (self.0.director)(&submission));
        let mut inner = self.0.inner();
        inner.submissions.push(submission);
        if inner.lose_run_answers > 0 {
            inner.lose_run_answers -= 1;
            return Err(EndpointError::Unreachable { why: "connection reset".into(), tries: 1 });
        }
        Ok(id)
    }

    async fn status(&self, id: &JobId) -> Result<JobStatus, EndpointError> {
        self.0.request("status").await?;
        self.0.with(id, |job, state| {
            let over = state.is_final() && state != JobState::Cancelled;
            Ok(JobStatus {
                id: id.clone(),
                state,
                output: job.play.output.clone().filter(|_| over),
                error: job.play.error.clone().filter(|_| over),
                delay: (state != JobState::InQueue).then_some(job.play.queue),
                execution: over.then_some(job.play.run),
                worker: (state != JobState::InQueue).then(|| "w1".into()),
            })
        })
    }

    async fn stream(&self, id: &JobId) -> Result<StreamAnswer, EndpointError> {
        self.0.request("stream").await?;
        self.0.with(id, |job, state| {
            let now = Instant::now().saturating_duration_since(job.started());
            // No longer than it ran.
            let until = now.min(job.play.run);
            let ready = job.play.chunks.iter().take_while(|(at, _)| *at <= until && !job.cancelled).count();
            let chunks = job.play.chunks.get(job.streamed..ready).unwrap_or(&[]);
            let chunks = chunks.iter().map(|(_, chunk)| chunk.clone()).collect();
            job.streamed = ready;
            Ok(StreamAnswer { state: Some(state), chunks })
        })
    }

    async fn cancel(&self, id: &JobId) -> Result<(), EndpointError> {
        self.0.request("cancel").await?;
        // Cancelling works even where asking does not.
        if let Some(job) = self.0.inner().jobs.get_mut(id) {
            job.cancelled |= job.state().is_some_and(|state| !state.is_final());
        }
        Ok(())
    }
}
