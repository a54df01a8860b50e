//! One job of a shard: looking at it until it has ended, and taking what it made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::jobs::Jobs;
use super::super::rhythm::Rhythm;
use super::{Follower, JobEnd, Origin, TROUBLE, Then, Trouble};
use crate::JobId;
use crate::endpoint::pace::Backoff;
use crate::endpoint::{EndpointError, JobState, JobStatus, Policy};
use crate::fleet::{FleetError, FleetEvent};
use crate::wire::{Part, PartLimits, Parts, WireError};

/// An endpoint may need a moment before it knows a job that it has just taken: so many answers, over so much time.
const UNKNOWN_TIMES: u32 = 3;
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// A platform ends a job that takes too long; when it has not by then, it never will.
const OVERDUE: Duration = Duration::from_secs(60);
/// Answers on the stream of a job that has ended, until it is empty. One holds a megabyte or more; outputs are smaller than
/// all of them.
const STREAM_ANSWERS: u32 = 100;
/// Tries per answer.
const STREAM_TRIES: u32 = 4;
/// Parts unpacked ahead of whoever takes them.
const PARTS_AHEAD: usize = 4;

/// How looking at a job came to an end.
enum Looked {
    Ended(JobStatus),
    /// Nothing more can be learnt of it. `open`: it may still be there.
    Gone {
        why: String,
        open: bool,
        then: Then,
    },
}

/// Counts a job as looked at for as long as it lives.
struct Followed<'a>(&'a AtomicUsize);

impl<'a> Followed<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is remembered between two looks.
struct Watch {
    rhythm: Rhythm,
    trouble: Trouble,
    unknown: Option<(u32, Instant)>,
    running_since: Option<Instant>,
}

impl<J: Jobs> Follower<J> {
    /// Follows a job to its end.
    pub(super) async fn see_through(&mut self, job: &JobId, origin: Origin) -> Result<JobEnd, FleetError> {
        self.gathering.next_job();
        self.state = JobState::InQueue;
        let halt = self.context.halt.clone();
        tokio::select! {
            biased;
            () = halt.cancelled() => Ok(JobEnd::Halted),
            end = self.see_through_undisturbed(job, origin) => end,
        }
    }

    async fn see_through_undisturbed(&mut self, job: &JobId, origin: Origin) -> Result<JobEnd, FleetError> {
        match self.look_until_ended(job, origin).await? {
            Looked::Ended(status) => {
                let cancelled = status.state == JobState::Cancelled;
                let trouble = self.harvest(job, status).await?;
                let then = match origin {
                    _ if !cancelled => Then::Again,
                    // An earlier client has called it back; this one was started to go on.
                    Origin::Known => Then::AgainFree,
                    // Not by us, so by somebody who meant it.
                    Origin::Own => Then::GiveUp,
                };
                Ok(self.judge(trouble, then))
            }
            Looked::Gone { why, open, then } => {
                if open && !self.gathering.is_complete() {
                    self.call_back(job).await;
                } else {
                    self.context.books().closed(job, None);
                }
                Ok(self.judge(why, then))
            }
        }
    }

    /// Whether a job that is over leaves anything to be done.
    fn judge(&self, why: String, then: Then) -> JobEnd {
        if self.gathering.is_complete() || self.gathering.is_hopeless() {
            JobEnd::Done
        } else {
            JobEnd::Useless { why, then }
        }
    }

