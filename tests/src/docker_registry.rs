//! A registry of OCI artifacts on loopback: the one that Docker's is made of (Debian's package `docker-registry`).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::place::shared;

/// A registry with a storage folder of its own; it ends when it is dropped, or with the thread that started it.
#[derive(Debug)]
pub struct DockerRegistry {
    folder: TempDir,
    server: Child,
    port: u16,
}

/// Who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// User `me` with the password `secret`.
    Login,
}

/// `me:secret`, by bcrypt with its least cost: Python's `crypt.crypt` made it.
const LOGIN: &str = "me:$2b$04$OHoME1KfRxzQ98f5GG/TU.iBgP1dxlApRK07nXKXXjEz/3FelEpt.\n";

impl DockerRegistry {
    /// Starts one.
    ///
    /// # Panics
    /// When the package is not installed, or it does not start.
    #[must_use]
    pub fn new(access: Access) -> Self {
        let work = shared().join("work");
        fs::create_dir_all(&work).expect("a folder for the tests");
        let folder =
            tempfile::Builder::new().prefix("r-").tempdir_in(work).expect("a folder for the registry");
        let (server, port) = start(folder.path(), access, 0);
        Self { folder, server, port }
    }

    /// Ends the server; what it stored stays.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn stop(&mut self) {
        self.server.kill().expect("the registry can be ended");
        self.server.wait().expect("the registry can be waited for");
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of an artifact.
    #[must_use]
    pub fn address(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host())
    }

    /// The file that holds a blob or a manifest of this digest.
    #[must_use]
    pub fn blob(&self, digest: &str) -> PathBuf {
        let digest = digest.trim_start_matches("sha256:");
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}

fn start(folder: &Path, access: Access, port: u16) -> (Child, u16) {
    let mut config = format!(
        "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
        folder.join("storage").display()
    );
    if access == Access::Login {
        let passwords = folder.join("passwords");
        fs::write(&passwords, LOGIN).expect("a file of passwords");
        config.push_str(&format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", passwords.display()));
    }
    let file = folder.join("config.yml");
    fs::write(&file, config).expect("a configuration of the registry");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "docker-registry", "serve"]).arg(file);
    // It would tell its developers of itself otherwise, or take settings from the environment.
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("OTEL_TRACES_EXPORTER", "none");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("`docker-registry` starts: it is a package of Debian and Ubuntu");
    let mut lines = BufReader::new(server.stderr.take().expect("its standard error")).lines();
    let mut said = Vec::new();
    let port = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the registry ended: {said:#?}")).expect("a line");
        if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break digits.parse().expect("a port");
        }
        said.push(line);
    };
    // Nobody reads what it says, and it must not wait for somebody to.
    std::thread::spawn(move || lines.for_each(drop));
    (server, port)
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
