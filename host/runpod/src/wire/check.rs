//! Whether an order can be done. The host asks before it sends, the worker before it starts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::path::{self, Empty};
use super::{ShardOrder, WIRE_VERSION, WireCommand, WireEnv, WireError, WireInstall, WireOrder, WireSource};

/// Attempts side by side: four times the cores of RunPod's largest workers.
const MAX_PARALLELISM: u32 = 256;
/// Of an attempt or a step: RunPod ends jobs after seven days at the latest.
const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Bytes kept of an attempt's output; far more than can be sent back.
const MAX_OUTPUT_QUOTA: u64 = 1 << 30;
/// Attempts of one shard: what can be read back of it.
const MAX_ATTEMPTS: usize = 50_000;
/// Installation steps.
const MAX_STEPS: usize = 100;
/// Globs, each of report files and of tree files.
const MAX_GLOBS: usize = 1000;
/// Variables, each of the order and of a command.
const MAX_VARIABLES: usize = 10_000;
/// Bytes of a URL, a reference, a key.
const MAX_NAME_BYTES: usize = 4096;

type Checked = Result<(), WireError>;

fn refused(why: String) -> WireError {
    WireError::Refused(why)
}

fn at_most(count: usize, limit: usize, what: &str) -> Checked {
    if count <= limit { Ok(()) } else { Err(refused(format!("more than {limit} {what}"))) }
}

/// Checks all of it.
pub(super) fn order(order: &ShardOrder) -> Checked {
    if order.version != WIRE_VERSION {
        return Err(refused(format!("its version is {}, this side knows {WIRE_VERSION}", order.version)));
    }
    if !(1..=MAX_PARALLELISM).contains(&order.parallelism) {
        let parallelism = order.parallelism;
        return Err(refused(format!("{parallelism} attempts side by side; expected 1 to {MAX_PARALLELISM}")));
    }
    timeout(order.timeout, "an attempt")?;
    if order.output_quota > MAX_OUTPUT_QUOTA {
        let quota = order.output_quota;
        return Err(refused(format!(
            "it wants {quota} bytes of output kept; at most {MAX_OUTPUT_QUOTA} are"
        )));
    }
    source(&order.source)?;
    globs(&order.report_globs, "report files")?;
    globs(&order.tree_globs, "files of the work tree")?;
    at_most(order.env.len(), MAX_VARIABLES, "variables")?;
    for (name, value) in &order.env {
        variable(name, Some(value), "the order")?;
    }
    if let Some(wanted) = &order.install {
        install(wanted)?;
    }
    at_most(order.attempts.len(), MAX_ATTEMPTS, "attempts")?;
    let mut seen = BTreeSet::new();
    for wanted in &order.attempts {
        if !seen.insert(wanted.index) {
            return Err(refused(format!("attempt {} is there twice", wanted.index)));
        }
        attempt(wanted, order.blobs.len())?;
    }
    Ok(())
}

fn timeout(timeout: Duration, of: &str) -> Checked {
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        let most = MAX_TIMEOUT.as_secs();
        return Err(refused(format!(
            "the time for {of} is {timeout:?}; expected more than 0 s, at most {most} s"
        )));
    }
    Ok(())
}

fn source(source: &WireSource) -> Checked {
    match source {
        WireSource::Packed(bytes) if bytes.is_empty() => Err(refused("the packed folder is empty".into())),
        WireSource::Packed(_) => Ok(()),
        WireSource::Repository { url, reference, commit } => {
            name(url, "the repository's URL")?;
            reference.as_deref().map_or(Ok(()), |text| name(text, "the reference"))?;
            commit.as_deref().map_or(Ok(()), |text| name(text, "the commit"))
        }
    }
}

/// A text that other programs and libraries will read.
fn name(text: &str, what: &str) -> Checked {
    let why = if text.is_empty() {
        "is empty"
    } else if text.len() > MAX_NAME_BYTES {
        "is longer than 4096 bytes"
    } else if text.starts_with('-') {
        "starts with `-`"
    } else if text.chars().any(char::is_control) {
        "holds control characters"
    } else {
        return Ok(());
    };
    Err(refused(format!("{what} {why}")))
}

fn globs(globs: &[String], what: &str) -> Checked {
    at_most(globs.len(), MAX_GLOBS, &format!("patterns of {what}"))?;
    for glob in globs {
        path::inside(glob, Empty::Refused)
            .map_err(|why| refused(format!("the pattern `{}` of {what}: {why}", path::shown(glob))))?;
    }
    Ok(())
}

/// The value is not repeated: it may be a secret.
fn variable(name: &str, value: Option<&str>, of: &str) -> Checked {
    let why = if name.is_empty() {
        "has no name"
    } else if name.contains(['=', '\0']) {
        "has `=` or NUL in its name"
    } else if value.is_some_and(|value| value.contains('\0')) {
        "has NUL in its value"
    } else {
        return Ok(());
    };
    Err(refused(format!("the variable `{}` of {of} {why}", path::shown(name))))
}

fn install(install: &WireInstall) -> Checked {
    let key = &install.cache_key;
    if key.len() > MAX_NAME_BYTES || key.chars().any(char::is_control) {
        return Err(refused("the key of the installation is too long or holds control characters".into()));
    }
    timeout(install.timeout, "an installation step")?;
    environment(&install.env, "the installation")?;
    at_most(install.steps.len(), MAX_STEPS, "installation steps")?;
    for (number, step) in (1..).zip(&install.steps) {
        command(&step.command, &format!("installation step {number}"))?;
    }
    Ok(())
}

fn attempt(attempt: &WireOrder, blobs: usize) -> Checked {
    let of = format!("attempt {}", attempt.index);
    command(&attempt.command, &of)?;
    for (path, position) in &attempt.support {
        path::inside(path, Empty::Refused)
            .map_err(|why| refused(format!("the support file `{}` of {of}: {why}", path::shown(path))))?;
        if *position as usize >= blobs {
            let shown = path::shown(path);
            return Err(refused(format!(
                "the support file `{shown}` of {of} is number {position}, but there are {blobs}"
            )));
        }
    }
    Ok(())
}

fn command(command: &WireCommand, of: &str) -> Checked {
    if command.argv.first().is_none_or(String::is_empty) {
        return Err(refused(format!("the command of {of} names no program")));
    }
    if command.argv.iter().any(|argument| argument.contains('\0')) {
        return Err(refused(format!("an argument of the command of {of} holds a NUL byte")));
    }
    path::inside(&command.cwd, Empty::Taken)
        .map_err(|why| refused(format!("the folder `{}` of {of}: {why}", path::shown(&command.cwd))))?;
    environment(&command.env, of)
}

fn environment(env: &[(String, WireEnv)], of: &str) -> Checked {
    at_most(env.len(), MAX_VARIABLES, &format!("variables of {of}"))?;
    for (name, value) in env {
        let value = match value {
            WireEnv::Set(value) | WireEnv::Prepend(value) => Some(value.as_str()),
            WireEnv::Remove => None,
        };
        variable(name, value, of)?;
    }
    Ok(())
}
