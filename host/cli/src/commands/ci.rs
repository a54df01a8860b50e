//! `flaky ci`: in a job of a `workflow_run` workflow, looks into the failed run that the event tells of.
//!
//! The job holds a token and a key, and the failed run is of code that nobody has looked at. So nothing of the head is
//! run here: the configuration is that of the default branch, the attempts are made by the endpoint's workers, and of
//! what the failed run left behind only names of tests are taken ([`failed`]).

mod archive;
mod failed;
mod log;
mod plan;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use flaky_config::{ConfigFile, InvalidPlugin};
use flaky_core::ids::TestId;
use flaky_core::report::RunReport;
use flaky_core::settings::FailOn;
use flaky_core::surroundings::PullRequest;
use flaky_core::text::visible;
use flaky_core::verdict::Cause;
use flaky_delivery::{Environment, Event, ForgeError, Github, RealClock, WorkflowRun, World};
use flaky_engine::plugins::PluginSet;
use flaky_engine::run::{AttemptChoice, Finished, RunError};
use flaky_exec::checkout::{CommitId, RefName, RepositorySource};

use self::failed::{FailedSuite, Found};
use self::plan::Head;
use super::session::{Ask, Session};
use super::tell::{Telling, Told};
use crate::args::CiArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed, and the event, to the exit code.
pub(crate) fn execute(args: &CiArgs) -> Result<ExitStatus, CliError> {
    // What is wrong with the command line is known before GitHub is asked.
    drop(Telling::new(&args.tell, None)?);
    let session = Session::open(&args.output)?;
    session.block_on(look_into(&session, args))
}

async fn look_into(session: &Session, args: &CiArgs) -> Result<ExitStatus, CliError> {
    let environment = Environment::of_process();
    let run = failed_run(&environment)?;
    session.watch_signals()?;
    if !matches!(run.conclusion.as_deref(), Some("failure" | "timed_out")) {
        say(&format!("run {} did not fail: there is nothing to look into", run.id));
        return Ok(ExitStatus::Fine);
    }
    let world = World::new(environment.clone(), Arc::new(RealClock), run.id);
    let github = Github::new(&world).map_err(|e| not_github(&e))?;
    let config = Configuration::of_default_branch(&github, args).await?;
    if config.file.settings.auto_trigger_on_failure == Some(false) {
        say("`auto_trigger_on_failure` is false in the configuration of the default branch");
        return Ok(ExitStatus::Fine);
    }
    let pull = match github.pull_request_of(&run).await {
        Ok(pull) => pull,
        Err(error) => {
            warn(&format!("the pull request is not known: {error}"));
            None
        }
    };
    let plugins = PluginSet::bundled(&session.plugin_host().map_err(RunError::Host)?);
    let suites = config.suites();
    let failed = failed::look(&github, &plugins, &run, suites).await.map_err(|e| not_github(&e))?;
    let detection = Detection { session, args, environment, config, run, pull };
    detection.tell_all(failed).await
}

fn failed_run(environment: &Environment) -> Result<WorkflowRun, CliError> {
    const HINT: &str =
        "`flaky ci` is for a job of a workflow that `workflow_run` starts; elsewhere, use `flaky run`";
    match Event::of_job(environment) {
        Ok(Event::WorkflowRun(run)) => Ok(*run),
        Ok(_) => Err(CliError::usage_text("this job was not started by the end of another run", Some(HINT))),
        Err(error) => Err(CliError::usage(&error, Some(HINT.into()))),
    }
}

fn not_github(error: &ForgeError) -> CliError {
    CliError::usage(error, Some("docs/github.md says which permissions the job needs".into()))
}

/// The configuration that holds: of the default branch, or the one that the caller named.
struct Configuration {
    file: ConfigFile,
    /// Where it is on disk; `None`: there is none.
    path: Option<PathBuf>,
    /// Deleted with this.
    #[expect(dead_code, reason = "held so that the file stays until it is read again")]
    folder: Option<tempfile::TempDir>,
}

