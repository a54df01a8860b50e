//! A PostgreSQL server of the tests' own: another user, a folder that is taken away, a Unix socket and no port.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

/// PostgreSQL refuses to run as root; `nobody` everywhere on Linux.
const NOBODY: u32 = 65_534;

/// Superuser of the databases.
const USER: &str = "flaky";

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    databases: AtomicU32,
}

static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The server of this process; stopped when the last test lets go of it.
    pub(crate) fn get() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *running = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("flaky-pg").tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if is_root() {
            for path in [folder.path(), data.as_path()] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let made = as_user(&program("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER, "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut server = Command::new("sh");
        server.args(["-c", UNTIL_CLOSED, "sh"]).args(as_user_words(&program("postgres")));
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses="]);
        // Its log says what went wrong when a test fails.
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { child, folder, databases: AtomicU32::new(0) };
        server.wait();
        server
    }

    /// Until it answers: `pg_isready` would be one more program that has to be there.
    fn wait(&self) {
        let ready = self.folder.path().join("data/postmaster.pid");
        for _ in 0..600 {
            let status = std::fs::read_to_string(&ready).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }

    /// URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:s3cr3t%21@localhost/{database}?host={}", self.folder.path().display())
    }

    /// An empty database; its URL.
    pub(crate) async fn database(&self) -> String {
        sqlx::any::install_default_drivers();
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin =
            <sqlx::AnyConnection as sqlx::Connection>::connect(&self.url("postgres")).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        sqlx::Connection::close(admin).await.unwrap();
        self.url(&name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs a command until standard input is closed, which the end of this process does as well, however it ends. SIGINT is what
/// PostgreSQL calls a fast shutdown: it ends its connections.
const UNTIL_CLOSED: &str =
    r#"exec 3<&0; "$@" </dev/null & server=$!; cat <&3 >/dev/null; kill -INT $server; wait $server"#;

/// The program as somebody else than root.
fn as_user_words(program: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    if is_root() {
        let id = NOBODY.to_string();
        words.extend(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"].map(OsString::from));
    }
    words.push(program.into());
    words
}

fn as_user(program: &Path) -> Command {
    let words = as_user_words(program);
    let (first, others) = words.split_first().unwrap();
    let mut command = Command::new(first);
    command.args(others);
    command
}

/// Debian keeps servers out of PATH.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("`{name}` of PostgreSQL is not installed: apt-get install postgresql"))
}
