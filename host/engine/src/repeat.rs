//! How a failure can be repeated: for each test that failed the smallest command that fails, itself tried before it is
//! told. What is seen of a test without the others of its suite is evidence too, told apart: a test that always fails in
//! its suite and never without it is no bug of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flaky_core::evidence::Evidence;
use flaky_core::ids::{AttemptIndex, TestId};
use flaky_core::report::{IsolationUsed, Reproduction};

use crate::attempt::command_in_words;
use crate::backend::{Backend, Manner};
use crate::conduct::{DoneAttempt, PlannedAttempt, TestOrder};
use crate::confirm;
use crate::limits::Limits;
use crate::run::{AttemptChoice, RunError, Stage};
use crate::tally::Tally;

/// Tests for which a way is looked for: those that fail most often. Each costs attempts, and nobody mends more than a
/// few at once; tests that fail in the same attempt are looked for together.
const TESTS: usize = 5;

/// Attempts that all pass, after which a way is given up where there is another: one that fails every second time is
/// then missed once in eight times.
const GIVE_UP_AFTER: u32 = 3;

/// One way to repeat failures, and what came of it.
struct Way {
    planned: PlannedAttempt,
    ran: u32,
    /// By test.
    failed: BTreeMap<TestId, u32>,
}

impl Stage<'_> {
    /// Looks for the smallest way to repeat the failure of each flaky test: alone with a seed that failed, else the
    /// whole command with it.
    pub(crate) async fn repeat(
        &self,
        backend: &Backend,
        tally: &mut Tally,
        level: IsolationUsed,
        plan: &[PlannedAttempt],
        limits: &Limits,
    ) -> Result<BTreeMap<TestId, Reproduction>, RunError> {
        let times = self.settings.reproduce.value.get();
        let mut found = BTreeMap::new();
        let repeats = matches!(self.request.attempts, AttemptChoice::Repeat { .. });
        // Evidence of a large run takes its time: not where nothing failed.
        let idle = times == 0 || tally.failed == 0;
        if idle || repeats || !matches!(backend, Backend::Local(_)) {
            return Ok(found);
        }
        // Where copies disturb each other, one that fails beside others proves nothing.
        let manner = match confirm::is_needed(level, self.settings.parallelism.value.get(), plan.len()) {
            true => Manner::Alone,
            false => Manner::SideBySide,
        };
        let mut whole: BTreeMap<AttemptIndex, Way> = BTreeMap::new();
        for test in candidates(tally) {
            let Some(failing) = failing_attempt(&test, plan) else { continue };
            if limits.are_reached() {
                break;
            }
            self.events.stage(format!("looking for the smallest way to repeat `{}`", test.id));
            let ids = [test.id.clone()];
            // What always fails needs no proof that it can be repeated, only whether it fails without the others.
            let always = test.counts.failures() == test.counts.ran;
            let times = if always { times.min(GIVE_UP_AFTER) } else { times };
            let trial = Trial { backend, level, manner, times, limits };
            let mut alone = None;
            if let Some(command) = self.selecting(&ids).await {
                let planned = PlannedAttempt { command: Some(Arc::new(command)), ..failing.clone() };
                alone = Some(trial.of(planned, &ids, tally).await?);
            }
            let is_enough = alone.as_ref().is_some_and(|way| way.failed(&test.id) > 0);
            if !is_enough && !always && !limits.are_reached() && !whole.contains_key(&failing.index) {
                whole.insert(failing.index, trial.of(failing.clone(), &ids, tally).await?);
            }
            let together = whole.get(&failing.index).filter(|way| !is_enough && way.ran > 0);
            let way = together.or(alone.as_ref()).filter(|way| way.ran > 0);
            if let Some(way) = way.filter(|way| !always || way.failed(&test.id) > 0) {
                found.insert(test.id.clone(), self.reproduction(&test.id, way));
            }
        }
        Ok(found)
    }

    fn reproduction(&self, test: &TestId, way: &Way) -> Reproduction {
        let run = self.request.run.to_string();
        let seed = way.planned.seed;
        let mut words = vec!["flaky".to_owned(), "reproduce".into(), run, "--seed".into(), seed.to_string()];
        if way.planned.command.is_some() {
            words.extend(["--test".to_owned(), test.to_string()]);
        }
        Reproduction {
            command: command_in_words(&words),
            shell: shell(&way.planned, &self.project.command.argv),
            seed,
            only_this_test: way.planned.command.is_some(),
            shuffled: way.planned.order == Some(TestOrder::Shuffled),
            failed: way.failed(test),
            ran: way.ran,
        }
    }
}

