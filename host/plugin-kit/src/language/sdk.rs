//! Builds that an SDK does itself: those of the interpreted languages.

use std::fs;
use std::process::Command;

use serde::Deserialize;

use crate::language::{BuildError, BuildRequest, Built};
use crate::process::output;

/// What an SDK says on its last line about what it built.
#[derive(Debug, Deserialize)]
struct Told {
    name: String,
}

/// Has the SDK of an interpreted language build: `COMMAND build PROJECT --out FILE --json`.
///
/// # Errors
/// When it fails, which it explains itself, or does not say what it made.
pub(super) fn built_by_sdk(command: &mut Command, request: &BuildRequest<'_>) -> Result<Built, BuildError> {
    let wrong = |why: String| BuildError::Result { path: request.project.to_owned(), why, hint: None };
    let scratch = tempfile::tempdir().map_err(|e| wrong(e.to_string()))?;
    let out = scratch.path().join("plugin.wasm");
    command.arg("build").arg(request.project).arg("--out").arg(&out).arg("--json");
    let text = output(command.current_dir(request.project))?;
    let last = text.lines().last().unwrap_or_default();
    let told: Told = serde_json::from_str(last).map_err(|e| wrong(format!("the SDK said `{last}`: {e}")))?;
    let component = fs::read(&out).map_err(|e| wrong(e.to_string()))?;
    Ok(Built { name: told.name, component })
}
