//! `flaky run --resume`: a run on an endpoint goes on after its client was ended.

use std::path::Path;

use flaky_config::{AskedBy, FlagSettings, TestCommand};
use flaky_core::ids::RunId;
use flaky_core::report::SeedReport;
use flaky_core::settings::{BackendKind, Dollars, Parallelism, Runs, TimeoutSeconds};
use flaky_engine::journal::{read_record, read_report};
use flaky_engine::run::AttemptChoice;
use flaky_exec::checkout::{CommitId, RefName, RepositorySource};

use super::reproduce::{environment, plugins};
use super::session::Ask;
use crate::error::CliError;

/// The run as it was begun. The budget may be another one: what was spent counts against it.
pub(super) fn ask(
    runs: &Path,
    run: &RunId,
    budget: Option<Dollars>,
    reporters: Vec<String>,
) -> Result<Ask, CliError> {
    let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
    let record = read_record(runs, run).map_err(|e| {
        let hint = "a run names its id when it begins; the newest fifty runs are kept";
        CliError::usage(&e, Some(hint.into()))
    })?;
    let Some(remote) = record.remote else {
        return Err(CliError::usage_text(
            format!("run `{run}` ran on this machine: only runs on RunPod can be resumed"),
            Some("begin a new one"),
        ));
    };
    if read_report(runs, run).is_ok_and(|report| !report.execution.interrupted) {
        return Err(CliError::usage_text(
            format!("run `{run}` is finished: its report is in `{}`", runs.join(run.as_str()).display()),
            Some("only a run whose client was ended can be resumed"),
        ));
    }
    let source = RepositorySource::parse(&record.source).map_err(|e| usage(&e))?;
    let commit = record.commit.filter(|_| matches!(source, RepositorySource::Remote(_)));
    let (seed, first_seed) = match remote.seeds {
        SeedReport::First(first) => (None, Some(first)),
        SeedReport::Drawn { master, .. } => (Some(master), None),
    };
    let named = remote.command_named.then_some(record.command);
    let command = named.map(TestCommand::from_words).transpose().map_err(|e| usage(&e))?;
    Ok(Ask {
        resumed: Some(run.clone()),
        source,
        reference: record.reference.map(|r| RefName::parse(&r)).transpose().map_err(|e| usage(&e))?,
        commit: commit.map(|c| CommitId::parse(&c)).transpose().map_err(|e| usage(&e))?,
        flags: FlagSettings {
            runs: Some(Runs::clamped(u32::try_from(record.seeds.len()).unwrap_or(u32::MAX))),
            parallelism: Some(Parallelism::clamped(remote.parallelism)),
            timeout: Some(TimeoutSeconds::clamped(record.timeout)),
            test_command: command,
            seed,
            first_seed,
            isolation: Some(remote.isolation_asked),
            network: Some(remote.network),
            stop: Some(remote.stop),
            fail_on: Some(remote.fail_on),
            env: environment(record.env)?,
            auto_install: Some(record.install),
            plugins: plugins(&record.plugins)?,
            backend: Some(BackendKind::RunPod),
            endpoint: remote.endpoint,
            shards: remote.shards,
            budget: budget.or(remote.budget),
            asked_by: AskedBy::Terminal,
            ..FlagSettings::default()
        },
        config: record.config,
        trusted_ref: None,
        job: None,
        base: None,
        attempts: AttemptChoice::Planned,
        reporters,
    })
}
