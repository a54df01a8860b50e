//! `flaky run`.

use std::path::Path;

use flaky_config::job::JobInput;
use flaky_config::{
    AskedBy, EnvName, EnvValue, Environment, FlagSettings, InvalidEnvironment, InvalidPlugin, TestCommand,
};
use flaky_core::ids::TestId;
use flaky_core::settings::Condition;
use flaky_engine::run::AttemptChoice;
use flaky_exec::checkout::{CommitId, RefName, RepositorySource, RevisionError};

use super::resume;
use super::session::{Ask, Session};
use super::tell::{Telling, Told};
use crate::args::RunArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Largest job file read: far above any real one, far below what would hurt.
const JOB_BYTES: u64 = 10 << 20;

/// From what was typed to the exit code.
pub(crate) fn execute(args: RunArgs) -> Result<ExitStatus, CliError> {
    let telling = Telling::new(&args.tell, None)?;
    let session = Session::open(&args.output)?.with_supply(&args.settings.supply).with_history(&args.keep)?;
    let reporters = telling.names();
    let ask = match &args.resume {
        Some(run) => resume::ask(&session.folders.runs(), run, args.budget_usd, reporters)?,
        None => ask(&args, reporters)?,
    };
    session.block_on(async {
        let finished = session.run(ask).await?;
        let failed_deliveries = session.tell(telling, Told::of(&finished)).await;
        session.record(&finished, None).await;
        Ok(session.status(&finished.report, finished.fail_on, failed_deliveries))
    })
}

fn ask(args: &RunArgs, reporters: Vec<String>) -> Result<Ask, CliError> {
    let job = args.input.as_deref().map(read_job).transpose()?;
    Ok(Ask {
        resumed: None,
        source: source(args, job.as_ref())?,
        reference: revision(
            &args.reference,
            job.as_ref().and_then(|j| j.reference.as_ref()),
            RefName::parse,
        )?,
        commit: revision(&args.commit, job.as_ref().and_then(|j| j.commit.as_ref()), CommitId::parse)?,
        flags: flags(args)?,
        config: args.settings.config.clone(),
        trusted_ref: args.settings.trusted_ref.clone(),
        job,
        base: args.base.clone(),
        attempts: AttemptChoice::Planned,
        reporters,
    })
}

fn source(args: &RunArgs, job: Option<&JobInput>) -> Result<RepositorySource, CliError> {
    let text = match (&args.source, job) {
        (Some(text), _) => text.as_str(),
        (None, Some(job)) => job.repo.as_str(),
        (None, None) => ".",
    };
    let source = RepositorySource::parse(text).map_err(|e| CliError::usage(&e, e.hint().map(Into::into)))?;
    let asked = args.reference.is_some() || args.commit.is_some();
    if asked && matches!(source, RepositorySource::Local(_)) {
        return Err(CliError::usage_text(
            "`--ref` and `--commit` need the URL of a repository; a folder is tested as it stands",
            Some("check the commit out yourself, or give the repository's URL"),
        ));
    }
    Ok(source)
}

/// What the flag says, else what the job says.
fn revision<T>(
    flag: &Option<String>,
    job: Option<&String>,
    parse: impl Fn(&str) -> Result<T, RevisionError>,
) -> Result<Option<T>, CliError> {
    flag.as_ref().or(job).map(|text| parse(text)).transpose().map_err(|e| CliError::usage(&e, None))
}

fn flags(args: &RunArgs) -> Result<FlagSettings, CliError> {
    let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
    let test_command = if !args.command.is_empty() {
        Some(TestCommand::from_words(args.command.clone()).map_err(|e| usage(&e))?)
    } else {
        args.test_command.as_deref().map(str::parse::<TestCommand>).transpose().map_err(|e| usage(&e))?
    };
    Ok(FlagSettings {
        runs: args.runs,
        parallelism: args.parallelism,
        timeout: args.timeout,
        test_command,
        seed: args.seed,
        first_seed: args.first_seed,
        isolation: args.isolation,
        network: args.network,
        stop: args.stop,
        fail_on: args.settings.fail_on,
        backend: args.backend,
        endpoint: args.endpoint.clone(),
        shards: args.shards,
        budget: args.budget_usd,
        time_budget: args.budget,
        reproduce: args.reproduce,
        conditions: args.shuffle.then(|| vec![Condition::Order]),
        failed_in_ci: args.failed_in_ci.iter().map(|id| TestId::new(id)).collect(),
        tests: args.tests.iter().map(|id| TestId::new(id)).collect(),
        working_directory: args.working_directory.clone(),
        asked_by: AskedBy::Terminal,
        env: environment(&args.env)?,
        auto_install: args.no_install.then_some(false),
        grants: args.settings.grants.clone(),
        plugins: args
            .settings
            .plugins
            .iter()
            .map(|p| p.parse())
            .collect::<Result<_, InvalidPlugin>>()
            .map_err(|e| usage(&e))?,
    })
}

fn environment(asked: &[String]) -> Result<Environment, CliError> {
    let mut environment = Environment::default();
    for text in asked {
        let (name, value) = variable(text)?;
        let invalid = |e: InvalidEnvironment| CliError::usage_text(format!("`--env {name}`: {e}"), None);
        environment.set(
            EnvName::try_from(name.clone()).map_err(invalid)?,
            EnvValue::try_from(value).map_err(invalid)?,
        );
    }
    Ok(environment)
}

/// `NAME=VALUE`, or `NAME` for the value that we have.
fn variable(text: &str) -> Result<(String, String), CliError> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let value = std::env::var(text).map_err(|_| {
        CliError::usage_text(
            format!("`--env {text}`: the variable is not set here"),
            Some("give it as NAME=VALUE"),
        )
    })?;
    Ok((text.to_owned(), value))
}

fn read_job(path: &Path) -> Result<JobInput, CliError> {
    use std::io::Read;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(JOB_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| CliError::usage_text(format!("`{}`: {e}", path.display()), None))?;
    if bytes.len() as u64 > JOB_BYTES {
        return Err(CliError::usage_text(format!("`{}`: larger than 10 MiB", path.display()), None));
    }
    flaky_config::job::parse(&bytes)
        .map_err(|e| CliError::usage_text(format!("`{}`: {e}", path.display()), e.hint().as_deref()))
}
