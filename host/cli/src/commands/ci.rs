//! `flaky ci`: in a job of a `workflow_run` workflow, looks into the failed run that the event tells of.
//!
//! The job holds a token and a key, and the failed run is of code that nobody has looked at. So nothing of the head is
//! run here: the configuration is that of the default branch, the attempts are made by the endpoint's workers, and of
//! what the failed run left behind only names of tests are taken ([`failed`]).

mod archive;
mod budget;
mod components;
mod configuration;
mod failed;
mod plan;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use flaky_config::InvalidPlugin;
use flaky_core::ids::TestId;
use flaky_core::notify::Notify;
use flaky_core::report::RunReport;
use flaky_core::settings::{FailOn, TimeBudget};
use flaky_core::surroundings::PullRequest;
use flaky_core::text::visible;
use flaky_core::verdict::Cause;
use flaky_delivery::{Environment, Event, ForgeError, Github, RealClock, WorkflowRun, World, github_server};
use flaky_engine::plugins::PluginSet;
use flaky_engine::run::{AttemptChoice, Finished, RunError};
use flaky_exec::checkout::{CommitId, RefName, RepositorySource};

use self::budget::{Aside, Limit, Meter};
use self::configuration::Configuration;
use self::failed::{FailedSuite, Found};
use self::plan::Head;
use super::session::{Ask, Session};
use super::tell::{Outputs, SharedComment, Suite, SuiteName, Telling, Told};
use crate::args::CiArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed, and the event, to the exit code.
pub(crate) fn execute(args: &CiArgs) -> Result<ExitStatus, CliError> {
    // What is wrong with the command line is known before GitHub is asked.
    drop(Telling::new(&args.tell, None)?);
    let session = Session::open(&args.output)?.with_supply(&args.settings.supply).with_history(&args.keep)?;
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
    let detection =
        Detection { session, args, environment, config, github, run, pull, outputs: Arc::default() };
    let status = detection.result().await;
    // Also when one of several suites ended with an error: what was found out of the others is known.
    match detection.outputs.hand_on(&detection.environment) {
        0 => status,
        _ => Ok(worse(status?, ExitStatus::DeliveryFailed)),
    }
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

/// One failed run, and what it is looked into with.
struct Detection<'a> {
    session: &'a Session,
    args: &'a CiArgs,
    environment: Environment,
    config: Configuration,
    github: Github,
    run: WorkflowRun,
    pull: Option<PullRequest>,
    outputs: Arc<Outputs>,
}

