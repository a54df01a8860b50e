//! Repositories, servers and clients for the tests.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flaky_exec::checkout::{
    Checkout, CheckoutError, CheckoutErrorKind, CheckoutRequest, CheckoutSettings, CommitId, RefName,
    RepositorySource, RepositoryUrl, checkout,
};
use tempfile::TempDir;

/// Set for a child of a test: the test's own program, run again with another environment.
pub(crate) const CHILD: &str = "CHECKOUT_TEST_CHILD";

/// Runs a program of the machine; the message says what to install.
pub(crate) fn run(program: &str, args: &[&str], folder: &Path, input: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("`{program}` is needed for this test: {e}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    run("git", args, folder, "")
}

/// A folder with repositories, each of which is `NAME.git`.
pub(crate) struct Origin {
    pub(crate) folder: TempDir,
}

impl Origin {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// 100 commits on `main`, which number the file `n`; `feature` leaves it at 50; `v1` is an annotated tag at 10;
    /// `refs/pull/7/head` goes on from 100 by one; the branch and the tag `both` are 20 and 30.
    pub(crate) fn history(&self, name: &str, config: &[(&str, &str)]) -> PathBuf {
        let who = "committer T <t@example.org> 1700000000 +0000\n";
        let mut stream = String::new();
        let mut commit = |reference: &str, mark: usize, from: Option<usize>, n: &str| {
            let from = from.map(|f| format!("from :{f}\n")).unwrap_or_default();
            stream += &format!(
                "commit {reference}\nmark :{mark}\n{who}data 1\nx\n{from}M 644 inline n\ndata {}\n{n}\n",
                n.len()
            );
        };
        for i in 1..=100 {
            commit("refs/heads/main", i, (i > 1).then_some(i - 1), &i.to_string());
        }
        commit("refs/heads/feature", 101, Some(50), "feature");
        commit("refs/pull/7/head", 102, Some(100), "pull");
        stream += &format!("tag v1\nfrom :10\n{}data 1\nx\n", who.replace("committer", "tagger"));
        stream += "reset refs/heads/both\nfrom :20\n\nreset refs/tags/both\nfrom :30\n\n";
        self.import(name, &stream, config)
    }

    /// A repository with one commit of these files; a mode of 160000 makes a submodule of a commit id.
    pub(crate) fn files(&self, name: &str, files: &[(&str, &str, &str)]) -> PathBuf {
        let mut stream =
            "commit refs/heads/main\ncommitter T <t@example.org> 1700000000 +0000\ndata 1\nx\n".to_owned();
        for (mode, path, content) in files {
            stream += &match *mode {
                "160000" => format!("M 160000 {content} {path}\n"),
                mode => format!("M {mode} inline {path}\ndata {}\n{content}\n", content.len()),
            };
        }
        self.import(name, &stream, &[])
    }

    pub(crate) fn import(&self, name: &str, stream: &str, config: &[(&str, &str)]) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.git"));
        git(self.folder.path(), &["init", "-q", "--bare", "-b", "main", path.to_str().unwrap()]);
        for (key, value) in config {
            git(&path, &["config", key, value]);
        }
        run("git", &["fast-import", "--quiet"], &path, stream);
        path
    }
}

pub(crate) fn id(repository: &Path, revision: &str) -> String {
    git(repository, &["rev-parse", &format!("{revision}^{{commit}}")])
}

/// `git_http_server.py`, ended with the value.
pub(crate) struct HttpServer {
    child: Child,
    port: u16,
    scheme: &'static str,
    log: PathBuf,
}

impl HttpServer {
    pub(crate) fn start(origin: &Origin) -> Self {
        Self::with(origin, "http", "requests", &[])
    }

