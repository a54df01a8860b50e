//! Conducting attempts: instrument, run, parse, judge – one at a time ([`Conductor::attempt`]) or all of a plan.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parsed::{Completeness, ParsedAttempt};
use flaky_core::report::IsolationUsed;
use flaky_core::verdict::Cause;
use flaky_exec::{
    AttemptNote, AttemptPaths, AttemptSpec, ExecError, LocalExecutor, Purpose, RawAttempt, Spooled,
};
use flaky_plugin_host::{AttemptContext, AttemptInput, BlobInput, Command, EnvChange, SupportFile};

use crate::attempt::{Judgement, SetAside, judge_by_exit, judge_recognised};
use crate::environment::Environment;
use crate::output::KeptOutput;
use crate::plugins::{Member, PluginSet};
use crate::prepare::Project;
use crate::tail;

/// One attempt of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlannedAttempt {
    /// Position in the run.
    pub(crate) index: AttemptIndex,
    /// What the test sees as `ATTEMPT`: the index, except where an earlier attempt is repeated.
    pub(crate) number: u32,
    /// What the test sees as `TEST_SEED`.
    pub(crate) seed: Seed,
}

/// One attempt, done and read.
#[derive(Debug)]
pub(crate) struct DoneAttempt {
    pub(crate) planned: PlannedAttempt,
    pub(crate) exit: Exit,
    pub(crate) usage: Usage,
    pub(crate) judgement: Judgement,
    /// What a parser read, and which one; `None` when none recognised the output.
    pub(crate) parsed: Option<(ParsedAttempt, String)>,
    /// End of what was printed, where nothing else tells what failed.
    pub(crate) output_tail: Option<String>,
    /// Things about the attempt that the reader should know.
    pub(crate) notes: Vec<AttemptNote>,
    /// What it printed, where the caller asked for it.
    pub(crate) output: Option<KeptOutput>,
}

/// Runs and reads attempts of one run.
#[derive(Debug)]
pub(crate) struct Conductor {
    pub(crate) executor: LocalExecutor,
    pub(crate) project: Project,
    /// What every attempt's environment begins with.
    pub(crate) base: Environment,
    /// What an installation adds.
    pub(crate) install_env: Vec<(String, EnvChange)>,
    /// Of the command, relative to the tree.
    pub(crate) working_directory: PathBuf,
    pub(crate) timeout: Duration,
    /// Parsers in the order in which they are asked.
    parsers: Vec<Member>,
    /// Bytes of each stream to keep for the caller.
    keep_output: Option<u64>,
}

impl Conductor {
    /// Puts the parsers in order: the user's, the framework's own, the others.
    pub(crate) fn new(
        executor: LocalExecutor,
        plugins: &PluginSet,
        project: Project,
        base: Environment,
        timeout: Duration,
        keep_output: Option<u64>,
    ) -> Self {
        let own = project.framework.as_ref().map(|f| f.plugin.label().to_owned());
        let rank = |m: &Member| match (m.bundled, Some(m.plugin.label()) == own.as_deref()) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        let mut parsers: Vec<Member> = plugins.parsers().cloned().collect();
        parsers.sort_by_key(rank);
        Self {
            working_directory: PathBuf::from(&project.command.cwd),
            executor,
            project,
            base,
            install_env: Vec::new(),
            timeout,
            parsers,
            keep_output,
        }
    }

    /// Runs one attempt and reads it. Faults of ours make it an attempt that is set aside, never a lost one.
    ///
    /// # Errors
    /// When the executor itself is gone: nothing more can be run.
    pub(crate) async fn attempt(
        &self,
        planned: PlannedAttempt,
        level: IsolationUsed,
    ) -> Result<DoneAttempt, ExecError> {
        let mut slot = self.executor.acquire(level).await?;
        let spec = self.spec(planned, slot.paths()).await;
        let raw = match slot.run(spec).await {
            Ok(raw) => raw,
            Err(error @ (ExecError::Closed | ExecError::LauncherLost(_))) => return Err(error),
            Err(error) => return Ok(infrastructure(planned, &error)),
        };
        drop(slot);
        Ok(self.read(planned, raw).await)
    }

    /// What is run: the user's command as the framework instruments it, in the environment of this attempt.
    async fn spec(&self, planned: PlannedAttempt, paths: &AttemptPaths) -> AttemptSpec {
        let mut env = self.base.clone();
        env.apply(&self.install_env);
        env.set("TEST_SEED", planned.seed.to_string());
        env.set("ATTEMPT", planned.number.to_string());
        let (command, support_files) = self.instrumented(planned, paths, &env).await;
        env.apply(&command.env);
        AttemptSpec {
            index: planned.index,
            seed: planned.seed,
            argv: command.argv.into_iter().map(Into::into).collect(),
            env: env.into_variables(),
            working_directory: self.working_directory.clone(),
            timeout: self.timeout,
            support_files: support_files.into_iter().map(|f| (f.path.into(), f.content)).collect(),
            purpose: Purpose::Test,
        }
    }

