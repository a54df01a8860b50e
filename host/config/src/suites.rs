//! `suites`: parts of a repository that have test commands of their own, and the CI jobs that run them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use flaky_core::settings::{InvalidSetting, Parallelism, Runs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::TestCommand;
use crate::error::shown;
use crate::ignore::IgnorePattern;

/// One suite: what is left out is as for the whole repository.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a mapping")]
#[non_exhaustive]
pub struct SuiteEntry {
    /// Shell pattern on the names of CI jobs that run it; without one, the suite's name.
    pub job: Option<IgnorePattern>,
    /// Folder of the test command, relative to the repository.
    pub working_directory: Option<WorkingDirectory>,
    /// The command that runs its tests.
    #[schemars(with = "Option<String>")]
    pub test_command: Option<TestCommand>,
    /// The same under the name that the original gives it.
    #[schemars(with = "Option<String>")]
    pub command: Option<TestCommand>,
    /// How many attempts.
    pub runs: Option<Runs>,
    /// How many of them side by side.
    pub parallelism: Option<Parallelism>,
}

impl SuiteEntry {
    /// What runs its tests, under whichever name.
    #[must_use]
    pub fn command(&self) -> Option<&TestCommand> {
        self.test_command.as_ref().or(self.command.as_ref())
    }
}

/// A folder below the repository's root: relative, without `..`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct WorkingDirectory(String);

impl WorkingDirectory {
    /// Its path, with slashes; empty is the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkingDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for WorkingDirectory {
    type Err = InvalidSetting;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use std::path::Component;
        let mut parts = Vec::new();
        for component in Path::new(text).components() {
            match component {
                Component::CurDir => {}
                Component::Normal(part) => parts.extend(part.to_str()),
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(InvalidSetting(format!(
                        "{} is no folder below the repository's root: expected a relative path without `..`",
                        shown(text)
                    )));
                }
            }
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidSetting("a folder's name holds a control character".to_owned()));
        }
        Ok(Self(parts.join("/")))
    }
}

impl TryFrom<String> for WorkingDirectory {
    type Error = InvalidSetting;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_directory_stays_below_the_root() {
        for (text, taken) in [
            ("services/shop", Some("services/shop")),
            ("./a//b/", Some("a/b")),
            (".", Some("")),
            ("", Some("")),
            ("..", None),
            ("a/../../b", None),
            ("/etc", None),
            ("a\nb", None),
        ] {
            let read = text.parse::<WorkingDirectory>().ok();
            assert_eq!(read.as_ref().map(WorkingDirectory::as_str), taken, "{text:?}");
        }
    }
}