impl Configuration {
    /// By the API: in this job nothing is checked out.
    async fn of_default_branch(github: &Github, args: &CiArgs) -> Result<Self, CliError> {
        let wrong = |e: flaky_config::ConfigError| {
            let hint = e.hint();
            CliError::usage(&e, hint)
        };
        if let Some(path) = &args.settings.config {
            let file = flaky_config::load(path).map_err(wrong)?;
            return Ok(Self { file, path: Some(path.clone()), folder: None });
        }
        let limit = usize::try_from(flaky_config::MAX_FILE_BYTES).unwrap_or(usize::MAX);
        let found = github.file(flaky_config::FILE_NAME, None, limit).await.map_err(|e| not_github(&e))?;
        let Some(found) = found else {
            return Ok(Self { file: ConfigFile::default(), path: None, folder: None });
        };
        if found.cut {
            return Err(CliError::usage_text(
                format!("`{}` of the default branch is larger than {limit} bytes", flaky_config::FILE_NAME),
                None,
            ));
        }
        let write = || -> std::io::Result<(tempfile::TempDir, PathBuf)> {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join(flaky_config::FILE_NAME);
            std::fs::write(&path, &found.bytes)?;
            Ok((folder, path))
        };
        let (folder, path) = write().map_err(|e| CliError::fault(&e, None))?;
        let file = flaky_config::load(&path).map_err(wrong)?;
        Ok(Self { file, path: Some(path), folder: Some(folder) })
    }

    fn suites(&self) -> &std::collections::BTreeMap<String, flaky_config::SuiteEntry> {
        static NONE: std::collections::BTreeMap<String, flaky_config::SuiteEntry> =
            std::collections::BTreeMap::new();
        let settings = &self.file.settings;
        settings.suites.as_ref().or(settings.test_suites.as_ref()).unwrap_or(&NONE)
    }
}

/// One failed run, and what it is looked into with.
struct Detection<'a> {
    session: &'a Session,
    args: &'a CiArgs,
    environment: Environment,
    config: Configuration,
    run: WorkflowRun,
    pull: Option<PullRequest>,
}

