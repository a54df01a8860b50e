//! What many failures say. A suite that fails as a whole says the same things thousands of times, and reading a trace for
//! its frames costs ten times what it costs to see that it was read before.

use std::hash::{BuildHasher, RandomState};

use crate::parsed::Failure;

use super::normalise::normalise_into;
use super::{KIND_BYTES, MESSAGE_BYTES, digest_of};

/// Reads failures one by one, with buffers that are used again.
#[derive(Debug)]
pub(crate) struct Reader {
    key: u64,
    kind: String,
    message: String,
}

impl Default for Reader {
    fn default() -> Self {
        // A key of this process's own: nobody can prepare failures that are taken for one another.
        Self { key: RandomState::new().hash_one(0_u8), kind: String::new(), message: String::new() }
    }
}

impl Reader {
    /// A number that stands, in this process, for what the failure says: the same for the same trace and the same
    /// normalised kind and message. That two others share one happens once in 10^5 runs of 10 million failures.
    pub(crate) fn said(&mut self, failure: &Failure) -> u64 {
        normalise_into(&mut self.kind, &failure.kind, KIND_BYTES);
        normalise_into(&mut self.message, &failure.message, MESSAGE_BYTES);
        let parts = [self.kind.as_bytes(), self.message.as_bytes(), failure.trace.as_bytes()];
        parts.iter().fold(self.key, |hash, part| quick_hash(part, hash))
    }

    /// [`digest`](super::digest) of the failure that [`said`](Self::said) has just read.
    pub(crate) fn digest(&self, failure: &Failure) -> u64 {
        digest_of(&self.kind, &self.message, &failure.trace)
    }
}

/// A hash of bytes, 32 at a time: products of two words, both halves of each folded together, as in many hashes of this
/// family (Y. Wang's wyhash, for one). Two products at a time do not wait for each other.
fn quick_hash(bytes: &[u8], key: u64) -> u64 {
    let (mut one, mut other) = (key ^ (bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15), key);
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        let (first, second) = chunk.split_at(16);
        one = mix(first, one, key);
        other = mix(second, other, key);
    }
    for rest in chunks.remainder().chunks(16) {
        one = mix(rest, one, key);
    }
    fold(one ^ 0x8EBC_6AF0_9C88_C6E3, other ^ 0xE703_7ED1_A0B4_28DB)
}

fn mix(bytes: &[u8], hash: u64, key: u64) -> u64 {
    let (low, high) = bytes.split_at(bytes.len().min(8));
    fold(word(low) ^ key ^ 0xA076_1D64_78BD_642F, word(high) ^ hash)
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

    #[test]
    fn equal_failures_say_the_same_whatever_their_numbers_are() {
        let mut reader = Reader::default();
        let mut said = |message: &str, trace: &str| {
            reader.said(&Failure { kind: "E".into(), message: message.into(), trace: trace.into() })
        };
        assert_eq!(said("took 0.3s", "t.py:1: in f"), said("took 12s", "t.py:1: in f"));
        assert_ne!(said("took 0.3s", "t.py:1: in f"), said("took 0.3s", "t.py:2: in f"));
        assert_ne!(said("a", "b"), said("ab", ""));
        assert_ne!(said("", "a"), said("a", ""));
    }

    proptest! {
        #[test]
        fn the_digest_of_what_was_read_is_the_digest(
            kind in "[A-C]?", message in "[a-c0-9 /]{0,6}",
            trace in "(a.py:1: in f\n|b.py:2: in g[0-9]\n|text\n|\u{e4}){0,4}",
        ) {
            let failure = Failure { kind, message, trace };
            let mut reader = Reader::default();
            reader.said(&Failure { kind: "X".into(), message: "something longer, read before".into(), ..Failure::default() });
            reader.said(&failure);
            prop_assert_eq!(reader.digest(&failure), digest(&failure));
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
