//! All attempts of a run: the first one alone, the others side by side, and what failed once more with nothing
//! beside it.

use std::path::PathBuf;
use std::sync::Arc;

use flaky_config::{EnvName, EnvValue, PluginAddress};
use flaky_core::report::{IsolationReport, IsolationUsed, SeedReport};
use flaky_core::verdict::Cause;

use crate::attempt::{Judgement, SetAside};
use crate::conduct::{Conductor, DoneAttempt, PlannedAttempt, spawn_all};
use crate::event::{Events, RunEvent};
use crate::journal::{Journal, RunRecord, record_version};
use crate::run::{AttemptChoice, RunError, Stage};
use crate::tally::Tally;
use crate::{confirm, isolation};

impl Stage<'_> {
    pub(crate) async fn attempts(
        &self,
        conductor: Arc<Conductor>,
        tally: &mut Tally,
        start: isolation::Start,
        plan: &[PlannedAttempt],
    ) -> Result<Outcome, RunError> {
        let cancel = &self.request.cancel;
        let Some((first, rest)) = plan.split_first() else {
            return Ok(Outcome::before_attempts(interrupted_early(), &start));
        };
        self.announce(plan);
        let fallback = start.clone();
        let chosen = tokio::select! {
            chosen = isolation::choose(&conductor, start, *first) => chosen?,
            () = cancel.cancelled() => return Ok(Outcome::interrupted(&fallback)),
        };
        let level = chosen.report.used;
        let journal = self.journal(level, plan);
        let mut taker = Taker { tally, journal, events: self.events };
        let certain = match &chosen.first.judgement {
            Judgement::SetAside(aside) if aside.is_certain() => Some(aside.clone()),
            _ => None,
        };
        taker.take(chosen.first, false);
        let mut outcome =
            Outcome { isolation: chosen.report, obstacle: chosen.mismatch.or(certain), interrupted: false };
        if outcome.obstacle.is_some() {
            return Ok(outcome);
        }
        let mut tasks = spawn_all(&conductor, rest.iter().copied(), level);
        loop {
            let done = tokio::select! {
                done = tasks.join_next() => done,
                () = cancel.cancelled() => break,
            };
            match done {
                None => break,
                Some(Ok(done)) => taker.take(done?, false),
                // A panic in one attempt's task is our fault, and must not take the run with it.
                Some(Err(panic)) => taker.lost(&panic.to_string()),
            }
        }
        tasks.shutdown().await;
        if !cancel.is_cancelled()
            && confirm::is_needed(level, self.settings.parallelism.value.get(), plan.len())
        {
            self.confirm(&conductor, &mut taker, level, plan).await?;
        }
        outcome.interrupted = cancel.is_cancelled();
        Ok(outcome)
    }

    async fn confirm(
        &self,
        conductor: &Arc<Conductor>,
        taker: &mut Taker<'_>,
        level: IsolationUsed,
        plan: &[PlannedAttempt],
    ) -> Result<(), RunError> {
        let suspects = taker.tally.suspects();
        if suspects.is_empty() || matches!(self.request.attempts, AttemptChoice::Repeat { .. }) {
            return Ok(());
        }
        self.events.send(RunEvent::Confirming { at_most: confirm::AT_MOST });
        let cancel = &self.request.cancel;
        confirm::confirm(conductor, level, suspects, plan, cancel, |done| {
            let failing = taker.tally.failing_in(&done);
            taker.take(done, true);
            failing
        })
        .await?;
        Ok(())
    }

    fn announce(&self, plan: &[PlannedAttempt]) {
        let master_seed = match (self.seeds().report(), self.request.attempts) {
            (SeedReport::Drawn { master, .. }, AttemptChoice::Planned) => Some(master),
            _ => None,
        };
        self.events.send(RunEvent::Planned {
            run: self.request.run.clone(),
            attempts: u32::try_from(plan.len()).unwrap_or(u32::MAX),
            parallelism: self.settings.parallelism.value.get(),
            master_seed,
        });
    }

    /// Secrets that the user passed on are not written down: `flaky reproduce` takes them anew.
    fn recorded_env(&self) -> Vec<(String, Option<String>)> {
        let secret = |name: &str| self.request.withheld.iter().any(|w| w == name);
        let value =
            |name: &EnvName, value: &EnvValue| (!secret(name.as_str())).then(|| value.as_str().to_owned());
        self.settings.env.iter().map(|(n, v)| (n.as_str().to_owned(), value(n, v))).collect()
    }

    /// A journal that cannot be written costs the record, not the run.
    fn journal(&self, level: IsolationUsed, plan: &[PlannedAttempt]) -> Option<Journal> {
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
            seeds: plan.iter().map(|p| p.seed).collect(),
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

/// As another folder can name it.
fn plugin_address(address: &PluginAddress) -> String {
    match address {
        PluginAddress::File(path) => {
            std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
        }
        PluginAddress::Builtin(_) => address.to_string(),
    }
}

/// How the attempts went, beside what they said.
pub(crate) struct Outcome {
    pub(crate) isolation: IsolationReport,
    pub(crate) obstacle: Option<SetAside>,
    pub(crate) interrupted: bool,
}

impl Outcome {
    pub(crate) fn before_attempts(aside: SetAside, start: &isolation::Start) -> Self {
        let interrupted = aside.cause == Cause::Interrupted;
        Self { obstacle: Some(aside), interrupted, ..Self::interrupted(start) }
    }

    fn interrupted(start: &isolation::Start) -> Self {
        let isolation = IsolationReport { asked: start.asked, used: start.level, why: start.why.clone() };
        Self { isolation, obstacle: None, interrupted: true }
    }
}

/// Takes in what attempts said: tally, journal, events.
struct Taker<'a> {
    tally: &'a mut Tally,
    journal: Option<Journal>,
    events: &'a Events,
}

impl Taker<'_> {
    fn take(&mut self, done: DoneAttempt, alone: bool) {
        let (index, seed, exit, wall) = (done.planned.index, done.planned.seed, done.exit, done.usage.wall);
        let (verdict, line) = self.tally.add(done, alone);
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(&line)
        {
            self.events.send(RunEvent::Warning(format!("the journal cannot be written: {error}")));
            self.journal = None;
        }
        if !alone {
            self.events.send(RunEvent::AttemptFinished { index, seed, exit, verdict, wall });
        }
    }

    fn lost(&mut self, why: &str) {
        self.tally.finished += 1;
        self.tally.set_aside.push(SetAside {
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
