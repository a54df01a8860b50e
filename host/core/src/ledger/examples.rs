//! Example texts of failures: one per test and fingerprint, capped in length and number. The most telling one: with
//! message and trace before message alone, before trace alone, before neither; among those, the earliest attempt's.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};

use crate::ids::TestId;
use crate::parsed::Failure;

use super::Place;

/// How many examples are kept, and how much of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    count: usize,
    kind: usize,
    message: usize,
    trace: usize,
}

/// Examples as readers want them. A message of 4 kB and a trace of 16 kB hold what a person reads of one
/// failure (a screen is about 4 kB); 4,096 of them take 80 MB at most, so that a suite that fails as a whole
/// (no database, say) cannot fill the memory.
pub(super) const FULL: Caps = Caps { count: 4096, kind: 256, message: 4096, trace: 16_384 };

/// What is told of failures past that number: enough for a line in a table, 52 MB at most.
pub(super) const SHORT: Caps = Caps { count: 100_000, kind: 128, message: 400, trace: 0 };

/// Which example: the most telling is kept, of these the earliest attempt's; so are they when there are too many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    worth: Worth,
    id: TestId,
    digest: u64,
}

/// A failure that may become an example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) test: u32,
    pub(super) id: &'a TestId,
    pub(super) digest: u64,
    pub(super) failure: &'a Failure,
}

/// What an example is worth; the least is worth most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    untold: Untold,
    place: Place,
}

/// What a failure leaves open. In the order in which readers can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Untold {
    Nothing,
    Trace,
    Message,
    Both,
}

impl Untold {
    pub(super) fn of(message: &str, trace: &str) -> Self {
        match (message.is_empty(), trace.is_empty()) {
            (false, false) => Self::Nothing,
            (false, true) => Self::Trace,
            (true, false) => Self::Message,
            (true, true) => Self::Both,
        }
    }
}

impl Worth {
    pub(super) fn of(place: Place, failure: &Failure) -> Self {
        Self { untold: Untold::of(&failure.message, &failure.trace), place }
    }
}

/// One example, capped.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Example {
    pub(super) kind: Box<str>,
    pub(super) message: Box<str>,
    pub(super) trace: Box<str>,
}

/// The examples with the smallest keys, at most as many as the caps say.
///
/// What is kept does not depend on the order of arrival: keys of a failure only ever get smaller, so an
/// example among the smallest at the end was among them from its arrival on; and one that was pushed out
/// cannot come back with a larger key, because the bound that it failed only gets smaller.
#[derive(Debug)]
pub(super) struct Examples {
    caps: Caps,
    by_key: BTreeMap<Key, (u32, Example)>,
    /// By test number and digest: what the example that is kept is worth.
    kept: HashMap<(u32, u64), Worth>,
}

impl Examples {
    pub(super) fn new(caps: Caps) -> Self {
        Self { caps, by_key: BTreeMap::new(), kept: HashMap::new() }
    }

    /// Keeps the failure as the example of its kind, if it is the best and there is room.
    pub(super) fn offer(&mut self, worth: Worth, told: Told<'_>) {
        // The last one is at hand, and comparing with it is cheaper than looking up.
        let last = self.by_key.last_key_value().map(|(last, _)| last);
        let is_worth_less = |last: &Key| (last.worth, &last.id, last.digest) < (worth, told.id, told.digest);
        let is_full = self.by_key.len() >= self.caps.count;
        if (is_full && last.is_some_and(is_worth_less))
            || self.kept.get(&(told.test, told.digest)).is_some_and(|known| *known < worth)
        {
            return;
        }
        let key = Key { worth, id: told.id.clone(), digest: told.digest };
        let known = self.kept.insert((told.test, told.digest), worth);
        if let Some(known) = known.filter(|known| *known != worth) {
            self.by_key.remove(&Key { worth: known, ..key.clone() });
        }
        let example = self.caps.cut(told.failure);
        match self.by_key.entry(key) {
            Entry::Vacant(free) => {
                free.insert((told.test, example));
            }
            // Two attempts with the same index and seed: the lesser text, to be independent of their order.
            Entry::Occupied(mut kept) => {
                if example < kept.get().1 {
                    kept.get_mut().1 = example;
                }
            }
        }
        if self.by_key.len() > self.caps.count
            && let Some((last, (test, _))) = self.by_key.pop_last()
        {
            self.kept.remove(&(test, last.digest));
        }
    }

    /// The example of a failure, if it was kept.
    pub(super) fn get(&self, test: u32, id: &TestId, digest: u64) -> Option<&Example> {
        let worth = *self.kept.get(&(test, digest))?;
        self.by_key.get(&Key { worth, id: id.clone(), digest }).map(|(_, example)| example)
    }
}

impl Caps {
    fn cut(self, failure: &Failure) -> Example {
        let cut = |text: &str, limit: usize| {
            Box::from(text.get(..text.floor_char_boundary(limit)).unwrap_or_default())
        };
        Example {
            kind: cut(&failure.kind, self.kind),
            message: cut(&failure.message, self.message),
            trace: cut(&failure.trace, self.trace),
        }
    }
}
