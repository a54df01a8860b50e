//! Before the first attempt: which framework, which command, and its dependencies.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use flaky_config::RunSettings;
use flaky_core::ids::TestId;
use flaky_core::verdict::Cause;
use flaky_exec::RunAs;
use flaky_plugin_host::{Command, Detection, InstallPlan, Manifest, PluginError, ProjectInput, Selection};
use sha2::{Digest, Sha256};

use crate::attempt::SetAside;
use crate::plugins::{Candidate, Member, PluginSet};
use crate::recognise::side_by_side;

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
        "`tests` were named, but no framework plugin knows the command `{command}`: it cannot be made to run them alone"
    )]
    NoSelection {
        /// The test command.
        command: String,
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
    let project = find(plugins, settings, tree).await?;
    if settings.tests.is_empty() { Ok(project) } else { project.only(&settings.tests).await }
}

async fn find(plugins: &PluginSet, settings: &RunSettings, tree: &Path) -> Result<Project, ProjectError> {
    let input = ProjectInput { root: tree.to_owned() };
    let named = settings.test_command.as_ref().map(|c| c.value.words().to_vec());
    let (near, far) = near_and_far(plugins, &input).await;
    if let Some(argv) = &named {
        let knowing = recognising(&near, argv).await;
        if let Some((member, detection)) = detect(&knowing, &input).await.best {
            return Ok(Project::new(&member, detection, Some(argv)));
        }
        // Without a file of theirs in the tree there is nothing to detect.
        if let Some(Ok(member)) = recognising(&far, argv).await.first().and_then(Candidate::loaded) {
            return Ok(Project::new(member, None, Some(argv)));
        }
    }
    let found = detect(&near, &input).await;
    match (found.best, named, found.error) {
        (Some((member, Some(detection))), named, _) => {
            Ok(Project::new(&member, Some(detection), named.as_deref()))
        }
        (_, Some(argv), _) => Ok(Project {
            framework: None,
            framework_name: "unknown".into(),
            root: String::new(),
            command: Command { argv, env: Vec::new(), cwd: String::new() },
        }),
        (_, None, Some(error)) => Err(Box::new(error).into()),
        (_, None, None) => Err(ProjectError::NoCommand { tree: tree.to_owned() }),
    }
}

/// Frameworks with files of theirs in the tree, and the others. None is loaded for that.
async fn near_and_far(plugins: &PluginSet, input: &ProjectInput) -> (Vec<Candidate>, Vec<Candidate>) {
    let frameworks: Vec<Candidate> = plugins.frameworks().cloned().collect();
    let (asked, input) = (frameworks.clone(), input.clone());
    let look = move || {
        let manifests: Vec<&Manifest> = asked.iter().map(Candidate::manifest).collect();
        input.has_files_for(&manifests)
    };
    // Should the walk itself break, all are asked.
    let has_files = tokio::task::spawn_blocking(look).await.unwrap_or_else(|_| vec![true; frameworks.len()]);
    let (near, far): (Vec<_>, Vec<_>) = frameworks.into_iter().zip(has_files).partition(|(_, has)| *has);
    let only = |list: Vec<(Candidate, bool)>| list.into_iter().map(|(candidate, _)| candidate).collect();
    (only(near), only(far))
}

/// Those that say that the command runs them, in their order.
async fn recognising(candidates: &[Candidate], argv: &[String]) -> Vec<Candidate> {
    let argv = argv.to_vec();
    let answers = side_by_side(candidates, move |member| {
        let argv = argv.clone();
        async move { member.plugin.recognises(&argv).await }
    });
    let knows = |(candidate, answer): (Candidate, Result<bool, PluginError>)| {
        answer.is_ok_and(|knows| knows).then_some(candidate)
    };
    answers.await.into_iter().filter_map(knows).collect()
}

/// What frameworks found.
#[derive(Debug)]
struct Detected {
    /// The most confident; of equals the first. Without a detection where none of them found anything.
    best: Option<(Member, Option<Detection>)>,
    /// Why one of them found nothing.
    error: Option<PluginError>,
}

async fn detect(candidates: &[Candidate], input: &ProjectInput) -> Detected {
    let input = input.clone();
    let answers = side_by_side(candidates, move |member| {
        let input = input.clone();
        async move { member.plugin.detect(&input).await }
    });
    let mut detected = Detected { best: None, error: None };
    for (candidate, answer) in answers.await {
        let Some(Ok(member)) = candidate.loaded() else {
            detected.error = detected.error.or(answer.err());
            continue;
        };
        match answer {
            // The best first, so that one is enough.
            Ok(found) => detected.offer(member, found.into_iter().next()),
            Err(error) => {
                detected.error.get_or_insert(error);
                detected.offer(member, None);
            }
        }
    }
    detected
}

impl Detected {
    fn offer(&mut self, member: &Member, detection: Option<Detection>) {
        let confidence = |detection: &Option<Detection>| detection.as_ref().map(|d| d.confidence);
        let better = |(_, best): &(Member, Option<Detection>)| confidence(&detection) > confidence(best);
        if self.best.as_ref().is_none_or(better) {
            self.best = Some((member.clone(), detection));
        }
    }
}

impl Project {
    fn new(member: &Member, detection: Option<Detection>, named: Option<&[String]>) -> Self {
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
        chown(&self.path, Some(user.uid), Some(user.gid))
    }

    /// Takes everything in the folder back: from here on, the user as whom tests run may only read it. Otherwise the
    /// tests of one job could change what those of another will load.
    pub(crate) fn take_back(&self) -> io::Result<()> {
        // We are root, or there would be no other user.
        take_back(&self.path)
    }

    /// Removes the folder, where what was installed may not be used again.
    pub(crate) fn discard(self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)?;
        fs::remove_file(self.path.with_added_extension("lock"))
    }
}

fn take_back(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    lchown(path, Some(0), Some(0))?;
    if found.is_symlink() {
        return Ok(());
    }
    // Without what lets others write, and without the bits that would run a program as us.
    fs::set_permissions(path, fs::Permissions::from_mode(found.permissions().mode() & 0o755))?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            take_back(&entry?.path())?;
        }
    }
    Ok(())
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
