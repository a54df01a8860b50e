//! Plugins that the configuration of the default branch names by path: nothing is checked out in this job, so they come
//! from that branch by the API.

use std::path::{Component, Path};

use flaky_config::{ConfigFile, PluginAddress};
use flaky_delivery::Github;
use flaky_plugin_host::COMPONENT_BYTES;

use super::not_github;
use crate::error::CliError;

/// Largest component: the plugin host takes no larger one.
const MOST_BYTES: usize = COMPONENT_BYTES as usize;

/// Writes them beside the file, under the paths that it names.
pub(super) async fn bring(github: &Github, file: &ConfigFile, folder: &Path) -> Result<(), CliError> {
    for entry in file.settings.plugins.iter().flatten() {
        let PluginAddress::File(path) = &entry.source else { continue };
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let (Some(name), true) = (path.to_str(), inside) else { continue };
        let found =
            github.file(name.trim_start_matches("./"), None, MOST_BYTES).await.map_err(|e| not_github(&e))?;
        // What is not there is named when it is loaded.
        let Some(found) = found else { continue };
        if found.cut {
            let text = format!("`{name}` of the default branch is larger than {MOST_BYTES} bytes");
            return Err(CliError::usage_text(text, None));
        }
        let target = folder.join(path);
        let write = || -> std::io::Result<()> {
            target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&target, &found.bytes)
        };
        write().map_err(|e| CliError::fault(&e, None))?;
    }
    Ok(())
}
