//! A run whose attempts are made on an endpoint, from its first word to its bill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flaky_core::report::Note;
use flaky_core::settings::BackendKind;
use flaky_exec::checkout::RepositorySource;

use super::{Remote, RemoteAccess, RemoteError, Scouted, access};
use crate::attempts::{Outcome, interrupted_early};
use crate::backend::Backend;
use crate::conduct::PlannedAttempt;
use crate::isolation;
use crate::journal::{Journal, read_record};
use crate::run::{RunError, Stage};
use crate::tally::Tallies;

impl Stage<'_> {
    /// How to reach the endpoint, if attempts are to be made on one.
    pub(crate) fn endpoint(&self) -> Option<&RemoteAccess> {
        self.request.remote.as_ref().filter(|_| self.settings.backend.value.kind == BackendKind::RunPod)
    }

    /// On an endpoint; with the time from the first submission.
    pub(crate) async fn remotely(
        &self,
        access: &RemoteAccess,
        tallies: &mut Tallies,
        plan: &[PlannedAttempt],
    ) -> Result<(Outcome, Duration), RunError> {
        access::settings(access, self.settings.backend.value.endpoint.as_deref())
            .map_err(RemoteError::from)?;
        let level = self.level_asked_for();
        if access.resume {
            self.is_what_it_was(plan)?;
        }
        // Written before anything is submitted: what it says is enough to go on.
        let journal = self.journal(level, plan);
        let remote = self.remote(access, journal.as_ref().map(Journal::folder)).await?;
        // The first attempt may wait long for a worker: who ends us meanwhile must know what to resume.
        self.announce(plan);
        let begun = Instant::now();
        let outcome = self.on_endpoint(&remote, tallies, plan).await;
        // Also after an error: what is under way is called back, and that is waited for.
        let bill = remote.close().await;
        let mut outcome = outcome?;
        outcome.notes.extend(remote.notes());
        outcome.notes.push(Note { code: "endpoint".into(), text: bill.sentence() });
        if let Some(usd) = bill.ended_by_budget() {
            let text = format!(
                "the budget of {usd} USD was used up: attempts that were not made by then are missing"
            );
            outcome.notes.push(Note { code: "budget".into(), text });
        }
        if !outcome.interrupted {
            remote.forget();
        }
        outcome.bill = Some(bill);
        Ok((outcome, begun.elapsed()))
    }

    /// Attempts of two different runs must not end up in one report.
    fn is_what_it_was(&self, plan: &[PlannedAttempt]) -> Result<(), RemoteError> {
        let run = &self.request.run;
        let changed = |what| Err(RemoteError::Changed { run: run.to_string(), what });
        let Ok(record) = read_record(&self.request.folders.runs(), run) else { return changed("record") };
        if record.command != self.project.command.argv || record.working_directory != self.project.command.cwd
        {
            return changed("test command");
        }
        if !plan.iter().map(|p| p.seed).eq(record.seeds.iter().copied()) {
            return changed("range of seeds");
        }
        let fetched = matches!(self.request.source, RepositorySource::Remote(_));
        if fetched && record.commit != self.sources.commit {
            return changed("commit");
        }
        Ok(())
    }

    async fn on_endpoint(
        &self,
        remote: &Arc<Remote>,
        tallies: &mut Tallies,
        plan: &[PlannedAttempt],
    ) -> Result<Outcome, RunError> {
        let (asked, level) = (self.settings.isolation.value, self.level_asked_for());
        let unknown = isolation::Start { asked, level, why: None, compare: false };
        let Some(first) = plan.first() else {
            return Ok(Outcome::before_attempts(interrupted_early(), &unknown));
        };
        self.events.stage("waiting for a worker of the endpoint");
        let scouted = tokio::select! {
            scouted = remote.scout(first.clone(), level) => scouted?,
            () = self.request.cancel.cancelled() => {
                return Ok(Outcome::before_attempts(interrupted_early(), &unknown));
            }
        };
        let machine = match scouted {
            Scouted::Machine(machine) => machine,
            Scouted::Obstacle(aside) => return Ok(Outcome::before_attempts(aside, &unknown)),
        };
        let start = isolation::start(asked, self.settings.network.value, &machine)?;
        self.attempts(&Backend::Remote(Arc::clone(remote)), tallies, start, plan).await
    }
}
