//! What the tests of this crate share.
#![allow(dead_code, reason = "every test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_exec::{
    AttemptSpec, CollectGlobs, ExecError, ExecutorSettings, LauncherProgram, LocalExecutor, Purpose,
    RawAttempt, Slot,
};

pub(crate) const ALL_LEVELS: [IsolationUsed; 4] =
    [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy, IsolationUsed::Shared];

/// An attempt that takes longer than this hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A work tree, a scratch folder and a shared folder, all temporary.
pub(crate) struct Rig {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) parallelism: usize,
    pub(crate) output_quota: u64,
    pub(crate) collect: CollectGlobs,
}

/// The helper program, which is also the launcher. Another user's tests are told where theirs is.
pub(crate) fn helper() -> PathBuf {
    std::env::var_os("FLAKY_TEST_LAUNCHER")
        .map_or_else(|| env!("CARGO_BIN_EXE_flaky-launcher").into(), Into::into)
}

impl Rig {
    pub(crate) fn new() -> Self {
        let folder =
            tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        for name in ["tree", "shared"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, parallelism: 2, output_quota: 1 << 20, collect: CollectGlobs::default() }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("tree")
    }

    /// A folder that attempts see, and that installations write to.
    pub(crate) fn shared(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("shared")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    pub(crate) fn with_file(self, name: &str, content: &str) -> Self {
        let path = self.tree().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn settings(&self) -> ExecutorSettings {
        ExecutorSettings {
            tree: self.tree(),
            scratch: self.scratch(),
            parallelism: self.parallelism,
            output_quota: self.output_quota,
            launcher: LauncherProgram::Path(helper()),
            writable: vec![self.shared(), helper().parent().unwrap().to_path_buf()],
            collect: self.collect.clone(),
            run_as: None,
        }
    }

    pub(crate) async fn start(&self) -> LocalExecutor {
        LocalExecutor::start(self.settings()).await.unwrap()
    }
}

/// The levels that can be had here, highest first; the others must name an obstacle and a way out.
pub(crate) async fn levels(executor: &LocalExecutor) -> Vec<IsolationUsed> {
    let mut available = Vec::new();
    for level in ALL_LEVELS {
        match executor.acquire(level).await {
            Ok(_) => available.push(level),
            Err(e @ ExecError::LevelUnavailable { .. }) => {
                assert!(e.hint().is_some_and(|hint| !hint.is_empty()), "{e}")
            }
            Err(other) => panic!("{level:?}: {other}"),
        }
    }
    available
}

pub(crate) fn spec(argv: &[&str]) -> AttemptSpec {
    AttemptSpec {
        index: AttemptIndex(7),
        seed: Seed(42),
        argv: argv.iter().map(OsString::from).collect(),
        env: vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), "/nonexistent".into()),
        ],
        working_directory: PathBuf::new(),
        timeout: PATIENCE,
        support_files: Vec::new(),
        purpose: Purpose::Test,
    }
}

pub(crate) fn sh(script: &str) -> AttemptSpec {
    spec(&["/bin/sh", "-c", script])
}

/// Runs a script, which must end with exit code 0; returns what it printed.
pub(crate) async fn says(slot: &mut Slot, script: &str) -> String {
    let attempt = slot.run(sh(script)).await.unwrap();
    assert!(attempt.exit.is_success(), "`{script}` ended with {:?}: {}", attempt.exit, stderr(&attempt));
    stdout(&attempt)
}

pub(crate) fn stdout(attempt: &RawAttempt) -> String {
    fs::read_to_string(&attempt.stdout.path).unwrap()
}

pub(crate) fn stderr(attempt: &RawAttempt) -> String {
    fs::read_to_string(&attempt.stderr.path).unwrap()
}

/// Whether a process of this id exists and has not ended.
pub(crate) fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Processes whose command line holds `mark`, which only the test's own do.
pub(crate) fn running_with(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids =
        processes.filter_map(|p| p.file_name().into_string().ok()).filter(|n| n.parse::<u32>().is_ok());
    pids.filter(|pid| {
        let line = fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark) && runs(pid) && *pid != std::process::id().to_string()
    })
    .collect()
}

pub(crate) fn fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
}
