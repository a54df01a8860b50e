//! The configuration file that holds after a failed run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flaky_config::{ConfigFile, PluginAddress, SuiteEntry};
use flaky_delivery::Github;
use flaky_plugin_registry::LOCK_FILE_NAME;

use super::{components, not_github};
use crate::args::CiArgs;
use crate::error::CliError;

/// The configuration that holds: of the default branch, or the one that the caller named.
pub(super) struct Configuration {
    pub(super) file: ConfigFile,
    /// Where it is on disk; `None`: there is none.
    pub(super) path: Option<PathBuf>,
    /// Deleted with this.
    #[expect(dead_code, reason = "held so that the file stays until it is read again")]
    folder: Option<tempfile::TempDir>,
}

impl Configuration {
    /// By the API: in this job nothing is checked out.
    pub(super) async fn of_default_branch(github: &Github, args: &CiArgs) -> Result<Self, CliError> {
        let wrong = |e: flaky_config::ConfigError| {
            let hint = e.hint();
            CliError::usage(&e, hint)
        };
        if let Some(path) = &args.settings.config {
            let file = flaky_config::load(path).map_err(wrong)?;
            return Ok(Self { file, path: Some(path.clone()), folder: None });
        }
        let limit = usize::try_from(flaky_config::MAX_FILE_BYTES).unwrap_or(usize::MAX);
        let found = github.file(flaky_config::FILE_NAME, None, limit).await.map_err(|e| not_github(&e))?;
        let Some(found) = found else {
            return Ok(Self { file: ConfigFile::default(), path: None, folder: None });
        };
        if found.cut {
            return Err(CliError::usage_text(
                format!("`{}` of the default branch is larger than {limit} bytes", flaky_config::FILE_NAME),
                None,
            ));
        }
        let write = || -> std::io::Result<(tempfile::TempDir, PathBuf)> {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join(flaky_config::FILE_NAME);
            std::fs::write(&path, &found.bytes)?;
            Ok((folder, path))
        };
        let (folder, path) = write().map_err(|e| CliError::fault(&e, None))?;
        let file = flaky_config::load(&path).map_err(wrong)?;
        components::bring(github, &file, folder.path()).await?;
        if names_remote(&file) {
            lock_of_default_branch(github, folder.path()).await?;
        }
        Ok(Self { file, path: Some(path), folder: Some(folder) })
    }

    pub(super) fn suites(&self) -> &BTreeMap<String, SuiteEntry> {
        static NONE: BTreeMap<String, SuiteEntry> = BTreeMap::new();
        let settings = &self.file.settings;
        settings.suites.as_ref().or(settings.test_suites.as_ref()).unwrap_or(&NONE)
    }
}

/// Whether a plugin has to be fetched.
fn names_remote(file: &ConfigFile) -> bool {
    let plugins = file.settings.plugins.iter().flatten();
    plugins.into_iter().any(|plugin| matches!(plugin.source, PluginAddress::Remote(_)))
}

/// The lock that belongs to the configuration, beside it; where there is none, what it would say is missing is told later.
async fn lock_of_default_branch(github: &Github, folder: &Path) -> Result<(), CliError> {
    let limit = usize::try_from(flaky_config::MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let found = github.file(LOCK_FILE_NAME, None, limit).await.map_err(|e| not_github(&e))?;
    match found {
        Some(found) if found.cut => Err(CliError::usage_text(
            format!("`{LOCK_FILE_NAME}` of the default branch is larger than {limit} bytes"),
            None,
        )),
        Some(found) => {
            std::fs::write(folder.join(LOCK_FILE_NAME), &found.bytes).map_err(|e| CliError::fault(&e, None))
        }
        None => Ok(()),
    }
}
