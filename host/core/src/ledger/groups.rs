//! Failures of one test by how it failed: equal fingerprints first, then those that are nearly the same.

use std::collections::HashMap;
use std::rc::Rc;

use crate::evidence::FailureGroup;
use crate::fingerprint::{fingerprint, to_hex, words};
use crate::ids::{AttemptIndex, Seed, TestId};
use crate::parsed::Failure;

use super::columns::Row;
use super::examples::{Example, Untold};
use super::{Ledger, Place};

/// Failure groups told of one test; the rest become one group. A table shows one and a page a handful. A test
/// with more fails in ways that could not be brought together, and more examples would not help.
const MAX_GROUPS: usize = 20;

/// Fingerprints of one test that are compared with one another, the most frequent ones: each costs one comparison
/// with every group so far, and what is rarer than a hundred others is no group that anybody reads of.
const MOST_COMPARED: usize = 100;

/// Part of the words of two failures (of either, together) that both have: with ten words and frames, one may differ.
/// Where words stand does not matter: sets that are printed in another order are a common reason to be flaky.
const LEAST_SHARED: f64 = 0.8;

/// Words and frames that either failure must have: fewer say too little for one to stand for another.
const LEAST_WORDS: usize = 5;

/// Sets of words that are remembered from test to test: about 1 kB each at worst.
const MOST_REMEMBERED: usize = 20_000;

/// Attempts of one fingerprint, or of several that are nearly the same; positions of rows, ascending.
struct Way {
    /// The most frequent first.
    digests: Vec<u64>,
    rows: Vec<u32>,
}

/// Kind of a failure and its words.
type Said<'a> = (&'a str, Rc<[u64]>);

/// Words of failures by digest: what is equal for equal digests.
#[derive(Default)]
pub(super) struct Similar {
    words: HashMap<u64, Rc<[u64]>>,
}

impl Similar {
    fn words_of(&mut self, digest: u64, example: &Example) -> Rc<[u64]> {
        if let Some(known) = self.words.get(&digest) {
            return Rc::clone(known);
        }
        if self.words.len() >= MOST_REMEMBERED {
            self.words.clear();
        }
        let new: Rc<[u64]> = words(&example.message, &example.trace).into();
        self.words.insert(digest, Rc::clone(&new));
        new
    }
}

/// The groups of one test (its number and id), most frequent first, then the one that came first. `failures` are
/// digests and positions of rows.
pub(super) fn groups(
    ledger: &Ledger,
    rows: &[&Row],
    similar: &mut Similar,
    (test, id): (u32, &TestId),
    failures: &mut [(u64, u32)],
) -> Vec<FailureGroup> {
    failures.sort_unstable();
    let mut ways: Vec<Way> = failures
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|group| {
            Some(Way { digests: vec![group.first()?.0], rows: group.iter().map(|(_, row)| *row).collect() })
        })
        .collect();
    sort(rows, &mut ways);
    let texts = Texts { ledger, test, id };
    if ways.len() > 1 && merge(&texts, similar, &mut ways) {
        sort(rows, &mut ways);
    }
    let rest = ways.split_off(ways.len().min(MAX_GROUPS));
    let mut out = Vec::with_capacity(ways.len() + usize::from(!rest.is_empty()));
    out.extend(ways.iter().map(|way| texts.group(rows, way)));
    if !rest.is_empty() {
        out.push(other_ways(rows, &rest));
    }
    out
}

/// By places, because rows of the same place stand in the order of their arrival.
fn sort(rows: &[&Row], ways: &mut [Way]) {
    ways.sort_by(|a, b| {
        let by_place = || places(rows, &a.rows).cmp(places(rows, &b.rows));
        b.rows.len().cmp(&a.rows.len()).then_with(by_place).then_with(|| a.digests.cmp(&b.digests))
    });
}

