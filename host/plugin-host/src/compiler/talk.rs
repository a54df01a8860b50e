//! Writing and reading at once, with a deadline: a child may stop reading, or speak before it has read.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::parent::ERROR_BYTES;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Everything that a child said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) reply: Vec<u8>,
    /// The beginning of what it wrote to standard error.
    pub(super) errors: Vec<u8>,
    pub(super) ended: Ended,
}

/// Why nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It closed its pipes.
    ByItself,
    /// The deadline came.
    Deadline,
    /// It said more than it may.
    TooLong,
}

/// Gives the child `input`, and hears it until it closes both of its pipes, says more than `most` bytes, or the deadline
/// comes.
pub(super) fn talk(child: &mut Child, input: &[u8], most: usize, deadline: Instant) -> io::Result<Said> {
    let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut input = Input::new(child.stdin.take().ok_or_else(missing)?, input)?;
    let mut reply = Output::new(child.stdout.take().ok_or_else(missing)?, most);
    let mut errors = Output::new(child.stderr.take().ok_or_else(missing)?, ERROR_BYTES);
    let said =
        |reply: Output<_>, errors: Output<_>, ended| Said { reply: reply.kept, errors: errors.kept, ended };
    while reply.open() || errors.open() {
        let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        else {
            return Ok(said(reply, errors, Ended::Deadline));
        };
        let mut waited: Vec<PollFd<'_>> = Vec::with_capacity(3);
        let ready = {
            waited.extend(input.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)));
            waited.extend(reply.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
            waited.extend(errors.pipe.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
            match poll(&mut waited, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut ready = waited.iter().map(|fd| fd.any().unwrap_or(true));
            let mut of = |there: bool| there && ready.next().unwrap_or(false);
            (of(input.pipe.is_some()), of(reply.open()), of(errors.open()))
        };
        drop(waited);
        if ready.0 {
            input.write();
        }
        if ready.1 {
            reply.read()?;
        }
        if ready.2 {
            errors.read()?;
        }
        if reply.more {
            return Ok(said(reply, errors, Ended::TooLong));
        }
    }
    Ok(said(reply, errors, Ended::ByItself))
}

/// What is still to be said to the child.
struct Input<'a> {
    pipe: Option<ChildStdin>,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn new(pipe: ChildStdin, rest: &'a [u8]) -> io::Result<Self> {
        // A write of more than the pipe takes would wait for the child, and the deadline with it.
        let flags = OFlag::from_bits_truncate(fcntl(&pipe, FcntlArg::F_GETFL)?);
        fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Ok(Self { pipe: Some(pipe), rest })
    }

    /// As much as the pipe takes. One that the child has closed is closed here: what it has to say is in its reply.
    fn write(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(self.rest) {
            Ok(written) => self.rest = self.rest.get(written..).unwrap_or_default(),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return;
            }
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.pipe = None;
        }
    }
}

/// What the child says on one pipe.
struct Output<P> {
    /// `None` once the child has closed it.
    pipe: Option<P>,
    kept: Vec<u8>,
    most: usize,
    /// More than `most` came.
    more: bool,
}

impl<P: Read> Output<P> {
    fn new(pipe: P, most: usize) -> Self {
        Self { pipe: Some(pipe), kept: Vec::new(), most, more: false }
    }

    fn open(&self) -> bool {
        self.pipe.is_some()
    }

    /// What is there, without waiting: it is called when something is.
    fn read(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let mut chunk = [0; CHUNK];
        let read = match pipe.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        if read == 0 {
            self.pipe = None;
            return Ok(());
        }
        let fits = read.min(self.most - self.kept.len());
        self.kept.extend_from_slice(&chunk[..fits]);
        self.more |= fits < read;
        Ok(())
    }
}
