//! One call: attempts that a run asks for together, from shards to what is read of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flaky_core::ids::AttemptIndex;
use flaky_core::report::IsolationUsed;
use flaky_core::verdict::Cause;
use flaky_runpod::JobId;
use flaky_runpod::fleet::{self, FleetError, FleetEvent, FleetPlan, FleetSettings, FleetSignals, Shard};
use flaky_runpod::wire::{ShardHead, WireAttempt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::input::{ShardOrders, most_in_an_order};
use super::scout::failed_before;
use super::unpack::unpack;
use super::{Remote, RemoteError, lock, whole_seconds};
use crate::attempt::SetAside;
use crate::backend::{Arrival, ArrivalSender, Manner};
use crate::conduct::{DoneAttempt, PlannedAttempt};
use crate::event::{RunEvent, ShardEvent, ShardState};
use crate::read::{not_made, set_aside};

/// Attempts read at once: parsing is work for cores, and the client has few to spare.
const READING: usize = 4;
/// Events of the fleet that may wait; each may hold an attempt.
const EVENTS_WAITING: usize = 16;
/// How often a budget is looked at while nothing is heard.
const BUDGET_EVERY: Duration = Duration::from_secs(1);

/// Makes the attempts of one call that an earlier client has not made, and reads all of them.
pub(super) async fn run(
    remote: &Arc<Remote>,
    number: u32,
    plan: Vec<PlannedAttempt>,
    level: IsolationUsed,
    manner: Manner,
    sender: &ArrivalSender,
) -> Result<(), RemoteError> {
    let open: BTreeMap<AttemptIndex, PlannedAttempt> = match manner {
        Manner::SideBySide => plan.into_iter().map(|p| (p.index, p)).collect(),
        // An attempt may be repeated more than once: its place in the order is what tells the repetitions apart.
        Manner::Alone => (0..).map(AttemptIndex).zip(plan).collect(),
    };
    let disk = |source| RemoteError::Disk { what: "what was kept of the run cannot be read", source };
    let kept = match &remote.store {
        Some(store) => store.call(number, level).map_err(disk)?,
        None => super::store::Call::default(),
    };
    let mut call = Call::new(remote, number, manner, open, sender);
    if let Some(head) = kept.head {
        call.note_head(head, level);
    }
    for attempt in kept.attempts {
        call.take(attempt, false).await;
    }
    call.all_read().await;
    if call.open.is_empty() || sender.is_closed() || remote.spent_up.is_cancelled() {
        return Ok(());
    }
    call.conduct(level, kept.shards, kept.jobs).await
}

/// A call under way.
struct Call<'a> {
    remote: &'a Arc<Remote>,
    number: u32,
    manner: Manner,
    /// Not handed over yet, by their place in the orders.
    open: BTreeMap<AttemptIndex, PlannedAttempt>,
    shards: BTreeMap<u32, Tracked>,
    reading: JoinSet<DoneAttempt>,
    sender: &'a ArrivalSender,
    /// Seconds of shards that ended, as told one by one.
    added_up: u64,
}

/// A shard, as far as it is.
#[derive(Debug, Default)]
struct Tracked {
    attempts: BTreeSet<AttemptIndex>,
    done: u32,
    failure: Option<SetAside>,
}

impl<'a> Call<'a> {
    fn new(
        remote: &'a Arc<Remote>,
        number: u32,
        manner: Manner,
        open: BTreeMap<AttemptIndex, PlannedAttempt>,
        sender: &'a ArrivalSender,
    ) -> Self {
        let (shards, reading) = (BTreeMap::new(), JoinSet::new());
        Self { remote, number, manner, open, shards, reading, sender, added_up: 0 }
    }

    async fn conduct(
        mut self,
        level: IsolationUsed,
        cut_before: Vec<Shard>,
        known: Vec<(u32, JobId)>,
    ) -> Result<(), RemoteError> {
        let remote = Arc::clone(self.remote);
        let orders = Arc::new(self.orders(level).await);
        let shards = self.cut(cut_before, &orders).await?;
        if known.is_empty() || shards.iter().any(|s| !known.iter().any(|(of, _)| *of == s.number)) {
            remote.keep(|store| store.cut(self.number, level, &shards));
        }
        for shard in &shards {
            let attempts = shard.attempts.iter().copied().collect();
            self.shards.insert(shard.number, Tracked { attempts, ..Tracked::default() });
        }
        let most = shards.iter().map(|s| s.attempts.len()).max().unwrap_or(0);
        let settings = FleetSettings {
            policy: remote.limits.policy(most, orders.parallelism),
            ..FleetSettings::default()
        };
        let signals = FleetSignals::default();
        let (events, received) = mpsc::channel(EVENTS_WAITING);
        let (endpoint, plan) = (remote.endpoint.clone(), FleetPlan { shards, orders, known });
        let called_back = signals.clone();
        let conducting =
            tokio::spawn(async move { fleet::conduct(&endpoint, plan, settings, events, signals).await });
        self.follow(received, &called_back, level).await;
        let broken = |e: tokio::task::JoinError| FleetError::Broken { why: e.to_string() };
        let summary = conducting.await.map_err(broken)??;
        lock(&remote.bill).settle(&summary, self.added_up);
        if !summary.left.is_empty() {
            let left: Vec<&str> = summary.left.iter().map(JobId::as_str).collect();
            remote.warn(format!(
                "{} of the run may still be on the endpoint, and be billed: {}",
                if left.len() == 1 { "a job" } else { "jobs" },
                left.join(", ")
            ));
        }
        Ok(())
    }

