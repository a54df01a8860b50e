//! The jobs that this worker has taken and not yet answered for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flaky_runpod::JobId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for a slot or has one.
    Working,
    /// Its slot is free again, its result is being posted.
    Answering,
}

#[derive(Debug)]
struct Entry {
    id: JobId,
    phase: Phase,
    /// Cancelled when the platform wants it stopped.
    stopped: CancellationToken,
    /// Cancelled when the entry goes.
    gone: CancellationToken,
}

/// What the rest of the worker wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Jobs that wait for a slot or have one.
    pub(super) working: usize,
    /// Jobs whose slot is free again while their result is being posted.
    pub(super) answering: usize,
}

impl Counts {
    /// All jobs.
    pub(super) const fn all(self) -> usize {
        self.working + self.answering
    }
}

/// The jobs in hand. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Held {
    list: Arc<Mutex<List>>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Default)]
struct List {
    /// By the order in which they came.
    jobs: BTreeMap<u64, Entry>,
    next: u64,
}

/// A job in hand. It leaves the list when this is dropped, however its work ends.
#[derive(Debug)]
pub(super) struct Ticket {
    held: Held,
    number: u64,
    id: JobId,
    stopped: CancellationToken,
    /// Ends of earlier deliveries of the same job.
    earlier: Vec<CancellationToken>,
}

impl Held {
    pub(super) fn new() -> Self {
        Self { list: Arc::default(), counts: watch::Sender::new(Counts::default()) }
    }

    /// Takes a job in hand; `None` when it is: the platform has delivered it twice. A job that was stopped is not: it
    /// may have been asked for again since.
    pub(super) fn admit(&self, id: &JobId) -> Option<Ticket> {
        let mut list = self.lock();
        let mut same = list.jobs.values().filter(|entry| entry.id == *id);
        if same.any(|entry| !entry.stopped.is_cancelled()) {
            return None;
        }
        let earlier = list.jobs.values().filter(|entry| entry.id == *id);
        let earlier = earlier.map(|entry| entry.gone.clone()).collect();
        let (number, stopped) = (list.next, CancellationToken::new());
        let entry = Entry {
            id: id.clone(),
            phase: Phase::Working,
            stopped: stopped.clone(),
            gone: CancellationToken::new(),
        };
        list.jobs.insert(number, entry);
        list.next += 1;
        self.count(&list);
        Some(Ticket { held: self.clone(), number, id: id.clone(), stopped, earlier })
    }

    /// Stops a job. False when it is not in hand, or is being stopped.
    pub(super) fn stop(&self, id: &str) -> bool {
        let list = self.lock();
        let found = list.jobs.values().find(|entry| entry.id.as_str() == id && !entry.stopped.is_cancelled());
        found.inspect(|entry| entry.stopped.cancel()).is_some()
    }

    /// The jobs that heartbeats name: all but the stopped ones. Sorted.
    pub(super) fn named(&self) -> Vec<JobId> {
        let list = self.lock();
        let alive = list.jobs.values().filter(|entry| !entry.stopped.is_cancelled());
        let mut ids: Vec<JobId> = alive.map(|entry| entry.id.clone()).collect();
        ids.sort();
        ids
    }

    /// How many there are, and when that changes.
    pub(super) fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    fn count(&self, list: &List) {
        let working = list.jobs.values().filter(|entry| entry.phase == Phase::Working).count();
        self.counts.send_replace(Counts { working, answering: list.jobs.len() - working });
    }

    /// Nothing is done under this lock that could panic half-way; a poisoned one is as good as new.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub(super) const fn id(&self) -> &JobId {
        &self.id
    }

    /// Cancelled when the platform wants the job stopped.
    pub(super) const fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }

    /// Waits until what an earlier delivery of the same job started is gone.
    pub(super) async fn alone(&self) {
        for earlier in &self.earlier {
            earlier.cancelled().await;
        }
    }

    /// The job has no slot any more; its result is still being posted.
    pub(super) fn answering(&self) {
        let mut list = self.held.lock();
        if let Some(entry) = list.jobs.get_mut(&self.number) {
            entry.phase = Phase::Answering;
        }
        self.held.count(&list);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut list = self.held.lock();
        if let Some(entry) = list.jobs.remove(&self.number) {
            entry.gone.cancel();
        }
        self.held.count(&list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> JobId {
        text.parse().unwrap()
    }

    #[test]
    fn a_job_in_hand_is_not_admitted_again_until_it_is_gone() {
        let held = Held::new();
        let ticket = held.admit(&id("a")).unwrap();
        assert!(held.admit(&id("a")).is_none());
        ticket.answering();
        assert!(held.admit(&id("a")).is_none());
        drop(ticket);
        assert!(held.admit(&id("a")).is_some());
    }

    #[tokio::test]
    async fn a_job_that_comes_again_after_it_was_stopped_waits_for_its_end() {
        let held = Held::new();
        let first = held.admit(&id("a")).unwrap();
        assert!(held.stop("a") && first.stopped().is_cancelled());
        let second = held.admit(&id("a")).unwrap();
        assert!(!second.stopped().is_cancelled() && held.admit(&id("a")).is_none());
        tokio::select! {
            biased;
            () = second.alone() => panic!("the first one is still there"),
            () = std::future::ready(()) => drop(first),
        }
        second.alone().await;
        assert!(held.stop("a") && !held.stop("a") && second.stopped().is_cancelled());
    }

    #[test]
    fn heartbeats_name_all_but_stopped_jobs() {
        let held = Held::new();
        let tickets = ["b", "a", "c"].map(|name| held.admit(&id(name)).unwrap());
        assert!(held.stop("a"));
        assert!(!held.stop("nobody"));
        assert_eq!(held.named(), [id("b"), id("c")]);
        drop(tickets);
        assert!(held.named().is_empty());
    }

    #[test]
    fn counts_follow_the_phases() {
        let held = Held::new();
        let counts = held.counts();
        let (a, b) = (held.admit(&id("a")).unwrap(), held.admit(&id("b")).unwrap());
        assert_eq!(*counts.borrow(), Counts { working: 2, answering: 0 });
        a.answering();
        assert_eq!(*counts.borrow(), Counts { working: 1, answering: 1 });
        drop((a, b));
        assert_eq!(*counts.borrow(), Counts::default());
    }
}
