//! One use of `flaky`: a project, a home, folders of its own, a clean environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::ended::Ended;
use crate::place::{NOBODY, binary, copy, make_private, repository, shared, shared_cache};
use crate::python;
use crate::running::Running;

/// As whom `flaky` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs the tests.
    Myself,
    /// An ordinary user: nobody when root runs the tests, else whoever does.
    User,
    /// An ordinary user whom the kernel refuses user name spaces, as containers do.
    UserWithoutNamespaces,
}

impl Who {
    /// The id to change to, when that is another user.
    fn id(self) -> Option<u32> {
        let other = self != Self::Myself && nix::unistd::geteuid().is_root();
        assert!(
            !other || others_can_start_it(),
            "`{}` cannot be started by other users, as which some tests run: set `CARGO_TARGET_DIR` to a folder that they can \
             read, or run the tests as an ordinary user",
            binary().display()
        );
        other.then_some(NOBODY)
    }
}

fn others_can_start_it() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let mut command = Command::new(binary());
        command.arg("--version").uid(NOBODY).gid(NOBODY).current_dir("/").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// A project and everything around it; removed on drop.
#[derive(Debug)]
pub struct Flaky {
    root: TempDir,
    who: Who,
    env: Vec<(OsString, OsString)>,
    cache: PathBuf,
    counter: AtomicU32,
}

/// How packages are fetched on this machine, should a test install some.
const PASSED_ON: [&str; 12] = [
    "PIP_",
    "npm_config_",
    "NPM_CONFIG_",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "no_proxy",
];

