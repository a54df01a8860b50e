//! What came back of a shard, every attempt once.

use std::collections::{BTreeMap, BTreeSet};

use flaky_core::ids::AttemptIndex;

use super::{FleetEvent, Shard};
use crate::wire::{Part, ShardHead, WireAttempt};

/// What came back of a shard.
///
/// An attempt may come several times: in a chunk, in the output, from a job that ran twice. The first whole copy is handed
/// over. Copies where something is cut are held back until the job has ended, and then the one that kept most is.
#[derive(Debug)]
pub(super) struct Gathering {
    shard: u32,
    /// Its job makes no attempts: it is there for its head.
    only_head: bool,
    missing: BTreeSet<AttemptIndex>,
    held: BTreeMap<AttemptIndex, Box<WireAttempt>>,
    /// The last head of the current job.
    head: Option<ShardHead>,
    any_head: bool,
    /// The current job has brought an attempt that was wanted.
    any_attempt: bool,
}

impl Gathering {
    pub(super) fn new(shard: &Shard) -> Self {
        Self {
            shard: shard.number,
            only_head: shard.attempts.is_empty(),
            missing: shard.attempts.iter().copied().collect(),
            held: BTreeMap::new(),
            head: None,
            any_head: false,
            any_attempt: false,
        }
    }

    /// A job begins to be followed: its heads are its own.
    pub(super) fn next_job(&mut self) {
        self.head = None;
        self.any_attempt = false;
    }

    /// Attempts of which no copy came.
    pub(super) fn missing(&self) -> Vec<AttemptIndex> {
        self.missing.iter().filter(|i| !self.held.contains_key(i)).copied().collect()
    }

    /// Attempts that were not handed over.
    pub(super) fn not_handed_over(&self) -> Vec<AttemptIndex> {
        self.missing.iter().copied().collect()
    }

