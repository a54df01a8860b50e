//! The jobs themselves, and the bounds within which they are kept.

use std::collections::{HashMap, VecDeque};

use flaky_runpod::JobId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::record::{Ending, Priority, Record, Stage};
use super::{Refused, Taken, Ticket};

/// Jobs that may wait: more than anyone tries out by hand, few enough to be listed.
const MAX_QUEUED: usize = 1000;

/// Jobs known at all; the oldest that ended make room.
pub(super) const MAX_KNOWN: usize = 5000;

/// Inputs, outputs and chunks held, in bytes; the oldest jobs that ended make room. A dozen of the largest jobs that the
/// platform takes.
const MAX_HELD_BYTES: usize = 256 << 20;

/// What [`Store`](super::Store) holds under its lock.
#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) records: HashMap<JobId, Record>,
    pub(super) normal: VecDeque<JobId>,
    pub(super) low: VecDeque<JobId>,
    /// Jobs ever taken in.
    pub(super) submitted: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) closed: bool,
}

impl Inner {
    pub(super) fn queue(&mut self, priority: Priority) -> &mut VecDeque<JobId> {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.normal.len() + self.low.len()
    }

    pub(super) fn room_in_queue(&self) -> Result<(), Refused> {
        match (self.closed, self.queued() < MAX_QUEUED) {
            (true, _) => Err(Refused::ShuttingDown),
            (false, false) => Err(Refused::Full),
            (false, true) => Ok(()),
        }
    }

    pub(super) fn admit(&mut self, bytes: usize, now: Instant) -> Result<(), Refused> {
        self.room_in_queue()?;
        let due: Vec<JobId> =
            self.records.iter().filter(|(_, r)| r.forget_at() <= now).map(|(id, _)| id.clone()).collect();
        for id in &due {
            self.forget(id, now);
        }
        self.make_room(bytes, 1)
    }

    /// Forgets what ended longest ago until so many more bytes and jobs fit.
    pub(super) fn make_room(&mut self, bytes: usize, jobs: usize) -> Result<(), Refused> {
        let mut held: usize = self.records.values().map(Record::weight).sum();
        while held + bytes > MAX_HELD_BYTES || self.records.len() + jobs > MAX_KNOWN {
            let oldest = self
                .records
                .iter()
                .filter_map(|(id, record)| match record.stage {
                    Stage::Ended { at, .. } => Some((at, record.number, id.clone())),
                    _ => None,
                })
                .min();
            let Some((_, _, id)) = oldest else { return Err(Refused::Full) };
            held -= self.records.remove(&id).map_or(0, |r| r.weight());
        }
        Ok(())
    }

    /// The record, unless it is due to be forgotten: then it is.
    pub(super) fn live(&mut self, id: &JobId, now: Instant) -> Option<&mut Record> {
        if self.records.get(id)?.forget_at() <= now {
            self.forget(id, now);
            return None;
        }
        self.records.get_mut(id)
    }

    /// Whoever is at it is told to stop; nobody is told of an end.
    pub(super) fn forget(&mut self, id: &JobId, now: Instant) {
        self.unqueue(id);
        if let Some(mut record) = self.records.remove(id) {
            record.end(Ending::Cancelled, now);
        }
    }

    pub(super) fn unqueue(&mut self, id: &JobId) {
        self.normal.retain(|waiting| waiting != id);
        self.low.retain(|waiting| waiting != id);
    }

    /// The record, if this very start of it runs.
    pub(super) fn running(&mut self, ticket: &Ticket) -> Option<&mut Record> {
        let record = self.records.get_mut(&ticket.id)?;
        let runs = matches!(record.stage, Stage::Running { .. }) && record.starts == ticket.start;
        runs.then_some(record)
    }

    pub(super) fn start_next(&mut self, now: Instant) -> Option<Taken> {
        loop {
            let records = &self.records;
            let free = |id: &JobId| records.get(id).is_none_or(|record| !record.busy);
            let id = if let Some(at) = self.normal.iter().position(free) {
                self.normal.remove(at)?
            } else {
                let at = self.low.iter().position(free)?;
                self.low.remove(at)?
            };
            let Some(record) = self.live(&id, now) else { continue };
            let (Stage::Queued { since }, Some(input)) = (&record.stage, record.input.clone()) else {
                continue;
            };
            let delay = now.duration_since(*since);
            let stop = CancellationToken::new();
            record.stage = Stage::Running { delay, started: now, stop: stop.clone(), progress: None };
            record.starts += 1;
            record.busy = true;
            record.changed.send_replace(());
            return Some(Taken { ticket: Ticket { id, start: record.starts }, input, stop });
        }
    }
}
