//! Attempts on the workers of an endpoint instead of this machine.
//!
//! Data flow: [`RemoteAccess`] and settings → `Remote` → the first attempt alone (`Remote::scout`), which says what the
//! workers' machines offer → shards of attempts, made ready here (`order`) → [`fleet`](flaky_runpod::fleet) → attempts as
//! they come back, kept (`store`), put on disk (`unpack`) and read by the same code as those that were made here.
//!
//! What an earlier client of the same run left is taken in first: a resumed run makes the same calls, and a call only
//! submits what is missing.

mod access;
mod bill;
mod call;
mod input;
mod limits;
mod order;
mod scout;
mod setup;
mod stage;
mod store;
mod unpack;

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flaky_core::report::IsolationUsed;
use flaky_core::settings::{Dollars, Shards, Workers};
use flaky_runpod::ApiKey;
use flaky_runpod::endpoint::{Endpoint, EndpointError};
use flaky_runpod::fleet::FleetError;
use flaky_runpod::pack::PackError;
use flaky_runpod::wire::WireError;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::{Arrival, ArrivalSender, BackendError, Manner};
use crate::conduct::{DoneAttempt, PlannedAttempt};
use crate::event::{Events, RunEvent};
use crate::read::{Reader, not_made};

pub use access::AccessError;
pub(crate) use bill::Bill;
use scout::Scouted;

/// How to reach an endpoint: what the surroundings say, not the settings.
#[derive(Debug, Clone, Default)]
pub struct RemoteAccess {
    /// `RUNPOD_API_KEY`.
    pub key: Option<ApiKey>,
    /// `RUNPOD_ENDPOINT_ID`, as it was written; settings win over it.
    pub endpoint: Option<String>,
    /// `RUNPOD_ENDPOINT_BASE_URL`, as it was written; `None` is RunPod's own.
    pub base_url: Option<String>,
    /// The run of this id was begun before, and goes on.
    pub resume: bool,
}

/// Why attempts cannot be made on an endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Which endpoint, and as whom, is not known.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The endpoint does not do what it is asked.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The shards as a whole.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The folder does not fit into a job.
    #[error("the folder cannot be sent to a worker: {0}")]
    Pack(#[from] PackError),
    /// An order cannot be described.
    #[error("the attempts cannot be described to a worker: {0}")]
    Wire(#[from] WireError),
    /// A run that is resumed would make other attempts than it began with.
    #[error("run `{run}` cannot go on: its {what} changed since it began")]
    Changed {
        /// Which run.
        run: String,
        /// What is another.
        what: &'static str,
    },
    /// A folder of ours.
    #[error("{what}: {source}")]
    Disk {
        /// What was to be done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl RemoteError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.hint().map(str::to_owned),
            Self::Endpoint(error) => error.hint().map(str::to_owned),
            Self::Fleet(error) => error.hint().map(str::to_owned),
            Self::Wire(error) => error.hint().map(str::to_owned),
            Self::Pack(_) => Some(
                "push it, and give the repository's URL, with `--ref` or `--commit` if need be".to_owned(),
            ),
            Self::Changed { .. } => Some("begin a new run".to_owned()),
            Self::Disk { .. } => None,
        }
    }

    /// Whether the user can mend it before anything runs.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Access(_)
                | Self::Pack(_)
                | Self::Changed { .. }
                | Self::Endpoint(
                    EndpointError::Unauthorized | EndpointError::Forbidden | EndpointError::NotFound { .. }
                )
                | Self::Fleet(FleetError::Endpoint(
                    EndpointError::Unauthorized | EndpointError::Forbidden | EndpointError::NotFound { .. }
                ))
        )
    }
}

