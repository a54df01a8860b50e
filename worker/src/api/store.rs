//! Every job that the server knows: the queue, what runs, and what has ended, within bounds of number, memory and time.
//!
//! All rules about states are here and in [`record`]; nothing here waits for a handler or a socket. Time is tokio's.

mod ids;
mod inner;
mod record;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flaky_runpod::JobId;
use reqwest::Url;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::ids::Ids;
use self::inner::Inner;
pub(super) use self::record::{
    Document, Ending, Origin, Policy, Priority, Status, StreamDocument, Submission,
};
use self::record::{Record, Stage};
use crate::logs::{Level, log};

/// Webhooks that may wait for delivery.
const MAX_DELIVERIES: usize = 1000;

/// What a webhook is to be told.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) url: Url,
    pub(super) document: Document,
}

/// A job for a runner.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) ticket: Ticket,
    pub(super) input: Arc<RawValue>,
    /// Cancelled when nobody wants its answer any more.
    pub(super) stop: CancellationToken,
}

/// One start of one job: what is said under an earlier ticket after a retry is void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) id: JobId,
    start: u32,
}

/// Why a job is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too many wait already, or too much is held.
    Full,
    /// The server is about to end.
    ShuttingDown,
}

/// Why a job is not started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryRefused {
    Unknown,
    /// It did not fail.
    NotFailed(Status),
    Refused(Refused),
}

/// What `/health` says of jobs: those that ended are counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobCounts {
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) in_progress: u64,
    pub(super) in_queue: u64,
    pub(super) retried: u64,
}

/// Every job that the server knows.
#[derive(Debug)]
pub(super) struct Store {
    inner: Mutex<Inner>,
    ids: Ids,
    /// A job can be started.
    work: Notify,
    /// The next deadline may be another one.
    deadlines: Notify,
    deliveries: mpsc::Sender<Delivery>,
}

