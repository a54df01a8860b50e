//! The test command with some tests left out: what a team's ordinary CI runs instead of it.

use std::path::Path;

use flaky_config::RunSettings;
use flaky_core::ids::TestId;
use flaky_plugin_host::{Command, Selection};

use crate::plugins::PluginSet;
use crate::prepare::{self, ProjectError};

/// The command that the settings name, or that the tree looks like, without these tests. Nothing is run.
///
/// # Errors
/// When nothing says what to run, or the framework cannot leave tests out.
pub async fn without(
    plugins: &PluginSet,
    settings: &RunSettings,
    tree: &Path,
    tests: &[TestId],
) -> Result<Command, ProjectError> {
    let project = prepare::project(plugins, settings, tree).await?;
    if tests.is_empty() {
        return Ok(project.command);
    }
    let Some(framework) = &project.framework else {
        return Err(ProjectError::NoSelection { command: project.command.argv.join(" ") });
    };
    let selection = Selection::Without(tests.to_vec());
    framework.plugin.select(&project.command, &selection).await.map_err(|error| Box::new(error).into())
}
