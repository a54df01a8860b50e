//! Attempts as the original lists them.

use std::collections::BTreeMap;

use flaky_plugin_sdk::report::{Attempt, Exit, Report, Seeds};
use serde::Serialize;

/// Most attempts of which those that passed are listed: a hundred times what the original takes. A report that claims
/// more gets rows for the attempts that it lists.
const MOST_ROWS: u32 = 100_000;

/// What the original says of an attempt that took too long, in place of its error output.
const TIMEOUT: &str = "TIMEOUT";

/// One attempt as the original lists it, and what it does not know.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'r> {
    attempt: u32,
    exit_code: Option<i64>,
    stdout: Option<&'r str>,
    stderr: Option<String>,
    passed: bool,
    seed: Option<u64>,
    /// Whether it says anything about the tests; only those that do are in `total_runs` and `failures`.
    counted: bool,
}

/// All attempts with others beside them, ascending.
pub(crate) fn of(report: &Report) -> Vec<Row<'_>> {
    let listed = report.attempts.iter().filter(|attempt| !attempt.alone);
    let mut rows: BTreeMap<u32, Row<'_>> =
        listed.map(|attempt| (attempt.attempt, listed_row(attempt))).collect();
    let finished = report.execution.finished;
    if finished <= MOST_ROWS {
        for attempt in 0..finished {
            rows.entry(attempt).or_insert_with(|| passed(attempt, report.execution.seeds));
        }
    }
    rows.into_values().collect()
}

fn listed_row(attempt: &Attempt) -> Row<'_> {
    let aside = attempt.set_aside.as_ref().map(|why| format!("ERROR: {why}"));
    let timeout = (attempt.exit == Exit::TimedOut).then(|| TIMEOUT.to_owned());
    let counted = attempt.set_aside.is_none();
    Row {
        attempt: attempt.attempt,
        exit_code: exit_code(attempt.exit),
        stdout: attempt.output_tail.as_deref(),
        stderr: timeout.or(aside),
        // Attempts that told less than the others are listed too, and may have passed.
        passed: counted && attempt.failed_tests == 0 && attempt.exit == Exit::Code(0),
        seed: Some(attempt.seed),
        counted,
    }
}

fn passed<'r>(attempt: u32, seeds: Seeds) -> Row<'r> {
    let seed = match seeds {
        Seeds::First(first) => first.checked_add(u64::from(attempt)),
        Seeds::Drawn { .. } | Seeds::Other => None,
    };
    Row { attempt, exit_code: None, stdout: None, stderr: None, passed: true, seed, counted: true }
}

/// As the original's language has it: a signal is its number below zero.
fn exit_code(exit: Exit) -> Option<i64> {
    match exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(signal) => signal.checked_neg(),
        Exit::TimedOut | Exit::NotFound | Exit::Other => None,
    }
}
