//! Jobs and what becomes of them.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::state::State;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It waits for a worker.
    InQueue,
    /// A worker has it.
    InProgress,
    /// It has an output.
    Completed,
    /// It has an error.
    Failed,
    /// Somebody gave it up.
    Cancelled,
    /// It took longer than allowed.
    TimedOut,
}

impl Status {
    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::InQueue | Self::InProgress)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InQueue => "IN_QUEUE",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::TimedOut => "TIMED_OUT",
        })
    }
}

/// A job and its history.
#[derive(Debug, Clone)]
pub struct JobRecord {
    /// As it is known to both sides.
    pub id: String,
    /// What was submitted, `input` and what stood beside it.
    pub body: Map<String, Value>,
    /// Where it stands.
    pub status: Status,
    /// The worker that had it last.
    pub worker: Option<String>,
    /// How often it was given to a worker.
    pub deliveries: usize,
    /// What came of it; the latest progress while it runs.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<Value>,
    /// Every message of progress, in the order of arrival.
    pub progress: Vec<Value>,
    /// Every part of the result, in the order of arrival.
    pub chunks: Vec<Value>,
    /// The worker asked to be restarted.
    pub stop_pod: bool,
    /// Submitted, first taken, ended: on the platform's clock.
    pub submitted: Duration,
    /// See above.
    pub taken: Option<Duration>,
    /// See above.
    pub ended: Option<Duration>,
    pub(super) chunks_read: usize,
    pub(super) sync: bool,
    pub(super) execution_timeout: Duration,
    pub(super) ttl: Duration,
    pub(super) low_priority: bool,
}

impl JobRecord {
    /// What the platform says of it.
    pub(super) fn as_status(&self) -> Value {
        let mut answer = Map::new();
        answer.insert("id".into(), json!(self.id));
        answer.insert("status".into(), json!(self.status.to_string()));
        let milliseconds = |from: Duration, to: Duration| json!(to.saturating_sub(from).as_millis() as u64);
        if let Some(taken) = self.taken {
            answer.insert("delayTime".into(), milliseconds(self.submitted, taken));
            if let Some(ended) = self.ended {
                answer.insert("executionTime".into(), milliseconds(taken, ended));
            }
        }
        for (name, value) in [("output", &self.output), ("error", &self.error)] {
            if let Some(value) = value {
                answer.insert(name.into(), value.clone());
            }
        }
        if let Some(worker) = &self.worker {
            answer.insert("workerId".into(), json!(worker));
        }
        Value::Object(answer)
    }

    /// What a worker is given.
    fn as_delivery(&self) -> Value {
        let mut delivery = self.body.clone();
        delivery.insert("id".into(), json!(self.id));
        Value::Object(delivery)
    }
}

/// What came of a result that a worker handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    Taken,
    Ignored,
    UnknownJob,
}