    /// Looks at a job again and again, taking what it streams.
    async fn look_until_ended(&mut self, job: &JobId, origin: Origin) -> Result<Looked, FleetError> {
        let context = Arc::clone(&self.context);
        let _followed = Followed::new(&context.followed);
        let mut watch =
            Watch { rhythm: Rhythm::new(), trouble: Trouble::none(), unknown: None, running_since: None };
        // An earlier client's job may have ended long ago.
        let mut at_once = origin == Origin::Known;
        loop {
            if !std::mem::take(&mut at_once) {
                let followed = context.followed.load(Ordering::Relaxed);
                tokio::time::sleep(watch.rhythm.pause(self.state, followed)).await;
            }
            match self.look(job, &mut watch).await? {
                Ok(Some(status)) => {
                    self.answered(job, &status, &mut watch).await;
                    if status.state.is_final() {
                        return Ok(Looked::Ended(status));
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    if let Some(gone) = self.unanswered(error, origin, &mut watch)? {
                        return Ok(gone);
                    }
                }
            }
            if let Some(gone) = self.overdue(&watch) {
                return Ok(gone);
            }
        }
    }

    /// One look: the stream while the job runs, and its status where the stream does not tell.
    async fn look(
        &mut self,
        job: &JobId,
        watch: &mut Watch,
    ) -> Result<Result<Option<JobStatus>, EndpointError>, FleetError> {
        if self.state == JobState::InProgress {
            match self.context.jobs.stream(job).await {
                Ok(answer) => {
                    self.context.hearing.heard();
                    if !answer.chunks.is_empty() {
                        watch.rhythm.quicken();
                    }
                    // What a chunk lacks or spoils comes again in the output.
                    let _ = self.take_all(answer.chunks).await?;
                    if answer.state == Some(JobState::InProgress) {
                        watch.unknown = None;
                        watch.trouble = Trouble::none();
                        return Ok(Ok(None));
                    }
                }
                Err(error @ (EndpointError::Throttled { .. } | EndpointError::Unauthorized)) => {
                    return Ok(Err(error));
                }
                // The status says what is wrong, or goes on without the stream.
                Err(_) => {}
            }
        }
        Ok(self.context.jobs.status(job).await.map(Some))
    }

    /// The endpoint has said where the job is.
    async fn answered(&mut self, job: &JobId, status: &JobStatus, watch: &mut Watch) {
        self.context.hearing.heard();
        watch.trouble = Trouble::none();
        watch.unknown = None;
        if status.state == self.state {
            return;
        }
        watch.rhythm.quicken();
        self.state = status.state;
        if self.state == JobState::InProgress {
            watch.running_since = Some(Instant::now());
            self.context.books().started(job, status.worker.as_deref());
            let started = FleetEvent::Started { shard: self.number, worker: status.worker.clone() };
            self.context.say(started).await;
        } else {
            watch.running_since = None;
        }
    }

    /// The endpoint has said nothing of use. `None`: look again.
    fn unanswered(
        &self,
        error: EndpointError,
        origin: Origin,
        watch: &mut Watch,
    ) -> Result<Option<Looked>, FleetError> {
        let gone = |why: String, open, then| Ok(Some(Looked::Gone { why, open, then }));
        match error {
            EndpointError::Unauthorized | EndpointError::Forbidden => Err(error.into()),
            EndpointError::NotFound { .. } => {
                self.context.hearing.heard();
                let (times, since) = watch.unknown.unwrap_or((0, Instant::now()));
                watch.unknown = Some((times + 1, since));
                match origin {
                    Origin::Known => {
                        gone("the endpoint no longer knows its job".into(), false, Then::AgainFree)
                    }
                    Origin::Own if times + 1 >= UNKNOWN_TIMES && since.elapsed() >= UNKNOWN_FOR => {
                        let why = "the endpoint does not know its job any more: it expired or was dropped";
                        gone(why.into(), false, Then::Again)
                    }
                    Origin::Own => Ok(None),
                }
            }
            error if error.is_passing() => {
                self.bear(&error)?;
                // Who is told to wait is not in trouble.
                let waits = matches!(error, EndpointError::Throttled { .. });
                if !waits && watch.trouble.again(&self.context.hearing) > TROUBLE {
                    return gone(format!("nothing can be learnt of its job: {error}"), true, Then::Again);
                }
                Ok(None)
            }
            error => gone(format!("nothing can be learnt of its job: {error}"), true, Then::Again),
        }
    }

    /// The platform should have ended the job long ago.
    fn overdue(&self, watch: &Watch) -> Option<Looked> {
        let allowed =
            self.context.settings.policy.execution_timeout.unwrap_or(Policy::DEFAULT_EXECUTION_TIMEOUT);
        let over = watch.running_since?.elapsed() > allowed.saturating_add(OVERDUE);
        over.then(|| Looked::Gone {
            why: format!(
                "its job still ran {} s after its time of {} s",
                OVERDUE.as_secs(),
                allowed.as_secs()
            ),
            open: true,
            then: Then::Again,
        })
    }

    /// Takes what a job that has ended left: its output, and what its stream still holds. Returns why something is
    /// missing, if it is.
    pub(super) async fn harvest(&mut self, job: &JobId, mut status: JobStatus) -> Result<String, FleetError> {
        self.context.books().closed(job, Some(&status));
        let output = status.output.take();
        let (state, error) = (status.state, status.error.clone());
        self.last = Some(status);
        let empty = output.is_none();
        let unreadable = self.take_all(output).await?;
        if !self.gathering.is_whole() {
            self.drain(job).await?;
        }
        if let Some(why) = self.gathering.failure() {
            return Ok(format!("its worker gave up: {why}"));
        }
        Ok(match (state, error, unreadable) {
            (JobState::Completed, _, Some(unreadable)) => format!("its output is of no use: {unreadable}"),
            (JobState::Completed, _, None) if empty => "its job ended without output".to_owned(),
            (JobState::Cancelled, ..) => "somebody cancelled its job".to_owned(),
            (JobState::TimedOut, Some(error), _) => format!("its job took too long: {error}"),
            (JobState::TimedOut, None, _) => "its job took too long".to_owned(),
            (JobState::Failed, Some(error), _) => format!("its job failed: {error}"),
            (JobState::Failed, None, _) => "its job failed, and nobody says why".to_owned(),
            _ => format!("its job ended without {} of its attempts", self.gathering.missing().len()),
        })
    }

    /// Reads what the stream of a job that has ended still holds.
    async fn drain(&mut self, job: &JobId) -> Result<(), FleetError> {
        let (mut backoff, mut tries) = (Backoff::new(), 0);
        for _ in 0..STREAM_ANSWERS {
            match self.context.jobs.stream(job).await {
                Ok(answer) if answer.chunks.is_empty() => break,
                Ok(answer) => {
                    let _ = self.take_all(answer.chunks).await?;
                }
                Err(error) if error.is_passing() && tries < STREAM_TRIES => {
                    tries += 1;
                    tokio::time::sleep(backoff.pause()).await;
                }
                Err(_) => break,
            }
            if self.gathering.is_whole() {
                break;
            }
        }
        Ok(())
    }

    /// Unpacks chunks or an output and hands over what is new. Returns what could not be read, if anything.
    async fn take_all(
        &mut self,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<WireError>, FleetError> {
        // A platform may give what was streamed as the output: a list of all chunks.
        let values: Vec<Value> = values
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items,
                value => vec![value],
            })
            .collect();
        if values.is_empty() {
            return Ok(None);
        }
        let context = Arc::clone(&self.context);
        let Ok(permit) = Arc::clone(&context.unpackings).acquire_owned().await else { return Ok(None) };
        let (sender, mut parts) = mpsc::channel(PARTS_AHEAD);
        let unpacking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            unpack(&values, &sender)
        });
        while let Some(part) = parts.recv().await {
            // First the place, then the part: whoever is interrupted in between has lost nothing.
            let Ok(place) = context.events.reserve().await else {
                context.halt.cancel();
                break;
            };
            if let Some(event) = self.gathering.take(part) {
                place.send(event);
            }
        }
        drop(parts);
        match unpacking.await.map_err(|e| FleetError::Broken { why: e.to_string() })? {
            Some(error @ WireError::Version { .. }) => Err(FleetError::Version { shard: self.number, error }),
            error => Ok(error),
        }
    }
}

/// Sends every part; returns the last thing that could not be read.
fn unpack(values: &[Value], parts: &mpsc::Sender<Part>) -> Option<WireError> {
    let mut unreadable = None;
    for value in values {
        let opened = match Parts::open(value, PartLimits::default()) {
            Ok(opened) => opened,
            Err(error @ WireError::Version { .. }) => return Some(error),
            Err(error) => {
                unreadable = Some(error);
                continue;
            }
        };
        for part in opened {
            match part {
                Ok(part) => {
                    if parts.blocking_send(part).is_err() {
                        // Nobody takes it any more.
                        return unreadable;
                    }
                }
                Err(error @ WireError::Version { .. }) => return Some(error),
                Err(error) => unreadable = Some(error),
            }
        }
    }
    unreadable
}
