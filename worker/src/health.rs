//! Whether the worker lives: asked by `flaky-worker health`, which images use as their health check.
//!
//! The take loop gives signs of life to a [`Pulse`], every few seconds, whatever it waits for. The thread that sends
//! heartbeats answers on a Unix socket: `ok`, or how long the loop has been silent. A worker that is stopped, gone or
//! whose threads all hang does not answer at all. A socket rather than a file: nothing is written every few seconds,
//! nothing stale stays behind, and no clock has to agree with another.
//!
//! The socket is where `FLAKY_WORKER_HEALTH_SOCKET` says; else `flaky-worker/health.sock` in `XDG_RUNTIME_DIR`; else
//! `flaky-worker-UID/health.sock` in the folder for temporary files. Its folder is open to the worker's user alone.
//! Of several workers of a user on one machine, the one that started last answers.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

/// How long the check waits for an answer: a little less than the image lets it run. A worker answers within milliseconds,
/// on a busy machine within a second.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes of an answer that are read.
const ANSWER_LIMIT: u64 = 1024;

/// Signs of life of something that must never stand still. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Pulse {
    since: Instant,
    /// Milliseconds after `since`.
    last: Arc<AtomicU64>,
    stuck_after: Duration,
}

impl Pulse {
    /// Alive now; stuck when silent for longer than `stuck_after`.
    #[must_use]
    pub fn new(stuck_after: Duration) -> Self {
        Self { since: Instant::now(), last: Arc::default(), stuck_after }
    }

    /// A sign of life.
    pub fn beat(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// How long it has been silent, when that is too long.
    #[must_use]
    pub fn stuck(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let silent = self.since.elapsed().saturating_sub(last);
        (silent > self.stuck_after).then_some(silent)
    }

    fn answer(&self) -> String {
        match self.stuck() {
            None => "ok\n".to_owned(),
            Some(silent) => format!("stuck: no sign of life from the take loop for {} s\n", silent.as_secs()),
        }
    }
}

/// Where the socket is: see the module's documentation.
pub fn socket(lookup: impl Fn(&str) -> Option<String>) -> PathBuf {
    let var = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = var("FLAKY_WORKER_HEALTH_SOCKET") {
        return path;
    }
    let folder = match var("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()) {
        Some(folder) => folder.join("flaky-worker"),
        None => {
            let temporary = var("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
            temporary.join(format!("flaky-worker-{}", nix::unistd::geteuid()))
        }
    };
    folder.join("health.sock")
}

/// An open socket. Closed and removed on drop, unless another worker has taken its place.
#[derive(Debug)]
pub struct HealthSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl HealthSocket {
    /// Opens the socket, in the place of one that another worker left or has. Needs a runtime.
    ///
    /// # Errors
    /// When its folder cannot be made or is open to others, or the socket cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => refuse_foreign(folder)?,
        }
        // Made beside and moved into place: there always is one that answers.
        let mut made = path.as_os_str().to_owned();
        made.push(format!(".{}", std::process::id()));
        let made = PathBuf::from(made);
        // Left by a process of the same number.
        let _ = fs::remove_file(&made);
        let listener = UnixListener::bind(&made)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        let inode = fs::symlink_metadata(&made)?.ino();
        fs::rename(&made, path)?;
        Ok(Self { listener, path: path.to_owned(), inode })
    }

    /// Answers whoever asks, for ever.
    pub async fn serve(&self, pulse: &Pulse) {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else {
                // Out of descriptors, most likely: not for long.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // A few bytes fit the socket's buffer, so that nobody can hold this up; who left does not want to know.
            let _ = tokio::time::timeout(PATIENCE, stream.write_all(pulse.answer().as_bytes())).await;
        }
    }
}

impl Drop for HealthSocket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // Without it, the check fails as it should: nobody answers.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// In a folder where others may write, they could put a socket of their own into the place of ours.
fn refuse_foreign(folder: &Path) -> io::Result<()> {
    let found = fs::metadata(folder)?;
    let ours = found.uid() == nix::unistd::geteuid().as_raw() && found.mode() & 0o022 == 0;
    if found.is_dir() && ours {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("`{}`: not a folder of ours where only we can write", folder.display()),
    ))
}

/// Asks the worker whether it lives.
///
/// # Errors
/// Why it does not, for people.
pub fn check(path: &Path) -> Result<(), String> {
    let (send, receive) = mpsc::channel();
    let asked = path.to_owned();
    // In a thread: connecting to a worker that was halted can wait for ever, and nothing can limit that.
    std::thread::spawn(move || {
        // Nobody listens when the time is over.
        let _ = send.send(ask(&asked));
    });
    let answer = match receive.recv_timeout(PATIENCE) {
        Ok(Ok(answer)) => answer,
        Ok(Err(e)) => return Err(format!("`{}`: the worker does not answer: {e}", path.display())),
        Err(_) => {
            return Err(format!("`{}`: no answer within {} s", path.display(), PATIENCE.as_secs()));
        }
    };
    match answer.trim() {
        "ok" => Ok(()),
        other => Err(other.chars().filter(|c| !c.is_control()).collect()),
    }
}

fn ask(path: &Path) -> io::Result<String> {
    let stream = UnixStream::connect(path)?;
    let mut answer = String::new();
    stream.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    async fn asked(path: &Path) -> Result<(), String> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || check(&path)).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_pulse_that_beats_is_healthy_and_a_silent_one_is_not() {
        let folder = folder();
        let path = folder.path().join("new/health.sock");
        assert!(asked(&path).await.unwrap_err().contains("does not answer"));
        for (stuck_after, expected) in [(Duration::from_secs(600), Ok(())), (Duration::ZERO, Err(()))] {
            let pulse = Pulse::new(stuck_after);
            // Silent for longer than nothing.
            while stuck_after.is_zero() && pulse.stuck().is_none() {
                tokio::task::yield_now().await;
            }
            let socket = HealthSocket::open(&path).unwrap();
            let answer =
                tokio::select! { answer = asked(&path) => answer, () = socket.serve(&pulse) => Ok(()) };
            assert_eq!(answer.clone().map_err(drop), expected, "{answer:?}");
            if let Err(why) = answer {
                assert!(why.starts_with("stuck: no sign of life"), "{why}");
            }
        }
        assert!(!path.exists(), "removed at the end");
    }

    #[tokio::test]
    async fn the_last_worker_answers_and_keeps_its_socket_when_another_ends() {
        let folder = folder();
        let path = folder.path().join("health.sock");
        let first = HealthSocket::open(&path).unwrap();
        let second = HealthSocket::open(&path).unwrap();
        drop(first);
        assert!(path.exists());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_folder_where_others_may_write_is_refused() {
        let folder = folder();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let error = HealthSocket::open(&open.join("health.sock")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_socket_is_where_the_environment_says() {
        let uid = nix::unistd::geteuid();
        for (vars, expected) in [
            (&[("FLAKY_WORKER_HEALTH_SOCKET", "/x/s"), ("XDG_RUNTIME_DIR", "/run/u")][..], "/x/s".to_owned()),
            (&[("XDG_RUNTIME_DIR", "/run/u")], "/run/u/flaky-worker/health.sock".to_owned()),
            (&[("TMPDIR", "/big")], format!("/big/flaky-worker-{uid}/health.sock")),
            (&[], format!("/tmp/flaky-worker-{uid}/health.sock")),
        ] {
            let found = socket(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()));
            assert_eq!(found.to_str(), Some(expected.as_str()), "{vars:?}");
        }
    }
}
