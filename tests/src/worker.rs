//! Worker processes: ours, and those of RunPod's Python SDK.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::place::{repository, shared, shared_cache, worker_binary};
use crate::platform::Platform;
use crate::processes::eventually;
use crate::python::{self, Sdk};

/// A worker before its start.
#[derive(Debug)]
pub struct WorkerSetup {
    id: String,
    program: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    folder: TempDir,
}

/// A worker that runs; killed with all that it started when it is dropped.
#[derive(Debug)]
pub struct Worker {
    id: String,
    child: Child,
    folder: TempDir,
}

/// How a worker ended.
#[derive(Debug)]
pub struct WorkerEnd {
    /// The exit code; 128 + N for a death by signal N, as shells say it.
    pub code: i32,
    /// All that it wrote to standard output and standard error.
    pub log: String,
}

impl Worker {
    /// A worker of RunPod's SDK with the handler of `tests/fixtures/runpod_handler.py`.
    #[must_use]
    pub fn python(platform: &Platform, id: &str, sdk: Sdk) -> WorkerSetup {
        Self::python_script(platform, id, sdk, &repository().join("tests/fixtures/runpod_handler.py"))
    }

    /// A worker of RunPod's SDK with a handler of its own.
    #[must_use]
    pub fn python_script(platform: &Platform, id: &str, sdk: Sdk, script: &Path) -> WorkerSetup {
        let python = python::sdk(sdk).join("python3");
        let setup = WorkerSetup::new(id, [python.into(), script.into()]);
        // The SDK's checks of memory and network are about machines, not about the protocol.
        setup
            .platform(platform)
            .env("RUNPOD_SKIP_AUTO_SYSTEM_CHECKS", "true")
            .env("RUNPOD_SKIP_GPU_CHECK", "true")
    }

    /// Our worker.
    #[must_use]
    pub fn ours(platform: &Platform, id: &str) -> WorkerSetup {
        WorkerSetup::new(id, [worker_binary().into()]).platform(platform)
    }

    /// Our worker without a platform.
    #[must_use]
    pub fn ours_alone(args: &[&str]) -> WorkerSetup {
        let program = std::iter::once(worker_binary().into()).chain(args.iter().map(OsString::from));
        WorkerSetup::new("alone", program)
    }

    /// Its id, as the platform knows it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its process id.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the worker still runs");
    }

    /// All that it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// A folder of its own, readable by everybody.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it runs.
    ///
    /// # Panics
    /// Never: a child can be waited for.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in a long time.
    #[must_use]
    pub fn ended(mut self) -> WorkerEnd {
        let status = eventually(&format!("the end of worker {}", self.id), || {
            self.child.try_wait().expect("a child can be waited for")
        });
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        WorkerEnd { code, log: self.log() }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It leads a group of its own: the SDK's heartbeat is another process, and outlives it.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl WorkerSetup {
    fn new(id: &str, program: impl IntoIterator<Item = OsString>) -> Self {
        let work = shared().join("work");
        fs::create_dir_all(&work).expect("a folder for the tests");
        let folder = tempfile::Builder::new().prefix("w-").tempdir_in(work).expect("a folder for a worker");
        crate::place::make_private(folder.path(), None).expect("a folder for a worker");
        let mut path = OsString::from(python::bin());
        path.push(":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        let place = |name: &str| {
            let place = folder.path().join(name);
            fs::create_dir_all(&place).expect("a folder for a worker");
            place.into_os_string()
        };
        let env: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), path),
            ("HOME".into(), place("home")),
            ("LANG".into(), "C.UTF-8".into()),
            ("FLAKY_STATE_DIR".into(), place("state")),
            ("FLAKY_CACHE_DIR".into(), shared_cache(None).into()),
        ];
        Self { id: id.to_owned(), program: program.into_iter().collect(), env, folder }
    }

    fn platform(mut self, platform: &Platform) -> Self {
        let variables = platform.worker_environment(&self.id);
        self.env.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// With a variable; the last word counts.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// With an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.program.push(argument.as_ref().to_owned());
        self
    }

    /// A folder of its own, readable by everybody.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command as it would be started.
    ///
    /// # Panics
    /// Never: there always is a program.
    #[must_use]
    pub fn command(&self) -> Command {
        let (program, arguments) = self.program.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(self) -> Worker {
        let log = File::create(self.folder.path().join("log")).expect("a file for the log");
        let mut command = self.command();
        command.process_group(0).stderr(log.try_clone().expect("a second handle")).stdout(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Worker { id: self.id, child, folder: self.folder }
    }
}
