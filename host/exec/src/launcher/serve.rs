//! The launcher's own loop: forks workers, reaps them, ends when its socket does.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use nix::unistd::{ForkResult, Pid, setsid};

use super::reap::{self, Total};
use super::sys::{self, Block};
use super::{watch, worker};

/// How long workers may take to kill what they started and put folders away, before they are killed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Child {
    pid: Pid,
    ended: OwnedFd,
}

/// Serves until the other end of standard input is closed and everything is gone.
pub(crate) fn serve() {
    sys::close_from(3);
    // Also of every worker and steward: they are forks.
    sys::hide_memory(true);
    // No terminal, no foreground group: only the socket's end tells us to stop.
    let _ = setsid();
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let scratch = std::env::args_os().nth(1).map(PathBuf::from);
    let Ok(control) = std::io::stdin().as_fd().try_clone_to_owned() else { return };
    // Workers hold the one end and learn by its closing that the launcher has gone.
    let Ok((lifeline, held)) = nix::unistd::pipe2(OFlag::O_CLOEXEC) else { return };
    let mut launcher = Serve { control, lifeline, held: Some(held), children: Vec::new() };
    launcher.run();
    launcher.end();
    if let Some(scratch) = scratch {
        crate::tree::remove_scratch(&scratch);
    }
}

struct Serve {
    control: OwnedFd,
    /// Readable, by its end, when the launcher is gone; every worker has a copy.
    lifeline: OwnedFd,
    held: Option<OwnedFd>,
    children: Vec<Child>,
}

impl Serve {
    fn run(&mut self) {
        loop {
            let mut fds: Vec<BorrowedFd<'_>> = vec![self.control.as_fd()];
            fds.extend(self.children.iter().map(|child| child.ended.as_fd()));
            let ready = watch::wait_any(&fds, None);
            let (asked, ended) = ready.split_first().unwrap_or((&true, &[]));
            if ended.contains(&true) {
                let mut ended = ended.iter();
                self.children.retain(|child| !(ended.next() == Some(&true) && bury(child.pid)));
                self.end_strays();
            }
            if *asked && !self.answer() {
                return;
            }
        }
    }

    /// Forks a worker for a socket that was sent; false at the end of the stream.
    fn answer(&mut self) -> bool {
        let Some(socket) = receive_socket(self.control.as_raw_fd()) else { return false };
        match sys::fork() {
            Ok(ForkResult::Child) => {
                // These are the launcher's alone; a worker that held them would outlive it.
                self.held = None;
                self.children.clear();
                let _ = nix::unistd::dup2_stdin(&self.lifeline);
                let Ok(lifeline) = self.lifeline.try_clone() else { sys::leave(1) };
                if let Ok(copy) = self.lifeline.try_clone() {
                    self.control = copy;
                }
                worker::serve(socket, lifeline);
                sys::leave(0);
            }
            Ok(ForkResult::Parent { child }) => match sys::pidfd(child) {
                Ok(ended) => self.children.push(Child { pid: child, ended }),
                Err(_) => {
                    let _ = kill(child, Signal::SIGKILL);
                }
            },
            // The other side sees its socket close.
            Err(_) => {}
        }
        true
    }

    /// What a worker that was killed has left behind became ours; kill it.
    fn end_strays(&self) {
        let known: Vec<Pid> = self.children.iter().map(|child| child.pid).collect();
        // A stray's own children become ours when it dies: a few rounds see the end of any ordinary tree.
        for _ in 0..100 {
            let strays: Vec<Pid> =
                reap::children_of(Pid::this()).into_iter().filter(|pid| !known.contains(pid)).collect();
            if strays.is_empty() {
                return;
            }
            for pid in strays {
                let _ = kill(pid, Signal::SIGKILL);
                bury(pid);
            }
        }
    }

    /// Lets the workers end, then makes them.
    fn end(&mut self) {
        self.held = None;
        let deadline = Instant::now() + PATIENCE;
        for child in self.children.drain(..) {
            if !watch::wait_readable(&child.ended, Some(deadline)) {
                let _ = kill(child.pid, Signal::SIGKILL);
            }
            bury(child.pid);
        }
        reap::end_tree(None, &mut Total::default());
    }
}

fn bury(pid: Pid) -> bool {
    sys::wait(Some(pid), Block::Yes).is_ok()
}

/// The socket of a worker to be; `None` when the other side has gone.
fn receive_socket(control: i32) -> Option<UnixStream> {
    let mut byte = [0_u8; 1];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([i32; 1]);
    let received =
        recvmsg::<UnixAddr>(control, &mut bytes, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC).ok()?;
    let mut sockets = received.cmsgs().ok()?.filter_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    sockets.next().map(|fd| UnixStream::from(sys::adopt(fd)))
}