impl Store {
    /// An empty one, and where its webhooks come out.
    pub(super) fn new() -> (Self, mpsc::Receiver<Delivery>) {
        let (deliveries, receiver) = mpsc::channel(MAX_DELIVERIES);
        let store = Self {
            inner: Mutex::default(),
            ids: Ids::default(),
            work: Notify::new(),
            deadlines: Notify::new(),
            deliveries,
        };
        (store, receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under the lock panics half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job into the queue.
    pub(super) fn submit(&self, submission: Submission) -> Result<JobId, Refused> {
        let id = self.ids.next(submission.origin);
        let now = Instant::now();
        let mut inner = self.lock();
        inner.admit(submission.input.get().len(), now)?;
        inner.submitted += 1;
        let record = Record::new(inner.submitted, submission, now);
        inner.queue(record.policy.priority).push_back(id.clone());
        inner.records.insert(id.clone(), record);
        drop(inner);
        self.work.notify_one();
        self.deadlines.notify_one();
        Ok(id)
    }

    /// Puts a job that failed or timed out into the queue again; what it said is dropped.
    pub(super) fn retry(&self, id: &JobId) -> Result<(), RetryRefused> {
        let now = Instant::now();
        let mut inner = self.lock();
        let record = inner.live(id, now).ok_or(RetryRefused::Unknown)?;
        let (priority, status) = (record.policy.priority, record.status());
        if !matches!(status, Status::Failed | Status::TimedOut) || record.input.is_none() {
            return Err(RetryRefused::NotFailed(status));
        }
        inner.room_in_queue().map_err(RetryRefused::Refused)?;
        if let Some(record) = inner.records.get_mut(id) {
            record.take_chunks();
            record.stage = Stage::Queued { since: now };
            record.changed.send_replace(());
        }
        inner.queue(priority).push_back(id.clone());
        inner.retried += 1;
        drop(inner);
        self.work.notify_one();
        Ok(())
    }

    /// The next job, as soon as there is one.
    pub(super) async fn take(&self) -> Taken {
        loop {
            let work = self.work.notified();
            let taken = self.lock().start_next(Instant::now());
            if let Some(taken) = taken {
                self.deadlines.notify_one();
                // Two jobs that came before anyone waited left one notice: pass it on.
                self.work.notify_one();
                return taken;
            }
            work.await;
        }
    }

    /// How far a job is; replaces what was said before.
    pub(super) fn progress(&self, ticket: &Ticket, value: Arc<RawValue>) {
        if let Some(record) = self.lock().running(ticket)
            && let Stage::Running { progress, .. } = &mut record.stage
        {
            *progress = Some(value);
        }
    }

    /// A part of a job's result.
    pub(super) fn chunk(&self, ticket: &Ticket, value: Arc<RawValue>) {
        if let Some(record) = self.lock().running(ticket) {
            record.push_chunk(value);
        }
    }

    /// What a job ended with; void if it has ended otherwise meanwhile.
    pub(super) fn finish(&self, ticket: &Ticket, ending: Ending) {
        let now = Instant::now();
        let mut inner = self.lock();
        if inner.running(ticket).is_none() {
            return;
        }
        let ending = match inner.make_room(ending.bytes(), 0) {
            Ok(()) => ending,
            Err(_) => Ending::Failed {
                error: format!("the output takes {} bytes, more than this server can hold", ending.bytes()),
                output: None,
            },
        };
        self.end(&mut inner, &ticket.id, ending, now);
    }

    /// The handler of a job is gone, whatever became of the job: it may be started again.
    pub(super) fn release(&self, ticket: &Ticket) {
        if let Some(record) = self.lock().records.get_mut(&ticket.id)
            && record.starts == ticket.start
        {
            record.busy = false;
        }
        self.work.notify_one();
    }

    /// Cancels a job that has not ended; says what it is then.
    pub(super) fn cancel(&self, id: &JobId) -> Option<Status> {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.live(id, now)?;
        inner.unqueue(id);
        self.end(&mut inner, id, Ending::Cancelled, now);
        inner.records.get(id).map(Record::status)
    }

    /// Cancels all that waits; says how many there were.
    pub(super) fn purge(&self) -> usize {
        let now = Instant::now();
        let mut inner = self.lock();
        let waiting: Vec<JobId> = inner.normal.drain(..).collect();
        let waiting: Vec<JobId> = waiting.into_iter().chain(inner.low.drain(..)).collect();
        for id in &waiting {
            self.end(&mut inner, id, Ending::Cancelled, now);
        }
        waiting.len()
    }

    /// Cancels everything and takes in nothing more.
    pub(super) fn close(&self) {
        self.purge();
        let now = Instant::now();
        let mut inner = self.lock();
        inner.closed = true;
        let all: Vec<JobId> = inner.records.keys().cloned().collect();
        for id in &all {
            self.end(&mut inner, id, Ending::Cancelled, now);
        }
    }

    /// What is known of a job.
    pub(super) fn document(&self, id: &JobId) -> Option<Document> {
        let now = Instant::now();
        self.lock().live(id, now).map(|record| record.document(id, now))
    }

    /// Keeps a job's result no longer than this after its end.
    pub(super) fn shorten_retention(&self, id: &JobId, retention: std::time::Duration) {
        if let Some(record) = self.lock().live(id, Instant::now()) {
            record.retention = record.retention.min(retention);
        }
        self.deadlines.notify_one();
    }

    /// What waits and what runs, in the order in which it came.
    pub(super) fn requests(&self) -> Vec<Document> {
        let now = Instant::now();
        let inner = self.lock();
        let mut open: Vec<_> =
            inner.records.iter().filter(|(_, r)| !r.status().is_final() && r.forget_at() > now).collect();
        open.sort_unstable_by_key(|(_, record)| record.number);
        open.into_iter().map(|(id, record)| record.document(id, now)).collect()
    }

    /// What `/health` says of jobs.
    pub(super) fn counts(&self) -> JobCounts {
        let inner = self.lock();
        let running = inner.records.values().filter(|r| r.status() == Status::InProgress).count();
        JobCounts {
            completed: inner.completed,
            failed: inner.failed,
            in_progress: running as u64,
            in_queue: inner.queued() as u64,
            retried: inner.retried,
        }
    }

    /// Handlers at work, those included that were told to stop.
    pub(super) fn busy(&self) -> usize {
        self.lock().records.values().filter(|r| r.busy).count()
    }

    /// Ends what has run for too long and forgets what is due, for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            let changed = self.deadlines.notified();
            match self.sweep(Instant::now()) {
                Some(next) => tokio::select! {
                    () = tokio::time::sleep_until(next) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Says when the next deadline is.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut inner = self.lock();
        let late: Vec<JobId> = inner
            .records
            .iter()
            .filter(|(_, r)| r.time_out_at().is_some_and(|at| at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &late {
            self.end(&mut inner, id, Ending::TimedOut, now);
        }
        let due: Vec<JobId> =
            inner.records.iter().filter(|(_, r)| r.forget_at() <= now).map(|(id, _)| id.clone()).collect();
        for id in &due {
            inner.forget(id, now);
        }
        inner.records.values().map(|r| r.time_out_at().unwrap_or(r.forget_at()).min(r.forget_at())).min()
    }

    fn end(&self, inner: &mut Inner, id: &JobId, ending: Ending, now: Instant) {
        let Some(record) = inner.records.get_mut(id) else { return };
        if !record.end(ending, now) {
            return;
        }
        let delivery = record.webhook.clone().map(|url| Delivery { url, document: record.document(id, now) });
        match record.status() {
            Status::Completed => inner.completed += 1,
            Status::Failed | Status::TimedOut => inner.failed += 1,
            _ => {}
        }
        if let Some(delivery) = delivery
            && self.deliveries.try_send(delivery).is_err()
        {
            log(Level::Warn, Some(id), "its webhook is not called: too many wait to be called");
        }
        self.deadlines.notify_one();
    }

    /// To be told of changes of a job.
    fn watch(&self, id: &JobId) -> Option<watch::Receiver<()>> {
        self.lock().live(id, Instant::now()).map(|record| record.changed.subscribe())
    }
}

#[cfg(test)]
mod tests;
