//! Waiting for something to become of a job.

use std::sync::Arc;
use std::time::Duration;

use flaky_runpod::JobId;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::{Document, Status, Store};

impl Store {
    /// What is known of a job once it has ended, or after `wait` if it has not. `None` when it is unknown, or became so.
    pub(in crate::api) async fn ended(&self, id: &JobId, wait: Duration) -> Option<Document> {
        let deadline = Instant::now() + wait;
        let mut changed = self.watch(id)?;
        loop {
            changed.mark_unchanged();
            let document = self.document(id)?;
            if document.status.is_final() {
                return Some(document);
            }
            // Anything else that happened, and being forgotten, shows at the next look.
            if timeout_at(deadline, changed.changed()).await.is_err() {
                return Some(document);
            }
        }
    }

    /// The chunks that no call has returned yet, as soon as there are some, or none when the job has ended or after
    /// `wait`.
    pub(in crate::api) async fn unread(
        &self,
        id: &JobId,
        wait: Duration,
    ) -> Option<(Status, Vec<Arc<RawValue>>)> {
        let deadline = Instant::now() + wait;
        let mut changed = self.watch(id)?;
        loop {
            changed.mark_unchanged();
            let (status, chunks) = self.take_chunks(id)?;
            if !chunks.is_empty() || status.is_final() {
                return Some((status, chunks));
            }
            if timeout_at(deadline, changed.changed()).await.is_err() {
                return Some((status, chunks));
            }
        }
    }

    fn take_chunks(&self, id: &JobId) -> Option<(Status, Vec<Arc<RawValue>>)> {
        let mut inner = self.lock();
        let record = inner.live(id, Instant::now())?;
        Some((record.status(), record.take_chunks()))
    }
}
