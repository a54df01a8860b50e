//! Names for new jobs.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use flaky_runpod::JobId;

use super::record::Origin;

/// Names nobody can guess: a keyed hash of a counter. A web page that cannot read answers cannot name a job either.
#[derive(Debug, Default)]
pub(super) struct Ids {
    key: RandomState,
    given: AtomicU64,
}

impl Ids {
    /// Of the platform's shape: `<uuid>-u1`, and `sync-<uuid>-u1` where the caller waits.
    pub(super) fn next(&self, origin: Origin) -> JobId {
        loop {
            let number = self.given.fetch_add(1, Ordering::Relaxed);
            let (high, low) = (self.key.hash_one((number, 0_u8)), self.key.hash_one((number, 1_u8)));
            let prefix = match origin {
                Origin::Run => "",
                Origin::RunSync => "sync-",
            };
            // Version 4, variant 1, as RFC 9562 has them for random ones.
            let text = format!(
                "{prefix}{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}-u1",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 48 & 0x3fff | 0x8000,
                low & 0xffff_ffff_ffff
            );
            if let Ok(id) = text.parse() {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_platforms_shape_and_never_repeat() {
        let ids = Ids::default();
        let run = ids.next(Origin::Run);
        assert_eq!(run.as_str().len(), "00000000-0000-4000-8000-000000000000-u1".len());
        assert_eq!(run.as_str().as_bytes()[14], b'4', "{run}");
        assert!(ids.next(Origin::RunSync).as_str().starts_with("sync-"));
        let many: std::collections::HashSet<_> = (0..1000).map(|_| ids.next(Origin::Run)).collect();
        assert_eq!(many.len(), 1000);
    }
}