impl State {
    /// Takes a job into the queue.
    pub(super) fn submit(&mut self, body: &Value, sync: bool) -> Result<String, String> {
        let body = body.as_object().ok_or("the body must be an object")?;
        if !body.contains_key("input") {
            return Err("`input` is missing".into());
        }
        let policy = body.get("policy").cloned().unwrap_or_else(|| json!({}));
        let longest = Duration::from_secs(7 * 24 * 3600);
        let time = |name: &str, default: Duration, least: Duration| match policy.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_u64()
                .map(Duration::from_millis)
                .filter(|time| (least..=longest).contains(time))
                .ok_or_else(|| format!("`{name}` is out of range: {value}")),
        };
        let execution_timeout =
            time("executionTimeout", Duration::from_secs(600), self.settings.shortest_execution)?;
        let ttl = time("ttl", Duration::from_secs(24 * 3600), self.settings.shortest_ttl)?;
        let number = self.jobs.len() + self.forgotten.len();
        let prefix = if sync { "sync-" } else { "" };
        let id = format!("{prefix}{number:08x}-5b2c-4d1e-9a3f-{:012x}-u1", std::process::id());
        self.jobs.push(JobRecord {
            id: id.clone(),
            body: body.clone(),
            status: Status::InQueue,
            worker: None,
            deliveries: 0,
            output: None,
            error: None,
            progress: Vec::new(),
            chunks: Vec::new(),
            stop_pod: false,
            submitted: self.now(),
            taken: None,
            ended: None,
            chunks_read: 0,
            sync,
            execution_timeout,
            ttl,
            low_priority: policy["lowPriority"] == json!(true),
        });
        Ok(id)
    }

    /// Gives a worker up to `most` jobs; `None` when there is none.
    pub(super) fn take(&mut self, worker: &str, most: usize) -> Option<Vec<Value>> {
        let now = self.now();
        let mut waiting: Vec<&mut JobRecord> =
            self.jobs.iter_mut().filter(|job| job.status == Status::InQueue).collect();
        // What was submitted first comes first; a stable sort.
        waiting.sort_by_key(|job| job.low_priority);
        let given: Vec<Value> = waiting
            .into_iter()
            .take(most)
            .map(|job| {
                job.status = Status::InProgress;
                job.worker = Some(worker.to_owned());
                job.deliveries += 1;
                job.taken.get_or_insert(now);
                job.as_delivery()
            })
            .collect();
        (!given.is_empty()).then_some(given)
    }

    /// A result, or progress.
    pub(super) fn hand_in(&mut self, id: &str, body: &Value) -> Handed {
        let now = self.now();
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return Handed::UnknownJob };
        if job.status.is_final() {
            self.late.push((id.to_owned(), body.clone()));
            return Handed::Ignored;
        }
        if body["status"] == "IN_PROGRESS" {
            let progress = body.get("output").cloned().unwrap_or_default();
            job.output = Some(progress.clone());
            job.progress.push(progress);
            return Handed::Taken;
        }
        job.output = body.get("output").cloned();
        job.error = body.get("error").cloned();
        job.stop_pod = body["stopPod"] == json!(true);
        let status = if job.error.is_some() { Status::Failed } else { Status::Completed };
        self.end(id, status, now);
        Handed::Taken
    }

    /// A part of a result.
    pub(super) fn hand_in_chunk(&mut self, id: &str, body: &Value) -> Handed {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return Handed::UnknownJob };
        if job.status.is_final() {
            self.late.push((id.to_owned(), body.clone()));
            return Handed::Ignored;
        }
        job.chunks.push(body.get("output").cloned().unwrap_or_default());
        Handed::Taken
    }

    /// Gives a job up; `None` when it is not known. What has ended stays as it is.
    pub(super) fn cancel(&mut self, id: &str) -> Option<Status> {
        let status = self.job(id)?.status;
        if status.is_final() {
            return Some(status);
        }
        self.tell_to_stop(id);
        self.end(id, Status::Cancelled, self.now());
        Some(Status::Cancelled)
    }

    /// Queues a job that failed or timed out again.
    pub(super) fn retry(&mut self, id: &str) -> Option<Result<(), Status>> {
        let now = self.now();
        let job = self.jobs.iter_mut().find(|job| job.id == id)?;
        if !matches!(job.status, Status::Failed | Status::TimedOut) {
            return Some(Err(job.status));
        }
        (job.status, job.output, job.error, job.ended) = (Status::InQueue, None, None, None);
        (job.taken, job.submitted) = (None, now);
        job.chunks.clear();
        job.chunks_read = 0;
        self.retried += 1;
        Some(Ok(()))
    }

    /// Forgets what waits in the queue.
    pub(super) fn purge(&mut self) -> usize {
        let before = self.jobs.len();
        let (gone, kept) =
            std::mem::take(&mut self.jobs).into_iter().partition(|job| job.status == Status::InQueue);
        let gone: Vec<JobRecord> = gone;
        self.jobs = kept;
        self.forgotten.extend(gone.into_iter().map(|job| job.id));
        before - self.jobs.len()
    }

    pub(super) fn time_out(&mut self, id: &str) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.execution_timeout = Duration::ZERO;
        }
    }

    pub(super) fn deliver_again(&mut self, id: &str) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id && job.status == Status::InProgress) {
            job.status = Status::InQueue;
            self.retried += 1;
        }
    }

    pub(super) fn lose_worker(&mut self, worker: &str) -> usize {
        let held = self.held_by(worker);
        for id in &held {
            self.deliver_again(id);
        }
        held.len()
    }

    /// Ids of the jobs at a worker.
    #[must_use]
    pub fn held_by(&self, worker: &str) -> Vec<String> {
        let held = self
            .jobs
            .iter()
            .filter(|job| job.status == Status::InProgress && job.worker.as_deref() == Some(worker));
        held.map(|job| job.id.clone()).collect()
    }

    /// Ends what took too long, forgets what is too old, takes silent workers for lost. True when something changed.
    pub(super) fn keep_house(&mut self) -> bool {
        let now = self.now();
        let mut changed = false;
        let (retention, retention_sync) = (self.settings.retention, self.settings.retention_sync);
        let (mut late, mut gone) = (Vec::new(), Vec::new());
        for job in &self.jobs {
            let kept_for = if job.sync { retention_sync } else { retention };
            if job.ended.is_some_and(|ended| now.saturating_sub(ended) > kept_for)
                || (!job.status.is_final() && now.saturating_sub(job.submitted) > job.ttl)
            {
                gone.push(job.id.clone());
            } else if job.status == Status::InProgress
                && job.taken.is_some_and(|taken| now.saturating_sub(taken) > job.execution_timeout)
            {
                late.push(job.id.clone());
            }
        }
        for id in late {
            self.tell_to_stop(&id);
            self.end(&id, Status::TimedOut, now);
            changed = true;
        }
        for id in gone {
            self.tell_to_stop(&id);
            self.jobs.retain(|job| job.id != id);
            self.forgotten.insert(id);
            changed = true;
        }
        if let Some(silence) = self.settings.silence {
            let silent = self.workers.iter().filter(|(_, w)| now.saturating_sub(w.last_heard) > silence);
            for worker in silent.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                changed |= self.lose_worker(&worker) > 0;
            }
        }
        changed
    }

    fn tell_to_stop(&mut self, id: &str) {
        let holder = self.job(id).filter(|job| job.status == Status::InProgress);
        if let Some(worker) = holder.and_then(|job| job.worker.clone()) {
            self.workers.entry(worker).or_default().to_stop.push(id.to_owned());
        }
    }

    fn end(&mut self, id: &str, status: Status, now: Duration) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return };
        job.status = status;
        job.ended = Some(now);
        if let Some(url) = job.body.get("webhook").and_then(Value::as_str) {
            self.webhooks.push((url.to_owned(), job.as_status()));
        }
    }
}
