//! Waiting for several things at once, with a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::spool::Pump;

/// Why the watch over a running command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The process that was watched has ended.
    Itself,
    /// Its time was over.
    TimedOut,
    /// Nobody waits for it any more.
    Cancelled,
}

/// What is watched besides output.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    /// Readable when the process has ended.
    pub(crate) process: BorrowedFd<'a>,
    /// Readable when nobody waits for the attempt any more.
    pub(crate) cancel: [BorrowedFd<'a>; 2],
    pub(crate) deadline: Instant,
}

/// Spools output until something of `watched` happens.
pub(crate) fn spool_until(
    watched: &Watched<'_>,
    pumps: &mut [Pump; 2],
    buffer: &mut [u8],
) -> io::Result<Ended> {
    loop {
        let [stdout, stderr] = &*pumps;
        let ready = {
            let mut fds = Vec::with_capacity(5);
            fds.push(readable(watched.process));
            fds.extend(watched.cancel.iter().map(|fd| readable(*fd)));
            fds.extend([stdout, stderr].iter().filter_map(|p| p.pipe()).map(|pipe| readable(pipe.as_fd())));
            match poll(&mut fds, timeout(Some(watched.deadline))) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            [0, 1, 2].map(|i| fds.get(i).and_then(PollFd::any).unwrap_or(false))
        };
        let [process, cancelled, orphaned] = ready;
        if cancelled || orphaned {
            return Ok(Ended::Cancelled);
        }
        if process {
            return Ok(Ended::Itself);
        }
        if Instant::now() >= watched.deadline {
            return Ok(Ended::TimedOut);
        }
        for pump in pumps.iter_mut() {
            // Sixteen buffers are 1 MB: large enough to be quick, small enough to notice the deadline.
            pump.pump(buffer, 16)?;
        }
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

/// Waits until one of the descriptors is readable or closed; says which.
pub(crate) fn wait_any(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| readable(*fd)).collect();
    loop {
        match poll(&mut polled, timeout(deadline)) {
            Err(Errno::EINTR) => {}
            Err(_) => return vec![false; fds.len()],
            Ok(_) => return polled.iter().map(|fd| fd.any().unwrap_or(false)).collect(),
        }
    }
}

/// Waits until the descriptor is readable or closed.
pub(crate) fn wait_readable(fd: &impl AsFd, deadline: Option<Instant>) -> bool {
    wait_any(&[fd.as_fd()], deadline).first().copied().unwrap_or(false)
}

/// At most what `poll` takes; whoever calls looks at the clock again.
fn timeout(deadline: Option<Instant>) -> PollTimeout {
    // Rounded up, or the last millisecond would be spent spinning.
    let left = deadline.map(|d| d.saturating_duration_since(Instant::now()) + Duration::from_micros(999));
    left.map_or(PollTimeout::NONE, |left| {
        PollTimeout::try_from(left.as_millis().min(1_000_000)).unwrap_or(PollTimeout::MAX)
    })
}
