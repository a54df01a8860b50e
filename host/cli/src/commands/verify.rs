//! `flaky verify`: is a test that was flaky mended?

use std::io::Write;

use flaky_config::{AskedBy, FlagSettings, TestCommand};
use flaky_core::ids::TestId;
use flaky_core::refute::passes_to_refute;
use flaky_core::report::{RunReport, TestReport};
use flaky_core::settings::{Repetitions, Runs, StopRule};
use flaky_core::stats::bounds;
use flaky_core::text::visible;
use flaky_engine::run::AttemptChoice;
use flaky_exec::checkout::RepositorySource;

use super::session::{Ask, Session};
use crate::args::VerifyArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// How sure to be that the old rate is gone: as sure as verdicts are.
const LEVEL: f64 = 0.95;

/// From what was typed to the exit code.
pub(crate) fn execute(args: VerifyArgs) -> Result<ExitStatus, CliError> {
    let was = args.was.0;
    let runs = attempts(was)?;
    let session = Session::open(&args.output)?;
    let test = TestId::new(&args.test);
    let ask = ask(&args, runs, test.clone())?;
    session.block_on(async {
        let finished = session.run(ask).await?;
        let report = &finished.report;
        let found = report.tests.iter().find(|t| t.id == test);
        let answer = match found {
            Some(found) if found.ran > 0 => Answer::of(found, was, runs.get()),
            Some(_) | None => Answer { status: ExitStatus::Inconclusive, text: not_run(report, &test) },
        };
        let _ = writeln!(std::io::stdout().lock(), "{}", answer.text);
        Ok(if report.execution.interrupted {
            session.status(report, finished.fail_on, 0)
        } else {
            answer.status
        })
    })
}

fn attempts(was: f64) -> Result<Runs, CliError> {
    let needed = passes_to_refute(was, LEVEL).unwrap_or(u32::MAX);
    Runs::try_from(i128::from(needed)).map_err(|_| {
        CliError::usage_text(
            format!(
                "a rate of {} takes {needed} attempts to refute, and a run has at most {}",
                percent(was),
                Runs::MAX
            ),
            Some("1000 attempts without a failure refute a rate of 0.3 %"),
        )
    })
}

fn ask(args: &VerifyArgs, runs: Runs, test: TestId) -> Result<Ask, CliError> {
    let usage = |e: &dyn std::error::Error| CliError::usage(e, None);
    let source = RepositorySource::parse(args.source.as_deref().unwrap_or("."))
        .map_err(|e| CliError::usage(&e, e.hint().map(Into::into)))?;
    let command = match args.command.is_empty() {
        true => None,
        false => Some(TestCommand::from_words(args.command.clone()).map_err(|e| usage(&e))?),
    };
    Ok(Ask {
        resumed: None,
        source,
        reference: None,
        commit: None,
        base: None,
        flags: FlagSettings {
            runs: Some(runs),
            parallelism: args.parallelism,
            test_command: command,
            // All of them: ending at the first failure would make the new rate look larger than it is.
            stop: Some(StopRule::Never),
            reproduce: Some(Repetitions::clamped(0)),
            tests: if args.only { vec![test] } else { Vec::new() },
            auto_install: args.no_install.then_some(false),
            asked_by: AskedBy::Terminal,
            ..FlagSettings::default()
        },
        config: None,
        trusted_ref: None,
        job: None,
        attempts: AttemptChoice::Planned,
        reporters: Vec::new(),
    })
}

/// What is now known.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: ExitStatus,
    text: String,
}

impl Answer {
    fn of(test: &TestReport, was: f64, planned: u32) -> Self {
        let (ran, failed, name) = (test.ran, test.failures, visible(test.id.as_str()));
        let at_most = percent(bounds(failed, ran, LEVEL).failure_at_most);
        let old = percent(was);
        if failed > 0 {
            let rarer = bounds(failed, ran, LEVEL).failure_at_most <= was;
            let now = if rarer {
                format!("more rarely than {old}")
            } else {
                format!("a rate of {old} is not refuted")
            };
            let text = format!("not mended: `{name}` failed {failed} of {ran} ({now}; at most {at_most})");
            return Self { status: ExitStatus::Flaky, text };
        }
        if bounds(0, ran, LEVEL).failure_at_most <= was {
            let text = format!(
                "mended: `{name}` passed {ran} of {ran}: a rate of {old} is refuted, it fails at most {at_most}"
            );
            return Self { status: ExitStatus::Fine, text };
        }
        let text = format!(
            "not known: `{name}` passed {ran} of {ran}, at most {at_most}: {old} takes {planned} attempts in which it runs"
        );
        Self { status: ExitStatus::Inconclusive, text }
    }
}

fn not_run(report: &RunReport, test: &TestId) -> String {
    let name = visible(test.as_str());
    match report.cause {
        Some(cause) if report.total_runs == 0 => format!("not known ({cause}): {}", report.reason),
        _ => format!(
            "not known: `{name}` did not run in any of {} attempts; is that its id?",
            report.total_runs
        ),
    }
}

/// Three digits: `4.95 %`.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    let digits = if percent >= 10.0 { 1 } else { 2 };
    let text = format!("{percent:.digits$}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_those_that_refute_the_old_rate() {
        for (was, runs) in [(0.05, 59), (0.5, 5), (0.003, 998)] {
            assert_eq!(attempts(was).unwrap().get(), runs);
        }
        assert_eq!(attempts(0.001).unwrap_err().status, ExitStatus::Usage);
    }
}
