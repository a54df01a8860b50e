//! What a fleet has on the endpoint, and what it cost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Delays, FleetEnd, FleetSummary};
use crate::JobId;
use crate::endpoint::{JobState, JobStatus};

/// What a fleet has on the endpoint, and what it cost.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Jobs that may still be on the endpoint, and whether a worker had them.
    open: BTreeMap<JobId, bool>,
    execution_seconds: u64,
    untold: u32,
    submitted: u32,
    resubmitted: u32,
    delays: Vec<Duration>,
    workers: BTreeSet<String>,
}

impl Books {
    pub(super) fn submitted(&mut self, job: &JobId, again: bool) {
        self.submitted += 1;
        self.resubmitted += u32::from(again);
        self.known(job);
    }

    /// A job that an earlier client submitted.
    pub(super) fn known(&mut self, job: &JobId) {
        self.open.insert(job.clone(), false);
    }

    pub(super) fn started(&mut self, job: &JobId, worker: Option<&str>) {
        if let Some(ran) = self.open.get_mut(job) {
            *ran = true;
        }
        if let Some(worker) = worker {
            self.workers.insert(worker.to_owned());
        }
    }

    /// How many jobs may still be there.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// A job has ended, or is no longer there (`None`). Counted once.
    pub(super) fn closed(&mut self, job: &JobId, last: Option<&JobStatus>) {
        let Some(mut ran) = self.open.remove(job) else {
            return;
        };
        let execution = last.and_then(|status| status.execution);
        if let Some(status) = last {
            ran |= matches!(status.state, JobState::Completed | JobState::Failed | JobState::TimedOut);
            self.delays.extend(status.delay);
            self.workers.extend(status.worker.clone());
        }
        match execution {
            Some(time) => self.execution_seconds += time.as_secs() + u64::from(time.subsec_nanos() > 0),
            None => self.untold += u32::from(ran),
        }
    }

    pub(super) fn summary(mut self, end: FleetEnd) -> FleetSummary {
        self.delays.sort_unstable();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let delays = Delays {
            jobs: count(self.delays.len()),
            median: self.delays.get(self.delays.len() / 2).copied().unwrap_or_default(),
            longest: self.delays.last().copied().unwrap_or_default(),
        };
        FleetSummary {
            end,
            execution_seconds: self.execution_seconds,
            untold: self.untold,
            submitted: self.submitted,
            resubmitted: self.resubmitted,
            delays,
            workers: count(self.workers.len()),
            left: self.open.into_keys().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(
        job: &JobId,
        state: JobState,
        execution: Option<u64>,
        delay: Option<u64>,
        worker: &str,
    ) -> JobStatus {
        JobStatus {
            id: job.clone(),
            state,
            output: None,
            error: None,
            delay: delay.map(Duration::from_millis),
            execution: execution.map(Duration::from_millis),
            worker: Some(worker.to_owned()),
        }
    }

    #[test]
    fn seconds_are_rounded_up_per_job_and_what_is_untold_is_said() {
        let mut books = Books::default();
        let job = |n: u32| format!("j-{n}").parse::<JobId>().unwrap();
        for n in 0..7 {
            books.submitted(&job(n), n == 6);
        }
        books.known(&job(7));
        let ends = [
            (0, Some(status(&job(0), JobState::Completed, Some(1001), Some(10), "a"))),
            (1, Some(status(&job(1), JobState::Completed, Some(2000), Some(30), "b"))),
            (2, Some(status(&job(2), JobState::Failed, None, Some(20), "a"))),
            // Cancelled in the queue: it cost nothing.
            (3, Some(status(&job(3), JobState::Cancelled, None, None, "a"))),
            (4, None),
            (5, None),
            // Twice counts once.
            (0, Some(status(&job(0), JobState::Completed, Some(1001), Some(10), "a"))),
        ];
        books.started(&job(5), Some("c"));
        for (n, last) in ends {
            books.closed(&job(n), last.as_ref());
        }
        let expected = FleetSummary {
            end: FleetEnd::Stopped,
            execution_seconds: 4,
            untold: 2,
            submitted: 7,
            resubmitted: 1,
            delays: Delays { jobs: 3, median: Duration::from_millis(20), longest: Duration::from_millis(30) },
            workers: 3,
            left: vec![job(6), job(7)],
        };
        assert_eq!(books.summary(FleetEnd::Stopped), expected);
    }
}
