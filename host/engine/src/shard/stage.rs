//! A shard from order to head.

use std::sync::{Arc, Mutex, PoisonError};

use flaky_core::report::IsolationUsed;
use flaky_core::verdict::Cause;
use flaky_exec::{ExecError, LocalExecutor};
use flaky_runpod::wire::{
    ShardFailure, ShardFailureKind, ShardHead, ShardOrder, WIRE_VERSION, WireAttempt, WireOrder,
};
use tokio::task::JoinSet;

use super::attempt::{Common, not_made, packed};
use super::ready::{Machine, Tree, slots};
use super::{NoAttempts, PartSender, ShardError, ShardPart, ShardRequest};
use crate::attempt::SetAside;

/// Runs a shard: its head goes to `parts` before the first attempt does, and is returned when all have gone.
///
/// What would be the same on every worker (no repository, failed installation) is a failure in the head.
///
/// # Errors
/// When it was stopped, or this worker broke: some attempts may have gone to `parts` already.
pub async fn run_shard(mut request: ShardRequest, parts: &PartSender) -> Result<ShardHead, ShardError> {
    let mut head = empty_head(&request.order);
    match begun(&mut request, &mut head, parts).await {
        Ok(()) => Ok(head),
        Err(NoAttempts::Error(error)) => Err(error),
        Err(NoAttempts::Aside(aside)) => {
            if aside.cause == Cause::Interrupted || request.cancel.is_cancelled() {
                return Err(ShardError::Stopped);
            }
            head.failure = Some(failure(aside));
            send(parts, ShardPart::Head(Box::new(head.clone()))).await?;
            Ok(head)
        }
    }
}

async fn begun(
    request: &mut ShardRequest,
    head: &mut ShardHead,
    parts: &PartSender,
) -> Result<(), NoAttempts> {
    let tree = Tree::obtain(request).await?;
    request.checkout.forget_credentials();
    head.commit.clone_from(&tree.commit);
    head.notes.extend(tree.notes.iter().map(|note| (note.code.clone(), note.text.clone())));
    let mut machine = Machine::start(request, &tree).await?;
    head.best = machine.capabilities.best;
    head.used = machine.level;
    let obstacles = machine.capabilities.obstacles.iter();
    head.obstacles = obstacles.map(|o| (o.what.clone(), o.how_to_raise.clone())).collect();
    let done = match machine.install(request, &tree).await {
        Ok(()) => attempts(request, &mut machine, head, parts).await.map_err(NoAttempts::Error),
        Err(none) => Err(none),
    };
    machine.end(&request.order).await;
    done
}

async fn attempts(
    request: &mut ShardRequest,
    machine: &mut Machine,
    head: &ShardHead,
    parts: &PartSender,
) -> Result<(), ShardError> {
    send(parts, ShardPart::Head(Box::new(head.clone()))).await?;
    let slots = slots(&request.order);
    let shared = Arc::new(Shared {
        common: Common {
            base: machine.base.clone(),
            env_dir: machine.folder.as_ref().map(|folder| folder.path.clone()),
            blobs: std::mem::take(&mut request.order.blobs),
            timeout: request.order.timeout,
            quota: request.order.output_quota,
        },
        level: machine.level,
        executor: machine.executor.clone(),
        waiting: Mutex::new(std::mem::take(&mut request.order.attempts).into_iter()),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..slots {
        let (shared, parts) = (Arc::clone(&shared), parts.clone());
        tasks.spawn(async move { shared.one_after_the_other(&parts).await });
    }
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|panic| ShardError::Broke(panic.to_string()))??;
        }
        Ok(())
    };
    let done = tokio::select! {
        done = all => done,
        () = request.cancel.cancelled() => Err(ShardError::Stopped),
    };
    // Whatever still runs is killed with its task.
    tasks.shutdown().await;
    done
}

/// What the slots work on.
struct Shared {
    common: Common,
    level: IsolationUsed,
    executor: LocalExecutor,
    waiting: Mutex<std::vec::IntoIter<WireOrder>>,
}

impl Shared {
    /// The attempts of one slot. The next begins when whoever takes the last one has room for it, so that no more of
    /// them are in memory than there are slots.
    async fn one_after_the_other(&self, parts: &PartSender) -> Result<(), ShardError> {
        while let Some(order) = self.next() {
            let attempt = self.attempt(&order).await?;
            send(parts, ShardPart::Attempt(Box::new(attempt))).await?;
        }
        Ok(())
    }

    fn next(&self) -> Option<WireOrder> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    async fn attempt(&self, order: &WireOrder) -> Result<WireAttempt, ShardError> {
        let raw = async {
            let mut slot = self.executor.acquire(self.level).await?;
            let spec = self.common.spec(order, slot.paths())?;
            slot.run(spec).await
        };
        match raw.await {
            Ok(raw) => {
                let quota = self.common.quota;
                let packed = tokio::task::spawn_blocking(move || packed(&raw, quota)).await;
                packed.map_err(|panic| ShardError::Broke(panic.to_string()))
            }
            Err(error @ (ExecError::Closed | ExecError::LauncherLost(_))) => Err(error.into()),
            Err(error) => Ok(not_made(order, &error)),
        }
    }
}

/// Nobody takes parts any more: nobody wants the shard.
async fn send(parts: &PartSender, part: ShardPart) -> Result<(), ShardError> {
    parts.send(part).await.map_err(|_| ShardError::Stopped)
}

fn empty_head(order: &ShardOrder) -> ShardHead {
    ShardHead {
        version: WIRE_VERSION,
        run: order.run.clone(),
        shard: order.shard,
        worker_version: env!("CARGO_PKG_VERSION").into(),
        commit: None,
        best: IsolationUsed::Shared,
        used: IsolationUsed::Shared,
        obstacles: Vec::new(),
        notes: Vec::new(),
        failure: None,
    }
}

fn failure(aside: SetAside) -> ShardFailure {
    let kind = match aside.cause {
        Cause::RepositoryUnreachable => ShardFailureKind::RepositoryUnreachable,
        Cause::InstallFailed => ShardFailureKind::InstallFailed,
        _ => ShardFailureKind::Infrastructure,
    };
    ShardFailure { kind, why: aside.why, hint: aside.hint }
}
