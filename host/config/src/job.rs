//! A job as JSON: the input of the original tool's worker, and what came to it since.

use flaky_core::settings::{Parallelism, Runs, StopRule, TimeoutSeconds};
use serde_json::{Map, Value};

use crate::command::TestCommand;
use crate::environment::{EnvName, EnvValue, Environment};
use crate::error::shown;
use crate::nearest::nearest;
use crate::source::MAX_FILE_BYTES;
use crate::unique_json::Unique;

/// Every key of a job's input.
const KEYS: [&str; 14] = [
    "repo",
    "test_command",
    "runs",
    "parallelism",
    "framework",
    "ref",
    "commit",
    "seed",
    "timeout",
    "env",
    "stop",
    "tests",
    "plugins",
    "shard",
];

/// Keys that may stand beside `input`: a request to an endpoint, kept as a file, has them.
const BESIDE_INPUT: [&str; 5] = ["id", "webhook", "policy", "s3Config", "input"];

/// Longest reference or repository taken, in bytes: the longest path that systems allow.
const MAX_TEXT_BYTES: usize = 4096;

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
    /// Branch or tag.
    pub reference: Option<String>,
    /// Commit, in hex.
    pub commit: Option<String>,
    /// Master seed that the attempts' seeds are drawn with.
    pub seed: Option<u64>,
    /// Per attempt.
    pub timeout: Option<TimeoutSeconds>,
    /// For the test command.
    pub env: Environment,
    /// When it may end early.
    pub stop: Option<StopRule>,
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
    /// A key of later versions.
    #[error("`{0}` is not supported yet: leave it out")]
    NotSupported(&'static str),
}

impl JobError {
    /// What to do about it, when there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { valid, .. } => Some(format!("valid keys are `{}`", valid.join("`, `"))),
            _ => None,
        }
    }

    fn invalid(key: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { key, message: message.into() }
    }
}

/// Reads a job: the bare input, or `{"input": {…}}`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<JobInput, JobError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(JobError::TooLarge { limit: MAX_FILE_BYTES });
    }
    // The JSON reader stops at 128 levels by itself.
    let Unique(value) = serde_json::from_slice(bytes).map_err(|error| JobError::Syntax(error.to_string()))?;
    let mut object = object(value)?;
    if object.contains_key("input") {
        refuse_unknown(&object, &BESIDE_INPUT)?;
        object = self::object(object.remove("input").unwrap_or_default())?;
    }
    refuse_unknown(&object, &KEYS)?;
    // What is null was left out, as in the requests that workflows put together.
    object.retain(|_, value| !value.is_null());
    read(&object)
}

fn read(object: &Map<String, Value>) -> Result<JobInput, JobError> {
    for key in ["tests", "plugins", "shard"] {
        if object.get(key).is_some_and(|value| !is_empty(value)) {
            return Err(JobError::NotSupported(key));
        }
    }
    let repo = text(object, "repo", "Repository URL is required")?
        .filter(|repo| !repo.trim().is_empty())
        .ok_or_else(|| JobError::invalid("repo", "Repository URL is required"))?;
    let test_command = text(object, "test_command", "Test command is required")?
        .unwrap_or_default()
        .parse::<TestCommand>()
        .map_err(|error| JobError::invalid("test_command", error.to_string()))?;
    Ok(JobInput {
        repo,
        test_command,
        runs: number(object, "runs", "Runs must be between 1 and 1000")?,
        parallelism: number(object, "parallelism", "Parallelism must be between 1 and 50")?,
        framework: framework(object)?,
        reference: reference(object)?,
        commit: commit(object)?,
        seed: seed(object)?,
        timeout: number(object, "timeout", "Timeout must be between 1 and 86400")?,
        env: environment(object)?,
        stop: stop(object)?,
    })
}

