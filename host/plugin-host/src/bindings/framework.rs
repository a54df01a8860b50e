//! `framework`.

use super::exports::framework as wit;
use super::{at_most, plain, relative};
use crate::clean;
use crate::error::PluginErrorKind;
use crate::framework::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, InstallStep, Instrumented, Selection,
    SupportFile,
};
use crate::limits::{
    ARGUMENT_BYTES, ARGUMENTS, DETECTIONS, ENV_CHANGES, LINE_BYTES, SMALL_RESULT_BYTES, STEPS, SUPPORT_BYTES,
    SUPPORT_FILES,
};

pub(crate) fn to_command(command: &Command) -> wit::Command {
    let change = |change: &EnvChange| match change {
        EnvChange::Set(value) => wit::EnvChange::Set(value.clone()),
        EnvChange::Remove => wit::EnvChange::Remove,
        EnvChange::Prepend(value) => wit::EnvChange::Prepend(value.clone()),
    };
    wit::Command {
        argv: command.argv.clone(),
        env: command.env.iter().map(|(name, c)| (name.clone(), change(c))).collect(),
        cwd: command.cwd.clone(),
    }
}

pub(crate) fn to_context(context: &AttemptContext) -> wit::AttemptContext {
    wit::AttemptContext {
        index: context.index.0,
        seed: context.seed.0,
        report_dir: context.report_dir.clone(),
        support_dir: context.support_dir.clone(),
        shuffle: context.shuffle,
        workers: context.workers,
    }
}

