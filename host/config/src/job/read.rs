//! Reading each key of a job.

use flaky_core::ids::TestId;
use flaky_core::settings::{InvalidSetting, StopRule};
use serde_json::{Map, Value};

use super::fields::{self, NumberField, TextField};
use super::{Defaults, GitToken, JobError, JobFramework, JobInput, MAX_SHARD_BYTES, size};
use crate::command::TestCommand;
use crate::environment::{EnvName, EnvValue, Environment};
use crate::error::shown;
use crate::plugin::PluginEntry;

type Object = Map<String, Value>;

pub(super) fn full(object: &Object, defaults: &Defaults) -> Result<JobInput, JobError> {
    let repo = text(object, &fields::REPO)?
        .filter(|repo| !repo.trim().is_empty())
        .ok_or_else(|| JobError::invalid("repo", fields::REPO.sentence))?;
    Ok(JobInput {
        repo: repo.to_owned(),
        test_command: test_command(object, defaults)?,
        runs: number(object, &fields::RUNS)?.or(defaults.runs),
        parallelism: number(object, &fields::PARALLELISM)?.or(defaults.parallelism),
        framework: framework(object)?,
        reference: reference(object)?,
        commit: commit(object)?,
        seed: number::<WholeSeed>(object, &fields::SEED)?.map(|WholeSeed(seed)| seed),
        timeout: number(object, &fields::TIMEOUT)?,
        env: environment(object)?,
        stop: stop(object)?,
        tests: tests(object)?,
        plugins: plugins(object)?,
        git_token: git_token(object)?,
    })
}

/// Takes the order out of the object. One without any key was left out.
pub(super) fn shard(object: &mut Object) -> Result<Option<Value>, JobError> {
    match object.remove(fields::SHARD.key) {
        None => Ok(None),
        Some(Value::Object(order)) if order.is_empty() => Ok(None),
        Some(Value::Object(order)) => {
            size::check(&order, MAX_SHARD_BYTES)?;
            Ok(Some(Value::Object(order)))
        }
        Some(other) => {
            let message = format!("shard must be an object in the wire format, found {}", found(&other));
            Err(JobError::invalid("shard", message))
        }
    }
}

fn test_command(object: &Object, defaults: &Defaults) -> Result<TestCommand, JobError> {
    match (text(object, &fields::TEST_COMMAND)?, &defaults.test_command) {
        (None, Some(command)) => Ok(command.clone()),
        (given, _) => given
            .unwrap_or_default()
            .parse::<TestCommand>()
            .map_err(|error| JobError::invalid("test_command", error.to_string())),
    }
}

/// A whole number, or its digits as text. The original's sentence opens the message.
fn number<T: TryFrom<i128>>(object: &Object, field: &NumberField) -> Result<Option<T>, JobError> {
    let Some(value) = object.get(field.key) else { return Ok(None) };
    let NumberField { key, name, min, max, .. } = field;
    let sentence = format!("{name} must be between {min} and {max}");
    let Some(number) = integer(value) else {
        let found = found(value);
        return Err(JobError::invalid(key, format!("{sentence}: expected a whole number, found {found}")));
    };
    let in_range = (i128::from(*min)..=i128::from(*max)).contains(&number);
    match T::try_from(number) {
        Ok(number) if in_range => Ok(Some(number)),
        _ => Err(JobError::invalid(key, format!("{sentence}, not `{number}`"))),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_i128(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text<'o>(object: &'o Object, field: &TextField) -> Result<Option<&'o str>, JobError> {
    let TextField { key, sentence, longest, .. } = field;
    match object.get(*key) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() > *longest => Err(JobError::invalid(
            key,
            format!("{sentence}: at most {longest} bytes, and these are {}", text.len()),
        )),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(JobError::invalid(key, format!("{sentence}: expected text, found {}", found(other))))
        }
    }
}

fn framework(object: &Object) -> Result<Option<JobFramework>, JobError> {
    one_of(object, fields::FRAMEWORK.key, &JobFramework::ALL)
}

fn stop(object: &Object) -> Result<Option<StopRule>, JobError> {
    one_of(object, fields::STOP.key, StopRule::ALL)
}