    async fn follow(
        &mut self,
        mut events: mpsc::Receiver<FleetEvent>,
        signals: &FleetSignals,
        level: IsolationUsed,
    ) {
        let mut tick = tokio::time::interval(BUDGET_EVERY);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = self.sender.closed(), if !signals.cancel.is_cancelled() => {
                    signals.cancel.cancel();
                    continue;
                }
                _ = tick.tick() => {
                    if lock(&self.remote.bill).is_over_budget() {
                        self.remote.spent_up.cancel();
                        signals.stop.cancel();
                    }
                    continue;
                }
                Some(read) = self.reading.join_next(), if !self.reading.is_empty() => {
                    self.hand_over(read).await;
                    continue;
                }
            };
            match event {
                Some(event) => self.event(event, level).await,
                None => break,
            }
        }
        self.all_read().await;
    }

    async fn event(&mut self, event: FleetEvent, level: IsolationUsed) {
        match event {
            FleetEvent::Submitted { shard, job } => {
                self.remote.keep(|store| store.submitted(shard, &job));
                let attempts = self.tracked(shard, |t| t.attempts.len());
                let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
                self.tell(shard, ShardState::Submitted { attempts, job: job.to_string() });
            }
            FleetEvent::Started { shard, worker } => {
                lock(&self.remote.bill).started(shard);
                self.tell(shard, ShardState::Started { worker });
            }
            FleetEvent::Head { shard, head } => {
                let failure = head.failure.as_ref().map(failed_before);
                self.tracked(shard, |tracked| tracked.failure = failure);
                let (remote, number) = (Arc::clone(self.remote), self.number);
                remote.keep(|store| store.head(number, &head));
                self.note_head(*head, level);
            }
            FleetEvent::Attempt { shard, attempt } => {
                let done = self.tracked(shard, |tracked| {
                    tracked.done += 1;
                    tracked.done
                });
                self.take(*attempt, true).await;
                self.tell(shard, ShardState::Progress { done });
            }
            FleetEvent::Resubmitted { shard, why } => self.tell(shard, ShardState::Resubmitted { why }),
            FleetEvent::Ended { shard, execution, .. } => self.ended(shard, execution).await,
            FleetEvent::Lost { shard, attempts, why } => {
                lock(&self.remote.bill).ended(shard, 0);
                let aside = SetAside {
                    cause: Cause::Infrastructure,
                    why: format!("the endpoint did not make the attempt: {why}"),
                    hint: Some("look at the endpoint's workers and logs in RunPod's console".to_owned()),
                };
                self.tell(shard, ShardState::Lost { why });
                self.give_up(attempts, &aside).await;
            }
            FleetEvent::Stopped { shard, .. } => {
                lock(&self.remote.bill).ended(shard, 0);
                self.tell(shard, ShardState::Stopped);
            }
            // Of a later version: nothing that decides.
            _ => {}
        }
    }

    async fn ended(&mut self, shard: u32, execution: Option<Duration>) {
        let seconds = execution.map_or(0, whole_seconds);
        self.added_up = self.added_up.saturating_add(seconds);
        lock(&self.remote.bill).ended(shard, seconds);
        self.remote.keep(|store| store.ended(shard, seconds));
        self.tell(shard, ShardState::Ended { execution });
        let (missing, failure) = self.tracked(shard, |t| (t.attempts.clone(), t.failure.clone()));
        let missing: Vec<AttemptIndex> = missing.into_iter().filter(|i| self.open.contains_key(i)).collect();
        let aside = failure.unwrap_or_else(|| SetAside {
            cause: Cause::Infrastructure,
            why: "the worker ended its shard without the attempt".into(),
            hint: None,
        });
        self.give_up(missing, &aside).await;
    }

    /// These will not come: they count as set aside, so that the report knows of every attempt.
    async fn give_up(&mut self, attempts: Vec<AttemptIndex>, aside: &SetAside) {
        for index in attempts {
            if let Some(planned) = self.open.remove(&index) {
                self.hand_over(Ok(set_aside(planned, aside.clone()))).await;
            }
        }
    }

    /// Takes an attempt in, once, whatever comes how often.
    async fn take(&mut self, attempt: WireAttempt, fresh: bool) {
        // What was not asked for in this way is no answer: the attempt stays missing.
        let Some(planned) = self.open.get(&attempt.index).cloned().filter(|p| p.seed == attempt.seed) else {
            return;
        };
        self.open.remove(&attempt.index);
        lock(&self.remote.measured).attempt(&attempt);
        let at_once = match self.manner {
            Manner::SideBySide => READING,
            Manner::Alone => 1,
        };
        while self.reading.len() >= at_once
            && let Some(read) = self.reading.join_next().await
        {
            self.hand_over(read).await;
        }
        let (remote, number) = (Arc::clone(self.remote), self.number);
        self.reading.spawn(async move { read(&remote, number, planned, attempt, fresh).await });
    }

    async fn all_read(&mut self) {
        while let Some(read) = self.reading.join_next().await {
            self.hand_over(read).await;
        }
    }

    /// Nobody who takes it is no error: the call is being called back.
    async fn hand_over(&mut self, read: Result<DoneAttempt, tokio::task::JoinError>) {
        let arrival = match read {
            Ok(done) => Arrival::Done(Box::new(done)),
            Err(panic) => Arrival::Lost(panic.to_string()),
        };
        let _ = self.sender.send(Ok(arrival)).await;
    }

    fn note_head(&mut self, head: ShardHead, level: IsolationUsed) {
        lock(&self.remote.measured).head(head, level);
    }

    fn tracked<T>(&mut self, shard: u32, of: impl FnOnce(&mut Tracked) -> T) -> T {
        of(self.shards.entry(shard).or_default())
    }

    fn tell(&self, shard: u32, state: ShardState) {
        let shards = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        self.remote.events.send(RunEvent::Shard(ShardEvent { shard, shards, state }));
    }

    /// Every open attempt, ready to be sent.
    async fn orders(&self, level: IsolationUsed) -> ShardOrders {
        let template = Arc::clone(&self.remote.template);
        let mut ready = BTreeMap::new();
        for (index, planned) in &self.open {
            ready.insert(*index, template.ready(*index, planned).await);
        }
        let parallelism = match self.manner {
            Manner::SideBySide => self.remote.sizing.parallelism.get(),
            Manner::Alone => 1,
        };
        ShardOrders { template, ready, level, parallelism }
    }

    /// As an earlier client cut them, as far as attempts are missing; what is in none is cut anew.
    async fn cut(&self, before: Vec<Shard>, orders: &Arc<ShardOrders>) -> Result<Vec<Shard>, RemoteError> {
        let mut shards: Vec<Shard> = before
            .into_iter()
            .map(|mut shard| {
                shard.attempts.retain(|index| self.open.contains_key(index));
                shard
            })
            .filter(|shard| !shard.attempts.is_empty())
            .collect();
        let cut: BTreeSet<AttemptIndex> = shards.iter().flat_map(|s| s.attempts.iter().copied()).collect();
        let rest: Vec<AttemptIndex> = self.open.keys().filter(|i| !cut.contains(i)).copied().collect();
        if rest.is_empty() {
            return Ok(shards);
        }
        let most = most_in_an_order(Arc::clone(orders), rest.clone()).await?;
        let parts = match self.manner {
            Manner::SideBySide => self.remote.cut_side_by_side(&rest, most).await,
            // One after the other on one worker: they can be called back as soon as they have told enough.
            Manner::Alone => rest.chunks(most.get() as usize).map(<[_]>::to_vec).collect(),
        };
        let first = self.remote.shard_numbers(parts.len());
        shards.extend((first..).zip(parts).map(|(number, attempts)| Shard { number, attempts }));
        Ok(shards)
    }
}

/// Keeps an attempt, puts it on disk, and reads it.
async fn read(
    remote: &Arc<Remote>,
    number: u32,
    planned: PlannedAttempt,
    attempt: WireAttempt,
    fresh: bool,
) -> DoneAttempt {
    let of = Arc::clone(remote);
    let on_disk = tokio::task::spawn_blocking(move || {
        if fresh {
            of.keep(|store| store.attempt(number, &attempt));
        }
        match attempt.error.clone() {
            Some(why) => Err(format!("the attempt could not be made: {why}")),
            None => unpack(attempt, of.scratch.path())
                .map_err(|e| format!("the attempt could not be put on this machine's disk: {e}")),
        }
    });
    match on_disk.await {
        Ok(Ok(ended)) => remote.reader.read(planned, ended).await,
        Ok(Err(why)) => not_made(planned, why, None),
        Err(panic) => not_made(planned, format!("reading the attempt broke: {panic}"), None),
    }
}
