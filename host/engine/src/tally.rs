//! Everything that attempts said, as they come in: the ledger of tests, the attempts' own results, and the command
//! taken as a test where no framework tells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flaky_config::IgnorePatterns;
use flaky_core::attempt::Usage;
use flaky_core::evidence::Evidence;
use flaky_core::ids::{AttemptIndex, TestId};
use flaky_core::ledger::{AttemptKind, AttemptRecord, Ledger, Standing};
use flaky_core::parsed::{Completeness, Outcome, ParsedAttempt};
use flaky_core::report::{AttemptReport, Note};
use flaky_core::stats::clopper_pearson;
use flaky_core::verdict::Cause;

use crate::attempt::{Judgement, SetAside, of_exit};
use crate::conduct::{DoneAttempt, PlannedAttempt, Side};
use crate::event::AttemptVerdict;
use crate::journal::JournalLine;
use crate::output::AttemptOutput;
use crate::recognise::AMBIGUOUS;

mod command;
mod commits;
mod decided;
mod notes;

use command::{CommandResult, command_failure, nothing_told, one_test};

pub(crate) use commits::Tallies;

/// Confidence level of every interval and bound.
pub(crate) const LEVEL: f64 = 0.95;

/// Missing tests listed per attempt; the counts per test are whole.
const MISSING_LISTED: usize = 100;

/// What all attempts said.
#[derive(Debug)]
pub(crate) struct Tally {
    ignore: IgnorePatterns,
    /// Tests whose failures fail no attempt.
    quarantine: BTreeSet<TestId>,
    /// Name of the command when it stands for a test.
    command: TestId,
    tests: Ledger,
    /// How tests stand that were run without the others of their suite.
    without_others: BTreeMap<TestId, Standing>,
    /// One entry per attempt that counts, in any order.
    commands: Vec<CommandResult>,
    pub(crate) finished: u32,
    pub(crate) counted: u32,
    pub(crate) failed: u32,
    pub(crate) alone: u32,
    pub(crate) selected: u32,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
    attempts: Vec<AttemptReport>,
    outputs: Vec<AttemptOutput>,
    stopped_early: bool,
    parsers: BTreeMap<String, u32>,
    unrecognised: u32,
    notes: BTreeMap<&'static str, (String, u64)>,
    /// What was said of attempts that several parsers recognised, with how many.
    ambiguous: BTreeMap<String, u32>,
}

impl Tally {
    pub(crate) fn new(command: &[String], ignore: IgnorePatterns) -> Self {
        Self {
            ignore,
            quarantine: BTreeSet::new(),
            command: TestId::new(&command.join(" ")),
            tests: Ledger::new(),
            without_others: BTreeMap::new(),
            commands: Vec::new(),
            finished: 0,
            counted: 0,
            failed: 0,
            alone: 0,
            selected: 0,
            set_aside: Vec::new(),
            cpu: Duration::ZERO,
            peak_memory: 0,
            attempts: Vec::new(),
            outputs: Vec::new(),
            stopped_early: false,
            parsers: BTreeMap::new(),
            unrecognised: 0,
            notes: BTreeMap::new(),
            ambiguous: BTreeMap::new(),
        }
    }

