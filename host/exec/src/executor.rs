//! The asynchronous face: slots, attempts, shutdown.

mod connection;
mod slot;

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flaky_core::report::IsolationUsed;
use tokio::sync::Semaphore;

use crate::error::ExecError;
use crate::launcher::Launcher;
use crate::launcher::protocol::{Request, Setup, Tried};
use crate::run_as::RunAs;
pub use crate::settings::{DEFAULT_OUTPUT_QUOTA, ExecutorSettings};
use connection::Connection;
pub use slot::Slot;

/// Runs attempts on this machine. Cheap to clone; all clones are the same executor.
#[derive(Debug, Clone)]
pub struct LocalExecutor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: ExecutorSettings,
    launcher: Mutex<Option<Launcher>>,
    free: Arc<Semaphore>,
    /// A connection for every slot that is not in use.
    idle: Mutex<Vec<Connection>>,
    tried: tokio::sync::Mutex<HashMap<IsolationUsed, Tried>>,
    workers: AtomicU64,
}

impl LocalExecutor {
    /// Prepares the scratch folder and starts the launcher; nothing is tried or copied yet.
    ///
    /// # Errors
    /// When a folder cannot be used or the launcher does not start.
    pub async fn start(settings: ExecutorSettings) -> Result<Self, ExecError> {
        let started = tokio::task::spawn_blocking(move || Inner::start(settings)).await;
        let inner = started.map_err(|e| ExecError::LauncherLost(io::Error::other(e)))??;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Waits for a free slot, at a level that must be available here.
    ///
    /// # Errors
    /// [`ExecError::LevelUnavailable`] names what stands in the way; the level below may do.
    pub async fn acquire(&self, level: IsolationUsed) -> Result<Slot, ExecError> {
        let permit = Arc::clone(&self.inner.free).acquire_owned().await.map_err(|_| ExecError::Closed)?;
        let connection = lock(&self.inner.idle).pop().ok_or(ExecError::Closed)?;
        let mut slot = Slot::new(Arc::clone(&self.inner), permit, connection, level);
        slot.try_level().await?;
        Ok(slot)
    }

    /// Kills everything that runs and removes the scratch folder. Slots still held become useless.
    pub async fn shutdown(self) {
        self.inner.free.close();
        lock(&self.inner.idle).clear();
        let Some(launcher) = lock(&self.inner.launcher).take() else { return };
        // A launcher that cannot be waited for is not ours any more.
        let _ = tokio::task::spawn_blocking(move || launcher.end()).await;
    }

    /// Process id of the launcher, the ancestor of everything that attempts start.
    #[must_use]
    pub fn launcher_id(&self) -> Option<u32> {
        lock(&self.inner.launcher).as_ref().map(Launcher::id)
    }
}

impl Inner {
    fn start(mut settings: ExecutorSettings) -> Result<Self, ExecError> {
        if let Some(user) = settings.run_as {
            user.check().map_err(|problem| ExecError::RunAs { user, problem })?;
        }
        settings.tree = folder(&settings.tree)
            .map_err(|source| ExecError::Tree { path: settings.tree.clone(), source })?;
        settings.scratch = make_scratch(&settings)?;
        for path in &mut settings.writable {
            *path = folder(path).map_err(|source| ExecError::Visible { path: path.clone(), source })?;
        }
        settings.parallelism = settings.parallelism.max(1);
        if let Some(user) = settings.run_as
            && let Err(error) = make_reachable(user, &settings)
        {
            crate::tree::remove_scratch(&settings.scratch);
            return Err(error);
        }
        let launcher = Launcher::start(&settings.launcher, &settings.scratch).map_err(|source| {
            crate::tree::remove_scratch(&settings.scratch);
            ExecError::Launcher { program: settings.launcher.path().to_path_buf(), source }
        })?;
        Ok(Self {
            free: Arc::new(Semaphore::new(settings.parallelism)),
            idle: Mutex::new((0..settings.parallelism).rev().map(Connection::new).collect()),
            launcher: Mutex::new(Some(launcher)),
            tried: tokio::sync::Mutex::new(HashMap::new()),
            workers: AtomicU64::new(0),
            settings,
        })
    }

    /// A new worker for slot `slot`, set up.
    fn new_worker(&self, slot: usize) -> Result<(std::os::unix::net::UnixStream, Request), ExecError> {
        let launcher = lock(&self.launcher);
        let socket = launcher.as_ref().ok_or(ExecError::Closed)?.worker().map_err(ExecError::LauncherLost)?;
        let settings = &self.settings;
        let setup = Setup {
            slot,
            worker: self.workers.fetch_add(1, Ordering::Relaxed),
            tree: settings.tree.as_path().into(),
            scratch: settings.scratch.as_path().into(),
            visible: settings.writable.iter().map(|path| path.as_path().into()).collect(),
            output_quota: settings.output_quota,
            report_globs: settings.collect.report.clone(),
            tree_globs: settings.collect.tree.clone(),
            run_as: settings.run_as,
        };
        Ok((socket, Request::Setup(Box::new(setup))))
    }
}

/// Nothing is done under these locks that could panic half-way; a poisoned one is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder(path: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(path)?;
    if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Makes the scratch folder and what is in it; returns its canonical path.
fn make_scratch(settings: &ExecutorSettings) -> Result<PathBuf, ExecError> {
    let failed = |source| ExecError::Scratch { path: settings.scratch.clone(), source };
    // Others may pass through, for tests that give up their rights, but not look around.
    let make = |path: &Path, mode| DirBuilder::new().mode(mode).create(path);
    DirBuilder::new().recursive(true).mode(0o711).create(&settings.scratch).map_err(failed)?;
    let scratch = folder(&settings.scratch).map_err(failed)?;
    if scratch.starts_with(&settings.tree) {
        let _ = fs::remove_dir(&scratch);
        return Err(ExecError::ScratchInsideTree(scratch));
    }
    match make(&scratch.join("slots"), 0o711) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(ExecError::ScratchInUse(scratch)),
        other => other.map_err(failed)?,
    }
    make(&scratch.join("attempt"), 0o755).map_err(failed)?;
    make(&scratch.join("done"), 0o700).map_err(failed)?;
    fs::File::create_new(scratch.join("empty")).map_err(failed)?;
    Ok(scratch)
}

/// Whether another user gets to its folders; opens the way where that is ours to do.
fn make_reachable(user: RunAs, settings: &ExecutorSettings) -> Result<(), ExecError> {
    let failed = |source| ExecError::Scratch { path: settings.scratch.clone(), source };
    // Whatever our umask took away.
    for (folder, mode) in [("", 0o711), ("slots", 0o711), ("attempt", 0o755)] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(settings.scratch.join(folder), permissions).map_err(failed)?;
    }
    for folder in [&settings.scratch, &settings.tree] {
        user.open_way(folder).map_err(failed)?;
    }
    let writable = settings.writable.iter();
    writable.chain([&settings.scratch, &settings.tree]).try_for_each(|folder| user.reaches(folder))
}