fn one_of<T: Copy>(
    object: &Object,
    key: &'static str,
    all: &[(&'static str, T)],
) -> Result<Option<T>, JobError> {
    let Some(value) = object.get(key) else { return Ok(None) };
    let named = value.as_str().and_then(|name| all.iter().find(|(known, _)| *known == name));
    match named {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let names: Vec<String> = all.iter().map(|(name, _)| format!("`{name}`")).collect();
            let one_of = if names.len() > 1 { "one of " } else { "" };
            let message = format!("{key} must be {one_of}{}, not {}", names.join(", "), found(value));
            Err(JobError::invalid(key, message))
        }
    }
}

/// Refuses what git could take for an option, and what no reference contains.
fn reference(object: &Object) -> Result<Option<String>, JobError> {
    let Some(name) = text(object, &fields::REFERENCE)? else { return Ok(None) };
    let fits = !name.is_empty()
        && !name.starts_with('-')
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        Ok(Some(name.to_owned()))
    } else {
        let sentence = fields::REFERENCE.sentence;
        Err(JobError::invalid("ref", format!("{sentence}, not {}", shown(name))))
    }
}

fn commit(object: &Object) -> Result<Option<String>, JobError> {
    let Some(id) = text(object, &fields::COMMIT)? else { return Ok(None) };
    let fits = (7..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        Ok(Some(id.to_owned()))
    } else {
        let sentence = fields::COMMIT.sentence;
        Err(JobError::invalid("commit", format!("{sentence}, not {}", shown(id))))
    }
}

/// No message about it repeats anything of it.
pub(super) fn git_token(object: &Object) -> Result<Option<GitToken>, JobError> {
    let field = &fields::GIT_TOKEN;
    match object.get(field.key) {
        None => Ok(None),
        Some(Value::String(token))
            if (1..=field.longest).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(GitToken(token.clone())))
        }
        Some(Value::String(_)) => Err(JobError::invalid(field.key, field.sentence)),
        Some(other) => {
            let message = format!("{}: expected text, found {}", field.sentence, kind_name(other));
            Err(JobError::invalid(field.key, message))
        }
    }
}

struct WholeSeed(u64);

impl TryFrom<i128> for WholeSeed {
    type Error = InvalidSetting;
    fn try_from(number: i128) -> Result<Self, Self::Error> {
        u64::try_from(number).map(Self).map_err(|error| InvalidSetting(error.to_string()))
    }
}

fn environment(object: &Object) -> Result<Environment, JobError> {
    let entries = match object.get(fields::ENV.key) {
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

fn list<'o>(object: &'o Object, key: &'static str, of: &str, most: usize) -> Result<&'o [Value], JobError> {
    match object.get(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) if items.len() > most => Err(JobError::invalid(
            key,
            format!("{key} may have at most {most} entries, not `{}`", items.len()),
        )),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => {
            Err(JobError::invalid(key, format!("{key} must be a list of {of}, found {}", found(other))))
        }
    }
}

fn tests(object: &Object) -> Result<Vec<TestId>, JobError> {
    let key = fields::TESTS.key;
    let invalid = |message: String| JobError::invalid(key, format!("tests: {message}"));
    list(object, key, "test ids", fields::MAX_TESTS)?
        .iter()
        .map(|item| match item {
            Value::String(id) if id.trim().is_empty() => Err(invalid("a test id is empty".to_owned())),
            Value::String(id) if id.len() > fields::MAX_TEST_BYTES => {
                Err(invalid(format!("{} is longer than {} bytes", shown(id), fields::MAX_TEST_BYTES)))
            }
            Value::String(id) if id.chars().any(char::is_control) => {
                Err(invalid(format!("{} contains a control character", shown(id))))
            }
            Value::String(id) => Ok(TestId::new(id)),
            other => Err(invalid(format!("a test id must be text, found {}", found(other)))),
        })
        .collect()
}

fn plugins(object: &Object) -> Result<Vec<PluginEntry>, JobError> {
    let key = fields::PLUGINS.key;
    list(object, key, "plugins", fields::MAX_PLUGINS)?
        .iter()
        .map(|item| {
            serde_json::from_value(item.clone())
                .map_err(|error| JobError::invalid(key, format!("plugins: {error}")))
        })
        .collect()
}

pub(super) fn kind_name(value: &Value) -> &'static str {
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