    /// A framework plugin that fails here costs the report file, not the run: the command runs as it stands.
    async fn instrumented(
        &self,
        planned: PlannedAttempt,
        paths: &AttemptPaths,
        env: &Environment,
    ) -> (Command, Vec<SupportFile>) {
        let mut command = self.project.command.clone();
        let Some(framework) = &self.project.framework else { return (command, Vec::new()) };
        command.env.extend(seen_by_frameworks(env));
        let context = AttemptContext {
            index: planned.index,
            seed: planned.seed,
            report_dir: paths.report_dir.display().to_string(),
            support_dir: paths.support_dir.display().to_string(),
            shuffle: false,
            workers: None,
        };
        framework.used("framework");
        match framework.plugin.instrument(&command, &context).await {
            Ok(instrumented) => (instrumented.command, instrumented.support_files),
            Err(error) => {
                framework.fault(&error);
                (self.project.command.clone(), Vec::new())
            }
        }
    }

    async fn read(&self, planned: PlannedAttempt, raw: RawAttempt) -> DoneAttempt {
        let input = attempt_input(&raw, &self.project.command);
        let parsed = self.parse(&input).await;
        let judgement = match &parsed {
            Some((parsed, _)) => judge_recognised(raw.exit, parsed),
            None => judge_by_exit(raw.exit),
        };
        let told = matches!(&judgement, Judgement::Counts { unexplained: None }) && parsed.is_some();
        let output_tail = (!told && !raw.exit.is_success())
            .then(|| tail::of_outputs(&raw.stdout.path, &raw.stderr.path))
            .filter(|t| !t.is_empty());
        DoneAttempt {
            planned,
            exit: raw.exit,
            usage: raw.usage,
            judgement,
            parsed,
            output_tail,
            output: self.keep_output.map(|quota| KeptOutput::read(&raw, quota)),
            notes: raw.notes,
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
}

/// Variables whose present value a framework has to know to add to it. A plugin sees no others.
fn seen_by_frameworks(env: &Environment) -> Vec<(String, EnvChange)> {
    const SHOWN: [&str; 2] = ["PYTEST_PLUGINS", "PYTHONPATH"];
    SHOWN
        .iter()
        .filter_map(|name| {
            let value = env.get(name)?.to_str()?;
            Some(((*name).to_owned(), EnvChange::Set(value.to_owned())))
        })
        .collect()
}

fn infrastructure(planned: PlannedAttempt, error: &ExecError) -> DoneAttempt {
    let aside = SetAside {
        cause: Cause::Infrastructure,
        why: format!("the attempt could not be made: {error}"),
        hint: error.hint().map(str::to_owned),
    };
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

fn is_silent(input: &AttemptInput) -> bool {
    let empty = |blob: &BlobInput| match blob {
        BlobInput::File { size, .. } => *size == 0,
        BlobInput::Bytes(bytes) => bytes.is_empty(),
    };
    empty(&input.stdout) && empty(&input.stderr) && input.reports.is_empty() && input.tree.is_empty()
}

fn attempt_input(raw: &RawAttempt, command: &Command) -> AttemptInput {
    let blob = |s: &Spooled| BlobInput::File { path: s.path.clone(), size: s.size, cut: s.cut };
    let files = |list: &[flaky_exec::CollectedFile]| {
        list.iter()
            .filter_map(|f| {
                let size = std::fs::metadata(&f.path).ok()?.len();
                Some((f.name.clone(), BlobInput::File { path: f.path.clone(), size, cut: None }))
            })
            .collect()
    };
    AttemptInput {
        index: raw.index,
        seed: raw.seed,
        command: command.argv.clone(),
        exit: raw.exit,
        duration: raw.usage.wall,
        conditions: Vec::new(),
        stdout: blob(&raw.stdout),
        stderr: blob(&raw.stderr),
        reports: files(&raw.report_files),
        tree: files(&raw.tree_files),
    }
}

/// Runs many attempts at once; the executor's slots bound how many really run.
pub(crate) fn spawn_all(
    conductor: &Arc<Conductor>,
    plan: impl IntoIterator<Item = PlannedAttempt>,
    level: IsolationUsed,
) -> tokio::task::JoinSet<Result<DoneAttempt, ExecError>> {
    let mut tasks = tokio::task::JoinSet::new();
    for planned in plan {
        let conductor = Arc::clone(conductor);
        tasks.spawn(async move { conductor.attempt(planned, level).await });
    }
    tasks
}
