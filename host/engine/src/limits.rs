//! What ends a run's attempts before its plan does: somebody who asks, or a budget of time.

use std::time::Duration;

use flaky_core::report::Note;
use flaky_core::settings::TimeBudget;
use flaky_core::verdict::Cause;
use tokio::time::Instant;

use crate::attempt::SetAside;
use crate::cancel::Cancel;

/// Seen by every stage that makes attempts.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    cancel: Cancel,
    budget: Option<(Instant, TimeBudget)>,
}

/// A time that never comes in practice: far less than what a timer can hold.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

impl Limits {
    /// The budget begins now.
    pub(crate) fn start(cancel: Cancel, budget: Option<TimeBudget>) -> Self {
        Self { cancel, budget: budget.map(|b| (Instant::now() + b.duration(), b)) }
    }

    /// Waits until no more attempts are wanted. What is under way is then ended and does not count.
    pub(crate) async fn reached(&self) {
        let end = self.budget.map_or_else(|| Instant::now() + NEVER, |(end, _)| end);
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep_until(end) => {}
        }
    }

    /// Whether no more attempts are wanted.
    pub(crate) fn are_reached(&self) -> bool {
        self.cancel.is_cancelled() || self.is_spent()
    }

    fn is_spent(&self) -> bool {
        self.budget.is_some_and(|(end, _)| Instant::now() >= end)
    }

    /// What the reader should know, when the budget cut the plan short.
    pub(crate) fn note(&self, finished: u32, planned: usize) -> Option<Note> {
        let (_, budget) = self.budget.filter(|_| self.is_spent() && !self.cancel.is_cancelled())?;
        ((finished as usize) < planned).then(|| Note {
            code: "budget-spent".into(),
            text: format!(
                "stopped after {finished} of {planned} attempts: the budget of {budget} is spent; attempts under way \
                 were ended and do not count"
            ),
        })
    }

    /// Why nothing is known, when the budget was spent before the first attempt ended.
    pub(crate) fn too_short(&self) -> Option<SetAside> {
        let (_, budget) = self.budget.filter(|_| !self.cancel.is_cancelled())?;
        Some(SetAside {
            cause: Cause::TooFewAttempts,
            why: format!("the budget of {budget} was spent before the first attempt ended"),
            hint: Some("give it more time: `--budget`".into()),
        })
    }
}
