//! What each test's last failures said: looking at them in the order of tests is reading ahead in memory, where a map
//! would be a jump for every failure.

use super::examples::Worth;

/// Failures remembered per test. Most tests fail in one way or two.
const WAYS: usize = 4;

/// The last failures of every test, the latest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    by_test: Vec<[Option<Said>; WAYS]>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    /// As [`Reader::said`](crate::fingerprint::Reader::said) gave it.
    pub(super) said: u64,
    pub(super) digest: u64,
    /// The best that was offered as an example.
    pub(super) offered: Worth,
}

impl Recent {
    /// What is remembered of the test having said this.
    pub(super) fn find(&mut self, test: u32, said: u64) -> Option<&mut Said> {
        self.by_test.get_mut(test as usize)?.iter_mut().flatten().find(|known| known.said == said)
    }

    pub(super) fn remember(&mut self, test: u32, said: Said) {
        let index = test as usize;
        if self.by_test.len() <= index {
            self.by_test.resize(index + 1, [None; WAYS]);
        }
        if let Some(ways) = self.by_test.get_mut(index) {
            let [first, second, third, _] = *ways;
            *ways = [Some(said), first, second, third];
        }
    }
}
