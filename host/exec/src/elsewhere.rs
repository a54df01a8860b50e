//! Systems on which no attempts run: what asks for them compiles, and is told so when it runs.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use flaky_core::report::IsolationUsed;

use crate::attempt::{AttemptPaths, AttemptSpec, RawAttempt};
use crate::capabilities::{Capabilities, Obstacle, TreeMethod};
use crate::error::ExecError;
use crate::settings::{ExecutorSettings, LauncherProgram};

/// As where attempts run.
pub mod launcher {
    pub use crate::settings::LauncherProgram;

    /// Nothing is ever started as a launcher here.
    pub const fn enter_if_asked() {}
}

/// As where attempts run.
pub mod executor {
    pub use super::{LocalExecutor, Slot};
    pub use crate::settings::{DEFAULT_OUTPUT_QUOTA, ExecutorSettings};
}

/// There is none. Shared, as the real one is.
#[derive(Debug, Clone)]
pub struct LocalExecutor(Arc<Infallible>);

/// There is none. Given back when dropped, as the real one is.
#[derive(Debug)]
pub struct Slot(Arc<Infallible>);

impl LocalExecutor {
    /// Says that there is none.
    ///
    /// # Errors
    /// Always [`ExecError::Unsupported`].
    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub async fn start(_settings: ExecutorSettings) -> Result<Self, ExecError> {
        Err(ExecError::Unsupported)
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub async fn acquire(&self, _level: IsolationUsed) -> Result<Slot, ExecError> {
        match *self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub async fn capabilities(&self) -> Result<Capabilities, ExecError> {
        match *self.0 {}
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub async fn shutdown(self) {
        match *self.0 {}
    }
}

impl Slot {
    /// Cannot be called.
    #[must_use]
    pub fn paths(&self) -> &AttemptPaths {
        match *self.0 {}
    }

    /// Cannot be called.
    #[must_use]
    pub fn tree_method(&self) -> TreeMethod {
        match *self.0 {}
    }

    /// Cannot be called.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        match *self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "as where there is one")]
    pub async fn run(&mut self, _spec: AttemptSpec) -> Result<RawAttempt, ExecError> {
        match *self.0 {}
    }
}

impl Capabilities {
    /// Says that there are none.
    ///
    /// # Errors
    /// Always [`ExecError::Unsupported`].
    #[expect(clippy::unused_async, reason = "as where there are some")]
    pub async fn probe(_launcher: &LauncherProgram, _folder: &Path) -> Result<Self, ExecError> {
        Err(ExecError::Unsupported)
    }
}

/// Removes a folder and what is in it; one that is not there is as good as removed.
///
/// # Errors
/// What the system says.
pub fn remove_folder(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes everything in a folder; a missing folder is no error.
pub(crate) fn empty_folder(folder: &Path) -> std::io::Result<()> {
    remove_folder(folder)?;
    std::fs::create_dir_all(folder)
}
