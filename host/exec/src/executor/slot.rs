//! One of the places in which attempts run.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use flaky_core::attempt::Usage;
use flaky_core::report::IsolationUsed;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use super::{Inner, lock};
use crate::attempt::{AttemptFolder, AttemptPaths, AttemptSpec, CollectedFile, RawAttempt, Spooled};
use crate::capabilities::{Obstacle, TreeMethod};
use crate::error::ExecError;
use crate::launcher::Privilege;
use crate::launcher::protocol::{Done, Order, Reply, Request, Stream, Tried};
use crate::launcher::text::Text;
use crate::run_as::RunAs;

/// One of `parallelism` places in which attempts run one after the other; free again when dropped.
#[derive(Debug)]
pub struct Slot {
    inner: Arc<Inner>,
    connection: Option<Connection>,
    level: IsolationUsed,
    tried: Tried,
    paths: AttemptPaths,
    // Last: given back after the connection is.
    _permit: OwnedSemaphorePermit,
}

impl AttemptPaths {
    fn new(level: IsolationUsed, tree: PathBuf, own: &Path, run_as: Option<RunAs>) -> Self {
        let shared = level == IsolationUsed::Shared && run_as.is_none();
        let has_home = level == IsolationUsed::Full || run_as.is_some();
        Self {
            tree,
            report_dir: own.join("report"),
            support_dir: own.join("support"),
            home: has_home.then(|| own.join("home")),
            tmp: if shared { std::env::temp_dir() } else { own.join("tmp") },
            cache: (!shared).then(|| own.join("cache")),
        }
    }
}

impl Slot {
    pub(super) fn new(
        inner: Arc<Inner>,
        permit: OwnedSemaphorePermit,
        connection: Connection,
        level: IsolationUsed,
    ) -> Self {
        let tried = Tried { method: TreeMethod::Copy, privilege: Privilege::Own, obstacles: Vec::new() };
        let tree = inner.settings.tree.clone();
        let own = inner.settings.scratch.join("slots").join(connection.slot.to_string()).join("own");
        let paths = AttemptPaths::new(level, tree, &own, inner.settings.run_as);
        Self { inner, connection: Some(connection), level, tried, paths, _permit: permit }
    }

    /// Finds out, once for each level of an executor, what it looks like here.
    pub(super) async fn try_level(&mut self) -> Result<(), ExecError> {
        if self.level == IsolationUsed::Shared {
            return Ok(());
        }
        let inner = Arc::clone(&self.inner);
        let mut known = inner.tried.lock().await;
        self.tried = match known.get(&self.level) {
            Some(tried) => tried.clone(),
            None => {
                let tried = match self.ask(&Request::Try(self.level)).await? {
                    Reply::Tried(tried) => tried,
                    other => return Err(unexpected(other)),
                };
                let level = self.level;
                let tried = tried.map_err(|obstacle| ExecError::LevelUnavailable { level, obstacle })?;
                known.insert(self.level, tried.clone());
                tried
            }
        };
        drop(known);
        self.paths = self.paths_at_level();
        Ok(())
    }

    fn paths_at_level(&self) -> AttemptPaths {
        let settings = &self.inner.settings;
        let slot = self.connection.as_ref().map_or(0, |connection| connection.slot);
        let slot = settings.scratch.join("slots").join(slot.to_string());
        let overlay = self.tried.method == TreeMethod::Overlay;
        if overlay || self.level != IsolationUsed::Copy {
            // Every attempt sees its own folders at the same place.
            let own = settings.scratch.join("attempt");
            return AttemptPaths::new(self.level, settings.tree.clone(), &own, settings.run_as);
        }
        AttemptPaths::new(self.level, slot.join("tree"), &slot.join("own"), settings.run_as)
    }

    /// Where things are, as the slot's attempts see them. The same for all slots of a level, except where
    /// isolation is `shared`, or is `copy` and overlays cannot be mounted.
    #[must_use]
    pub fn paths(&self) -> &AttemptPaths {
        &self.paths
    }

    /// How the slot's work trees are made; says nothing at [`IsolationUsed::Shared`].
    #[must_use]
    pub fn tree_method(&self) -> TreeMethod {
        self.tried.method
    }

