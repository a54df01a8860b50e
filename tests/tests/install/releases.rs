//! Releases on loopback: a server of files, and archives as `cargo xtask dist` lays them out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A file as the server sends it.
#[derive(Clone)]
struct Served {
    content: Vec<u8>,
    /// Bytes that it promises beyond what it sends.
    withheld: usize,
}

/// Ends with its last owner.
pub(crate) struct Releases {
    address: SocketAddr,
    files: Arc<Mutex<BTreeMap<String, Served>>>,
}

impl Releases {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let releases = Self { address: listener.local_addr().unwrap(), files: Arc::default() };
        let files = Arc::downgrade(&releases.files);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(files) = files.upgrade() else { return };
                // Whoever goes away in the middle is no fault of the server.
                let _ = answer(&stream, &files);
            }
        });
        releases
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        let served = Served { content: content.to_vec(), withheld: 0 };
        self.files.lock().unwrap().insert(format!("/{path}"), served);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(&format!("/{path}")).expect("a file that is there");
    }

    /// Sends less of a file than it promises.
    pub(crate) fn break_off(&self, path: &str) {
        let mut files = self.files.lock().unwrap();
        let served = files.get_mut(&format!("/{path}")).expect("a file that is there");
        let half = served.content.len() / 2;
        served.withheld = served.content.len() - half;
        served.content.truncate(half);
    }
}

impl Drop for Releases {
    fn drop(&mut self) {
        self.files = Arc::default();
        // Wakes the server, which then sees that nobody needs it.
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(stream: &TcpStream, files: &Mutex<BTreeMap<String, Served>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let found = files.lock().unwrap().get(path).cloned();
    let mut stream = stream;
    match found {
        None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Some(Served { content, withheld }) => {
            let length = content.len() + withheld;
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&content)
        }
    }
}

pub(crate) fn write_program(path: &Path, content: &str) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// An archive with this program, a manual page and a licence.
pub(crate) fn archive(program: &str) -> Vec<u8> {
    packed(|folder| write_program(&folder.join("flaky"), program))
}

/// One whose program is a link to something else.
pub(crate) fn archive_of_link() -> Vec<u8> {
    packed(|folder| std::os::unix::fs::symlink("/bin/true", folder.join("flaky")).unwrap())
}

fn packed(program: impl Fn(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path());
    std::fs::create_dir(folder.path().join("man")).unwrap();
    std::fs::write(folder.path().join("man/flaky.1"), ".TH flaky 1\n").unwrap();
    std::fs::write(folder.path().join("LICENSE-MIT"), "free\n").unwrap();
    let mut tar = Command::new("tar");
    let tar = tar.arg("-C").arg(folder.path()).args(["-cz", "flaky", "LICENSE-MIT", "man/flaky.1"]);
    let output = tar.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// `SHA256SUMS` of these files, by the system's own tool.
pub(crate) fn sums(files: &[(&str, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let names = files.iter().map(|(name, _)| *name);
    let output = Command::new("sha256sum").args(names).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
