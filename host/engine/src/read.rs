//! Reading attempts: what one printed and wrote, through parser plugins to a judgement. The same for attempts that were
//! made here and for those that came from somewhere else.

use flaky_core::attempt::{Exit, Usage};
use flaky_core::parsed::{Completeness, ParsedAttempt};
use flaky_core::verdict::Cause;
use flaky_exec::{AttemptFolder, AttemptNote, CollectedFile, RawAttempt, Spooled};
use flaky_plugin_host::{AttemptInput, BlobInput, Command};
use tempfile::TempDir;

use crate::attempt::{Judgement, SetAside, judge_by_exit, judge_recognised};
use crate::conduct::{DoneAttempt, PlannedAttempt};
use crate::output::KeptOutput;
use crate::plugins::{Member, PluginSet};
use crate::prepare::Project;
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
    /// In the order in which they are asked.
    parsers: Vec<Member>,
    command: Command,
    /// Bytes of each stream to keep for the caller.
    keep_output: Option<u64>,
}

impl Reader {
    /// Puts the parsers in order: the user's, the framework's own, the others.
    pub(crate) fn new(plugins: &PluginSet, project: &Project, keep_output: Option<u64>) -> Self {
        let own = project.framework.as_ref().map(|f| f.plugin.label().to_owned());
        let rank = |m: &Member| match (m.bundled, Some(m.plugin.label()) == own.as_deref()) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        let mut parsers: Vec<Member> = plugins.parsers().cloned().collect();
        parsers.sort_by_key(rank);
        Self { parsers, command: project.command.clone(), keep_output }
    }

    /// What an attempt says.
    pub(crate) async fn read(&self, planned: PlannedAttempt, ended: Ended) -> DoneAttempt {
        let input = self.input(&planned, &ended);
        let parsed = self.parse(&input).await;
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

    /// Always in the same order, whatever other attempts said: which parser reads an attempt must not depend on which
    /// attempt ended first. The first parser that recognises something; one that fails is named in the report, and the next is asked.
    async fn parse(&self, input: &AttemptInput) -> Option<(ParsedAttempt, String)> {
        if is_silent(input) {
            // A command that says nothing is not asked about: most of the cost of many short attempts.
            return None;
        }
        for member in &self.parsers {
            match member.plugin.parse(input).await {
                Ok(parsed) if parsed.completeness == Completeness::NothingRecognised => {}
                // Only failed tests have names in such output: every one of them would look broken. The exit code
                // tells less, and the truth.
                Ok(parsed) if parsed.diagnostics.iter().any(|d| d.code == "unnamed-tests") => return None,
                Ok(parsed) => {
                    member.used("parser");
                    return Some((parsed, member.name().to_owned()));
                }
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
        BlobInput::Bytes(bytes) => bytes.is_empty(),
    };
    empty(&input.stdout) && empty(&input.stderr) && input.reports.is_empty() && input.tree.is_empty()
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
