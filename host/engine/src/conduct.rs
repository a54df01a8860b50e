//! Conducting attempts on this machine: instrument, run, read – one at a time ([`Conductor::attempt`]) or all of a plan.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parsed::ParsedAttempt;
use flaky_core::report::IsolationUsed;
use flaky_exec::{AttemptNote, AttemptPaths, AttemptSpec, ExecError, LocalExecutor, Purpose};
use flaky_plugin_host::{AttemptContext, Command, EnvChange, SupportFile};

use crate::attempt::Judgement;
use crate::environment::Environment;
use crate::output::KeptOutput;
use crate::prepare::Project;
use crate::read::{Reader, not_made};

/// At which of two commits an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Side {
    /// What is tested.
    #[default]
    Head,
    /// What it is compared with.
    Base,
}

/// In which order a framework runs its tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestOrder {
    /// Its own.
    AsGiven,
    /// By the attempt's seed.
    Shuffled,
}

impl TestOrder {
    /// The value of the condition `order`.
    const fn name(self) -> &'static str {
        match self {
            Self::AsGiven => "as-given",
            Self::Shuffled => "shuffled",
        }
    }
}

/// One attempt of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedAttempt {
    /// Position in the run.
    pub(crate) index: AttemptIndex,
    /// What the test sees as `ATTEMPT`: the index, except where an earlier attempt is repeated.
    pub(crate) number: u32,
    /// What the test sees as `TEST_SEED`.
    pub(crate) seed: Seed,
    /// At which commit.
    pub(crate) side: Side,
    /// `None` where the order is no condition of the run.
    pub(crate) order: Option<TestOrder>,
    /// In place of the project's command: some of its tests.
    pub(crate) command: Option<Arc<Command>>,
}

impl PlannedAttempt {
    /// Of the project's command, as it stands.
    pub(crate) fn new(index: AttemptIndex, number: u32, seed: Seed) -> Self {
        Self { index, number, seed, side: Side::Head, order: None, command: None }
    }

    /// What differs between the attempts of the run, beside the seed.
    pub(crate) fn conditions(&self) -> Vec<(String, String)> {
        self.order.iter().map(|order| ("order".to_owned(), order.name().to_owned())).collect()
    }

    /// What tells an attempt from the others.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [("TEST_SEED", self.seed.to_string()), ("ATTEMPT", self.number.to_string())]
    }
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

impl DoneAttempt {
    /// Whether it says nothing about tests.
    pub(crate) fn is_set_aside(&self) -> bool {
        matches!(self.judgement, Judgement::SetAside(_))
    }
}

/// Runs and reads attempts of one run on this machine.
#[derive(Debug)]
pub(crate) struct Conductor {
    pub(crate) executor: LocalExecutor,
    pub(crate) project: Project,
    /// What every attempt's environment begins with.
    pub(crate) base: Environment,
    /// What an installation adds.
    pub(crate) install_env: Vec<(String, EnvChange)>,
    pub(crate) timeout: Duration,
    reader: Reader,
}

impl Conductor {
    pub(crate) fn new(
        executor: LocalExecutor,
        project: Project,
        base: Environment,
        timeout: Duration,
        reader: Reader,
    ) -> Self {
        Self { executor, project, base, install_env: Vec::new(), timeout, reader }
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
        let spec = self.spec(planned.clone(), slot.paths()).await;
        let raw = match slot.run(spec).await {
            Ok(raw) => raw,
            Err(error @ (ExecError::Closed | ExecError::LauncherLost(_))) => return Err(error),
            Err(error) => {
                let why = format!("the attempt could not be made: {error}");
                return Ok(not_made(planned, why, error.hint().map(str::to_owned)));
            }
        };
        drop(slot);
        Ok(self.reader.read(planned, raw.into()).await)
    }

    /// What is run: the user's command as the framework instruments it, in the environment of this attempt.
    async fn spec(&self, planned: PlannedAttempt, paths: &AttemptPaths) -> AttemptSpec {
        let mut env = self.base.clone();
        env.apply(&self.install_env);
        for (name, value) in planned.variables() {
            env.set(name, value);
        }
        let places = Places {
            report_dir: paths.report_dir.display().to_string(),
            support_dir: paths.support_dir.display().to_string(),
        };
        let (index, seed) = (planned.index, planned.seed);
        let (command, support_files) = instrument(&self.project, &planned, places, &env).await;
        env.apply(&command.env);
        AttemptSpec {
            index,
            seed,
            argv: command.argv.into_iter().map(Into::into).collect(),
            env: env.into_variables(),
            working_directory: PathBuf::from(&self.project.command.cwd),
            timeout: self.timeout,
            support_files: support_files.into_iter().map(|f| (f.path.into(), f.content)).collect(),
            purpose: Purpose::Test,
        }
    }
}

/// Folders of an attempt that a framework has to know, as the attempt sees them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) report_dir: String,
    pub(crate) support_dir: String,
}

/// The user's command, made ready by the framework for one attempt. A framework plugin that fails here costs the report
/// file, not the run: the command runs as it stands.
pub(crate) async fn instrument(
    project: &Project,
    planned: &PlannedAttempt,
    places: Places,
    env: &Environment,
) -> (Command, Vec<SupportFile>) {
    let asked = planned.command.as_deref().unwrap_or(&project.command);
    let mut command = asked.clone();
    let Some(framework) = &project.framework else { return (command, Vec::new()) };
    command.env.extend(seen_by_frameworks(env));
    let context = AttemptContext {
        index: planned.index,
        seed: planned.seed,
        report_dir: places.report_dir,
        support_dir: places.support_dir,
        shuffle: planned.order == Some(TestOrder::Shuffled),
        workers: None,
    };
    framework.used("framework");
    match framework.plugin.instrument(&command, &context).await {
        Ok(instrumented) => (instrumented.command, instrumented.support_files),
        Err(error) => {
            framework.fault(&error);
            (asked.clone(), Vec::new())
        }
    }
}

/// Variables whose present value a framework has to know to add to it. A plugin sees no others.
fn seen_by_frameworks(env: &Environment) -> Vec<(String, EnvChange)> {
    const SHOWN: [&str; 4] = ["NODE_OPTIONS", "PYTEST_PLUGINS", "PYTHONPATH", "SPEC_OPTS"];
    SHOWN
        .iter()
        .filter_map(|name| {
            let value = env.get(name)?.to_str()?;
            Some(((*name).to_owned(), EnvChange::Set(value.to_owned())))
        })
        .collect()
}