/// Makes attempts on an endpoint.
#[derive(Debug)]
pub(crate) struct Remote {
    endpoint: Endpoint,
    template: Arc<order::Template>,
    reader: Reader,
    limits: limits::Limits,
    sizing: Sizing,
    /// `None`: the run's folder cannot be written, and the run cannot be resumed.
    store: Option<store::Store>,
    bill: Mutex<Bill>,
    /// Ends calls when the budget is used up.
    spent_up: CancellationToken,
    events: Events,
    /// Where attempts are unpacked.
    scratch: TempDir,
    calls: AtomicU32,
    next_shard: AtomicU32,
    /// What the first attempt showed, until it is taken in.
    first: Mutex<Option<(IsolationUsed, Box<DoneAttempt>)>>,
    measured: Mutex<scout::Measured>,
    /// All that is under way.
    tasks: TaskTracker,
}

/// What decides into how many shards attempts are cut.
#[derive(Debug, Clone, Copy)]
struct Sizing {
    shards: Option<Shards>,
    workers: Option<Workers>,
    /// Side by side on one worker.
    parallelism: NonZeroU32,
}

impl Remote {
    /// Makes one attempt with nothing beside it. The first attempt of all was made already, by [`Self::scout`].
    ///
    /// # Errors
    /// When the endpoint takes nothing from us.
    pub(crate) async fn attempt(
        self: Arc<Self>,
        planned: PlannedAttempt,
        level: IsolationUsed,
    ) -> Result<DoneAttempt, RemoteError> {
        if let Some(first) = self.take_first(&planned, level) {
            return Ok(first);
        }
        let (sender, mut receiver) = mpsc::channel(1);
        // A task of its own: should nobody wait any more, it still calls its job back.
        self.spawn(vec![planned.clone()], level, Manner::Alone, sender);
        match receiver.recv().await {
            Some(Ok(Arrival::Done(done))) => Ok(*done),
            Some(Ok(Arrival::Lost(why))) => Ok(not_made(planned, why, None)),
            Some(Err(BackendError::Remote(error))) => Err(error),
            Some(Err(BackendError::Exec(error))) => Ok(not_made(planned, error.to_string(), None)),
            None => Ok(not_made(planned, "the attempt was called back".into(), None)),
        }
    }

    fn take_first(&self, planned: &PlannedAttempt, level: IsolationUsed) -> Option<DoneAttempt> {
        let mut first = lock(&self.first);
        let fits = first.as_ref().is_some_and(|(at, done)| *at == level && done.planned == *planned);
        if fits { first.take().map(|(_, done)| *done) } else { None }
    }

    /// Makes many; they arrive as they end. A closed `sender` calls them back.
    pub(crate) fn spawn(
        self: Arc<Self>,
        plan: Vec<PlannedAttempt>,
        level: IsolationUsed,
        manner: Manner,
        sender: ArrivalSender,
    ) -> JoinHandle<()> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let task = Arc::clone(&self);
        self.tasks.spawn(async move {
            if let Err(error) = call::run(&task, number, plan, level, manner, &sender).await {
                // Nobody waits any more: nobody has to know.
                let _ = sender.send(Err(error.into())).await;
            }
        })
    }

    /// Waits until everything that is under way has ended or was called back, and says what the run cost.
    pub(crate) async fn close(&self) -> Bill {
        self.tasks.close();
        self.tasks.wait().await;
        lock(&self.bill).clone()
    }

    /// The report stands: what only a resumed run needs is taken away.
    pub(crate) fn forget(&self) {
        if let Some(store) = &self.store {
            store.clear();
        }
    }

    /// A run whose folder cannot be written goes on; it just cannot be resumed from there.
    fn keep(&self, what: impl FnOnce(&store::Store) -> io::Result<()>) {
        if let Some(Err(error)) = self.store.as_ref().map(what)
            && lock(&self.bill).warn_once()
        {
            self.warn(format!("the run's folder cannot be written ({error}): it cannot be resumed"));
        }
    }

    fn warn(&self, text: String) {
        self.events.send(RunEvent::Warning(text));
    }

    fn shard_numbers(&self, count: usize) -> u32 {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.next_shard.fetch_add(count, Ordering::Relaxed)
    }
}

/// What a run may cost, and what a second costs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Money {
    pub(crate) price_per_second: Option<Dollars>,
    pub(crate) budget: Option<Dollars>,
}

/// Nothing is done under these locks that could panic half-way; a poisoned one is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rounded up, as RunPod bills.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
