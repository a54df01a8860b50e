//! All shards of a fleet at once.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::follower;
use super::hearing::Hearing;
use super::jobs::Jobs;
use super::{FleetEnd, FleetError, FleetEvent, FleetPlan, FleetSettings, FleetSignals, FleetSummary, Orders};
use crate::JobId;

/// Submissions at once. Each holds its input, up to 10 MB, in memory, twice while it is sent.
const SUBMISSIONS: usize = 8;
/// Chunks and outputs unpacked at once. Each may become 256 MB, and is handed over before the next is.
const UNPACKINGS: usize = 2;
/// Time for calling back, however few jobs there are: a submission whose answer is on its way, and a few tries.
const CALL_BACK: Duration = Duration::from_secs(12);
/// And for every so many jobs a second more: RunPod takes 100 cancellations in ten seconds, of which a tenth is left to
/// others.
const CANCELLED_PER_SECOND: usize = 8;

/// What all followers share.
pub(super) struct Context<J> {
    pub(super) jobs: J,
    pub(super) orders: Arc<dyn Orders>,
    pub(super) settings: FleetSettings,
    pub(super) events: mpsc::Sender<FleetEvent>,
    /// Everything is to be called back.
    pub(super) halt: CancellationToken,
    pub(super) hearing: Hearing,
    /// Shards whose jobs are looked at.
    pub(super) followed: AtomicUsize,
    pub(super) in_flight: Semaphore,
    pub(super) submissions: Semaphore,
    pub(super) unpackings: Arc<Semaphore>,
    books: Mutex<Books>,
}

impl<J> Context<J> {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something to whoever asked for the run. When nobody listens any more, everything is called back.
    pub(super) async fn say(&self, event: FleetEvent) {
        if self.events.send(event).await.is_err() {
            self.halt.cancel();
        }
    }
}

pub(super) async fn conduct<J: Jobs>(
    jobs: J,
    plan: FleetPlan,
    settings: FleetSettings,
    events: mpsc::Sender<FleetEvent>,
    signals: FleetSignals,
) -> Result<FleetSummary, FleetError> {
    let context = Arc::new(Context {
        jobs,
        orders: plan.orders,
        hearing: Hearing::new(settings.patience),
        in_flight: Semaphore::new(settings.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        settings,
        events,
        halt: CancellationToken::new(),
        followed: AtomicUsize::new(0),
        submissions: Semaphore::new(SUBMISSIONS),
        unpackings: Arc::new(Semaphore::new(UNPACKINGS)),
        books: Mutex::default(),
    });
    let mut known: BTreeMap<u32, Vec<JobId>> = BTreeMap::new();
    for (shard, job) in plan.known {
        known.entry(shard).or_default().push(job);
    }
    // Aborts its tasks when it is dropped: then the jobs are left as they are.
    let mut tasks = JoinSet::new();
    for shard in plan.shards {
        let known = known.remove(&shard.number).unwrap_or_default();
        tasks.spawn(follower::follow(Arc::clone(&context), shard, known));
    }
    let ended = wait(&context, &mut tasks, &signals).await;
    // What was begun must not be counted after the summary.
    tasks.shutdown().await;
    let books = std::mem::take(&mut *context.books());
    ended.map(|end| books.summary(end))
}

/// Waits for all followers, and calls them back when that is asked for or one of them says that nothing makes sense
/// any more.
async fn wait<J: Jobs>(
    context: &Context<J>,
    tasks: &mut JoinSet<Result<(), FleetError>>,
    signals: &FleetSignals,
) -> Result<FleetEnd, FleetError> {
    let mut end = FleetEnd::Through;
    let mut failure = None;
    let mut deadline = None;
    loop {
        tokio::select! {
            biased;
            () = signals.cancel.cancelled(), if end != FleetEnd::Cancelled => end = FleetEnd::Cancelled,
            () = signals.stop.cancelled(), if end == FleetEnd::Through => end = FleetEnd::Stopped,
            () = context.events.closed(), if end == FleetEnd::Through => end = FleetEnd::Cancelled,
            joined = tasks.join_next() => match joined {
                None => break,
                Some(result) => match flatten(result) {
                    Ok(()) => continue,
                    // Nobody listens: calling back would be in vain.
                    Err(error @ FleetError::Silent { .. }) => return Err(error),
                    Err(error) => failure = failure.or(Some(error)),
                },
            },
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
        }
        context.halt.cancel();
        deadline.get_or_insert_with(|| {
            let jobs = u64::try_from(context.books().open() / CANCELLED_PER_SECOND).unwrap_or(u64::MAX);
            Instant::now() + CALL_BACK + Duration::from_secs(jobs)
        });
    }
    failure.map_or(Ok(end), Err)
}

fn flatten(result: Result<Result<(), FleetError>, JoinError>) -> Result<(), FleetError> {
    match result {
        Ok(result) => result,
        Err(error) => Err(FleetError::Broken { why: error.to_string() }),
    }
}