impl Detection<'_> {
    async fn result(&self) -> Result<ExitStatus, CliError> {
        if let Some(pull) = self.pull.as_ref().filter(|pull| pull.head != self.run.head_sha) {
            return self.moved_on(pull).await;
        }
        let plugins = PluginSet::bundled(&self.session.plugin_host().map_err(RunError::Host)?);
        let failed = failed::look(&self.github, &plugins, &self.run, self.config.suites()).await;
        self.tell_all(failed.map_err(|e| not_github(&e))?).await
    }

    /// The commit that failed is not what anybody wants to merge any more, and the new head has a CI run of its own: nothing
    /// is run, no chat is told, and what we said before says that it is of an older commit.
    async fn moved_on(&self, pull: &PullRequest) -> Result<ExitStatus, CliError> {
        if !self.args.tell.dry_run
            && let Err(error) = self.github.note_what_is_older(pull).await
        {
            warn(&format!("the comment of an older commit could not be marked: {error}"));
        }
        let why = format!(
            "the pull request has moved on since: its head is {} by now, and nothing was run again for {}",
            pull.head, self.run.head_sha
        );
        self.tell_nothing(None, &why, Some(Notify::new(Vec::new()))).await
    }

    async fn tell_all(&self, failed: Vec<FailedSuite>) -> Result<ExitStatus, CliError> {
        let repository = self.environment.get("GITHUB_REPOSITORY_ID").and_then(|id| id.parse().ok());
        let Some(head) = plan::head(&self.run, self.pull.as_ref(), repository) else {
            let why = "the failed commit is not of this repository, and no pull request, or not exactly one, has it as its head";
            return self.tell_nothing(None, why, None).await;
        };
        if failed.is_empty() {
            let why = "the run failed, but no job of it that belongs to a suite did";
            return self.tell_nothing(None, why, None).await;
        }
        let mut ended = Ok(ExitStatus::Fine);
        for (suite, named) in failed.iter().zip(self.named(&failed)) {
            let status = self.suite(suite, named.as_ref(), &head).await;
            if status.is_err() {
                // Its words may be of what only the job should know; they stand in its log.
                let why = "no attempt could be made: the log of the job that looked into it says why";
                let _ = self.tell_nothing(named.as_ref(), why, None).await;
            }
            // One that cannot be looked into hides no other.
            ended = match (ended, status) {
                (Ok(before), Ok(status)) => Ok(worse(before, status)),
                (Err(first), Err(other)) => {
                    other.print();
                    Err(first)
                }
                (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            };
        }
        ended
    }

    /// What each of them is called where it is told: nothing, where the configuration has but one.
    fn named(&self, failed: &[FailedSuite]) -> Vec<Option<Suite>> {
        let suites = self.config.suites();
        if suites.len() < 2 {
            return failed.iter().map(|_| None).collect();
        }
        let names = SuiteName::of_all(suites.keys().map(String::as_str));
        let names: BTreeMap<&str, SuiteName> = suites.keys().map(String::as_str).zip(names).collect();
        let name = |suite: &FailedSuite| names.get(suite.name.as_deref()?).cloned();
        let comment = SharedComment::of(failed.iter().filter_map(name).collect());
        let named = |name| Suite { name, comment: Arc::clone(&comment) };
        failed.iter().map(|suite| name(suite).map(named)).collect()
    }

    /// How one result is told.
    fn telling(&self, suite: Option<&Suite>) -> Result<Telling, CliError> {
        Ok(Telling::new(&self.args.tell, suite.cloned())?.with_outputs(&self.outputs))
    }

    async fn suite(
        &self,
        suite: &FailedSuite,
        name: Option<&Suite>,
        head: &Head,
    ) -> Result<ExitStatus, CliError> {
        let jobs = suite.jobs.iter().map(|job| format!("`{job}`")).collect::<Vec<_>>().join(", ");
        let tests: Vec<TestId> = match &suite.found {
            Found::TooMany(count) => {
                let most = failed::MOST_TESTS;
                let why = format!(
                    "{count} tests failed in {jobs}, more than {most}: that is not about single tests, and nothing was run again"
                );
                return self.tell_nothing(name, &why, None).await;
            }
            Found::Build(message) => {
                let why = format!("{jobs} failed before a test did, and nothing was run again: {message}");
                return self.tell_nothing(name, &why, None).await;
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
        let aside = match self.set_aside().await? {
            Ok(aside) => aside,
            Err(why) => return self.tell_nothing(name, &why, None).await,
        };
        let mut meter = Meter::start();
        let finished = self.attempts(suite, &tests, head, aside.as_ref(), &mut meter).await;
        if let Some(aside) = aside {
            aside.settle(&meter).await;
        }
        let finished = finished?;
        let telling = self.telling(name)?;
        let failed = self.session.tell(telling, Told::of(&finished)).await;
        self.session.record(&finished, self.pull.as_ref()).await;
        Ok(self.status(&finished.report, finished.fail_on, failed))
    }

    /// Of the pull request's budget, where there is one of both; else why nothing is to be run.
    async fn set_aside(&self) -> Result<Result<Option<Aside<'_>>, String>, CliError> {
        let settings = &self.config.file.settings;
        let (Some(limit), Some(pull)) = (Limit::of(settings), &self.pull) else { return Ok(Ok(None)) };
        if limit.lacks_a_price(settings) {
            return Err(CliError::usage_text(
                "`budget_usd_per_pull_request` cannot be kept: without a price only seconds are known",
                Some(
                    "write what you pay into the configuration: `backend: {kind: runpod, price_per_second: 0.00002}`",
                ),
            ));
        }
        let aside = limit.set_aside(&self.github, pull.number, self.time_budget()).await;
        Ok(aside.map(Some))
    }

    /// How long the attempts after one failure may take.
    fn time_budget(&self) -> Option<TimeBudget> {
        self.args.budget.or(self.config.file.settings.budget)
    }

    /// Of the failed tests alone; should these not be there, of the whole suite.
    async fn attempts(
        &self,
        suite: &FailedSuite,
        tests: &[TestId],
        head: &Head,
        aside: Option<&Aside<'_>>,
        meter: &mut Meter,
    ) -> Result<Finished, CliError> {
        let mut alone = None;
        if !tests.is_empty() {
            let Some(ask) = self.within(self.ask(suite, tests, head, true)?, aside, meter) else {
                return Err(CliError::usage_text("the budget of the pull request leaves no time", None));
            };
            let run = self.session.start(ask).await;
            meter.count(run.as_ref().ok().map(|finished| &finished.report));
            match run {
                Ok(finished) if !finds_nothing(&finished.report) => return Ok(finished),
                Ok(finished) => {
                    warn(&format!(
                        "the failed tests alone: {}; the whole suite is run",
                        finished.report.reason
                    ));
                    alone = Some(finished);
                }
                // A framework that cannot select: everything is run, and the failed tests are looked for in it.
                Err(RunError::Project(error)) => warn(&format!("{error}; the whole suite is run")),
                Err(error) => return Err(error.into()),
            }
        }
        match (self.within(self.ask(suite, tests, head, false)?, aside, meter), alone) {
            (Some(ask), _) => {
                let run = self.session.start(ask).await;
                meter.count(run.as_ref().ok().map(|finished| &finished.report));
                Ok(run?)
            }
            (None, Some(finished)) => Ok(finished),
            (None, None) => {
                Err(CliError::usage_text("the budget of the pull request leaves nothing for the suite", None))
            }
        }
    }

    /// With no more time and money than what was set aside leaves. `None`: nothing is left.
    fn within(&self, mut ask: Ask, aside: Option<&Aside<'_>>, meter: &Meter) -> Option<Ask> {
        ask.flags.time_budget = self.args.budget;
        if let Some(aside) = aside {
            ask.flags.budget = aside.usd(meter)?;
            let left = aside.time(meter)?;
            ask.flags.time_budget =
                left.into_iter().chain(self.time_budget()).min_by_key(|time| time.duration());
        }
        Some(ask)
    }

    fn ask(&self, suite: &FailedSuite, tests: &[TestId], head: &Head, only: bool) -> Result<Ask, CliError> {
        let repository = self.environment.get("GITHUB_REPOSITORY").unwrap_or_default();
        let url = format!("{}/{repository}.git", github_server(&self.environment));
        let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
        let mut flags = plan::flags(&suite.settings, &self.config.file.settings, head, tests, only);
        flags.plugins = (self.args.settings.plugins.iter().map(|p| p.parse()))
            .collect::<Result<_, InvalidPlugin>>()
            .map_err(|e| usage(&e))?;
        flags.grants = self.args.settings.grants.clone();
        flags.endpoint = self.args.endpoint.clone();
        flags.fail_on = self.args.settings.fail_on.or(flags.fail_on);
        Ok(Ask {
            resumed: None,
            source: RepositorySource::parse(&url).map_err(|e| usage(&e))?,
            reference: Some(RefName::parse(&head.reference).map_err(|e| usage(&e))?),
            commit: Some(CommitId::parse(&head.commit).map_err(|e| usage(&e))?),
            flags,
            config: self.config.path.clone(),
            trusted_ref: None,
            job: None,
            base: None,
            attempts: AttemptChoice::Planned,
            reporters: Telling::new(&self.args.tell, None)?.names(),
        })
    }

    /// There is no result; that is what is told, and nothing else.
    async fn tell_nothing(
        &self,
        suite: Option<&Suite>,
        why: &str,
        notify: Option<Notify>,
    ) -> Result<ExitStatus, CliError> {
        let report = RunReport::without_result(Cause::Infrastructure, &visible(why));
        let told = Told {
            report: &report,
            plugins: None,
            reporters: self.config.file.settings.reporters.as_deref().unwrap_or_default(),
            notify,
            origin: super::tell::ReportOrigin::Trusted,
        };
        let failed = self.session.tell(self.telling(suite)?, told).await;
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