    /// Nothing more is wanted, not even a better copy.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_empty() && (!self.only_head || self.any_head)
    }

    /// There is a copy of everything.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.len() == self.held.len() && (!self.only_head || self.any_head)
    }

    /// Why the current job's worker gave up.
    pub(super) fn failure(&self) -> Option<&str> {
        Some(self.head.as_ref()?.failure.as_ref()?.why.as_str())
    }

    /// The current job's worker says that no attempt can be made, and none was: no other worker will do better.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failure().is_some() && !self.any_attempt
    }

    /// Takes what came; returns what is to be handed over. What is not of this shard, or was handed over, is nothing.
    pub(super) fn take(&mut self, part: Part) -> Option<FleetEvent> {
        match part {
            Part::Head(head) => self.take_head(head),
            Part::Attempt(attempt) => self.take_attempt(attempt),
        }
    }

    fn take_head(&mut self, head: Box<ShardHead>) -> Option<FleetEvent> {
        if head.shard != self.shard || self.head.as_ref() == Some(&*head) {
            return None;
        }
        self.any_head = true;
        self.head = Some((*head).clone());
        Some(FleetEvent::Head { shard: self.shard, head })
    }

    fn take_attempt(&mut self, attempt: Box<WireAttempt>) -> Option<FleetEvent> {
        let index = attempt.index;
        if !self.missing.contains(&index) {
            return None;
        }
        self.any_attempt = true;
        if attempt.is_whole() {
            self.held.remove(&index);
            self.missing.remove(&index);
            return Some(FleetEvent::Attempt { shard: self.shard, attempt });
        }
        if self.held.get(&index).is_none_or(|held| attempt.holds_more_than(held)) {
            self.held.insert(index, attempt);
        }
        None
    }

    /// The job has ended, no better copy will come: one of those that were held back.
    pub(super) fn release(&mut self) -> Option<FleetEvent> {
        let (index, attempt) = self.held.pop_first()?;
        self.missing.remove(&index);
        Some(FleetEvent::Attempt { shard: self.shard, attempt })
    }

    /// Whether [`release`](Self::release) has something.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, cut, failed_head, head};
    use super::*;

    fn gathering(attempts: &[u32]) -> Gathering {
        Gathering::new(&Shard { number: 7, attempts: attempts.iter().copied().map(AttemptIndex).collect() })
    }

    /// What is handed over: the index and what it printed, or `None` for a head.
    fn over(events: impl IntoIterator<Item = FleetEvent>) -> Vec<Option<(u32, String)>> {
        events
            .into_iter()
            .map(|event| match event {
                FleetEvent::Attempt { shard: 7, attempt } => {
                    Some((attempt.index.0, String::from_utf8(attempt.stdout.bytes).unwrap()))
                }
                FleetEvent::Head { shard: 7, .. } => None,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_attempt_is_handed_over_once_whole_if_it_ever_came_whole() {
        type Copies = Vec<WireAttempt>;
        let table: [(&str, Copies, &[&str], &[&str]); 7] = [
            ("whole", vec![attempt(1, "abc")], &["abc"], &[]),
            ("twice", vec![attempt(1, "abc"), attempt(1, "abc")], &["abc"], &[]),
            ("cut, then whole", vec![cut(1, "a"), attempt(1, "abc")], &["abc"], &[]),
            ("whole, then cut", vec![attempt(1, "abc"), cut(1, "a")], &["abc"], &[]),
            ("cut", vec![cut(1, "a")], &[], &["a"]),
            ("cut more and less", vec![cut(1, "a"), cut(1, "ab"), cut(1, "b")], &[], &["ab"]),
            ("of another shard", vec![attempt(2, "x"), cut(3, "y")], &[], &[]),
        ];
        for (name, copies, at_once, at_the_end) in table {
            let mut gathering = gathering(&[1]);
            let events: Vec<_> =
                copies.into_iter().filter_map(|a| gathering.take(Part::Attempt(Box::new(a)))).collect();
            let expect =
                |texts: &[&str]| texts.iter().map(|t| Some((1, (*t).to_owned()))).collect::<Vec<_>>();
            assert_eq!(over(events), expect(at_once), "{name}");
            assert_eq!(over(std::iter::from_fn(|| gathering.release())), expect(at_the_end), "{name}");
            let none = at_once.is_empty() && at_the_end.is_empty();
            assert_eq!(
                (gathering.is_whole(), gathering.missing().len()),
                (!none, usize::from(none)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_held_back_is_not_missing_but_not_handed_over_either() {
        let mut gathering = gathering(&[1, 2]);
        gathering.take(Part::Attempt(Box::new(cut(1, "a"))));
        assert_eq!(gathering.missing(), [AttemptIndex(2)]);
        assert_eq!(gathering.not_handed_over(), [AttemptIndex(1), AttemptIndex(2)]);
        assert!(gathering.holds() && !gathering.is_complete());
        gathering.take(Part::Attempt(Box::new(attempt(2, "b"))));
        assert!(gathering.is_complete() && !gathering.is_whole());
    }

    #[test]
    fn a_head_is_handed_over_once_per_job_and_again_when_it_changed() {
        let mut gathering = gathering(&[1]);
        let take = |g: &mut Gathering, head: ShardHead| g.take(Part::Head(Box::new(head))).is_some();
        assert!(take(&mut gathering, head(7)));
        assert!(!take(&mut gathering, head(7)), "the same again");
        assert!(!take(&mut gathering, head(8)), "of another shard");
        assert!(!gathering.is_hopeless());
        assert!(take(&mut gathering, failed_head(7)));
        assert!(gathering.is_hopeless());
        gathering.take(Part::Attempt(Box::new(attempt(1, "x"))));
        assert!(!gathering.is_hopeless() && gathering.failure().is_some(), "it made one");
        gathering.next_job();
        assert!(!gathering.is_hopeless() && gathering.failure().is_none());
        assert!(take(&mut gathering, head(7)), "of another worker");
    }

    #[test]
    fn a_shard_without_attempts_is_complete_with_its_head() {
        let mut gathering = gathering(&[]);
        assert!(!gathering.is_complete() && !gathering.is_whole());
        gathering.take(Part::Head(Box::new(head(7))));
        assert!(gathering.is_complete() && gathering.is_whole());
    }
}
