//! Where attempts are made: on this machine or on the workers of an endpoint. The stages that order attempts see one
//! face, and what comes out of it is read by the same code.

use std::sync::Arc;

use flaky_core::report::IsolationUsed;
use flaky_exec::ExecError;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::conduct::{Conductor, DoneAttempt, PlannedAttempt, Side};
use crate::limits::Limits;
use crate::remote::{Remote, RemoteError};

/// Nothing more can be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// The executor of this machine is gone.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The endpoint takes nothing from us.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// One attempt of many, as it ended.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Made and read.
    Done(Box<DoneAttempt>),
    /// A fault of ours broke reading it.
    Lost(String),
}

/// How attempts that are ordered together run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As many at once as settings say.
    SideBySide,
    /// One after the other, in order, with nothing beside them.
    Alone,
}

/// Makes attempts.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// Here.
    Local(Arc<Here>),
    /// On an endpoint.
    Remote(Arc<Remote>),
}

/// Arrivals that may wait for whoever takes them in; more would only hold files open.
const ARRIVALS_WAITING: usize = 16;

impl Backend {
    /// Makes one attempt with nothing beside it.
    ///
    /// # Errors
    /// When nothing more can be run.
    pub(crate) async fn attempt(
        &self,
        planned: PlannedAttempt,
        level: IsolationUsed,
    ) -> Result<DoneAttempt, BackendError> {
        match self {
            Self::Local(here) => Ok(here.attempt(planned, level).await?),
            Self::Remote(remote) => Ok(Arc::clone(remote).attempt(planned, level).await?),
        }
    }

    /// Makes many; they arrive as they end.
    pub(crate) fn attempts(
        &self,
        plan: Vec<PlannedAttempt>,
        level: IsolationUsed,
        manner: Manner,
    ) -> Attempts {
        let (sender, receiver) = mpsc::channel(ARRIVALS_WAITING);
        let driver = match self {
            Self::Local(here) => tokio::spawn(locally(Arc::clone(here), plan, level, manner, sender)),
            Self::Remote(remote) => Arc::clone(remote).spawn(plan, level, manner, sender),
        };
        Attempts { receiver, driver }
    }
}

/// Where arrivals go. Closed means: no more attempts are wanted.
pub(crate) type ArrivalSender = mpsc::Sender<Result<Arrival, BackendError>>;

/// What makes attempts on this machine.
#[derive(Debug)]
pub(crate) struct Here {
    /// Of what is tested.
    pub(crate) head: Conductor,
    /// Of what it is compared with.
    pub(crate) base: Option<Conductor>,
    /// Attempts side by side, of both together.
    pub(crate) parallelism: usize,
}

impl Here {
    async fn attempt(&self, planned: PlannedAttempt, level: IsolationUsed) -> Result<DoneAttempt, ExecError> {
        match (planned.side, &self.base) {
            (Side::Base, Some(base)) => base.attempt(planned, level).await,
            (Side::Base, None) | (Side::Head, _) => self.head.attempt(planned, level).await,
        }
    }
}

/// Attempts under way.
#[derive(Debug)]
pub(crate) struct Attempts {
    receiver: mpsc::Receiver<Result<Arrival, BackendError>>,
    driver: JoinHandle<()>,
}

impl Attempts {
    /// The next that ended; `None` when all have.
    ///
    /// # Errors
    /// When nothing more can be run.
    pub(crate) async fn next(&mut self) -> Option<Result<Arrival, BackendError>> {
        self.receiver.recv().await
    }

    /// The next that was read; what broke in reading says nothing, and there are others. `None` when all have ended, or
    /// no more are wanted.
    ///
    /// # Errors
    /// When nothing more can be run.
    pub(crate) async fn next_read(
        &mut self,
        limits: &Limits,
    ) -> Result<Option<Box<DoneAttempt>>, BackendError> {
        loop {
            let arrived = tokio::select! {
                arrived = self.next() => arrived,
                () = limits.reached() => return Ok(None),
            };
            match arrived.transpose()? {
                Some(Arrival::Done(done)) => return Ok(Some(done)),
                Some(Arrival::Lost(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Ends those that are still under way, and waits until they are.
    pub(crate) async fn stop(self) {
        drop(self.receiver);
        // A panic there is told by what did not arrive.
        let _ = self.driver.await;
    }
}

/// In the order of the plan. Without a base the executor's slots bound how many really run; with one, each of the two
/// executors has as many slots as both may use.
async fn locally(
    here: Arc<Here>,
    plan: Vec<PlannedAttempt>,
    level: IsolationUsed,
    manner: Manner,
    sender: ArrivalSender,
) {
    let at_once = match manner {
        Manner::SideBySide if here.base.is_some() => here.parallelism,
        Manner::SideBySide => plan.len(),
        Manner::Alone => 1,
    };
    let mut waiting = plan.into_iter();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < at_once
            && let Some(planned) = waiting.next()
        {
            let here = Arc::clone(&here);
            tasks.spawn(async move { here.attempt(planned, level).await });
        }
        let ended = tokio::select! {
            ended = tasks.join_next() => ended,
            () = sender.closed() => break,
        };
        let arrival = match ended {
            None => break,
            Some(Ok(Ok(done))) => Ok(Arrival::Done(Box::new(done))),
            Some(Ok(Err(error))) => Err(error.into()),
            // A panic in one attempt's task is our fault, and must not take the run with it.
            Some(Err(panic)) => Ok(Arrival::Lost(panic.to_string())),
        };
        if sender.send(arrival).await.is_err() {
            break;
        }
    }
    tasks.shutdown().await;
}
