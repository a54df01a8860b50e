//! Digests of many failures. A suite that fails as a whole says the same things thousands of times: reading a trace
//! for its frames costs ten times what it costs to see that this very trace was read before.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::parsed::Failure;

use super::normalise::normalise_into;
use super::{Fnv, KIND_BYTES, MESSAGE_BYTES, frames};

/// Traces whose frames are remembered: a few kinds of failure of each of a hundred thousand tests. At about 100 bytes
/// each they take 30 MB.
const TRACES: usize = 300_000;

/// [`digest`](super::digest), remembering.
#[derive(Debug)]
pub(crate) struct Digests {
    key: u64,
    /// By the keyed hash of a trace, which is 64 bits: two traces that share one would get each other's frames, once in
    /// 10^9 runs with as many traces as fit.
    frames: HashMap<u64, Box<str>, AsIs>,
    kind: String,
    message: String,
}

/// The keys are hashes already.
#[derive(Debug, Default, Clone, Copy)]
struct AsIs(u64);

impl BuildHasher for AsIs {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl std::hash::Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Default for Digests {
    fn default() -> Self {
        // A key of this process's own: nobody can prepare traces that fall into one place.
        let key = RandomState::new().hash_one(0_u8);
        Self {
            key,
            frames: HashMap::with_hasher(AsIs::default()),
            kind: String::new(),
            message: String::new(),
        }
    }
}

impl Digests {
    pub(crate) fn of(&mut self, failure: &Failure) -> u64 {
        let known = quick_hash(failure.trace.as_bytes(), self.key);
        if self.frames.len() >= TRACES && !self.frames.contains_key(&known) {
            return super::digest(failure);
        }
        let frames = self.frames.entry(known).or_insert_with(|| marked(&frames::nearest(&failure.trace)));
        normalise_into(&mut self.message, &failure.message, MESSAGE_BYTES);
        normalise_into(&mut self.kind, &failure.kind, KIND_BYTES);
        let mut hash = Fnv::new();
        hash.part(&self.kind);
        if self.message.is_empty() && frames.is_empty() {
            normalise_into(&mut self.message, &failure.trace, MESSAGE_BYTES);
        }
        hash.part(&self.message);
        for frame in frames.split_terminator(END) {
            hash.part(frame);
        }
        hash.0
    }
}

/// Stands behind every frame: normalising leaves no control characters.
const END: char = '\n';

fn marked(frames: &[String]) -> Box<str> {
    let mut all = String::with_capacity(frames.iter().map(|frame| frame.len() + 1).sum());
    for frame in frames {
        all.push_str(frame);
        all.push(END);
    }
    all.into_boxed_str()
}

/// A hash of bytes, sixteen at a time: the product of two words, both halves of it folded together, as in many hashes
/// of this family (Y. Wang's wyhash, for one).
fn quick_hash(bytes: &[u8], key: u64) -> u64 {
    let mut hash = key ^ (bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        let (low, high) = chunk.split_at(8);
        hash = fold(word(low) ^ key ^ 0xA076_1D64_78BD_642F, word(high) ^ hash);
    }
    let rest = chunks.remainder();
    let (low, high) = rest.split_at(rest.len().min(8));
    hash = fold(word(low) ^ key ^ 0xE703_7ED1_A0B4_28DB, word(high) ^ hash);
    fold(hash ^ 0x8EBC_6AF0_9C88_C6E3, key | 1)
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(bytes) {
        Ok(whole) => u64::from_le_bytes(whole),
        Err(_) => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::digest;
    use super::*;

    proptest! {
        #[test]
        fn remembering_changes_nothing(
            failures in proptest::collection::vec(
                ("[A-C]?", "[a-c0-9 /]{0,6}", "(a.py:1: in f\n|b.py:2: in g[0-9]\n|text\n|\u{e4}){0,4}"), 0..60)
        ) {
            let mut digests = Digests::default();
            for (kind, message, trace) in failures {
                let failure = Failure { kind, message, trace };
                prop_assert_eq!(digests.of(&failure), digest(&failure));
            }
        }

        #[test]
        fn bytes_that_differ_anywhere_hash_differently(bytes in proptest::collection::vec(any::<u8>(), 1..80), at: usize, key: u64) {
            let mut other = bytes.clone();
            let at = at % bytes.len();
            other[at] ^= 1;
            prop_assert_ne!(quick_hash(&bytes, key), quick_hash(&other, key));
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert_ne!(quick_hash(&bytes, key), quick_hash(&longer, key));
        }
    }
}
