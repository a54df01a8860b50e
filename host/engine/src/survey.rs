//! Which frameworks a tree holds, and where: for whoever sets a project up.

use std::path::Path;

use flaky_plugin_host::{Detection, ProjectInput};

use crate::attempt::command_in_words;
use crate::detect::near_and_far;
use crate::plugins::PluginSet;
use crate::recognise::side_by_side;

/// One framework in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, as reports have it.
    pub framework: String,
    /// The folder, relative to the tree; empty is its root.
    pub root: String,
    /// The command that runs its tests, as one would type it there.
    pub command: String,
}

/// Detections that are not sure are left out: a project is set up by what it certainly has.
const LEAST_CONFIDENCE: u8 = 50;

/// All frameworks of a tree, by folder, the most confident first in each.
pub async fn survey(plugins: &PluginSet, tree: &Path) -> Vec<Found> {
    let input = ProjectInput { root: tree.to_owned() };
    let (near, _) = near_and_far(plugins, &input).await;
    let answers = side_by_side(&near, move |member| {
        let input = input.clone();
        async move { member.plugin.detect(&input).await }
    });
    let mut found: Vec<Detection> =
        answers.await.into_iter().filter_map(|(_, answer)| answer.ok()).flatten().collect();
    found.retain(|detection| detection.confidence >= LEAST_CONFIDENCE);
    found.sort_by(|a, b| a.root.cmp(&b.root).then(b.confidence.cmp(&a.confidence)).then(a.name.cmp(&b.name)));
    let to_found = |detection: Detection| Found {
        framework: detection.name,
        root: detection.root,
        command: command_in_words(&detection.default_command.argv),
    };
    found.into_iter().map(to_found).collect()
}