    /// Why the method is not a better one.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.tried.obstacles
    }

    /// Runs one attempt. Dropping the future kills everything the attempt started.
    ///
    /// # Errors
    /// When the attempt could not be made; what the command does is in [`RawAttempt::exit`].
    pub async fn run(&mut self, spec: AttemptSpec) -> Result<RawAttempt, ExecError> {
        let (index, seed) = (spec.index, spec.seed);
        let order = self.order(spec)?;
        match self.ask(&Request::Run(Box::new(order))).await? {
            Reply::Done(done) => Ok(self.raw(*done, index, seed)),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, ExecError> {
        let connection = self.connection.as_mut().ok_or(ExecError::Closed)?;
        connection.ask(&self.inner, request).await
    }

    fn order(&self, spec: AttemptSpec) -> Result<Order, ExecError> {
        if spec.argv.is_empty() {
            return Err(ExecError::EmptyCommand);
        }
        let inside =
            std::iter::once(&spec.working_directory).chain(spec.support_files.iter().map(|(path, _)| path));
        for path in inside {
            check_inside(path)?;
        }
        let text = |value: &OsString| Text::from(value.as_os_str());
        Ok(Order {
            level: self.level,
            method: self.tried.method,
            privilege: self.tried.privilege,
            purpose: spec.purpose,
            argv: spec.argv.iter().map(text).collect(),
            env: self.environment(&spec.env),
            working_directory: spec.working_directory.as_path().into(),
            timeout: spec.timeout,
            support_files: spec
                .support_files
                .into_iter()
                .map(|(path, bytes)| (path.as_path().into(), Text(bytes)))
                .collect(),
        })
    }

    fn environment(&self, asked: &[(OsString, OsString)]) -> Vec<(Text, Text)> {
        let decided = self.paths.variables();
        let free = asked.iter().filter(|(name, _)| !decided.iter().any(|(own, _)| OsStr::new(own) == name));
        let pair = |name: &OsStr, value: &OsStr| (Text::from(name), Text::from(value));
        let mut environment: Vec<_> = free.map(|(name, value)| pair(name, value)).collect();
        let set = decided.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        environment.extend(set.map(|(name, value)| pair(OsStr::new(name), value.as_os_str())));
        environment
    }

    fn raw(
        &self,
        done: Done,
        index: flaky_core::ids::AttemptIndex,
        seed: flaky_core::ids::Seed,
    ) -> RawAttempt {
        let folder = done.folder.into_path();
        let spooled = |name: &str, stream: Stream| Spooled {
            path: match stream.size {
                0 => self.inner.settings.scratch.join("empty"),
                _ => folder.join(name),
            },
            size: stream.size,
            cut: stream.cut,
        };
        let collected = |prefix: &str, names: &[Text]| {
            let file = |(number, name): (usize, &Text)| CollectedFile {
                name: name.os().to_string_lossy().into_owned(),
                path: folder.join(format!("{prefix}-{number}")),
            };
            names.iter().enumerate().map(file).collect::<Vec<_>>()
        };
        let (stdout, stderr) = (spooled("stdout", done.stdout), spooled("stderr", done.stderr));
        let report_files = collected("report", &done.report_files);
        let tree_files = collected("tree", &done.tree_files);
        let kept = stdout.size > 0 || stderr.size > 0 || !report_files.is_empty() || !tree_files.is_empty();
        RawAttempt {
            index,
            seed,
            exit: done.exit,
            usage: Usage { wall: done.wall, cpu: done.cpu, peak_memory: done.peak_memory },
            stdout,
            stderr,
            report_files,
            tree_files,
            notes: done.notes,
            folder: AttemptFolder::new(kept.then_some(folder)),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.inner.idle).push(connection);
        }
    }
}

fn check_inside(path: &Path) -> Result<(), ExecError> {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside { Ok(()) } else { Err(ExecError::PathOutside(path.to_path_buf())) }
}

fn unexpected(reply: Reply) -> ExecError {
    match reply {
        Reply::Failed(failure) => ExecError::Setup { step: failure.step, reason: failure.reason },
        Reply::Tried(_) | Reply::Done(_) => {
            ExecError::LauncherLost(std::io::Error::other("a worker answered something else"))
        }
    }
}
