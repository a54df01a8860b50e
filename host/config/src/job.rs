//! A job as JSON: the input of the original tool's worker, and what came to it since.
//!
//! Data flow: bytes or a JSON value → [`Job`]: a whole run ([`JobInput`]), or a shard's order, which is only carried
//! here. What a key may hold stands once, in `fields`; reader and [`schema`] are both made of it.

use std::fmt;

use flaky_core::ids::TestId;
use flaky_core::settings::{Parallelism, Runs, StopRule, TimeoutSeconds};
use serde_json::{Map, Value};

use crate::command::TestCommand;
use crate::environment::Environment;
use crate::error::shown;
use crate::nearest::nearest;
use crate::plugin::PluginEntry;
use crate::source::MAX_FILE_BYTES;
use crate::unique_json::Unique;

mod fields;
mod read;
mod schema;
mod size;

pub use schema::schema;

/// Keys that may stand beside `input`: a request to an endpoint, kept as a file, has them.
const BESIDE_INPUT: [&str; 5] = ["id", "webhook", "policy", "s3Config", "input"];

/// Largest shard order taken, in bytes: the platform's largest request.
const MAX_SHARD_BYTES: u64 = 20 * 1024 * 1024;

/// What came as a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// A whole run, judged where it is run.
    Full(Box<JobInput>),
    /// A part of somebody else's run.
    Shard(ShardInput),
}

/// A shard's order on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardInput {
    /// A JSON object in the wire format, not looked into here.
    pub order: Value,
    /// For fetching the repository.
    pub git_token: Option<GitToken>,
}

/// What a job asks for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JobInput {
    /// The repository, as given; whether it is one is decided where it is fetched.
    pub repo: String,
    /// What runs the tests.
    pub test_command: TestCommand,
    /// How many attempts.
    pub runs: Option<Runs>,
    /// How many of them side by side.
    pub parallelism: Option<Parallelism>,
    /// The framework, where the job names it.
    pub framework: Option<JobFramework>,
    /// Branch, tag or full reference such as `refs/pull/7/head`.
    pub reference: Option<String>,
    /// Commit, in hex; with a reference it must be in its history, which is seen where it is fetched.
    pub commit: Option<String>,
    /// Master seed that the attempts' seeds are drawn with.
    pub seed: Option<u64>,
    /// Per attempt.
    pub timeout: Option<TimeoutSeconds>,
    /// For the test command.
    pub env: Environment,
    /// When it may end early.
    pub stop: Option<StopRule>,
    /// The tests to run, as the framework names them; empty is all that the command runs.
    pub tests: Vec<TestId>,
    /// Plugins beside the bundled ones, in this order; whether a path may be named is decided where they are loaded.
    pub plugins: Vec<PluginEntry>,
    /// For fetching the repository.
    pub git_token: Option<GitToken>,
}

/// An access token for the repository. Platforms keep job inputs for a while, so it must be one that ends soon by
/// itself. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct GitToken(String);

impl GitToken {
    /// For the header alone.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GitToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitToken(…)")
    }
}

/// What stands in for keys that a job leaves out, as if its caller had written it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// For `test_command`.
    pub test_command: Option<TestCommand>,
    /// For `runs`.
    pub runs: Option<Runs>,
    /// For `parallelism`.
    pub parallelism: Option<Parallelism>,
}

/// The frameworks that a job can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFramework {
    /// `python`.
    Python,
    /// `go`.
    Go,
    /// `typescript-jest`.
    TypescriptJest,
    /// `typescript-vitest`.
    TypescriptVitest,
    /// `javascript-mocha`.
    JavascriptMocha,
}

impl JobFramework {
    /// Every framework by its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("python", Self::Python),
        ("go", Self::Go),
        ("typescript-jest", Self::TypescriptJest),
        ("typescript-vitest", Self::TypescriptVitest),
        ("javascript-mocha", Self::JavascriptMocha),
    ];

    /// As a job names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Go => "go",
            Self::TypescriptJest => "typescript-jest",
            Self::TypescriptVitest => "typescript-vitest",
            Self::JavascriptMocha => "javascript-mocha",
        }
    }
}

/// Why a job is not taken. The messages of the original come first, letter by letter; ours may say more after.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// More bytes than are read.
    #[error("the job is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes taken.
        limit: u64,
    },
    /// Lists and objects nested too deep.
    #[error("the job is nested deeper than {limit} levels")]
    TooDeep {
        /// Deepest level taken.
        limit: usize,
    },
    /// Not JSON, or nested too deep, or one key twice.
    #[error("the job is not valid JSON: {0}")]
    Syntax(String),
    /// A list, text or number instead of an object.
    #[error("the job must be a JSON object, found {0}")]
    NotAnObject(&'static str),
    /// A key that means nothing.
    #[error("unknown key {key} in the job")]
    UnknownKey {
        /// The key, in backticks.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// Every key that is valid there.
        valid: &'static [&'static str],
    },
    /// A value that is missing, out of range or of the wrong shape.
    #[error("{message}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// A whole message.
        message: String,
    },
    /// An order for a worker where a whole run is wanted.
    #[error("the job is a shard of another run: only a worker can run it")]
    Shard,
}

impl JobError {
    /// What to do about it, when there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { valid, .. } => Some(format!("valid keys are `{}`", valid.join("`, `"))),
            Self::NotAnObject(_) => Some("a job needs at least `repo` and `test_command`".to_owned()),
            _ => None,
        }
    }

    fn invalid(key: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { key, message: message.into() }
    }
}

/// Reads a job of a whole run: the bare input, or `{"input": {…}}`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<JobInput, JobError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(JobError::TooLarge { limit: MAX_FILE_BYTES });
    }
    // The JSON reader stops at 128 levels by itself.
    let Unique(value) = serde_json::from_slice(bytes).map_err(|error| JobError::Syntax(error.to_string()))?;
    match parse_value(value, &Defaults::default())? {
        Job::Full(input) => Ok(*input),
        Job::Shard(_) => Err(JobError::Shard),
    }
}

/// Reads a job of either kind from what was delivered: the bare input, or `{"input": {…}}`. Beside a `shard` the keys
/// of a whole run mean nothing.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_value(value: Value, defaults: &Defaults) -> Result<Job, JobError> {
    let mut object = object(value)?;
    if object.contains_key("input") {
        refuse_unknown(&object, &BESIDE_INPUT)?;
        object = self::object(object.remove("input").unwrap_or_default())?;
    }
    refuse_unknown(&object, &fields::KEYS)?;
    // What is null was left out, as in the requests that workflows put together.
    object.retain(|_, value| !value.is_null());
    let shard = read::shard(&mut object)?;
    size::check(&object, MAX_FILE_BYTES)?;
    match shard {
        Some(order) => Ok(Job::Shard(ShardInput { order, git_token: read::git_token(&object)? })),
        None => read::full(&object, defaults).map(|input| Job::Full(Box::new(input))),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, JobError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(JobError::NotAnObject(read::kind_name(&other))),
    }
}

fn refuse_unknown(object: &Map<String, Value>, valid: &'static [&'static str]) -> Result<(), JobError> {
    match object.keys().find(|key| !valid.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            Err(JobError::UnknownKey { key: shown(key), nearest: nearest(key, valid.iter().copied()), valid })
        }
    }
}
