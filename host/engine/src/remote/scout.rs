//! What the first attempt shows: what the workers' machines offer, how long an attempt takes, how much it prints.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::ids::AttemptIndex;
use flaky_core::report::{IsolationUsed, Note};
use flaky_core::verdict::Cause;
use flaky_exec::{Capabilities, Obstacle, TreeMethod};
use flaky_runpod::fleet::plan::{Cutting, shards};
use flaky_runpod::wire::{ShardFailure, ShardFailureKind, ShardHead, WireAttempt};

use super::{Remote, RemoteError, lock};
use crate::attempt::{Judgement, SetAside};
use crate::conduct::PlannedAttempt;

/// RunPod's default for an endpoint's most workers.
const USUAL_WORKERS: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

/// What a worker may send back of one shard before it has to cut, uncompressed: far below the packer's own limit, since
/// attempts differ in what they print.
const BYTES_PER_SHARD: u64 = 64 << 20;

/// Notes of workers that a report holds; they are nearly the same on each.
const NOTES_KEPT: usize = 20;

/// What the first attempt showed.
#[derive(Debug)]
pub(crate) enum Scouted {
    /// What workers offer.
    Machine(Capabilities),
    /// No attempt can be made.
    Obstacle(SetAside),
}

/// What was learned on the way.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    head: Option<ShardHead>,
    first: Option<Duration>,
    /// Largest attempt that came back, in bytes.
    largest: u64,
    notes: BTreeSet<(String, String)>,
    /// Levels below the one that was asked for that workers gave.
    lower: BTreeSet<&'static str>,
}

impl Measured {
    pub(super) fn head(&mut self, head: ShardHead, asked: IsolationUsed) {
        for note in &head.notes {
            if self.notes.len() < NOTES_KEPT {
                self.notes.insert(note.clone());
            }
        }
        // The first one is what the level is chosen by; after that, a lower one is a surprise.
        if self.head.is_some() && head.used != asked && head.failure.is_none() {
            self.lower.insert(head.used.name());
        }
        self.head = Some(head);
    }

    pub(super) fn attempt(&mut self, attempt: &WireAttempt) {
        self.first.get_or_insert(attempt.usage.wall);
        let files = attempt.reports.iter().chain(&attempt.tree).map(|f| f.bytes.len());
        let bytes: usize = files.sum::<usize>() + attempt.stdout.bytes.len() + attempt.stderr.bytes.len();
        self.largest = self.largest.max(bytes as u64);
    }

    /// For the report.
    pub(super) fn report_notes(&self) -> Vec<Note> {
        let told = self.notes.iter().map(|(code, text)| Note { code: code.clone(), text: text.clone() });
        let lower = (!self.lower.is_empty()).then(|| Note {
            code: "isolation-differs".into(),
            text: format!(
                "the endpoint's machines are not alike: on some, attempts got isolation {}",
                self.lower.iter().copied().collect::<Vec<_>>().join(", ")
            ),
        });
        told.chain(lower).collect()
    }
}

impl Remote {
    /// Makes the first attempt at the highest level asked for, or the best that the worker's machine offers.
    ///
    /// # Errors
    /// When the endpoint takes nothing from us.
    pub(crate) async fn scout(
        self: &Arc<Self>,
        planned: PlannedAttempt,
        level: IsolationUsed,
    ) -> Result<Scouted, RemoteError> {
        let done = Arc::clone(self).attempt(planned, level).await?;
        let head = lock(&self.measured).head.clone();
        let Some(head) = head else {
            if self.spent_up.is_cancelled() {
                return Ok(Scouted::Obstacle(SetAside {
                    cause: Cause::TooFewAttempts,
                    why: "the budget was used up before the first attempt came back".into(),
                    hint: Some("give a larger `--budget-usd`".into()),
                }));
            }
            let aside = match done.judgement {
                Judgement::SetAside(aside) => aside,
                Judgement::Counts { .. } => SetAside {
                    cause: Cause::Infrastructure,
                    why: "the worker did not say what its machine offers".into(),
                    hint: None,
                },
            };
            return Ok(Scouted::Obstacle(aside));
        };
        if let Some(failure) = &head.failure {
            return Ok(Scouted::Obstacle(failed_before(failure)));
        }
        *lock(&self.first) = Some((head.used, Box::new(done)));
        let obstacles = head
            .obstacles
            .into_iter()
            .map(|(what, how_to_raise)| Obstacle { what: format!("on the worker, {what}"), how_to_raise })
            .collect();
        Ok(Scouted::Machine(Capabilities { best: head.best, tree: TreeMethod::Copy, obstacles }))
    }

    /// By the user's word, else by what was measured and by the workers that there are.
    pub(super) async fn cut_side_by_side(
        &self,
        attempts: &[AttemptIndex],
        most: NonZeroU32,
    ) -> Vec<Vec<AttemptIndex>> {
        let sizing = self.sizing;
        let workers = match sizing.workers {
            Some(workers) => NonZeroU32::new(workers.get()).unwrap_or(USUAL_WORKERS),
            None => self.workers_seen().await,
        };
        let (attempt, largest) = {
            let measured = lock(&self.measured);
            (measured.first, measured.largest)
        };
        let by_output = u32::try_from(BYTES_PER_SHARD / largest.max(1)).unwrap_or(u32::MAX);
        let most = most.min(NonZeroU32::new(by_output).unwrap_or(NonZeroU32::MIN));
        let fixed = sizing.shards.and_then(|shards| NonZeroU32::new(shards.get()));
        shards(attempts, &Cutting { fixed, attempt, parallelism: sizing.parallelism, workers, most })
    }

    /// What an endpoint says of its workers is not how many it may have: at least RunPod's default is expected. An
    /// endpoint that does not say costs nothing but worse cutting.
    async fn workers_seen(&self) -> NonZeroU32 {
        let health = self.endpoint.trying_for(Duration::ZERO).health().await.unwrap_or_default();
        let w = health.workers;
        // One worker may be counted under two words.
        let seen = (w.idle + w.running + w.initializing + w.throttled).max(w.ready);
        let seen = u32::try_from(seen).ok().and_then(NonZeroU32::new);
        seen.map_or(USUAL_WORKERS, |seen| seen.max(USUAL_WORKERS))
    }

    /// What the reader of the report should know.
    pub(crate) fn notes(&self) -> Vec<Note> {
        lock(&self.measured).report_notes()
    }
}

/// What made all attempts of a shard impossible is what it would have been here.
pub(super) fn failed_before(failure: &ShardFailure) -> SetAside {
    let cause = match failure.kind {
        ShardFailureKind::RepositoryUnreachable => Cause::RepositoryUnreachable,
        ShardFailureKind::InstallFailed => Cause::InstallFailed,
        ShardFailureKind::Infrastructure => Cause::Infrastructure,
    };
    SetAside { cause, why: format!("on the worker: {}", failure.why), hint: failure.hint.clone() }
}