/// Brings together what is nearly the same; true when anything was. Each way goes to the first, most frequent one that
/// it is near to, and is not near to others for that: groups do not grow along chains.
fn merge(texts: &Texts<'_>, similar: &mut Similar, ways: &mut Vec<Way>) -> bool {
    let before = ways.len();
    let mut leaders: Vec<(Way, Option<Said<'_>>)> = Vec::with_capacity(before);
    for (number, way) in ways.drain(..).enumerate() {
        let example = way.digests.first().filter(|_| number < MOST_COMPARED).and_then(|digest| {
            let example = texts.example(*digest)?;
            // A failure without a message is near to nothing.
            let words = (!example.message.is_empty()).then(|| similar.words_of(*digest, example))?;
            (words.len() >= LEAST_WORDS).then_some((&*example.kind, words))
        });
        let home = example.as_ref().and_then(|(kind, words)| {
            leaders.iter_mut().find(|(_, leader)| {
                leader.as_ref().is_some_and(|(k, w)| k == kind && shared(w, words) >= LEAST_SHARED)
            })
        });
        match home {
            Some((leader, _)) => {
                leader.digests.extend(way.digests);
                leader.rows.extend(way.rows);
            }
            None => leaders.push((way, example)),
        }
    }
    ways.extend(leaders.into_iter().map(|(way, _)| way));
    for way in ways.iter_mut().filter(|way| way.digests.len() > 1) {
        way.rows.sort_unstable();
        way.rows.dedup();
    }
    ways.len() < before
}

/// Jaccard index of two ascending sets.
#[expect(clippy::cast_precision_loss, reason = "at most some thousand words")]
fn shared(a: &[u64], b: &[u64]) -> f64 {
    let (mut both, mut rest) = (0_usize, b.iter().peekable());
    for word in a {
        while rest.next_if(|other| *other < word).is_some() {}
        both += usize::from(rest.next_if_eq(&word).is_some());
    }
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

/// Where the texts of one test's failures are.
struct Texts<'a> {
    ledger: &'a Ledger,
    test: u32,
    id: &'a TestId,
}

impl<'a> Texts<'a> {
    fn example(&self, digest: u64) -> Option<&'a Example> {
        let Self { ledger, test, id } = *self;
        ledger.full.get(test, id, digest).or_else(|| ledger.short.get(test, id, digest))
    }

    fn group(&self, rows: &[&Row], way: &Way) -> FailureGroup {
        let examples = way.digests.iter().filter_map(|digest| self.example(*digest));
        // Of equally telling ones, that of the most frequent fingerprint, which stands first.
        let example = examples.min_by_key(|example| Untold::of(&example.message, &example.trace));
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (fingerprint, also) = match way.digests.split_first() {
            Some((first, [])) => (to_hex(*first), Vec::new()),
            Some((first, also)) => (to_hex(*first), also.iter().map(|digest| to_hex(*digest)).collect()),
            None => (String::new(), Vec::new()),
        };
        let mut also: Vec<String> = also;
        also.sort_unstable();
        FailureGroup {
            fingerprint,
            also,
            kind: text(example.map(|example| &*example.kind)),
            message: text(example.map(|example| &*example.message)),
            trace: text(example.map(|example| &*example.trace)),
            attempts: indices(rows, &way.rows),
            seeds: seeds(rows, &way.rows),
        }
    }
}

/// One group of all that is past [`MAX_GROUPS`].
fn other_ways(rows: &[&Row], rest: &[Way]) -> FailureGroup {
    let mut positions: Vec<u32> = rest.iter().flat_map(|way| way.rows.iter().copied()).collect();
    positions.sort_unstable();
    positions.dedup();
    let kind = "other".to_owned();
    FailureGroup {
        fingerprint: fingerprint(&Failure { kind: kind.clone(), ..Failure::default() }),
        also: Vec::new(),
        kind,
        message: format!("{} more kinds of failure, each rarer than those told", rest.len()),
        trace: String::new(),
        attempts: indices(rows, &positions),
        seeds: seeds(rows, &positions),
    }
}

fn places<'a>(rows: &'a [&Row], positions: &'a [u32]) -> impl Iterator<Item = Place> + 'a {
    positions.iter().filter_map(|row| rows.get(*row as usize)).map(|row| row.place)
}

/// Exactly as large as needed: a suite that fails as a whole has millions of these.
pub(super) fn indices(rows: &[&Row], positions: &[u32]) -> Vec<AttemptIndex> {
    let mut out = Vec::with_capacity(positions.len());
    out.extend(places(rows, positions).map(|place| place.index));
    out
}

pub(super) fn seeds(rows: &[&Row], positions: &[u32]) -> Vec<Seed> {
    let mut out = Vec::with_capacity(positions.len());
    out.extend(places(rows, positions).map(|place| place.seed));
    out
}