impl Detection<'_> {
    async fn tell_all(&self, failed: Vec<FailedSuite>) -> Result<ExitStatus, CliError> {
        let repository = self.environment.get("GITHUB_REPOSITORY_ID").and_then(|id| id.parse().ok());
        let Some(head) = plan::head(&self.run, self.pull.as_ref(), repository) else {
            let why = "the failed commit is not of this repository, and no pull request, or not exactly one, has it as its head";
            return self.tell_nothing(None, why).await;
        };
        if failed.is_empty() {
            let why = "the run failed, but no job of it that belongs to a suite did";
            return self.tell_nothing(None, why).await;
        }
        let several = failed.len() > 1;
        let mut status = ExitStatus::Fine;
        for suite in &failed {
            let name = suite.name.as_deref().filter(|_| several);
            status = worse(status, self.suite(suite, name, &head).await?);
        }
        Ok(status)
    }

    async fn suite(
        &self,
        suite: &FailedSuite,
        name: Option<&str>,
        head: &Head,
    ) -> Result<ExitStatus, CliError> {
        let jobs = suite.jobs.iter().map(|job| format!("`{job}`")).collect::<Vec<_>>().join(", ");
        let tests: Vec<TestId> = match &suite.found {
            Found::TooMany(count) => {
                let most = failed::MOST_TESTS;
                let why = format!(
                    "{count} tests failed in {jobs}, more than {most}: that is not about single tests, and nothing was run again"
                );
                return self.tell_nothing(name, &why).await;
            }
            Found::Build(message) => {
                let why = format!("{jobs} failed before a test did, and nothing was run again: {message}");
                return self.tell_nothing(name, &why).await;
            }
            Found::Tests(tests) => tests.iter().cloned().collect(),
            Found::Unknown => Vec::new(),
        };
        let what = match tests.len() {
            0 => "the whole suite".to_owned(),
            1 => "1 failed test".to_owned(),
            count => format!("{count} failed tests"),
        };
        let runs = plan::runs(&suite.settings, &self.config.file.settings, head.draft).get();
        say(&format!("{jobs}: {what}, at most {runs} attempts of {} at {}", head.reference, head.commit));
        if self.args.tell.dry_run {
            tests.iter().for_each(|test| say(&format!("  {test}")));
            return Ok(ExitStatus::Fine);
        }
        let finished = self.attempts(suite, &tests, head).await?;
        let telling = Telling::new(&self.args.tell, name)?;
        let failed = self.session.tell(telling, Told::of(&finished)).await;
        Ok(self.status(&finished.report, finished.fail_on, failed))
    }

    /// Of the failed tests alone; should these not be there, of the whole suite.
    async fn attempts(
        &self,
        suite: &FailedSuite,
        tests: &[TestId],
        head: &Head,
    ) -> Result<Finished, CliError> {
        if !tests.is_empty() {
            match self.session.start(self.ask(suite, tests, head, true)?).await {
                Ok(finished) if !finds_nothing(&finished.report) => return Ok(finished),
                Ok(finished) => {
                    warn(&format!(
                        "the failed tests alone: {}; the whole suite is run",
                        finished.report.reason
                    ));
                }
                // A framework that cannot select: everything is run, and the failed tests are looked for in it.
                Err(RunError::Project(error)) => warn(&format!("{error}; the whole suite is run")),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.session.start(self.ask(suite, tests, head, false)?).await?)
    }

    fn ask(&self, suite: &FailedSuite, tests: &[TestId], head: &Head, only: bool) -> Result<Ask, CliError> {
        let get = |name: &str| self.environment.get(name).unwrap_or_default();
        let server = match get("GITHUB_SERVER_URL") {
            server if server.is_empty() => "https://github.com".to_owned(),
            server => server.trim_end_matches('/').to_owned(),
        };
        let url = format!("{server}/{}.git", get("GITHUB_REPOSITORY"));
        let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
        let mut flags = plan::flags(&suite.settings, &self.config.file.settings, head, tests, only);
        flags.plugins = (self.args.settings.plugins.iter().map(|p| p.parse()))
            .collect::<Result<_, InvalidPlugin>>()
            .map_err(|e| usage(&e))?;
        flags.endpoint = self.args.endpoint.clone();
        flags.fail_on = self.args.settings.fail_on.or(flags.fail_on);
        flags.time_budget = self.args.budget;
        Ok(Ask {
            resumed: None,
            source: RepositorySource::parse(&url).map_err(|e| usage(&e))?,
            reference: Some(RefName::parse(&head.reference).map_err(|e| usage(&e))?),
            commit: Some(CommitId::parse(&head.commit).map_err(|e| usage(&e))?),
            flags,
            config: self.config.path.clone(),
            job: None,
            base: None,
            attempts: AttemptChoice::Planned,
            reporters: Telling::new(&self.args.tell, None)?.names(),
        })
    }

    /// There is no result; that is what is told, and nothing else.
    async fn tell_nothing(&self, suite: Option<&str>, why: &str) -> Result<ExitStatus, CliError> {
        let report = RunReport::without_result(Cause::Infrastructure, &visible(why));
        let told = Told {
            report: &report,
            plugins: None,
            reporters: self.config.file.settings.reporters.as_deref().unwrap_or_default(),
            notify: None,
            origin: super::tell::ReportOrigin::Trusted,
        };
        let failed = self.session.tell(Telling::new(&self.args.tell, suite)?, told).await;
        Ok(self.status(&report, self.args.settings.fail_on.unwrap_or(FailOn::Never), failed))
    }

    /// A detection that could not tell has not failed either, unless somebody said what fails.
    fn status(&self, report: &RunReport, fail_on: FailOn, failed: usize) -> ExitStatus {
        match self.session.status(report, fail_on, failed) {
            ExitStatus::Inconclusive if fail_on == FailOn::Never => ExitStatus::Fine,
            status => status,
        }
    }
}

/// The tests that failed are not in the commit, or not under these names.
fn finds_nothing(report: &RunReport) -> bool {
    report.total_runs == 0
        && matches!(report.cause, Some(Cause::NoTests | Cause::UsageError | Cause::Infrastructure))
}

/// Of several suites, what speaks loudest.
fn worse(a: ExitStatus, b: ExitStatus) -> ExitStatus {
    if b.code() > a.code() { b } else { a }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", visible(text));
}