    pub(crate) fn with(origin: &Origin, scheme: &'static str, log: &str, tls: &[&Path]) -> Self {
        let log = origin.folder.path().join(log);
        std::fs::write(&log, "").unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkout/git_http_server.py");
        let args: Vec<&OsStr> = [script.as_os_str(), origin.folder.path().as_os_str(), log.as_os_str()]
            .into_iter()
            .chain(tls.iter().map(|p| p.as_os_str()))
            .collect();
        let mut child = Command::new("python3")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`python3` is needed for this test");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the server did not start");
        Self { child, port, scheme, log }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/{path}", self.scheme, self.port)
    }

    /// Lines of method, path and Authorization header.
    pub(crate) fn requests(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// OpenSSH's server, one process per connection, for the current user.
pub(crate) struct SshServer {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
}

impl SshServer {
    /// A server with one host key of this type, and a home folder whose key it accepts.
    pub(crate) fn start(key_type: &str) -> Self {
        let sshd = Path::new("/usr/sbin/sshd");
        assert!(sshd.exists(), "this test needs `/usr/sbin/sshd`: install the package openssh-server");
        if run("id", &["-u"], Path::new("/"), "") == "0" {
            // The service makes it at its start; without a service nobody does.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir_all(at("home/.ssh")).unwrap();
        keygen(key_type, &at("host_key"));
        keygen("ed25519", &at("home/.ssh/id_ed25519"));
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nSetEnv PATH={}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\nLogLevel QUIET\n",
            at("host_key"),
            at("home/.ssh/id_ed25519.pub"),
            std::env::var("PATH").unwrap()
        );
        let config_file = at("sshd_config");
        std::fs::write(&config_file, config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let input = OwnedFd::from(connection.try_clone().unwrap());
                let mut child = Command::new("/usr/sbin/sshd")
                    .args(["-i", "-e", "-f", &config_file])
                    .stdin(input)
                    .stdout(OwnedFd::from(connection))
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                std::thread::spawn(move || child.wait());
            }
        });
        Self { folder, port }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Type and key, as in a file of known hosts.
    pub(crate) fn host_key(&self) -> String {
        let line = std::fs::read_to_string(self.folder.path().join("host_key.pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// As `ssh-keygen` prints it.
    pub(crate) fn fingerprint(&self) -> String {
        let text = run("ssh-keygen", &["-lf", "host_key.pub"], self.folder.path(), "");
        text.split(' ').nth(1).unwrap().to_owned()
    }

    pub(crate) fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", user(), self.port, repository.display())
    }

    pub(crate) fn known(&self, content: &str) {
        std::fs::write(self.home().join(".ssh/known_hosts"), content).unwrap();
    }
}

pub(crate) fn user() -> String {
    run("id", &["-un"], Path::new("/"), "")
}

pub(crate) fn keygen(key_type: &str, path: &str) {
    run("ssh-keygen", &["-q", "-t", key_type, "-N", "", "-f", path], Path::new("/"), "");
}

/// One checkout, with a new folder to go into.
pub(crate) struct Client {
    pub(crate) request: CheckoutRequest,
    folder: TempDir,
}

impl Client {
    /// Without keys, known hosts and token.
    pub(crate) fn new(url: &str) -> Self {
        let settings =
            CheckoutSettings { home: None, timeout: Duration::from_secs(60), ..CheckoutSettings::default() };
        let request = CheckoutRequest { url: remote(url), reference: None, commit: None, settings };
        Self { request, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn reference(mut self, name: &str) -> Self {
        self.request.reference = Some(RefName::parse(name).unwrap());
        self
    }

    pub(crate) fn commit(mut self, id: &str) -> Self {
        self.request.commit = Some(CommitId::parse(id).unwrap());
        self
    }

    pub(crate) fn settings(mut self, change: impl FnOnce(&mut CheckoutSettings)) -> Self {
        change(&mut self.request.settings);
        self
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    pub(crate) fn run(&self) -> Result<Checkout, CheckoutError> {
        self.run_until(&Arc::default())
    }

    pub(crate) fn run_until(&self, cancel: &Arc<AtomicBool>) -> Result<Checkout, CheckoutError> {
        checkout(&self.request, &self.tree(), cancel)
    }

    /// The content of the file `n`.
    pub(crate) fn n(&self) -> String {
        std::fs::read_to_string(self.tree().join("n")).unwrap()
    }

    /// Commits that were fetched.
    pub(crate) fn depth(&self) -> usize {
        git(&self.tree(), &["rev-list", "--count", "HEAD"]).parse().unwrap()
    }

    #[track_caller]
    pub(crate) fn fails(&self) -> (CheckoutErrorKind, CheckoutError) {
        let error = self.run().expect_err("it was checked out");
        (error.kind().clone(), error)
    }
}

pub(crate) fn remote(url: &str) -> RepositoryUrl {
    match RepositorySource::parse(url).unwrap() {
        RepositorySource::Remote(url) => url,
        RepositorySource::Local(path) => panic!("{} is local", path.display()),
    }
}

/// Runs the named test of this program again with more environment; inside, [`CHILD`] is set to `argument`.
pub(crate) fn again(test: &str, argument: &str, env: &[(&str, &OsStr)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, argument)
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
