//! Reading attempts: what one printed and wrote, through parser plugins to a judgement. The same for attempts that were
//! made here and for those that came from somewhere else.

use std::sync::Arc;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::parsed::{Outcome, ParsedAttempt};
use flaky_core::verdict::Cause;
use flaky_exec::{AttemptFolder, AttemptNote, CollectedFile, RawAttempt, Spooled};
use flaky_plugin_host::{AttemptInput, BlobInput, Command};
use tempfile::TempDir;

use crate::attempt::{Judgement, SetAside, judge_by_exit, judge_recognised};
use crate::conduct::{DoneAttempt, PlannedAttempt};
use crate::output::KeptOutput;
use crate::plugins::{Candidate, Member, PluginSet};
use crate::prepare::Project;
use crate::recognise::{self, Reading, choose};
use crate::tail;

/// An attempt that ended, and its files, wherever it was made.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    pub(crate) usage: Usage,
    pub(crate) stdout: Spooled,
    pub(crate) stderr: Spooled,
    /// Of the report folder.
    pub(crate) reports: Vec<CollectedFile>,
    /// Of the work tree.
    pub(crate) tree: Vec<CollectedFile>,
    pub(crate) notes: Vec<AttemptNote>,
    /// Holds all files above; they are deleted with it.
    #[expect(dead_code, reason = "held so that the files stay until they are read")]
    pub(crate) folder: EndedFolder,
}

/// Whose folder an attempt's files are in.
#[derive(Debug)]
#[expect(dead_code, reason = "held so that the files stay until they are read")]
pub(crate) enum EndedFolder {
    /// The executor's.
    Executor(AttemptFolder),
    /// One into which they were unpacked.
    Unpacked(TempDir),
}

impl From<RawAttempt> for Ended {
    fn from(raw: RawAttempt) -> Self {
        Self {
            exit: raw.exit,
            usage: raw.usage,
            stdout: raw.stdout,
            stderr: raw.stderr,
            reports: raw.report_files,
            tree: raw.tree_files,
            notes: raw.notes,
            folder: EndedFolder::Executor(raw.folder),
        }
    }
}

/// Reads the attempts of one run.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    /// Asked one after the other: those the user named, in that order, then the framework's own.
    first: Vec<Candidate>,
    /// Asked together where none of those recognises anything.
    others: Vec<Candidate>,
    command: Command,
    /// Bytes of each stream to keep for the caller.
    keep_output: Option<u64>,
}

impl Reader {
    /// Puts the parsers in order. Nothing is loaded yet.
    pub(crate) fn new(plugins: &PluginSet, project: &Project, keep_output: Option<u64>) -> Self {
        let own = project.framework.as_ref().map(Member::name);
        let (named, bundled): (Vec<Candidate>, Vec<Candidate>) =
            plugins.parsers().cloned().partition(Candidate::is_named);
        let (own, others): (Vec<Candidate>, Vec<Candidate>) =
            bundled.into_iter().partition(|candidate| Some(candidate.name()) == own);
        let first = [named, own].concat();
        Self { first, others, command: project.command.clone(), keep_output }
    }

    /// What an attempt says.
    pub(crate) async fn read(&self, planned: PlannedAttempt, ended: Ended) -> DoneAttempt {
        let input = self.input(&planned, &ended);
        let parsed =
            self.parse(input).await.map(|(parsed, parser)| (as_the_framework_counts(parsed), parser));
        let judgement = match &parsed {
            Some((parsed, _)) => judge_recognised(ended.exit, parsed),
            None => judge_by_exit(ended.exit),
        };
        let told = matches!(&judgement, Judgement::Counts { unexplained: None }) && parsed.is_some();
        let output_tail = (!told && !ended.exit.is_success())
            .then(|| tail::of_outputs(&ended.stdout.path, &ended.stderr.path))
            .filter(|t| !t.is_empty());
        DoneAttempt {
            planned,
            exit: ended.exit,
            usage: ended.usage,
            judgement,
            parsed,
            output_tail,
            output: self.keep_output.map(|quota| KeptOutput::read(&ended.stdout, &ended.stderr, quota)),
            notes: ended.notes,
        }
    }

