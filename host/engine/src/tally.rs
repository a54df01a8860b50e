//! Everything that attempts said, as they come in: the ledger of tests, the attempts' own results, and the command
//! taken as a test where no framework tells.

use std::collections::BTreeMap;
use std::time::Duration;

use flaky_config::IgnorePatterns;
use flaky_core::evidence::Evidence;
use flaky_core::ids::{AttemptIndex, TestId};
use flaky_core::ledger::{AttemptKind, AttemptRecord, Ledger, Standing};
use flaky_core::parsed::{Completeness, Failure, Outcome, ParsedAttempt, TestColumns};
use flaky_core::report::{AttemptReport, Note};
use flaky_core::stats::clopper_pearson;
use flaky_core::stop::{Certainty, Known};
use flaky_exec::AttemptNote;

use crate::attempt::{Judgement, SetAside, exit_in_words, of_exit};
use crate::conduct::DoneAttempt;
use crate::event::AttemptVerdict;
use crate::journal::JournalLine;
use crate::output::AttemptOutput;

/// Confidence level of every interval and bound.
pub(crate) const LEVEL: f64 = 0.95;

/// Missing tests listed per attempt; the counts per test are whole.
const MISSING_LISTED: usize = 100;

/// What all attempts said.
#[derive(Debug)]
pub(crate) struct Tally {
    ignore: IgnorePatterns,
    /// Name of the command when it stands for a test.
    command: TestId,
    tests: Ledger,
    /// One entry per attempt that counts, in any order.
    commands: Vec<CommandResult>,
    pub(crate) finished: u32,
    pub(crate) counted: u32,
    pub(crate) failed: u32,
    pub(crate) alone: u32,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
    attempts: Vec<AttemptReport>,
    outputs: Vec<AttemptOutput>,
    stopped_early: bool,
    parsers: BTreeMap<String, u32>,
    unrecognised: u32,
    notes: BTreeMap<&'static str, (String, u64)>,
}

#[derive(Debug)]
struct CommandResult {
    record: AttemptRecord,
    /// No parser spoke, or what it said does not explain the exit code.
    speaks: bool,
}

impl Tally {
    pub(crate) fn new(command: &[String], ignore: IgnorePatterns) -> Self {
        Self {
            ignore,
            command: TestId::new(&command.join(" ")),
            tests: Ledger::new(),
            commands: Vec::new(),
            finished: 0,
            counted: 0,
            failed: 0,
            alone: 0,
            set_aside: Vec::new(),
            cpu: Duration::ZERO,
            peak_memory: 0,
            attempts: Vec::new(),
            outputs: Vec::new(),
            stopped_early: false,
            parsers: BTreeMap::new(),
            unrecognised: 0,
            notes: BTreeMap::new(),
        }
    }

