//! When all but a few tests are decided, the attempts that are left run those few alone. What is seen there is kept
//! apart: without its suite a test may behave differently.

use std::collections::BTreeSet;
use std::sync::Arc;

use flaky_core::ids::TestId;
use flaky_core::ledger::AttemptKind;
use flaky_core::report::{IsolationUsed, Note};
use flaky_plugin_host::{Command, Selection};

use crate::attempts::Taker;
use crate::backend::{Backend, Manner};
use crate::conduct::PlannedAttempt;
use crate::limits::Limits;
use crate::run::{RunError, Stage};

impl Stage<'_> {
    /// Whether some tests can be run without the others here.
    pub(crate) fn can_select(&self, backend: &Backend) -> bool {
        matches!(backend, Backend::Local(_)) && self.project.framework.is_some()
    }

    /// The command that runs these tests alone; `None` where the framework cannot say it.
    pub(crate) async fn selecting(&self, tests: &[TestId]) -> Option<Command> {
        let framework = self.project.framework.as_ref()?;
        match framework.plugin.select(&self.project.command, &Selection::Only(tests.to_vec())).await {
            Ok(command) => Some(command),
            Err(error) => {
                framework.fault(&error);
                None
            }
        }
    }

    /// Runs the tests that are not decided yet without the others, with the attempts of the plan that were not made.
    pub(crate) async fn narrow(
        &self,
        backend: &Backend,
        taker: &mut Taker<'_>,
        level: IsolationUsed,
        plan: &[PlannedAttempt],
        open: Vec<TestId>,
        limits: &Limits,
    ) -> Result<Option<Note>, RunError> {
        let Some(certainty) = self.certainty() else { return Ok(None) };
        let Some(command) = self.selecting(&open).await else { return Ok(None) };
        let command = Arc::new(command);
        let made = taker.tallies.head.finished as usize;
        let left = plan.iter().skip(made);
        let narrowed: Vec<PlannedAttempt> =
            left.map(|p| PlannedAttempt { command: Some(Arc::clone(&command)), ..p.clone() }).collect();
        let mut attempts = backend.attempts(narrowed, level, Manner::SideBySide);
        let open: BTreeSet<TestId> = open.into_iter().collect();
        let mut result = Ok(());
        while !taker.tallies.head.are_decided_alone(&open, &certainty) {
            match attempts.next_read(limits).await {
                Ok(None) => break,
                Ok(Some(done)) => taker.take(*done, AttemptKind::Selected),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        attempts.stop().await;
        result?;
        let tests = if open.len() == 1 { "1 test".to_owned() } else { format!("{} tests", open.len()) };
        let text = format!(
            "after {made} of {} attempts {tests} were not decided: {} more attempts ran these without the others, \
             counted apart",
            plan.len(),
            taker.tallies.head.selected
        );
        Ok(Some(Note { code: "narrowed".into(), text }))
    }
}
