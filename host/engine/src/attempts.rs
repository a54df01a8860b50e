//! All attempts of a run: the first one alone, the others side by side, and what failed once more with nothing
//! beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use flaky_config::{EnvName, EnvValue, PluginAddress};
use flaky_core::ids::TestId;
use flaky_core::ledger::AttemptKind;
use flaky_core::report::{IsolationReport, IsolationUsed, Note, Reproduction, SeedReport};
use flaky_core::settings::StopRule;
use flaky_core::stop::Certainty;
use flaky_core::verdict::Cause;

use crate::attempt::{Judgement, SetAside};
use crate::backend::{Arrival, Backend, Manner};
use crate::conduct::{DoneAttempt, PlannedAttempt, Side};
use crate::event::{Events, RunEvent};
use crate::journal::{Journal, RemoteRecord, RunRecord, record_version};
use crate::limits::Limits;
use crate::remote::Bill;
use crate::run::{AttemptChoice, RunError, Stage};
use crate::tally::Tallies;
use crate::{confirm, isolation};

/// The failure rate that early stopping must not miss.
const ASKED_RATE: f64 = 0.10;

/// The probability with which it may, per test. Attempts that this and the rate ask for: `benches/verdicts` of core.
const STOP_ERROR: f64 = 0.05;

impl Stage<'_> {
    pub(crate) async fn attempts(
        &self,
        backend: &Backend,
        tallies: &mut Tallies,
        start: isolation::Start,
        plan: &[PlannedAttempt],
    ) -> Result<Outcome, RunError> {
        let Some(first) = plan.first() else {
            return Ok(Outcome::before_attempts(interrupted_early(), &start));
        };
        if matches!(backend, Backend::Local(_)) {
            self.announce(plan);
        }
        let limits =
            Limits::start(self.request.cancel.clone(), self.settings.time_budget.as_ref().map(|b| b.value));
        let fallback = start.clone();
        let chosen = tokio::select! {
            chosen = isolation::choose(backend, start, first.clone()) => chosen?,
            () = limits.reached() => return Ok(match limits.too_short() {
                Some(aside) => Outcome::before_attempts(aside, &fallback),
                None => Outcome::interrupted(&fallback),
            }),
        };
        let level = chosen.report.used;
        let journal = self.journal(level, plan);
        let mut taker = Taker { tallies, journal, events: self.events };
        let certain = match &chosen.first.judgement {
            Judgement::SetAside(aside) if aside.is_certain() => Some(aside.clone()),
            _ => None,
        };
        taker.take(chosen.first, AttemptKind::SideBySide);
        let mut outcome = Outcome {
            isolation: chosen.report,
            obstacle: chosen.mismatch.or(certain),
            interrupted: false,
            notes: Vec::new(),
            bill: None,
            reproductions: BTreeMap::new(),
        };
        if outcome.obstacle.is_some() {
            return Ok(outcome);
        }
        let enough = self.suite(backend, &mut taker, level, plan, &limits, &mut outcome).await?;
        taker.tallies.set_mass_failures_aside();
        let needed = confirm::is_needed(level, self.settings.parallelism.value.get(), plan.len());
        if !limits.are_reached() && needed {
            self.confirm(backend, &mut taker, level, plan, &limits).await?;
        }
        if !limits.are_reached()
            && let Enough::Nearly(open) = enough
        {
            let note = self.narrow(backend, &mut taker, level, plan, open, &limits).await?;
            outcome.notes.extend(note);
        }
        if !limits.are_reached() {
            let head = &mut taker.tallies.head;
            outcome.reproductions = self.repeat(backend, head, level, plan, &limits).await?;
        }
        outcome.notes.extend(limits.note(taker.tallies.head.finished, plan.len()));
        outcome.interrupted = self.request.cancel.is_cancelled();
        Ok(outcome)
    }

    /// The attempts of the whole suite, as many as are needed.
    async fn suite(
        &self,
        backend: &Backend,
        taker: &mut Taker<'_>,
        level: IsolationUsed,
        plan: &[PlannedAttempt],
        limits: &Limits,
        outcome: &mut Outcome,
    ) -> Result<Enough, RunError> {
        let has_base = taker.tallies.base.is_some();
        let mut attempts = backend.attempts(after_the_first(plan, has_base), level, Manner::SideBySide);
        let mut enough = Enough::No;
        loop {
            let arrived = tokio::select! {
                arrived = attempts.next() => arrived,
                () = limits.reached() => break,
            };
            match arrived {
                None => break,
                Some(Ok(Arrival::Done(done))) => taker.take(*done, AttemptKind::SideBySide),
                Some(Ok(Arrival::Lost(why))) => taker.lost(&why),
                Some(Err(error)) => {
                    attempts.stop().await;
                    return Err(error.into());
                }
            }
            enough = self.enough(backend, taker.tallies);
            match &enough {
                Enough::No => {}
                Enough::Yes => {
                    outcome.notes.extend(taker.tallies.head.stop_early(plan.len()));
                    break;
                }
                Enough::Nearly(_) => {
                    taker.tallies.head.stopped_early();
                    break;
                }
            }
        }
        attempts.stop().await;
        Ok(enough)
    }

    async fn confirm(
        &self,
        backend: &Backend,
        taker: &mut Taker<'_>,
        level: IsolationUsed,
        plan: &[PlannedAttempt],
        limits: &Limits,
    ) -> Result<(), RunError> {
        let suspects = taker.tallies.head.suspects();
        if suspects.is_empty() || matches!(self.request.attempts, AttemptChoice::Repeat { .. }) {
            return Ok(());
        }
        self.events.send(RunEvent::Confirming { at_most: confirm::AT_MOST });
        confirm::confirm(backend, level, suspects, plan, limits, |done| {
            let failing = taker.tallies.head.failing_in(&done);
            taker.take(done, AttemptKind::Alone);
            failing
        })
        .await?;
        Ok(())
    }

    /// Whether what is known suffices, asked after every attempt: what still runs is then ended, here or on an endpoint.
    fn enough(&self, backend: &Backend, tallies: &Tallies) -> Enough {
        let (StopRule::Certain, AttemptChoice::Planned) = (self.settings.stop.value, self.request.attempts)
        else {
            return Enough::No;
        };
        let Some(certainty) = self.certainty() else { return Enough::No };
        if tallies.are_decided(&certainty) {
            return Enough::Yes;
        }
        // Tests that every attempt runs are decided by then, whatever they do.
        let few = tallies.head.counted >= certainty.attempts_needed() && tallies.base.is_none();
        if !few || !self.can_select(backend) {
            return Enough::No;
        }
        let open = tallies.head.undecided(&certainty);
        if open.is_empty() || open.len() * 2 > tallies.head.test_count() {
            return Enough::No;
        }
        Enough::Nearly(open)
    }

    /// Early stopping asks for the rate that the verdicts themselves ask for, where that is lower than its own.
    pub(crate) fn certainty(&self) -> Option<Certainty> {
        let asked = self.settings.stable_below.value.min(self.settings.broken_below.value);
        Certainty::new(asked.min(ASKED_RATE), STOP_ERROR)
    }

    pub(crate) fn announce(&self, plan: &[PlannedAttempt]) {
        let master_seed = match (self.seeds().report(), self.request.attempts) {
            (SeedReport::Drawn { master, .. }, AttemptChoice::Planned) => Some(master),
            _ => None,
        };
        let commits = if self.base.is_some() { 2 } else { 1 };
        self.events.send(RunEvent::Planned {
            run: self.request.run.clone(),
            attempts: u32::try_from(plan.len() * commits).unwrap_or(u32::MAX),
            parallelism: self.settings.parallelism.value.get(),
            master_seed,
        });
    }

    /// Variables of the settings whose names look like a secret's: the user's word is enough for tests to get them, and
    /// for no more.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let names = self.settings.env.iter().map(|(name, _)| (name.as_str().into(), OsString::new()));
        flaky_exec::environment::inherited(names).withheld
    }

    /// Secrets that the user passed on are not written down: `flaky reproduce` takes them anew.
    fn recorded_env(&self) -> Vec<(String, Option<String>)> {
        let secrets = self.secrets();
        let value = |name: &EnvName, value: &EnvValue| {
            (!secrets.iter().any(|s| s == name.as_str())).then(|| value.as_str().to_owned())
        };
        self.settings.env.iter().map(|(n, v)| (n.as_str().to_owned(), value(n, v))).collect()
    }

    /// A journal that cannot be written costs the record, not the run.
    pub(crate) fn journal(&self, level: IsolationUsed, plan: &[PlannedAttempt]) -> Option<Journal> {
        let request = &self.request;
        if matches!(request.attempts, AttemptChoice::Repeat { .. }) {
            return None;
        }
        let absolute = |p: &PathBuf| std::path::absolute(p).unwrap_or_else(|_| p.clone());
        let record = RunRecord {
            record_version: record_version(),
            run: request.run.clone(),
            source: self.sources.name.clone(),
            reference: request.reference.as_ref().map(|r| r.as_str().to_owned()),
            commit: self.sources.commit.clone(),
            command: self.project.command.argv.clone(),
            working_directory: self.project.command.cwd.clone(),
            timeout: self.settings.timeout.value.get(),
            isolation: level,
            env: self.recorded_env(),
            install: self.settings.auto_install.value,
            config: request.config.as_ref().map(absolute),
            plugins: request.flags.plugins.iter().map(plugin_address).collect(),
            conditions: self.settings.conditions.value.clone(),
            seeds: plan.iter().map(|p| p.seed).collect(),
            remote: self.remote_record(),
        };
        match Journal::create(&request.folders.runs(), &record) {
            Ok(journal) => Some(journal),
            Err(error) => {
                let folder = request.folders.runs();
                self.events.send(RunEvent::Warning(format!(
                    "`{}` cannot be written ({error}): this run cannot be reproduced by its id",
                    folder.display()
                )));
                None
            }
        }
    }
}