    /// Takes in one attempt; says what it was, and the line for the journal.
    pub(crate) fn add(&mut self, mut done: DoneAttempt, alone: bool) -> (AttemptVerdict, JournalLine) {
        let failed = self.failed_tests(&done);
        let unexplained = matches!(done.judgement, Judgement::Counts { unexplained: Some(_) });
        let command_failed = done.parsed.is_none() && !done.exit.is_success();
        let verdict = match &done.judgement {
            Judgement::SetAside(_) => AttemptVerdict::SetAside,
            Judgement::Counts { .. } if !failed.is_empty() || unexplained || command_failed => {
                AttemptVerdict::Failed
            }
            Judgement::Counts { .. } => AttemptVerdict::Passed,
        };
        let line = journal_line(&done, failed, alone);
        self.count(&done, verdict, alone);
        self.keep_output(&mut done, verdict, alone);
        self.keep_report(&done, verdict, &line);
        self.record(done, alone);
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

    fn count(&mut self, done: &DoneAttempt, verdict: AttemptVerdict, alone: bool) {
        self.cpu += done.usage.cpu;
        self.peak_memory = self.peak_memory.max(done.usage.peak_memory);
        if alone {
            self.alone += 1;
            return;
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

    fn keep_output(&mut self, done: &mut DoneAttempt, verdict: AttemptVerdict, alone: bool) {
        let Some(kept) = done.output.take().filter(|_| !alone) else { return };
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
        let whole = done.parsed.as_ref().is_none_or(|(p, _)| p.completeness == Completeness::Complete);
        if verdict == AttemptVerdict::Passed && whole {
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

    fn note(&mut self, note: &AttemptNote) {
        let (code, text, count) = match *note {
            AttemptNote::FilesLeftBehind(n) => {
                ("files-left-behind", "report files too many or too large to be kept", n)
            }
            AttemptNote::NotCopied(n) => (
                "not-copied",
                "sockets, pipes, devices and unreadable files that are not in the copies of the tree",
                n,
            ),
            AttemptNote::ProcessesLeft(n) => {
                ("processes-left", "processes of another user that could not be ended", n)
            }
            AttemptNote::NotRestored(n) => {
                ("not-restored", "files that could not be put back as they were between attempts", n)
            }
        };
        let entry = self.notes.entry(code).or_insert_with(|| (text.to_owned(), 0));
        entry.1 = entry.1.max(count);
    }

    fn record(&mut self, done: DoneAttempt, alone: bool) {
        let Judgement::Counts { unexplained } = done.judgement else { return };
        let DoneAttempt { planned, exit, parsed, output_tail, .. } = done;
        let recognised = parsed.is_some();
        let outcome = match unexplained {
            Some(outcome) => outcome,
            None if recognised => Outcome::Passed,
            None => of_exit(exit),
        };
        let failure = outcome.is_failure().then(|| command_failure(exit, output_tail.as_deref()));
        let kind = if alone { AttemptKind::Alone } else { AttemptKind::SideBySide };
        let record = |parsed| AttemptRecord {
            index: planned.index,
            seed: planned.seed,
            kind,
            conditions: Vec::new(),
            parsed,
        };
        self.commands.push(CommandResult {
            record: record(one_test(&self.command, outcome, failure)),
            speaks: !recognised || unexplained.is_some(),
        });
        // An attempt that no parser recognised told of no test: those that others tell of are missing in it.
        let parsed = parsed.map_or_else(nothing_told, |(parsed, _)| parsed);
        self.tests.record(record(parsed));
    }

    /// The evidence of all tests, and of the command where it has to stand for one.
    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        let mut all = self.tests.judge_interference(LEVEL);
        if self.commands.iter().any(|c| c.speaks) {
            let mut commands = Ledger::new();
            for command in &self.commands {
                commands.record(command.record.clone());
            }
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

    /// Whether every test that is judged is decided, and the command where it stands for a test. A test that never ran
    /// (skipped, say) keeps nobody waiting longer than one that always passes.
    pub(crate) fn is_decided(&self, certainty: &Certainty) -> bool {
        let decided = |ran: u32, failures: u32| match ran {
            0 => self.counted >= certainty.attempts_needed(),
            _ => certainty.of(failures, ran) != Known::Undecided,
        };
        let speaks = self.commands.iter().any(|c| c.speaks);
        if self.tests.test_count() == 0 && !speaks {
            return false;
        }
        let open = |(id, standing): (&TestId, Standing)| {
            !decided(standing.ran, standing.failures) && self.ignore.first_match(id).is_none()
        };
        if self.tests.standings().any(open) {
            return false;
        }
        let side_by_side = || self.commands.iter().filter(|c| c.record.kind == AttemptKind::SideBySide);
        let failed = |c: &&CommandResult| c.record.parsed.tests.outcomes.iter().any(|o| o.is_failure());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        !speaks || decided(count(side_by_side().count()), count(side_by_side().filter(failed).count()))
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

    /// What the reader should know about reading and running.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.unrecognised > 0 {
            let text = if self.parsers.is_empty() {
                "no parser recognised the output: the command is judged as one test, by its exit code"
                    .to_owned()
            } else {
                format!(
                    "no parser recognised the output of {} attempts: in these the exit code decided",
                    self.unrecognised
                )
            };
            notes.push(Note { code: "not-recognised".into(), text });
        }
        if !self.parsers.is_empty() && self.commands.iter().any(|c| c.speaks) {
            let text = format!(
                "the command failed where no test did: `{}` stands in the table as a test of its own",
                self.command
            );
            notes.push(Note { code: "command-failed".into(), text });
        }
        notes.extend(self.notes.iter().map(|(code, (text, n))| Note {
            code: (*code).to_owned(),
            text: format!("up to {n} per attempt: {text}"),
        }));
        notes
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

fn journal_line(done: &DoneAttempt, failed: Vec<TestId>, alone: bool) -> JournalLine {
    let tests = done.parsed.as_ref().map_or(0, |(p, _)| p.tests.len());
    JournalLine {
        attempt: done.planned.index,
        seed: done.planned.seed,
        alone,
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

fn command_failure(exit: flaky_core::attempt::Exit, tail: Option<&str>) -> Failure {
    let tail = tail.unwrap_or_default();
    let last = tail.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    Failure { kind: exit_in_words(exit), message: last.to_owned(), trace: tail.to_owned() }
}

fn one_test(id: &TestId, outcome: Outcome, failure: Option<Failure>) -> ParsedAttempt {
    ParsedAttempt {
        format: String::new(),
        tests: TestColumns {
            ids: vec![id.clone()],
            outcomes: vec![outcome],
            failures: failure.map(|f| (0, f)).into_iter().collect(),
            ..TestColumns::default()
        },
        completeness: Completeness::Complete,
        announced: Vec::new(),
        diagnostics: Vec::new(),
    }
}

fn nothing_told() -> ParsedAttempt {
    ParsedAttempt {
        format: String::new(),
        tests: TestColumns::default(),
        completeness: Completeness::Truncated,
        announced: Vec::new(),
        diagnostics: Vec::new(),
    }
}
