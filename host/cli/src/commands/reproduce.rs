//! `flaky reproduce`: one attempt of an earlier run again, in the conditions it had.

use std::io::Write;

use flaky_config::{
    EnvName, EnvValue, Environment, FlagSettings, InvalidEnvironment, InvalidPlugin, PluginAddress,
    TestCommand,
};
use flaky_core::ids::{Seed, TestId};
use flaky_core::report::{IsolationUsed, RunReport};
use flaky_core::settings::{BackendKind, IsolationChoice, NetworkChoice, Parallelism, TimeoutSeconds};
use flaky_core::text::visible;
use flaky_core::verdict::Category;
use flaky_engine::journal::{RunRecord, read_record, read_report};
use flaky_engine::run::AttemptChoice;
use flaky_exec::checkout::{CommitId, RefName, RepositorySource};

use super::session::{Ask, Session};
use crate::args::ReproduceArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &ReproduceArgs) -> Result<ExitStatus, CliError> {
    let session = Session::open(&args.output)?;
    let runs = session.folders.runs();
    let hint = || Some("the report of a run names its id; the newest fifty runs are kept".to_owned());
    let record = read_record(&runs, &args.run).map_err(|e| CliError::usage(&e, hint()))?;
    let seed = match args.seed {
        Some(seed) => seed,
        None => first_failing(&read_report(&runs, &args.run).map_err(|e| CliError::usage(&e, hint()))?)?,
    };
    let number = number_of(&record, seed)?;
    let attempts = AttemptChoice::Repeat { seed, number, times: args.repeat.get() };
    let tests = args.tests.iter().map(|id| TestId::new(id)).collect();
    let ask = ask(record, attempts, tests)?;
    session.block_on(async {
        let finished = session.run(ask).await?;
        let report = &finished.report;
        print(report, seed);
        let gate = match (report.verdict, report.failures) {
            _ if report.execution.interrupted => session.status(report, finished.fail_on, 0),
            (_, failures) if failures > 0 => ExitStatus::Flaky,
            (Category::Inconclusive, _) if report.total_runs == 0 => ExitStatus::Inconclusive,
            _ => ExitStatus::Fine,
        };
        Ok(gate)
    })
}

fn first_failing(report: &RunReport) -> Result<Seed, CliError> {
    let failing = report.attempts.iter().find(|a| a.failed_tests > 0 && a.set_aside.is_none());
    let any = failing.or_else(|| report.attempts.iter().find(|a| a.set_aside.is_none()));
    any.map(|a| a.seed).ok_or_else(|| {
        CliError::usage_text(
            format!("no attempt of run `{}` failed", report.run),
            Some("name a seed: `--seed N`"),
        )
    })
}

fn number_of(record: &RunRecord, seed: Seed) -> Result<u32, CliError> {
    let position = record.seeds.iter().position(|s| *s == seed);
    position.and_then(|p| u32::try_from(p).ok()).ok_or_else(|| {
        CliError::usage_text(
            format!("run `{}` had no attempt with seed {seed}", record.run),
            Some("its report lists the seeds of failing attempts"),
        )
    })
}

/// The run as it was, with the one attempt; one after the other, so that nothing runs beside it.
fn ask(record: RunRecord, attempts: AttemptChoice, tests: Vec<TestId>) -> Result<Ask, CliError> {
    let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
    let source = RepositorySource::parse(&record.source).map_err(|e| usage(&e))?;
    let (isolation, network) = match record.isolation {
        IsolationUsed::Full => (IsolationChoice::Auto, NetworkChoice::Loopback),
        IsolationUsed::FullSharedNetwork => (IsolationChoice::Auto, NetworkChoice::Shared),
        IsolationUsed::Copy => (IsolationChoice::Copy, NetworkChoice::Auto),
        IsolationUsed::Shared => (IsolationChoice::Shared, NetworkChoice::Auto),
    };
    let remote = matches!(source, RepositorySource::Remote(_));
    Ok(Ask {
        resumed: None,
        source,
        reference: record.reference.map(|r| RefName::parse(&r)).transpose().map_err(|e| usage(&e))?,
        commit: record
            .commit
            .filter(|_| remote)
            .map(|c| CommitId::parse(&c))
            .transpose()
            .map_err(|e| usage(&e))?,
        flags: FlagSettings {
            parallelism: Some(Parallelism::clamped(1)),
            timeout: Some(TimeoutSeconds::clamped(record.timeout)),
            test_command: Some(TestCommand::from_words(record.command).map_err(|e| usage(&e))?),
            isolation: Some(isolation),
            network: Some(network),
            env: environment(record.env)?,
            auto_install: Some(record.install),
            plugins: plugins(&record.plugins)?,
            conditions: Some(record.conditions),
            tests,
            // Where it can be looked into, wherever it failed first.
            backend: Some(BackendKind::Local),
            ..FlagSettings::default()
        },
        config: record.config,
        trusted_ref: None,
        job: None,
        base: None,
        attempts,
        reporters: Vec::new(),
    })
}

/// Values that were not written down, because they are secrets, are taken from our environment.
pub(super) fn environment(variables: Vec<(String, Option<String>)>) -> Result<Environment, CliError> {
    let mut environment = Environment::default();
    for (name, value) in variables {
        let value = value.or_else(|| std::env::var(&name).ok()).ok_or_else(|| {
            CliError::usage_text(
                format!("the run had the variable `{name}`, whose value was not written down"),
                Some("set it, then repeat the command"),
            )
        })?;
        let invalid = |e: InvalidEnvironment| CliError::usage(&e, None);
        environment
            .set(EnvName::try_from(name).map_err(invalid)?, EnvValue::try_from(value).map_err(invalid)?);
    }
    Ok(environment)
}

pub(super) fn plugins(addresses: &[String]) -> Result<Vec<PluginAddress>, CliError> {
    let all: Result<_, InvalidPlugin> = addresses.iter().map(|a| a.parse()).collect();
    all.map_err(|e| CliError::usage(&e, None))
}

/// What failed, and how often; a closed standard output is no failure.
fn print(report: &RunReport, seed: Seed) {
    let mut text = String::new();
    if report.total_runs == 0 {
        text.push_str(&format!("seed {seed}: nothing can be said: {}\n", report.reason));
    } else {
        text.push_str(&format!("seed {seed}: failed {} of {}\n", report.failures, report.total_runs));
    }
    for test in report.tests.iter().filter(|t| t.failures > 0 && !t.ignored) {
        text.push_str(&format!("  {} failed {} of {}\n", visible(test.id.as_str()), test.failures, test.ran));
        for group in &test.failure_groups {
            let said: Vec<&str> = [&group.kind, &group.message].into_iter().map(|t| t.trim()).collect();
            let said = said.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(": ");
            let line = said.lines().next().unwrap_or_default().to_owned();
            text.push_str(&format!("    {} of {}: {}\n", group.count, test.failures, visible(&line)));
        }
    }
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
