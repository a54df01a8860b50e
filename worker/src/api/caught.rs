//! A job that panics is answered for, not passed on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::job::Answer;

/// What `work` says, or that it panicked. The panic's own text stays in the log, where the panic hook wrote it: it may
/// quote anything.
pub(super) async fn caught(work: impl Future<Output = Answer> + Send) -> Answer {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Unwind safe: a future that panicked is never polled again, only dropped.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(_panic) => Poll::Ready(Answer::Failed {
                error: "the worker broke while it did this job: that is a fault of the worker, and its log says where"
                    .to_owned(),
                output: None,
            }),
        }
    })
    .await
}
