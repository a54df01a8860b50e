//! Does jobs, one after the other; there are as many runners as jobs may run at once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;

use super::caught::caught;
use super::store::{Ending, Store, Taken, Ticket};
use crate::job::{Answer, Job, JobContext, JobHandler, UPDATES_WAITING, Update};
use crate::logs::{Level, log};

/// How long a handler that was told to stop has: killing a tree of processes and clearing up after it takes seconds.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Does jobs for ever.
pub(super) async fn run_jobs<H: JobHandler>(store: Arc<Store>, handler: Arc<H>) {
    loop {
        let Taken { ticket, input, stop } = store.take().await;
        log(Level::Info, Some(&ticket.id), "started");
        // Inputs nest no deeper than can be read, so this holds; null is what a job without input has.
        let input = serde_json::from_str(input.get()).unwrap_or_default();
        let (updates, said) = mpsc::channel(UPDATES_WAITING);
        let context = JobContext { stop: stop.clone(), updates };
        let job = Job { id: ticket.id.clone(), input };
        let work = caught(handler.handle(job, context));
        let given_up = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        if let Some(answer) = follow(&store, &ticket, work, said, given_up).await {
            let ending = ending(answer);
            log(Level::Info, Some(&ticket.id), describe(&ending));
            store.finish(&ticket, ending);
        } else {
            log(Level::Error, Some(&ticket.id), "it did not stop when told to, and was dropped");
        }
        store.release(&ticket);
    }
}

/// Passes on what a handler says until it answers; `None` when it does not after it was told to stop.
async fn follow(
    store: &Store,
    ticket: &Ticket,
    work: impl Future<Output = Answer>,
    mut said: mpsc::Receiver<Update>,
    given_up: impl Future<Output = ()>,
) -> Option<Answer> {
    let (mut work, mut given_up) = (pin!(work), pin!(given_up));
    let answer = loop {
        tokio::select! {
            Some(update) = said.recv() => pass_on(store, ticket, update),
            answer = &mut work => break answer,
            () = &mut given_up => return None,
        }
    };
    // What was said before the answer comes before it.
    while let Ok(update) = said.try_recv() {
        pass_on(store, ticket, update);
    }
    Some(answer)
}

fn pass_on(store: &Store, ticket: &Ticket, update: Update) {
    match update {
        Update::Progress(value) => store.progress(ticket, raw(&value)),
        Update::Chunk(value) => store.chunk(ticket, raw(&value)),
    }
}

fn ending(answer: Answer) -> Ending {
    match answer {
        Answer::Output(output) => Ending::Completed(raw(&output)),
        Answer::Failed { error, output } => Ending::Failed { error, output: output.as_ref().map(raw) },
        // Had it been asked to, its end would be known already, and this one void.
        Answer::Stopped => Ending::Failed { error: "the job was stopped".to_owned(), output: None },
    }
}

fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Failed { error, .. } => format!("failed: {error}"),
        _ => "done".to_owned(),
    }
}

/// As text: a tenth of the memory, and written out once.
fn raw(value: &Value) -> Arc<RawValue> {
    // A `Value` is always JSON.
    to_raw_value(value).map_or_else(|_| Arc::from(RawValue::NULL.to_owned()), Arc::from)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::api::store::{Origin, Policy, Priority, Status, Submission};

    fn job(input: &Value) -> Submission {
        let limit = Duration::from_mins(60);
        let policy = Policy { execution_timeout: limit, ttl: 10 * limit, priority: Priority::Normal };
        Submission { origin: Origin::Run, input: raw(input), webhook: None, policy }
    }

    /// Hears nothing when asked to.
    struct Deaf(AtomicUsize);

    impl JobHandler for Deaf {
        async fn handle(&self, job: Job, _: JobContext) -> Answer {
            self.0.fetch_add(1, Ordering::SeqCst);
            if job.input["deaf"] == true {
                std::future::pending::<()>().await;
            }
            Answer::Output(job.input)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_does_not_stop_is_dropped_and_its_slot_given_to_the_next_job() {
        let store = Arc::new(Store::new().0);
        let handler = Arc::new(Deaf(AtomicUsize::new(0)));
        let runner = tokio::spawn(run_jobs(Arc::clone(&store), Arc::clone(&handler)));
        let deaf = store.submit(job(&json!({"deaf": true}))).unwrap();
        while store.document(&deaf).unwrap().status != Status::InProgress {
            tokio::task::yield_now().await;
        }
        let next = store.submit(job(&json!({"n": 1}))).unwrap();
        assert_eq!(store.cancel(&deaf), Some(Status::Cancelled));
        let asked = tokio::time::Instant::now();
        let document = store.ended(&next, Duration::from_mins(10)).await.unwrap();
        assert_eq!(document.status, Status::Completed);
        assert_eq!(asked.elapsed().as_secs(), STOP_GRACE.as_secs());
        assert_eq!(handler.0.load(Ordering::SeqCst), 2);
        assert_eq!(store.busy(), 0);
        runner.abort();
    }
}
