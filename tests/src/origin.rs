//! Git repositories behind HTTPS on loopback, with a certificate of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::place::{copy, make_private, repository, shared};
use crate::python;

/// A server of repositories; it ends when it is dropped, or with this process.
#[derive(Debug)]
pub struct Origin {
    folder: TempDir,
    server: Child,
    port: u16,
}

impl Origin {
    /// Without any repository yet.
    ///
    /// # Panics
    /// When there is no `openssl`, `git` or Python.
    #[must_use]
    pub fn new() -> Self {
        let work = shared().join("work");
        fs::create_dir_all(&work).expect("a folder for the tests");
        let folder =
            tempfile::Builder::new().prefix("o-").tempdir_in(work).expect("a folder for repositories");
        make_private(folder.path(), None).expect("a folder that others can read");
        make_private(&folder.path().join("served"), None).expect("a folder for repositories");
        let subject = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
        let files = ["-keyout", "key.pem", "-out", "certificate.pem"];
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"]).args(subject).args(files);
        run(&mut make, folder.path());
        let mut command = Command::new(python::bin().join("python3"));
        command.arg(repository().join("tests/fixtures/git_http_server.py")).arg(folder.path().join("served"));
        command.args(["certificate.pem", "key.pem"]).current_dir(folder.path());
        let mut server =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("its standard output");
        BufReader::new(stdout).read_line(&mut line).expect("the server says its port");
        let port = line.trim().parse().expect("a port");
        Self { folder, server, port }
    }

    /// The certificate: for `SSL_CERT_FILE`, and for git's `GIT_SSL_CAINFO`.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Where a repository can be fetched.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}.git", self.port)
    }

    /// A repository of these files, in one commit on the branch `main`; gives its URL.
    ///
    /// # Panics
    /// When git fails.
    #[must_use]
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> String {
        let folder = self.begin(name);
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
            fs::write(path, text).expect("a file of the repository");
        }
        Self::commit(&folder, "first");
        self.url(name)
    }

    /// A repository of what a folder of our own repository holds.
    ///
    /// # Panics
    /// When git fails.
    #[must_use]
    pub fn repository_of(&self, name: &str, source: &Path) -> String {
        let folder = self.begin(name);
        copy(&repository().join(source), &folder, None).expect("a copy of the sources");
        Self::commit(&folder, "first");
        self.url(name)
    }

    /// Runs git in a repository; gives what it said.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, name: &str, args: &[&str]) -> String {
        git(&self.folder.path().join("served").join(format!("{name}.git")), args)
    }

    fn begin(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("served").join(format!("{name}.git"));
        fs::create_dir_all(&folder).expect("a new repository");
        git(&folder, &["init", "--quiet", "--initial-branch", "main"]);
        folder
    }

    fn commit(folder: &Path, message: &str) {
        git(folder, &["add", "--all"]);
        git(folder, &["commit", "--quiet", "--allow-empty", "--message", message]);
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // The end of its standard input tells the server to go.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let author = ["user.name=Test", "user.email=test@example.org", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    command.args(author.iter().flat_map(|setting| ["-c", setting])).args(args);
    run(&mut command, folder)
}

fn run(command: &mut Command, folder: &Path) -> String {
    let output = command.current_dir(folder).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