pub(crate) fn to_selection(selection: &Selection) -> wit::Selection {
    let ids = |ids: &[flaky_core::ids::TestId]| ids.iter().map(|id| id.as_str().to_owned()).collect();
    match selection {
        Selection::Only(tests) => wit::Selection::Only(ids(tests)),
        Selection::Without(tests) => wit::Selection::Without(ids(tests)),
    }
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn command(field: &str, found: wit::Command) -> Result<Command, PluginErrorKind> {
    let wit::Command { argv, env, cwd } = found;
    at_most(&format!("{field}.argv"), argv.len(), ARGUMENTS)?;
    if argv.first().is_none_or(String::is_empty) {
        return Err(PluginErrorKind::invalid(format!("{field}.argv"), "names no program"));
    }
    let bytes: usize = argv.iter().map(String::len).sum();
    if bytes > ARGUMENT_BYTES {
        let why = format!("has {bytes} bytes, more than the {ARGUMENT_BYTES} allowed");
        return Err(PluginErrorKind::invalid(format!("{field}.argv"), why));
    }
    let argument = |(i, text)| plain(&format!("{field}.argv[{i}]"), text, ARGUMENT_BYTES);
    Ok(Command {
        argv: argv.into_iter().enumerate().map(argument).collect::<Result<_, _>>()?,
        env: env_changes(&format!("{field}.env"), env)?,
        cwd: relative(&format!("{field}.cwd"), cwd)?,
    })
}

fn env_changes(
    field: &str,
    changes: Vec<(String, wit::EnvChange)>,
) -> Result<Vec<(String, EnvChange)>, PluginErrorKind> {
    at_most(field, changes.len(), ENV_CHANGES)?;
    changes
        .into_iter()
        .map(|(name, change)| {
            let name = plain(field, name, LINE_BYTES)?;
            if name.is_empty() || name.contains('=') {
                let why = format!("names the variable `{}`, which cannot be one", clean::line(&name));
                return Err(PluginErrorKind::invalid(field, why));
            }
            let change = match change {
                wit::EnvChange::Set(value) => EnvChange::Set(plain(field, value, ARGUMENT_BYTES)?),
                wit::EnvChange::Remove => EnvChange::Remove,
                wit::EnvChange::Prepend(value) => EnvChange::Prepend(plain(field, value, ARGUMENT_BYTES)?),
            };
            Ok((name, change))
        })
        .collect()
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn detections(found: Vec<wit::Detection>) -> Result<Vec<Detection>, PluginErrorKind> {
    at_most("detections", found.len(), DETECTIONS)?;
    found.into_iter().enumerate().map(|(i, d)| detection(&format!("detections[{i}]"), d)).collect()
}

fn detection(field: &str, found: wit::Detection) -> Result<Detection, PluginErrorKind> {
    let wit::Detection { name, root, confidence, reason, default_command } = found;
    if confidence > 100 {
        let why = format!("is {confidence}, and 100 is sure");
        return Err(PluginErrorKind::invalid(format!("{field}.confidence"), why));
    }
    Ok(Detection {
        name: clean::line(&name),
        root: relative(&format!("{field}.root"), root)?,
        confidence,
        reason: clean::line(&reason),
        default_command: command(&format!("{field}.default-command"), default_command)?,
    })
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn install_plan(found: wit::InstallPlan) -> Result<InstallPlan, PluginErrorKind> {
    let wit::InstallPlan { steps, env, cache_key } = found;
    at_most("install-plan.steps", steps.len(), STEPS)?;
    let step = |(i, step): (usize, wit::InstallStep)| {
        let command = command(&format!("install-plan.steps[{i}].command"), step.command)?;
        Ok(InstallStep { command, title: clean::line(&step.title), network: step.network })
    };
    Ok(InstallPlan {
        steps: steps.into_iter().enumerate().map(step).collect::<Result<_, PluginErrorKind>>()?,
        env: env_changes("install-plan.env", env)?,
        cache_key: plain("install-plan.cache-key", cache_key, SMALL_RESULT_BYTES)?,
    })
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn instrumented(found: wit::Instrumented) -> Result<Instrumented, PluginErrorKind> {
    let wit::Instrumented { command: given, support_files } = found;
    let field = "instrumented.support-files";
    at_most(field, support_files.len(), SUPPORT_FILES)?;
    let bytes: usize = support_files.iter().map(|f| f.content.len()).sum();
    if bytes > SUPPORT_BYTES {
        let why = format!("has {bytes} bytes, more than the {SUPPORT_BYTES} allowed");
        return Err(PluginErrorKind::invalid(field, why));
    }
    let file = |(i, file): (usize, wit::SupportFile)| {
        let field = format!("{field}[{i}].path");
        let path = relative(&field, file.path)?;
        if path.is_empty() {
            return Err(PluginErrorKind::invalid(field, "is empty"));
        }
        Ok(SupportFile { path, content: file.content })
    };
    Ok(Instrumented {
        command: command("instrumented.command", given)?,
        support_files: support_files.into_iter().enumerate().map(file).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(argv: &[&str], env: &[(&str, &str)], cwd: &str) -> wit::Command {
        wit::Command {
            argv: argv.iter().map(|a| (*a).to_owned()).collect(),
            env: env.iter().map(|(n, v)| ((*n).to_owned(), wit::EnvChange::Set((*v).to_owned()))).collect(),
            cwd: cwd.into(),
        }
    }

    #[test]
    fn a_command_that_could_not_be_started_is_refused_by_field() {
        let cases: [(&str, wit::Command, Option<&str>); 8] = [
            ("good", given(&["pytest", "-v"], &[("A", "1")], "sub/"), None),
            ("no program", given(&[], &[], ""), Some("c.argv")),
            ("empty program", given(&["", "x"], &[], ""), Some("c.argv")),
            ("NUL in an argument", given(&["a", "b\0"], &[], ""), Some("c.argv[1]")),
            ("megabytes", given(&["a", &"x".repeat(2 << 20)], &[], ""), Some("c.argv")),
            ("variable with =", given(&["a"], &[("A=B", "1")], ""), Some("c.env")),
            ("variable without a name", given(&["a"], &[("", "1")], ""), Some("c.env")),
            ("folder outside", given(&["a"], &[], "../up"), Some("c.cwd")),
        ];
        for (name, found, expected) in cases {
            let field = match command("c", found) {
                Ok(_) => None,
                Err(PluginErrorKind::InvalidResult { field, .. }) => Some(field),
                Err(other) => panic!("{name}: {other}"),
            };
            assert_eq!(field.as_deref(), expected, "{name}");
        }
    }
}