impl Stage<'_> {
    /// What a resumed run has to be told, beside what every record says.
    fn remote_record(&self) -> Option<RemoteRecord> {
        let backend = &self.settings.backend.value;
        let access = self.endpoint()?;
        Some(RemoteRecord {
            endpoint: backend.endpoint.clone().or_else(|| access.endpoint.clone()),
            command_named: self.settings.test_command.is_some(),
            parallelism: self.settings.parallelism.value.get(),
            isolation_asked: self.settings.isolation.value,
            network: self.settings.network.value,
            stop: self.settings.stop.value,
            fail_on: self.settings.fail_on.value,
            seeds: self.seeds().report(),
            shards: backend.shards,
            budget: backend.budget,
        })
    }
}

/// As another folder can name it.
fn plugin_address(address: &PluginAddress) -> String {
    match address {
        PluginAddress::File(path) => {
            std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
        }
        PluginAddress::Builtin(_) | PluginAddress::Remote(_) => address.to_string(),
    }
}

/// Whether a run may stop.
enum Enough {
    No,
    /// Every test is decided.
    Yes,
    /// All but these are, which can be run without the others.
    Nearly(Vec<TestId>),
}

/// The plan behind its first attempt. With a base, each attempt is made at both commits, one right after the other: what
/// changes on the machine meanwhile changes for both. Which comes first alternates.
fn after_the_first(plan: &[PlannedAttempt], has_base: bool) -> Vec<PlannedAttempt> {
    let at_base = |planned: &PlannedAttempt| PlannedAttempt { side: Side::Base, ..planned.clone() };
    let mut queue = Vec::with_capacity(plan.len() * 2);
    for (position, planned) in plan.iter().enumerate() {
        let base = has_base.then(|| at_base(planned));
        let head = (position > 0).then(|| planned.clone());
        if position % 2 == 0 {
            queue.extend(head.into_iter().chain(base));
        } else {
            queue.extend(base.into_iter().chain(head));
        }
    }
    queue
}