impl Flaky {
    /// With an empty project.
    ///
    /// # Panics
    /// When the folders cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Who::Myself)
    }

    /// The same, for another user.
    ///
    /// # Panics
    /// When the folders cannot be made.
    #[must_use]
    pub fn of(who: Who) -> Self {
        let work = shared().join("work");
        fs::create_dir_all(&work).expect("a folder for the tests");
        let root = tempfile::Builder::new().prefix("t-").tempdir_in(work).expect("a folder for this test");
        make_private(root.path(), who.id()).expect("a folder for this test");
        for folder in ["project", "home", "tmp", "state"] {
            make_private(&root.path().join(folder), who.id()).expect("a folder for this test");
        }
        Self { root, who, env: Vec::new(), cache: shared_cache(who.id()), counter: AtomicU32::new(0) }
    }

    /// With a copy of a folder of `tests/samples`.
    ///
    /// # Panics
    /// When there is no such sample.
    #[must_use]
    pub fn sample(name: &str) -> Self {
        Self::new().with_copy_of(&Path::new("tests/samples").join(name))
    }

    /// Copies a folder of the repository into the project.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn with_copy_of(self, folder: &Path) -> Self {
        copy(&repository().join(folder), &self.project(), self.who.id()).expect("a copy of the sample");
        self
    }

    /// With a file of the project.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(&self.project().join(path), content.as_ref());
        self
    }

    /// With a file of the user's home folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn home_file(self, path: &str, content: &str) -> Self {
        self.write(&self.home().join(path), content.as_bytes());
        self
    }

    /// With a variable in the environment of `flaky`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// With a cache folder that nobody else uses. Compiled plugins are copied into it where there are some.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn own_cache(mut self) -> Self {
        self.warm_up();
        let own = self.root.path().join("cache");
        make_private(&own, self.who.id()).expect("a cache folder");
        let compiled = self.cache.join("components");
        if compiled.is_dir() {
            let whole = own.join("components");
            make_private(&whole, self.who.id()).expect("a folder for the compiled plugins");
            for entry in fs::read_dir(&compiled).expect("the compiled plugins").flatten() {
                let target = whole.join(entry.file_name());
                // Not what somebody else is writing at this moment, nor what was just deleted.
                let is_whole = entry.path().extension().is_some_and(|end| end == "cwasm");
                if is_whole
                    && fs::copy(entry.path(), &target).is_ok()
                    && let Some(id) = self.who.id()
                {
                    chown(&target, Some(id), Some(id)).expect("a compiled plugin can be given away");
                }
            }
        }
        self.cache = own;
        self
    }

    /// Approves the plugins that the project's configuration names, by the command that the tool itself tells.
    ///
    /// # Panics
    /// When it tells none.
    #[must_use]
    #[track_caller]
    pub fn approved(self) -> Self {
        let asked = self.flaky("plugin trust").exits(2);
        let command = asked.stderr.lines().find_map(|line| line.trim().strip_prefix("hint: flaky "));
        let command = command.unwrap_or_else(|| panic!("no command is told\n{}", asked.everything()));
        let _ = self.flaky(command).exits(0);
        self
    }

    /// With a cache folder of its own in which there is nothing.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn empty_cache(mut self) -> Self {
        self.cache = self.root.path().join("cache");
        make_private(&self.cache, self.who.id()).expect("a cache folder");
        self
    }

    /// The project's folder.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// The user's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Where runs are recorded.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// Where compiled plugins and environments are.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// A place beside the project.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// `flaky run ARGS` in the project, with a JSON report besides. All attempts are made and none is repeated for a
    /// command that is told, unless `args` say otherwise: tests count attempts.
    #[track_caller]
    pub fn run(&self, args: &str) -> Ended {
        self.start_run(args).ended()
    }

    /// The same, without waiting for the end.
    #[track_caller]
    pub fn start_run(&self, args: &str) -> Running {
        let report = self.beside(&format!("report-{}.json", self.number()));
        let mut all = vec![OsString::from("run"), "--report".into()];
        let mut target = OsString::from("json=");
        target.push(&report);
        all.push(target);
        if !args.contains("--resume") {
            for (flag, value) in [("--stop", "never"), ("--reproduce", "0")] {
                if !args.contains(flag) {
                    all.extend([flag.into(), value.into()]);
                }
            }
        }
        all.extend(words(args));
        self.start(&all, report)
    }

    /// `flaky ARGS` in the project, and nothing more.
    #[track_caller]
    pub fn flaky(&self, args: &str) -> Ended {
        self.flaky_with(&words(args))
    }

    /// The same, with arguments as they are.
    #[track_caller]
    pub fn flaky_with<S: AsRef<OsStr>>(&self, args: &[S]) -> Ended {
        let args: Vec<OsString> = args.iter().map(|a| a.as_ref().to_owned()).collect();
        self.start(&args, self.beside("no-report.json")).ended()
    }

    /// The command as it would be started, for tests that need their own pipes.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = match self.who {
            Who::Myself | Who::User => Command::new(binary()),
            Who::UserWithoutNamespaces => {
                let mut command = Command::new(python::bin().join("python3"));
                command.args(["-c", include_str!("../fixtures/without_user_namespaces.py")]).arg(binary());
                command
            }
        };
        if let Some(id) = self.who.id() {
            command.uid(id).gid(id);
        }
        command.args(args).current_dir(self.project()).stdin(Stdio::null());
        command.env_clear().envs(self.environment());
        command
    }

    fn start(&self, args: &[OsString], report: PathBuf) -> Running {
        self.warm_up();
        let number = self.number();
        let (stdout, stderr) =
            (self.beside(&format!("stdout-{number}")), self.beside(&format!("stderr-{number}")));
        let file = |path: &Path| File::create(path).expect("a file for what flaky says");
        let mut command = self.command(args);
        command.stdout(file(&stdout)).stderr(file(&stderr));
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Running::new(child, stdout, stderr, report)
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = env::vars_os().filter(|(name, _)| {
            name.to_str().is_some_and(|name| PASSED_ON.iter().any(|known| name.starts_with(known)))
        });
        let mut path = OsString::from(python::bin());
        path.push(":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        let own: [(OsString, OsString); 7] = [
            ("PATH".into(), path),
            ("HOME".into(), self.home().into()),
            ("TMPDIR".into(), self.beside("tmp").into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm".into()),
            ("FLAKY_STATE_DIR".into(), self.state().into()),
            ("FLAKY_CACHE_DIR".into(), self.cache.clone().into()),
        ];
        inherited.chain(own).chain(self.env.iter().cloned()).collect()
    }

    /// Compiles the bundled plugins once per user, so that no test pays for it, and measures it, beside its own work.
    fn warm_up(&self) {
        static WARM: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
        let mut warm = WARM.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cache.starts_with(self.root.path()) || warm.contains(&self.cache) {
            return;
        }
        let json = self.beside("warm-up.json");
        let mut command = self.command(&[
            "run",
            "--quiet",
            "--no-history",
            "--runs",
            "1",
            "--isolation",
            "shared",
            "--report",
        ]);
        let mut target = OsString::from("json=");
        target.push(&json);
        // Nobody knows this command or what it prints: every plugin is asked.
        command.arg(target).args(["--", "echo", "warm"]);
        // Not in the project, whose packages would be installed.
        command.current_dir(self.beside("tmp"));
        let _ = command.output();
        // As if it had not been: tests look at what is recorded.
        let _ = fs::remove_file(json);
        let _ = fs::remove_dir_all(self.state().join("runs"));
        warm.push(self.cache.clone());
    }

    fn write(&self, path: &Path, content: &[u8]) {
        let folder = path.parent().expect("a file lies in a folder");
        make_private(folder, self.who.id()).expect("a folder for the file");
        fs::write(path, content).expect("the file can be written");
        if let Some(id) = self.who.id() {
            chown(path, Some(id), Some(id)).expect("the file can be given away");
        }
    }

    fn number(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for Flaky {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
fn words(args: &str) -> Vec<OsString> {
    let words = shell_words::split(args).unwrap_or_else(|e| panic!("{args}: {e}"));
    words.into_iter().map(Into::into).collect()
}