    /// Which parser reads an attempt depends on that attempt alone, never on which one ended first. A parser that fails
    /// is named in the report, and the next is asked.
    async fn parse(&self, input: AttemptInput) -> Option<(ParsedAttempt, String)> {
        if is_silent(&input) {
            // A command that says nothing is not asked about: most of the cost of many short attempts.
            return None;
        }
        let reading = match self.ask_first(&input).await {
            Some(reading) => reading,
            None => {
                let (mut best, others) = choose(recognise::ask_all(&self.others, &Arc::new(input)).await)?;
                if !others.is_empty() {
                    let diagnostic = recognise::ambiguity(&best, &others);
                    best.parsed.diagnostics.push(diagnostic);
                }
                best
            }
        };
        if reading.is_unnamed() {
            // The exit code tells less than failed tests alone would, and the truth.
            return None;
        }
        let mut all = self.first.iter().chain(&self.others);
        if let Some(Ok(member)) = all.find(|c| c.name() == reading.parser).and_then(Candidate::loaded) {
            member.used("parser");
        }
        Some((reading.parsed, reading.parser))
    }

    async fn ask_first(&self, input: &AttemptInput) -> Option<Reading> {
        for candidate in &self.first {
            let Ok(member) = candidate.member().await else { continue };
            match recognise::ask(member, input).await {
                Ok(None) => {}
                Ok(Some(reading)) => return Some(reading),
                Err(error) => member.fault(&error),
            }
        }
        None
    }

    fn input(&self, planned: &PlannedAttempt, ended: &Ended) -> AttemptInput {
        let blob = |s: &Spooled| BlobInput::File { path: s.path.clone(), size: s.size, cut: s.cut };
        let files = |list: &[CollectedFile]| {
            list.iter()
                .filter_map(|f| {
                    let size = std::fs::metadata(&f.path).ok()?.len();
                    Some((f.name.clone(), BlobInput::File { path: f.path.clone(), size, cut: None }))
                })
                .collect()
        };
        AttemptInput {
            index: planned.index,
            seed: planned.seed,
            command: self.command.argv.clone(),
            exit: ended.exit,
            duration: ended.usage.wall,
            conditions: planned.conditions(),
            stdout: blob(&ended.stdout),
            stderr: blob(&ended.stderr),
            reports: files(&ended.reports),
            tree: files(&ended.tree),
        }
    }
}

fn is_silent(input: &AttemptInput) -> bool {
    let empty = |blob: &BlobInput| match blob {
        BlobInput::File { size, .. } => *size == 0,
        BlobInput::Bytes(bytes) | BlobInput::Pieces(bytes, _) => bytes.is_empty(),
    };
    empty(&input.stdout) && empty(&input.stderr) && input.reports.is_empty() && input.tree.is_empty()
}

/// A test that passed though it was meant to fail is a failure only where the framework makes it one, and says so.
fn as_the_framework_counts(mut parsed: ParsedAttempt) -> ParsedAttempt {
    let mut failures = parsed.tests.failures.iter().map(|(test, _)| *test as usize).peekable();
    for (index, outcome) in parsed.tests.outcomes.iter_mut().enumerate() {
        while failures.next_if(|failed| *failed < index).is_some() {}
        if *outcome == Outcome::UnexpectedPass && failures.peek() != Some(&index) {
            *outcome = Outcome::Passed;
        }
    }
    parsed
}

/// An attempt that could not be made: set aside, never a lost one.
pub(crate) fn not_made(planned: PlannedAttempt, why: String, hint: Option<String>) -> DoneAttempt {
    set_aside(planned, SetAside { cause: Cause::Infrastructure, why, hint })
}

/// An attempt that was not made, for this reason.
pub(crate) fn set_aside(planned: PlannedAttempt, aside: SetAside) -> DoneAttempt {
    DoneAttempt {
        planned,
        exit: Exit::NotFound,
        usage: Usage::default(),
        judgement: Judgement::SetAside(aside),
        parsed: None,
        output_tail: None,
        notes: Vec::new(),
        output: None,
    }
}
