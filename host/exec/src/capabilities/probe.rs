//! Finding out by trying.

use std::path::Path;

use flaky_core::report::IsolationUsed;

use super::{Capabilities, Obstacle, TreeMethod};
use crate::error::ExecError;
use crate::executor::{ExecutorSettings, LocalExecutor};
use crate::launcher::LauncherProgram;

impl Capabilities {
    /// Tries everything, with an empty work tree and scratch in `folder` (the folder for temporary files,
    /// unless a run would use another).
    ///
    /// # Errors
    /// When the launcher does not run or `folder` cannot be written to.
    pub async fn probe(launcher: &LauncherProgram, folder: &Path) -> Result<Self, ExecError> {
        let failed = |source| ExecError::Scratch { path: folder.to_path_buf(), source };
        let place = tempfile::Builder::new().prefix("flaky-probe-").tempdir_in(folder).map_err(failed)?;
        let tree = place.path().join("tree");
        std::fs::create_dir(&tree).map_err(failed)?;
        let executor = LocalExecutor::start(ExecutorSettings {
            tree,
            scratch: place.path().join("scratch"),
            parallelism: 1,
            output_quota: crate::executor::DEFAULT_OUTPUT_QUOTA,
            launcher: launcher.clone(),
            writable: Vec::new(),
            collect: crate::CollectGlobs::default(),
            run_as: None,
        })
        .await?;
        let found = executor.capabilities().await;
        executor.shutdown().await;
        found
    }
}

impl LocalExecutor {
    /// What attempts of this executor can get.
    ///
    /// # Errors
    /// When the launcher is lost.
    pub async fn capabilities(&self) -> Result<Capabilities, ExecError> {
        let mut obstacles: Vec<Obstacle> = Vec::new();
        for level in [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy] {
            match self.acquire(level).await {
                Ok(slot) => {
                    obstacles.extend(slot.obstacles().iter().cloned());
                    obstacles.dedup();
                    return Ok(Capabilities { best: level, tree: slot.tree_method(), obstacles });
                }
                Err(ExecError::LevelUnavailable { obstacle, .. }) => obstacles.push(obstacle),
                Err(other) => return Err(other),
            }
        }
        Ok(Capabilities { best: IsolationUsed::Shared, tree: TreeMethod::Copy, obstacles })
    }
}