/// Tests that failed: those that also passed first, as their failures are hard to meet by chance; of these, the most
/// frequent failures first.
fn candidates(tally: &Tally) -> Vec<Evidence> {
    let mut failed: Vec<Evidence> =
        tally.evidence().into_iter().filter(|e| e.counts.failures() > 0 && !tally.ignores(&e.id)).collect();
    let always = |e: &Evidence| e.counts.failures() == e.counts.ran;
    failed.sort_by(|a, b| {
        always(a).cmp(&always(b)).then(b.rate.total_cmp(&a.rate)).then_with(|| a.id.cmp(&b.id))
    });
    failed.truncate(TESTS);
    failed
}

/// The first attempt in which the test failed; one in the framework's own order, where there is one.
fn failing_attempt(test: &Evidence, plan: &[PlannedAttempt]) -> Option<PlannedAttempt> {
    let failing: BTreeSet<AttemptIndex> = test.failing_attempts.iter().copied().collect();
    let shuffled = |p: &&PlannedAttempt| p.order == Some(TestOrder::Shuffled);
    plan.iter().filter(|p| failing.contains(&p.index)).min_by_key(|p| (shuffled(p), p.index)).cloned()
}

/// As one would type it, without `flaky`.
pub(crate) fn shell(planned: &PlannedAttempt, command: &[String]) -> String {
    let set = planned.variables().map(|(name, value)| format!("{name}={value}"));
    let command = planned.command.as_deref().map_or(command, |command| &command.argv);
    format!("{} {}", set.join(" "), command_in_words(command))
}

impl Way {
    fn failed(&self, test: &TestId) -> u32 {
        self.failed.get(test).copied().unwrap_or(0)
    }
}

/// How ways are tried.
struct Trial<'a> {
    backend: &'a Backend,
    level: IsolationUsed,
    manner: Manner,
    times: u32,
    limits: &'a Limits,
}

impl Trial<'_> {
    /// Runs one way as often as asked, or until it is clear that it does not fail. Every test that fails in it is
    /// counted: tests that fail together need no attempts of their own.
    async fn of(
        &self,
        planned: PlannedAttempt,
        wanted: &[TestId],
        tally: &mut Tally,
    ) -> Result<Way, RunError> {
        let mut way = Way { planned: planned.clone(), ran: 0, failed: BTreeMap::new() };
        for step in [GIVE_UP_AFTER.min(self.times), self.times.saturating_sub(GIVE_UP_AFTER)] {
            if step == 0 || (way.ran > 0 && !wanted.iter().any(|id| way.failed(id) > 0)) {
                break;
            }
            let plan = vec![planned.clone(); step as usize];
            let mut attempts = self.backend.attempts(plan, self.level, self.manner);
            let result = loop {
                match attempts.next_read(self.limits).await {
                    Ok(None) => break Ok(()),
                    Ok(Some(done)) => way.count(*done, tally),
                    Err(error) => break Err(error),
                }
            };
            attempts.stop().await;
            result?;
        }
        Ok(way)
    }
}

impl Way {
    fn count(&mut self, done: DoneAttempt, tally: &mut Tally) {
        tally.used(&done.usage);
        if done.is_set_aside() {
            return;
        }
        self.ran += 1;
        for id in tally.failing_in(&done) {
            *self.failed.entry(id).or_default() += 1;
        }
        if done.planned.command.is_some() {
            tally.record_selected(done);
        }
    }
}
