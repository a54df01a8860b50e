//! Before the first attempt: which framework, which command, and its dependencies.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use flaky_config::RunSettings;
use flaky_core::ids::TestId;
use flaky_core::verdict::Cause;
use flaky_exec::RunAs;
use flaky_plugin_host::{Command, Detection, InstallPlan, PluginError, Selection};
use sha2::{Digest, Sha256};

use crate::attempt::SetAside;
use crate::detect;
use crate::plugins::{Member, PluginSet};

/// What is to be run, and who knows how.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The framework plugin, when one knows the command or the tree.
    pub(crate) framework: Option<Member>,
    /// Name for the report.
    pub(crate) framework_name: String,
    /// Folder of the framework's project, relative to the tree.
    pub(crate) root: String,
    /// The command as the user knows it.
    pub(crate) command: Command,
}

/// Nothing says what to run.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No command was named and no framework recognised.
    #[error("`{}`: no test command was given, and no test framework was recognised", tree.display())]
    NoCommand {
        /// Where.
        tree: PathBuf,
    },
    /// Tests were named, and nobody knows how to run them alone.
    #[error(
        "tests were named, but no framework plugin knows the command `{command}`: it cannot be made to run them alone, or without them"
    )]
    NoSelection {
        /// The test command.
        command: String,
    },
    /// The working directory is not there, or leads out of the sources.
    #[error("`{within}` is no folder of `{}`", tree.display())]
    NoFolder {
        /// As it was named.
        within: String,
        /// The sources.
        tree: PathBuf,
    },
    /// A framework plugin failed.
    #[error(transparent)]
    Plugin(#[from] Box<PluginError>),
}

/// Decides command and framework: a command that was named decides first, else the tree does. Where tests are named,
/// the command is made to run them alone.
pub(crate) async fn project(
    plugins: &PluginSet,
    settings: &RunSettings,
    tree: &Path,
) -> Result<Project, ProjectError> {
    let named = settings.test_command.as_ref().map(|c| c.value.words().to_vec());
    let within = settings.working_directory.as_str();
    let project = detect::find(plugins, named, &folder_within(tree, within)?).await?.within(within);
    if settings.tests.is_empty() { Ok(project) } else { project.only(&settings.tests).await }
}

/// The folder in the tree, wherever its links lead: below the tree, or it is none.
fn folder_within(tree: &Path, within: &str) -> Result<PathBuf, ProjectError> {
    if within.is_empty() {
        return Ok(tree.to_owned());
    }
    let real = |path: &Path| path.canonicalize().ok().filter(|path| path.is_dir());
    match (real(tree), real(&tree.join(within))) {
        (Some(root), Some(folder)) if folder.starts_with(&root) => Ok(folder),
        _ => Err(ProjectError::NoFolder { within: within.to_owned(), tree: tree.to_owned() }),
    }
}

impl Project {
    /// What was found in a folder, as seen from the tree.
    fn within(mut self, folder: &str) -> Self {
        for path in [&mut self.root, &mut self.command.cwd] {
            let parts = [folder, path.as_str()];
            *path = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        }
        self
    }

    pub(crate) fn new(member: &Member, detection: Option<Detection>, named: Option<&[String]>) -> Self {
        let detected = detection.as_ref().map(|d| d.default_command.clone());
        let command = match (named, detected) {
            (Some(argv), _) => Command { argv: argv.to_vec(), env: Vec::new(), cwd: String::new() },
            (None, Some(command)) => command,
            (None, None) => Command { argv: Vec::new(), env: Vec::new(), cwd: String::new() },
        };
        Self {
            framework: Some(member.clone()),
            framework_name: detection.as_ref().map_or_else(|| member.name().to_owned(), |d| d.name.clone()),
            root: detection.map(|d| d.root).unwrap_or_default(),
            command,
        }
    }

    async fn only(mut self, tests: &[TestId]) -> Result<Self, ProjectError> {
        let Some(framework) = &self.framework else {
            return Err(ProjectError::NoSelection { command: self.command.argv.join(" ") });
        };
        let selection = Selection::Only(tests.to_vec());
        self.command = framework.plugin.select(&self.command, &selection).await.map_err(Box::new)?;
        Ok(self)
    }
}

/// A folder for installed dependencies, locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct EnvironmentFolder {
    /// Absolute.
    pub(crate) path: PathBuf,
    lock: File,
}

/// Name of the file that says that an installation is whole, and of what.
const MARKER: &str = ".flaky-installed";

