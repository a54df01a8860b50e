//! Everything that the platform knows, and waking whoever waits for a change of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::faults::FaultPlan;
use super::limits::{Counters, Limits};
use super::queue::{JobRecord, Status};
use super::requests::{Request, Route};

/// What a test may want to be different.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long polls of workers are held. The platform's own figure is not known.
    pub hold: Duration,
    /// How long `/runsync` waits; the platform: 90 s.
    pub hold_sync: Duration,
    /// How often clients may ask.
    pub limits: Limits,
    /// How long a finished job is known: 30 minutes after `/run`, a minute after `/runsync`.
    pub retention: Duration,
    /// See above.
    pub retention_sync: Duration,
    /// A result larger than this is refused. The platform's exact figure is not known; the documentation says 10 MB
    /// for what `/run` takes.
    pub largest_result: usize,
    /// With what: the platform says 400, a proxy before it would say 413.
    pub too_large: u16,
    /// A worker of which nothing was heard for so long is lost, with what it holds queued again; `None` is never.
    pub silence: Option<Duration>,
    /// The shortest `executionTimeout` and `ttl` that are taken; the platform: 5 s and 10 s.
    pub shortest_execution: Duration,
    /// See above.
    pub shortest_ttl: Duration,
    /// Between two tries of a webhook; the platform: 10 s.
    pub webhook_pause: Duration,
    /// `/stream` answers with a bare array, as the documentation shows, instead of the object that the SDK reads.
    pub stream_as_array: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        Self {
            hold: 20 * second,
            hold_sync: 90 * second,
            limits: Limits::of_the_platform(),
            retention: 30 * minute,
            retention_sync: minute,
            largest_result: 10_000_000,
            too_large: 400,
            silence: None,
            shortest_execution: 5 * second,
            shortest_ttl: 10 * second,
            webhook_pause: 10 * second,
            stream_as_array: false,
        }
    }
}

/// A worker, as far as it has been heard of.
#[derive(Debug, Clone, Default)]
pub struct WorkerRecord {
    /// When it last asked or told something.
    pub last_heard: Duration,
    /// Jobs to stop that it was not told of yet.
    pub(super) to_stop: Vec<String>,
}

/// What the platform knows; tests read it through [`super::Platform::look`] and [`super::Platform::wait`].
#[derive(Debug)]
pub struct State {
    /// Every request so far, in the order of arrival.
    pub requests: Vec<Request>,
    /// Every job so far that is still known, in the order of submission.
    pub jobs: Vec<JobRecord>,
    /// Every worker so far.
    pub workers: BTreeMap<String, WorkerRecord>,
    /// Counts of the rate limits.
    pub limits: Counters,
    /// Results and progress for jobs that had ended already: ignored, and kept here with the job's id.
    pub late: Vec<(String, serde_json::Value)>,
    /// Ids of jobs that were forgotten because of their `ttl` or age.
    pub forgotten: BTreeSet<String>,
    pub(super) settings: Settings,
    pub(super) faults: FaultPlan,
    pub(super) webhooks: Vec<(String, serde_json::Value)>,
    pub(super) retried: usize,
    pub(super) begun: Instant,
}

impl State {
    fn new(settings: Settings, begun: Instant) -> Self {
        Self {
            requests: Vec::new(),
            jobs: Vec::new(),
            workers: BTreeMap::new(),
            limits: Counters::new(settings.limits.clone()),
            late: Vec::new(),
            forgotten: BTreeSet::new(),
            settings,
            faults: FaultPlan::default(),
            webhooks: Vec::new(),
            retried: 0,
            begun,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A job that is known.
    #[must_use]
    pub fn job(&self, id: &str) -> Option<&JobRecord> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// All requests to a route.
    #[must_use]
    pub fn seen(&self, route: Route) -> Vec<Request> {
        self.requests.iter().filter(|request| request.route == route).cloned().collect()
    }

    /// All requests about a job, in the order of arrival.
    #[must_use]
    pub fn about(&self, job: &str) -> Vec<Request> {
        self.requests.iter().filter(|request| request.last_name() == job).cloned().collect()
    }

    /// Whether every job has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.jobs.iter().all(|job| job.status.is_final())
    }

    /// How many jobs are in a state.
    #[must_use]
    pub fn jobs_in(&self, status: Status) -> usize {
        self.jobs.iter().filter(|job| job.status == status).count()
    }

    /// The last requests and the jobs, for messages of failing tests.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::from("--- the last requests\n");
        let from = self.requests.len().saturating_sub(40);
        for Request { number, route, at, path, query, answer, abandoned, body, .. } in
            self.requests.iter().skip(from)
        {
            let start: String = String::from_utf8_lossy(body).chars().take(160).collect();
            let _ = writeln!(
                text,
                "{number} {at:.2?} {route:?} {path}?{query} → {answer:?} {abandoned:?} {start}"
            );
        }
        text.push_str("--- jobs\n");
        for JobRecord { id, status, deliveries, worker, error, .. } in &self.jobs {
            let _ = writeln!(text, "{id} {status} delivered {deliveries} times, {worker:?} {error:?}");
        }
        text
    }
}

/// The state, shared between the server's tasks and the test's threads.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// For threads.
    changed: Condvar,
    /// For tasks: counts changes.
    changes: watch::Sender<u64>,
    begun: Instant,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        let begun = Instant::now();
        let state = Mutex::new(State::new(settings, begun));
        Self { state, changed: Condvar::new(), changes: watch::Sender::new(0), begun }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that failed while it looked has not changed anything.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes something and wakes whoever waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.wake();
        result
    }

    /// Tries something that changes the state only when it gives something.
    pub(super) fn attempt<T>(&self, attempt: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        let result = attempt(&mut self.lock());
        if result.is_some() {
            self.wake();
        }
        result
    }

    /// Tries it again after every change, until it gives something or the time is over.
    pub(super) async fn attempt_for<T>(
        &self,
        most: Duration,
        mut attempt: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let deadline = tokio::time::Instant::now() + most;
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(result) = self.attempt(&mut attempt) {
                return Some(result);
            }
            // The sender lives as long as this does.
            tokio::time::timeout_at(deadline, changes.changed()).await.ok()?.ok()?;
        }
    }

    /// For the task that keeps house.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn wake(&self) {
        self.changed.notify_all();
        self.changes.send_modify(|count| *count += 1);
    }
}
