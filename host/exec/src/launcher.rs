//! A small, single-threaded process of our own binary under which every attempt runs.
//!
//! Name spaces, mounts, sub-reaping and accounting cannot be done safely from a process with threads, and
//! what is forked from a small process starts fast and is accounted rightly. The launcher forks one worker
//! for every slot; a worker runs its slot's attempts one after the other and talks to [`LocalExecutor`]
//! over a socket of its own. When `flaky` ends, however it ends, those sockets and the launcher's close:
//! workers kill what they started and leave, the launcher removes the scratch folders.
//!
//! [`LocalExecutor`]: crate::LocalExecutor

mod folders;
mod obstacles;
mod probe;
pub(crate) mod protocol;
mod reap;
mod serve;
mod stage;
mod start;
mod steward;
pub(crate) mod sys;
pub(crate) mod text;
mod watch;
mod worker;

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

pub use crate::settings::LauncherProgram;
pub(crate) use stage::Privilege;

/// `argv[0]` of the launcher. Nobody types this; a process so named speaks the launcher's protocol on its
/// standard input, so being started with it by mistake does no harm.
const MARKER: &str = "flaky: launcher of attempts";

/// Turns this process into the launcher and never returns, if it was started as one. Must be the first
/// thing that `main` does: the launcher may have no second thread.
pub fn enter_if_asked() {
    if std::env::args_os().next().as_deref() != Some(OsStr::new(MARKER)) {
        return;
    }
    serve::serve();
    sys::leave(0);
}

/// The asynchronous side's end of a launcher.
#[derive(Debug)]
pub(crate) struct Launcher {
    control: UnixStream,
    child: Child,
}

impl Launcher {
    /// Starts a launcher that removes `scratch` (what an executor makes there) when it ends.
    pub(crate) fn start(program: &LauncherProgram, scratch: &Path) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let child = Command::new(program.path())
            .arg0(MARKER)
            .arg(scratch)
            // Nothing of our own environment can be read from it or from its workers.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for `flaky` to decide about.
            .process_group(0)
            .spawn()?;
        Ok(Self { control, child })
    }

    /// Has a worker forked and returns our end of its socket. If that fails, the socket is closed.
    pub(crate) fn worker(&self) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        let fds = [theirs.as_raw_fd()];
        let bytes = [IoSlice::new(b"w")];
        let message = [ControlMessage::ScmRights(&fds)];
        sendmsg::<UnixAddr>(self.control.as_raw_fd(), &bytes, &message, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(ours)
    }

    /// Ends the launcher and waits until everything it started is gone. Blocks.
    pub(crate) fn end(mut self) -> io::Result<()> {
        drop(self.control);
        self.child.wait().map(drop)
    }

    /// The launcher's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl LauncherProgram {
    pub(crate) fn path(&self) -> &Path {
        match self {
            // A magic link: it works even when the file it names was replaced or deleted.
            Self::CurrentExe => Path::new("/proc/self/exe"),
            Self::Path(path) => path,
        }
    }
}
