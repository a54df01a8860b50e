//! One execution of the test command, as an executor hands it over.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the test command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// We ended it: the attempt's time was over.
    TimedOut,
    /// It could not be started: the program is missing or not executable.
    NotFound,
}

impl Exit {
    /// Exit code 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

/// What an attempt used, the test command and all its descendants together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// From start to end of the command.
    pub wall: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// Largest resident set of a single process, in bytes.
    pub peak_memory: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exit_code_zero_is_success() {
        let table = [
            (Exit::Code(0), true, r#"{"code":0}"#),
            (Exit::Code(1), false, r#"{"code":1}"#),
            (Exit::Signal(9), false, r#"{"signal":9}"#),
            (Exit::TimedOut, false, r#""timed-out""#),
            (Exit::NotFound, false, r#""not-found""#),
        ];
        for (exit, success, json) in table {
            assert_eq!(exit.is_success(), success, "{exit:?}");
            assert_eq!(serde_json::to_string(&exit).unwrap(), json);
            assert_eq!(serde_json::from_str::<Exit>(json).unwrap(), exit);
        }
    }
}