    /// The same, with tests in quarantine.
    pub(crate) fn with_quarantine<'t>(mut self, tests: impl Iterator<Item = &'t TestId>) -> Self {
        self.quarantine = tests.cloned().collect();
        self
    }

    /// Takes in one attempt; says what it was, and the line for the journal.
    pub(crate) fn add(&mut self, mut done: DoneAttempt, kind: AttemptKind) -> (AttemptVerdict, JournalLine) {
        let failed = self.failed_tests(&done);
        let unexplained = matches!(done.judgement, Judgement::Counts { unexplained: Some(_) });
        let command_failed = done.parsed.is_none() && !done.exit.is_success();
        let verdict = match &done.judgement {
            Judgement::SetAside(_) => AttemptVerdict::SetAside,
            Judgement::Counts { .. } if self.any_gates(&failed) || unexplained || command_failed => {
                AttemptVerdict::Failed
            }
            Judgement::Counts { .. } => AttemptVerdict::Passed,
        };
        let line = journal_line(&done, failed, kind);
        self.count(&done, verdict, kind);
        if kind == AttemptKind::Selected {
            self.record_selected(done);
            return (verdict, line);
        }
        self.keep_output(&mut done, verdict, kind);
        self.keep_report(&done, verdict, &line);
        self.record(done, kind);
        (verdict, line)
    }

    fn failed_tests(&self, done: &DoneAttempt) -> Vec<TestId> {
        let Some((parsed, _)) = &done.parsed else { return Vec::new() };
        let tests = parsed.tests.ids.iter().zip(&parsed.tests.outcomes);
        tests
            .filter(|(id, outcome)| outcome.is_failure() && self.ignore.first_match(id).is_none())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Whether one of these tests is not in quarantine.
    fn any_gates(&self, tests: &[TestId]) -> bool {
        tests.iter().any(|test| !self.quarantine.contains(test))
    }

    /// Adds up what an attempt took, whether it counts or not.
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.cpu += usage.cpu;
        self.peak_memory = self.peak_memory.max(usage.peak_memory);
    }

    fn count(&mut self, done: &DoneAttempt, verdict: AttemptVerdict, kind: AttemptKind) {
        self.used(&done.usage);
        match kind {
            AttemptKind::SideBySide => {}
            AttemptKind::Alone => {
                self.alone += 1;
                return;
            }
            AttemptKind::Selected => {
                self.selected += 1;
                return;
            }
        }
        self.finished += 1;
        match verdict {
            AttemptVerdict::SetAside => {}
            AttemptVerdict::Passed => self.counted += 1,
            AttemptVerdict::Failed => {
                self.counted += 1;
                self.failed += 1;
            }
        }
        if let Judgement::SetAside(aside) = &done.judgement {
            self.set_aside.push(aside.clone());
        }
    }

    fn keep_output(&mut self, done: &mut DoneAttempt, verdict: AttemptVerdict, kind: AttemptKind) {
        let Some(kept) = done.output.take().filter(|_| kind == AttemptKind::SideBySide) else { return };
        self.outputs.push(AttemptOutput {
            attempt: done.planned.index,
            seed: done.planned.seed,
            exit: done.exit,
            counted: verdict != AttemptVerdict::SetAside,
            passed: verdict == AttemptVerdict::Passed,
            kept,
        });
    }

    /// What attempts printed, ascending; once.
    pub(crate) fn take_outputs(&mut self) -> Vec<AttemptOutput> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.sort_by_key(|o| o.attempt);
        outputs
    }

    fn keep_report(&mut self, done: &DoneAttempt, verdict: AttemptVerdict, line: &JournalLine) {
        if let Some((_, parser)) = &done.parsed {
            *self.parsers.entry(parser.clone()).or_default() += 1;
        } else if !matches!(done.judgement, Judgement::SetAside(_)) {
            self.unrecognised += 1;
        }
        for note in &done.notes {
            self.note(note);
        }
        for doubt in done.parsed.iter().flat_map(|(p, _)| &p.diagnostics).filter(|d| d.code == AMBIGUOUS) {
            *self.ambiguous.entry(doubt.message.clone()).or_default() += 1;
        }
        let whole = done.parsed.as_ref().is_none_or(|(p, _)| p.completeness == Completeness::Complete);
        if verdict == AttemptVerdict::Passed && whole && line.failed.is_empty() {
            return;
        }
        self.attempts.push(AttemptReport {
            attempt: done.planned.index,
            seed: done.planned.seed,
            exit: done.exit,
            wall_seconds: line.wall_seconds,
            failed_tests: u32::try_from(line.failed.len()).unwrap_or(u32::MAX),
            alone: line.alone,
            set_aside: line.set_aside.clone(),
            missing: Vec::new(),
            output_tail: done.output_tail.clone(),
        });
    }

    /// Takes in what chosen tests did without the others: it is told apart from what they did in their suite.
    pub(crate) fn record_selected(&mut self, done: DoneAttempt) {
        let DoneAttempt { planned, judgement: Judgement::Counts { .. }, parsed: Some((parsed, _)), .. } =
            done
        else {
            return;
        };
        let told = parsed.tests.ids.iter().zip(&parsed.tests.outcomes).filter(|(_, o)| o.counts());
        for (id, outcome) in told {
            let standing = self.without_others.entry(id.clone()).or_default();
            standing.ran += 1;
            standing.failures += u32::from(outcome.is_failure());
        }
        self.tests.record(record_of(&planned, AttemptKind::Selected, parsed));
    }

    fn record(&mut self, done: DoneAttempt, kind: AttemptKind) {
        let Judgement::Counts { unexplained } = done.judgement else { return };
        let DoneAttempt { planned, exit, parsed, output_tail, .. } = done;
        let recognised = parsed.is_some();
        let outcome = match unexplained {
            Some(outcome) => outcome,
            None if recognised => Outcome::Passed,
            None => of_exit(exit),
        };
        let failure = outcome.is_failure().then(|| command_failure(exit, output_tail.as_deref()));
        self.commands.push(CommandResult {
            record: record_of(&planned, kind, one_test(&self.command, outcome, failure)),
            speaks: !recognised || unexplained.is_some(),
        });
        // An attempt that no parser recognised told of no test: those that others tell of are missing in it.
        let parsed = parsed.map_or_else(nothing_told, |(parsed, _)| parsed);
        self.tests.record(record_of(&planned, kind, parsed));
    }

    /// The evidence of all tests, and of the command where it has to stand for one.
    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        let mut all = self.tests.judge_interference(LEVEL);
        if let Some(commands) = self.command_ledger() {
            all.extend(commands.judge_interference(LEVEL));
        }
        if self.stopped_early {
            // Wilson's interval misses rare failures too often where their coming ended the run; the exact one does not.
            for test in &mut all {
                test.interval = clopper_pearson(test.counts.failures(), test.counts.ran, LEVEL);
            }
        }
        all
    }

    /// What these tests did with copies beside them, where their evidence speaks of attempts alone.
    pub(crate) fn beside_others(&self, tests: &BTreeSet<&TestId>) -> Vec<Evidence> {
        self.tests.evidence(LEVEL).into_iter().filter(|e| tests.contains(&e.id)).collect()
    }

    /// The command as a test of its own, where it has to stand for one.
    fn command_ledger(&self) -> Option<Ledger> {
        self.commands.iter().any(|c| c.speaks).then(|| {
            let mut commands = Ledger::new();
            for command in &self.commands {
                commands.record(command.record.clone());
            }
            commands
        })
    }

    /// How many tests there are.
    pub(crate) fn test_count(&self) -> usize {
        self.tests.test_count()
    }

    /// Whether a test runs and is not judged.
    pub(crate) fn ignores(&self, id: &TestId) -> bool {
        self.ignore.first_match(id).is_some()
    }

    /// Sets attempts aside in which nearly everything failed that passes elsewhere: what struck there was not a test.
    pub(crate) fn set_mass_failures_aside(&mut self) {
        let found = self.tests.mass_failures();
        let places: Vec<(AttemptKind, AttemptIndex)> = found.iter().map(|m| (m.kind, m.index)).collect();
        self.tests.set_aside(&places);
        self.commands.retain(|c| !places.contains(&(c.record.kind, c.record.index)));
        for mass in &found {
            let is_it = |a: &&mut AttemptReport| {
                a.attempt == mass.index && a.alone == (mass.kind == AttemptKind::Alone)
            };
            if let Some(report) = self.attempts.iter_mut().find(is_it) {
                report.set_aside = Some(mass.why());
            }
            if mass.kind == AttemptKind::SideBySide {
                self.counted = self.counted.saturating_sub(1);
                self.failed = self.failed.saturating_sub(1);
                let hint =
                    Some("something beside the tests failed in that attempt: see its output".to_owned());
                self.set_aside.push(SetAside { cause: Cause::Infrastructure, why: mass.why(), hint });
            }
        }
    }

    /// The attempts ended at a moment that their outcomes chose: intervals have to allow for it.
    pub(crate) fn stopped_early(&mut self) {
        self.stopped_early = true;
    }

    /// The run ends because enough is known; what the reader should know of it, unless nothing was left to do.
    pub(crate) fn stop_early(&mut self, planned: usize) -> Option<Note> {
        let finished = self.finished;
        ((finished as usize) < planned).then(|| {
            self.stopped_early = true;
            Note {
                code: "stopped-early".into(),
                text: format!("stopped after {finished} of {planned} attempts: every test is decided"),
            }
        })
    }

    /// The parser that read most attempts.
    pub(crate) fn parser(&self) -> Option<String> {
        self.parsers.iter().max_by_key(|(_, n)| **n).map(|(name, _)| name.clone())
    }

    /// Attempts worth a line, ascending, those alone last; with the tests that are missing in each.
    pub(crate) fn attempt_reports(&mut self) -> Vec<AttemptReport> {
        let mut attempts = std::mem::take(&mut self.attempts);
        for attempt in attempts.iter_mut().filter(|a| !a.alone && a.set_aside.is_none()) {
            attempt.missing = self.tests.missing_in(attempt.attempt);
            attempt.missing.truncate(MISSING_LISTED);
        }
        attempts.sort_by_key(|a| (a.alone, a.attempt));
        attempts
    }

    /// Tests that failed side by side and are not ignored, each with its failing attempts; the command included.
    pub(crate) fn suspects(&self) -> Vec<(TestId, Vec<AttemptIndex>)> {
        self.evidence()
            .into_iter()
            .filter(|e| e.counts.failures() > 0 && self.ignore.first_match(&e.id).is_none())
            .map(|e| (e.id, e.failing_attempts))
            .collect()
    }

    /// Tests that failed in this attempt, as [`Self::suspects`] names them.
    pub(crate) fn failing_in(&self, done: &DoneAttempt) -> Vec<TestId> {
        let mut failing = self.failed_tests(done);
        let by_command = match &done.judgement {
            Judgement::Counts { unexplained } => {
                unexplained.is_some() || (done.parsed.is_none() && !done.exit.is_success())
            }
            Judgement::SetAside(_) => true,
        };
        if by_command {
            failing.push(self.command.clone());
        }
        failing
    }
}

fn journal_line(done: &DoneAttempt, failed: Vec<TestId>, kind: AttemptKind) -> JournalLine {
    let tests = done.parsed.as_ref().map_or(0, |(p, _)| p.tests.len());
    JournalLine {
        attempt: done.planned.index,
        seed: done.planned.seed,
        alone: kind == AttemptKind::Alone,
        selected: kind == AttemptKind::Selected,
        base: done.planned.side == Side::Base,
        exit: done.exit,
        wall_seconds: (done.usage.wall.as_secs_f64() * 1e3).round() / 1e3,
        tests: u32::try_from(tests).unwrap_or(u32::MAX),
        failed,
        set_aside: match &done.judgement {
            Judgement::SetAside(aside) => Some(aside.why.clone()),
            Judgement::Counts { .. } => None,
        },
    }
}

fn record_of(planned: &PlannedAttempt, kind: AttemptKind, parsed: ParsedAttempt) -> AttemptRecord {
    AttemptRecord { index: planned.index, seed: planned.seed, kind, conditions: planned.conditions(), parsed }
}