impl EnvironmentFolder {
    /// One folder per project: what changes there replaces what was installed before, so that nothing piles up.
    /// Nothing is locked yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(environments: &Path, project: &str) -> io::Result<Self> {
        let name = short_digest(project);
        let path = environments.join(&name);
        fs::create_dir_all(&path)?;
        let lock = File::create(environments.join(format!("{name}.lock")))?;
        Ok(Self { path, lock })
    }

    /// Locks the folder for reading beside others, if what `key` names stands there, whole.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub(crate) fn reuse(&self, key: &str) -> io::Result<bool> {
        match self.lock.try_lock_shared() {
            Ok(()) if self.holds(key) => Ok(true),
            Ok(()) => self.lock.unlock().map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Locks the folder for writing; `false` while somebody else uses it.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub(crate) fn try_own(&self) -> io::Result<bool> {
        match self.lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether what `key` names stands there, whole.
    pub(crate) fn holds(&self, key: &str) -> bool {
        !key.is_empty() && fs::read_to_string(self.path.join(MARKER)).is_ok_and(|found| found == key)
    }

    /// From here on the folder is only read: other runs of the same project may read it beside this one.
    pub(crate) fn share(&self) -> io::Result<()> {
        self.lock.lock_shared()
    }

    /// Empties the folder for a new installation.
    pub(crate) fn clear(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)?;
        fs::create_dir_all(&self.path)
    }

    /// Says that the installation is whole.
    pub(crate) fn complete(&self, key: &str) -> io::Result<()> {
        fs::write(self.path.join(MARKER), key)
    }

    /// Lets the user as whom installations run write into the folder.
    pub(crate) fn hand_to(&self, user: RunAs) -> io::Result<()> {
        user.take_folder(&self.path)
    }

    /// Takes everything in the folder back: from here on, the user as whom tests run may only read it. Otherwise the
    /// tests of one job could change what those of another will load.
    pub(crate) fn take_back(&self) -> io::Result<()> {
        // We are root, or there would be no other user.
        RunAs::take_back(&self.path)
    }

    /// Removes the folder, where what was installed may not be used again.
    #[cfg(target_os = "linux")]
    pub(crate) fn discard(self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)?;
        fs::remove_file(self.path.with_added_extension("lock"))
    }
}

/// All that an installation depends on: what the plugin says, and the programs that do it.
pub(crate) fn cache_key(plan: &InstallPlan, path: Option<&std::ffi::OsStr>) -> String {
    // What an earlier step installed is no cause of the installation: only programs searched for by name count.
    if plan.cache_key.is_empty() {
        return String::new();
    }
    let mut key = format!("flaky {}\n{}", env!("CARGO_PKG_VERSION"), plan.cache_key);
    for step in &plan.steps {
        let program = step.command.argv.first().map(String::as_str).unwrap_or_default();
        if !program.contains('/')
            && let Some(file) = path.and_then(|p| find_program(program, p))
        {
            let changed = fs::metadata(&file).and_then(|m| m.modified()).ok();
            key.push_str(&format!("\nprogram {} {changed:?}", file.display()));
        }
        key.push_str(&format!("\nstep {:?}", step.command.argv));
    }
    key
}

fn find_program(name: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|f| f.is_file())?.canonicalize().ok()
}

/// What a failed installation makes of the run.
pub(crate) fn install_failed(title: &str, how: &str, output: &str) -> SetAside {
    let last = output.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    SetAside {
        cause: Cause::InstallFailed,
        why: format!("{title} failed ({how}): {}", crate::attempt::one_line(last)),
        hint: Some("mend the dependencies, or use what is installed already with `--no-install`".into()),
    }
}

fn short_digest(text: &str) -> String {
    digest(text).chars().take(24).collect()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    #[test]
    fn an_installation_counts_only_when_it_is_whole_and_of_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let env = EnvironmentFolder::open(folder.path(), "/srv/project").unwrap();
        assert!(!env.holds("a"));
        env.complete("a").unwrap();
        assert!(env.holds("a"));
        assert!(!env.holds("b"));
        env.clear().unwrap();
        assert!(!env.holds("a"));
        env.complete("").unwrap();
        assert!(!env.holds(""), "an empty key says that nothing may be reused");
    }

    #[test]
    fn readers_share_the_folder_and_a_writer_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EnvironmentFolder::open(folder.path(), "/srv/project").unwrap();
        let writer = open();
        assert!(writer.try_own().unwrap());
        assert!(!open().reuse("a").unwrap(), "somebody installs");
        writer.complete("a").unwrap();
        writer.share().unwrap();
        let reader = open();
        assert!(reader.reuse("a").unwrap());
        assert!(!open().reuse("b").unwrap(), "another key");
        assert!(!open().try_own().unwrap(), "two are reading");
        drop((writer, reader));
        assert!(open().try_own().unwrap());
    }

    #[test]
    fn what_another_user_installed_is_taken_back_and_loses_the_bits_that_give_rights() {
        let folder = tempfile::tempdir().unwrap();
        let env = EnvironmentFolder::open(folder.path(), "/srv/project").unwrap();
        let user = RunAs { uid: 10_001, gid: 10_001 };
        if env.hand_to(user).is_err() {
            // Only root gives files away, and only root has tests run as somebody else.
            return;
        }
        let (inner, outside) = (env.path.join("bin"), folder.path().join("outside"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("tool"), "").unwrap();
        fs::write(&outside, "").unwrap();
        std::os::unix::fs::symlink(&outside, inner.join("link")).unwrap();
        let set = |path: &Path, mode| {
            chown(path, Some(user.uid), Some(user.gid)).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&inner, 0o777);
        set(&inner.join("tool"), 0o6777);
        set(&outside, 0o666);
        env.take_back().unwrap();
        let found = |path: &Path| {
            let found = fs::symlink_metadata(path).unwrap();
            (std::os::unix::fs::MetadataExt::uid(&found), found.permissions().mode() & 0o7777)
        };
        assert_eq!(found(&env.path).0, 0);
        assert_eq!(found(&inner), (0, 0o755));
        assert_eq!(found(&inner.join("tool")), (0, 0o755));
        assert_eq!(found(&inner.join("link")).0, 0);
        assert_eq!(found(&outside), (user.uid, 0o666), "links are not followed");
        env.discard().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_reason_of_a_failed_installation_is_its_last_line() {
        let aside = install_failed("pip install", "exit code 1", "Collecting x\nERROR: No matching x\n\n");
        assert_eq!(aside.why, "pip install failed (exit code 1): ERROR: No matching x");
        assert_eq!(aside.cause, Cause::InstallFailed);
    }
}
