//! Chance.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 64 bits that differ from worker to worker and from call to call. Good for spreading requests and telling names
/// apart, not for secrets; the standard library's keyed hasher saves a dependency.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