fn object(value: Value) -> Result<Map<String, Value>, JobError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(JobError::NotAnObject(kind_name(&other))),
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

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// A whole number, or its digits as text. `sentence` is the original's message, which opens ours.
fn number<T: TryFrom<i128>>(
    object: &Map<String, Value>,
    key: &'static str,
    sentence: &str,
) -> Result<Option<T>, JobError> {
    let Some(value) = object.get(key) else { return Ok(None) };
    let Some(number) = integer(value) else {
        let found = found(value);
        return Err(JobError::invalid(key, format!("{sentence}: expected a whole number, found {found}")));
    };
    match T::try_from(number) {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(JobError::invalid(key, format!("{sentence}, not `{number}`"))),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_i128(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(object: &Map<String, Value>, key: &'static str, sentence: &str) -> Result<Option<String>, JobError> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => {
            Err(JobError::invalid(key, format!("{sentence}: expected text, found {}", found(other))))
        }
    }
}

fn framework(object: &Map<String, Value>) -> Result<Option<JobFramework>, JobError> {
    let names = JobFramework::ALL.map(|(name, _)| name).join("`, `");
    let sentence = format!("framework must be one of `{names}`");
    let Some(name) = text(object, "framework", &sentence)? else { return Ok(None) };
    match JobFramework::ALL.into_iter().find(|(known, _)| *known == name) {
        Some((_, framework)) => Ok(Some(framework)),
        None => Err(JobError::invalid("framework", format!("{sentence}, not {}", shown(&name)))),
    }
}

/// Refuses what git could take for an option, and what no reference contains.
fn reference(object: &Map<String, Value>) -> Result<Option<String>, JobError> {
    let sentence = "ref must be the name of a branch or tag";
    let Some(name) = text(object, "ref", sentence)? else { return Ok(None) };
    let fits = !name.is_empty()
        && name.len() <= MAX_TEXT_BYTES
        && !name.starts_with('-')
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        Ok(Some(name))
    } else {
        Err(JobError::invalid("ref", format!("{sentence}, not {}", shown(&name))))
    }
}

fn commit(object: &Map<String, Value>) -> Result<Option<String>, JobError> {
    let sentence = "commit must be 7 to 64 hexadecimal digits";
    let Some(id) = text(object, "commit", sentence)? else { return Ok(None) };
    let fits = (7..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        Ok(Some(id))
    } else {
        Err(JobError::invalid("commit", format!("{sentence}, not {}", shown(&id))))
    }
}

fn seed(object: &Map<String, Value>) -> Result<Option<u64>, JobError> {
    number::<WholeSeed>(object, "seed", "seed must be between 0 and 18446744073709551615")
        .map(|seed| seed.map(|WholeSeed(seed)| seed))
}

struct WholeSeed(u64);

impl TryFrom<i128> for WholeSeed {
    type Error = std::num::TryFromIntError;
    fn try_from(number: i128) -> Result<Self, Self::Error> {
        u64::try_from(number).map(Self)
    }
}

fn stop(object: &Map<String, Value>) -> Result<Option<StopRule>, JobError> {
    let Some(rule) = text(object, "stop", "stop must be `never`")? else { return Ok(None) };
    rule.parse()
        .map(Some)
        .map_err(|_| JobError::invalid("stop", format!("stop must be `never`, not {}", shown(&rule))))
}

fn environment(object: &Map<String, Value>) -> Result<Environment, JobError> {
    let entries = match object.get("env") {
        None => return Ok(Environment::default()),
        Some(Value::Object(entries)) => entries,
        Some(other) => {
            let message = format!("env must be an object of names and texts, found {}", found(other));
            return Err(JobError::invalid("env", message));
        }
    };
    let invalid = |message: String| JobError::invalid("env", format!("env: {message}"));
    entries
        .iter()
        .map(|(name, value)| {
            let name = EnvName::try_from(name.clone()).map_err(|error| invalid(error.to_string()))?;
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                other => return Err(invalid(format!("`{name}` must be text, found {}", found(other)))),
            };
            let value = EnvValue::try_from(value).map_err(|error| invalid(format!("`{name}`: {error}")))?;
            Ok((name, value))
        })
        .collect()
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => shown(text),
        other => kind_name(other).to_owned(),
    }
}
