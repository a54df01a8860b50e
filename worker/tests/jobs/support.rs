//! What the tests of jobs share.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flaky_exec::LauncherProgram;
use flaky_worker::job::{Answer, Job, JobContext, JobHandler, UPDATES_WAITING, Update};
use flaky_worker::jobs::{Jobs, Settings, Use};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A job that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A worker's folders, and a folder with a suite.
pub(crate) struct Rig {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
}

/// A job under way.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) updates: mpsc::Receiver<Update>,
    pub(crate) answer: tokio::task::JoinHandle<Answer>,
}

impl Rig {
    /// Not below `/tmp`, of which attempts have their own.
    pub(crate) fn new() -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder =
            tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir_in(base).unwrap();
        for name in ["suite", "state", "cache"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).into_os_string();
        let variables = vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), path("state")),
            ("FLAKY_STATE_DIR".into(), path("state")),
            ("FLAKY_CACHE_DIR".into(), path("cache")),
        ];
        Self { folder, variables }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.suite().join(name), content).unwrap();
        self
    }

    pub(crate) fn suite(&self) -> PathBuf {
        self.folder.path().join("suite")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn settings(&self, usage: Use) -> Settings {
        let mut settings = Settings::from_environment(usage, &self.variables).unwrap();
        settings.launcher = LauncherProgram::Path(env!("CARGO_BIN_EXE_flaky-worker").into());
        settings
    }

    /// The input of a job of this suite.
    pub(crate) fn input(&self, more: Value) -> Value {
        let mut input = json!({ "repo": self.suite() });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        input
    }

    pub(crate) fn start(&self, usage: Use, input: Value) -> Running {
        let mut settings = self.settings(usage);
        if Jobs::new(settings.clone()).is_err() {
            // Where the folder of builds is closed to others, tests run as we do.
            settings.run_as = None;
        }
        let jobs = Jobs::new(settings).unwrap();
        let (sender, updates) = mpsc::channel(UPDATES_WAITING);
        let stop = CancellationToken::new();
        let context = JobContext { stop: stop.clone(), updates: sender };
        let job = Job { id: "test-1".parse().unwrap(), input };
        Running { stop, updates, answer: tokio::spawn(async move { jobs.handle(job, context).await }) }
    }

    pub(crate) async fn run(&self, usage: Use, input: Value) -> (Answer, Vec<Update>) {
        self.start(usage, input).end().await
    }

    /// The output of a job that is completed.
    pub(crate) async fn output(&self, input: Value) -> Value {
        match self.run(Use::Local, input).await.0 {
            Answer::Output(output) => output,
            other => panic!("{other:?}"),
        }
    }

    /// What a job that failed says.
    pub(crate) async fn error(&self, usage: Use, input: Value) -> String {
        match self.run(usage, input).await.0 {
            Answer::Failed { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }
}

impl Running {
    /// Takes updates until the answer.
    pub(crate) async fn end(mut self) -> (Answer, Vec<Update>) {
        let mut updates = Vec::new();
        let all = async {
            while let Some(update) = self.updates.recv().await {
                updates.push(update);
            }
            self.answer.await.unwrap()
        };
        let answer = tokio::time::timeout(PATIENCE, all).await.unwrap();
        (answer, updates)
    }
}

/// Processes whose command line holds `mark`, which only the test's own do.
pub(crate) fn running_with(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ours = std::process::id().to_string();
    processes
        .filter(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            process.file_name() != ours.as_str() && String::from_utf8_lossy(&line).contains(mark)
        })
        .count()
}

/// Looks until something is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never was");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// As whom the tests of this crate run.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}
