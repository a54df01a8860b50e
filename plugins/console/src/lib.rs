//! What plugins that read printed text share: lines as a person saw them, text of failures under a limit, and tests
//! that can still be taken back.

mod seen;
mod tests_so_far;

pub use seen::{MOST_TEXT, push_line, seconds, visible};
pub use tests_so_far::{Test, TestsSoFar};

use flaky_plugin_sdk::{Exit, Outcome};

/// Whether a line is the first that `ctest` prints, or writes into its report. With `--output-on-failure` the output of
/// programs that failed follows at the beginning of lines, and their tests are not all that there are; a report has the
/// output of all.
#[must_use]
pub fn begins_ctest(line: &[u8]) -> bool {
    line.starts_with(b"Test project /")
        || line.starts_with(b"Test project C:")
        || line.starts_with(b"<Site BuildName=")
}

/// What became of a test that was running when the text ended; `None` when nothing says that the process was stopped.
#[must_use]
pub fn outcome_when_cut(exit: &Exit) -> Option<Outcome> {
    if exit.timed_out {
        return Some(Outcome::TimedOut);
    }
    // A shell gives 128 and the number of the signal for a command that a signal ended.
    let by_signal = exit.signal.is_some() || exit.code.is_some_and(|code| (129..=192).contains(&code));
    by_signal.then_some(Outcome::Crashed)
}
