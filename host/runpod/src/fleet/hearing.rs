//! When the endpoint was last heard, and whose trouble it is when a request fails.
//!
//! An endpoint that is away loses nothing: jobs go on, and the fleet waits. But a single job of which nothing can be learnt,
//! while others answer, is lost. Both look the same to whoever follows that one job.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// An endpoint that was never heard is more likely mistyped than away.
const NEVER_HEARD: Duration = Duration::from_secs(60);

/// When an endpoint was last heard.
#[derive(Debug)]
pub(super) struct Hearing {
    began: Instant,
    patience: Duration,
    last: Mutex<Option<Instant>>,
}

impl Hearing {
    pub(super) fn new(patience: Duration) -> Self {
        Self { began: Instant::now(), patience, last: Mutex::new(None) }
    }

    /// The endpoint has said something that makes sense.
    pub(super) fn heard(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long nothing was heard, when that is too long.
    pub(super) fn too_silent(&self) -> Option<Duration> {
        let (since, patience) = match self.last() {
            Some(last) => (last, self.patience),
            None => (self.began, self.patience.min(NEVER_HEARD)),
        };
        Some(since.elapsed()).filter(|silent| *silent > patience)
    }
}

/// For how long something failed while the endpoint answered others.
#[derive(Debug)]
pub(super) struct Trouble {
    spent: Duration,
    last: Instant,
}

impl Trouble {
    pub(super) fn none() -> Self {
        Self { spent: Duration::ZERO, last: Instant::now() }
    }

    /// It failed again; returns how long it has been so.
    pub(super) fn again(&mut self, hearing: &Hearing) -> Duration {
        if hearing.last().is_some_and(|heard| heard > self.last) {
            self.spent += self.last.elapsed();
        }
        self.last = Instant::now();
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn silence_is_borne_shorter_where_nothing_was_ever_heard() {
        let hearing = Hearing::new(600 * S);
        advance(60 * S).await;
        assert_eq!(hearing.too_silent(), None);
        advance(S).await;
        assert_eq!(hearing.too_silent(), Some(61 * S));
        hearing.heard();
        advance(600 * S).await;
        assert_eq!(hearing.too_silent(), None);
        advance(S).await;
        assert_eq!(hearing.too_silent(), Some(601 * S));
        let impatient = Hearing::new(5 * S);
        advance(6 * S).await;
        assert_eq!(impatient.too_silent(), Some(6 * S));
    }

    #[tokio::test(start_paused = true)]
    async fn an_absence_of_the_whole_endpoint_is_no_trouble_of_one_job() {
        let hearing = Hearing::new(600 * S);
        let mut trouble = Trouble::none();
        for _ in 0..100 {
            advance(5 * S).await;
            assert_eq!(trouble.again(&hearing), Duration::ZERO);
        }
        // It is back: others hear it first.
        advance(2 * S).await;
        hearing.heard();
        advance(3 * S).await;
        assert_eq!(trouble.again(&hearing), 5 * S);
        advance(S).await;
        hearing.heard();
        assert_eq!(trouble.again(&hearing), 6 * S);
    }
}
