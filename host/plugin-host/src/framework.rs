//! What frameworks decide: commands, environments, folders.

use flaky_core::ids::{AttemptIndex, Seed, TestId};

/// What becomes of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvChange {
    /// It gets this value.
    Set(String),
    /// It is taken away.
    Remove,
    /// Put in front of a `:`-separated list.
    Prepend(String),
}

/// A command, and what it changes in the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// Program and arguments; never empty when a plugin gave it.
    pub argv: Vec<String>,
    /// In the order in which changes apply.
    pub env: Vec<(String, EnvChange)>,
    /// Relative to the project's root, without `..`; empty is the root.
    pub cwd: String,
}

/// A place of the project that a framework tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The name reports use, e.g. `python`.
    pub name: String,
    /// Relative to the tree, without `..`; empty is its root.
    pub root: String,
    /// 0 to 100.
    pub confidence: u8,
    /// One sentence: what was seen.
    pub reason: String,
    /// What to run when nobody named a command.
    pub default_command: Command,
}

/// One command of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallStep {
    /// What to run.
    pub command: Command,
    /// One line, shown while it runs.
    pub title: String,
    /// Whether it needs the network.
    pub network: bool,
}

/// How dependencies come to be there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallPlan {
    /// In order.
    pub steps: Vec<InstallStep>,
    /// What every attempt needs to use what was installed.
    pub env: Vec<(String, EnvChange)>,
    /// Names all that the result depends on; empty: never reuse.
    pub cache_key: String,
}

/// What a framework is told of the attempt that a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptContext {
    /// Which.
    pub index: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// Absolute folder for report files, as the attempt sees it.
    pub report_dir: String,
    /// Absolute folder of the support files, as the attempt sees it.
    pub support_dir: String,
    /// Ask the framework to shuffle.
    pub shuffle: bool,
    /// Parallel workers inside the framework, when somebody asked for a number.
    pub workers: Option<u32>,
}

/// A file that stands in the support folder while the attempt runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportFile {
    /// Relative to the support folder, without `..`.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// A command made ready for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrumented {
    /// What to run.
    pub command: Command,
    /// What it needs beside it.
    pub support_files: Vec<SupportFile>,
}

/// Which tests to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These alone.
    Only(Vec<TestId>),
    /// Everything else.
    Without(Vec<TestId>),
}