/// How the attempts went, beside what they said.
pub(crate) struct Outcome {
    pub(crate) isolation: IsolationReport,
    pub(crate) obstacle: Option<SetAside>,
    pub(crate) interrupted: bool,
    /// Things the reader should know.
    pub(crate) notes: Vec<Note>,
    /// What an endpoint took.
    pub(crate) bill: Option<Bill>,
    /// How failures can be repeated.
    pub(crate) reproductions: BTreeMap<TestId, Reproduction>,
}

impl Outcome {
    pub(crate) fn before_attempts(aside: SetAside, start: &isolation::Start) -> Self {
        let interrupted = aside.cause == Cause::Interrupted;
        Self { obstacle: Some(aside), interrupted, ..Self::interrupted(start) }
    }

    pub(crate) fn interrupted(start: &isolation::Start) -> Self {
        let isolation = IsolationReport { asked: start.asked, used: start.level, why: start.why.clone() };
        let (notes, reproductions) = (Vec::new(), BTreeMap::new());
        Self { isolation, obstacle: None, interrupted: true, notes, bill: None, reproductions }
    }
}

/// Takes in what attempts said: tally, journal, events.
pub(crate) struct Taker<'a> {
    pub(crate) tallies: &'a mut Tallies,
    journal: Option<Journal>,
    events: &'a Events,
}

impl Taker<'_> {
    pub(crate) fn take(&mut self, done: DoneAttempt, kind: AttemptKind) {
        let (index, seed, exit, wall) = (done.planned.index, done.planned.seed, done.exit, done.usage.wall);
        let Some(tally) = self.tallies.of(done.planned.side) else { return };
        let (verdict, line) = tally.add(done, kind);
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(&line)
        {
            self.events.send(RunEvent::Warning(format!("the journal cannot be written: {error}")));
            self.journal = None;
        }
        if kind == AttemptKind::SideBySide {
            self.events.send(RunEvent::AttemptFinished { index, seed, exit, verdict, wall });
        }
    }

    pub(crate) fn lost(&mut self, why: &str) {
        let tally = &mut self.tallies.head;
        tally.finished += 1;
        tally.set_aside.push(SetAside {
            cause: Cause::Infrastructure,
            why: format!("reading the attempt broke: {why}"),
            hint: Some("this is a fault of `flaky`: please report it".into()),
        });
    }
}

pub(crate) fn interrupted_early() -> SetAside {
    SetAside {
        cause: Cause::Interrupted,
        why: "interrupted before the first attempt".into(),
        hint: Some("run it again for a verdict".into()),
    }
}
