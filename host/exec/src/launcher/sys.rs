//! System calls that neither the standard library nor `nix` offers safely. All `unsafe` of this crate is here.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};

use crate::run_as::RunAs;

/// How a child ended, with what it and all children that it waited for used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    pub(crate) pid: Pid,
    pub(crate) status: Status,
    pub(crate) cpu: Duration,
    /// In bytes.
    pub(crate) peak_memory: u64,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Code(i32),
    Signal(i32),
}

/// What a look for ended children found.
#[derive(Debug)]
pub(crate) enum Wait {
    Reaped(Reaped),
    /// There are children, none has ended. Only without blocking.
    Running,
    /// There is no such child.
    NoChild,
}

/// Whether [`wait`] returns at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    Yes,
    No,
}

/// `wait4` of one child, or of any when `pid` is `None`.
pub(crate) fn wait(pid: Option<Pid>, block: Block) -> io::Result<Wait> {
    let target = pid.map_or(-1, Pid::as_raw);
    let flags = libc::__WALL | if block == Block::No { libc::WNOHANG } else { 0 };
    loop {
        let mut status: libc::c_int = 0;
        // SAFETY: all-zero bytes are a valid `rusage`, which is plain old data.
        #[expect(unsafe_code, reason = "`nix` has no wait4")]
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to live, writable locals of the right types.
        #[expect(unsafe_code, reason = "`nix` has no wait4")]
        let found = unsafe { libc::wait4(target, &raw mut status, flags, &raw mut usage) };
        match found {
            0 => return Ok(Wait::Running),
            -1 => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e if e.raw_os_error() == Some(libc::ECHILD) => return Ok(Wait::NoChild),
                e => return Err(e),
            },
            pid => return Ok(Wait::Reaped(reaped(Pid::from_raw(pid), status, &usage))),
        }
    }
}

fn reaped(pid: Pid, status: libc::c_int, usage: &libc::rusage) -> Reaped {
    let status = if libc::WIFSIGNALED(status) {
        Status::Signal(libc::WTERMSIG(status))
    } else {
        Status::Code(libc::WEXITSTATUS(status))
    };
    // Linux counts `ru_maxrss` in kilobytes.
    let peak_memory = u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024);
    Reaped { pid, status, cpu: time(usage.ru_utime) + time(usage.ru_stime), peak_memory }
}

fn time(value: libc::timeval) -> Duration {
    let micros = u64::try_from(value.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(value.tv_sec).unwrap_or(0)) + Duration::from_micros(micros)
}

/// Forks. Only for processes that never have a second thread: the launcher and what it forks.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the caller is single-threaded, so no lock can be held by a thread that the child lacks.
    #[expect(unsafe_code, reason = "fork is sound in a single-threaded process only; see the doc comment")]
    unsafe {
        nix::unistd::fork()
    }
}

/// Enough for mounting and starting a command: deepest use measured is below 64 kB.
const STACK_BYTES: usize = 512 * 1024;

/// Forks a child into new name spaces, in which it runs `body` and ends with its result as exit code.
/// Same condition as for [`fork`].
pub(crate) fn clone_into(flags: CloneFlags, body: &mut dyn FnMut() -> i32) -> nix::Result<Pid> {
    let mut stack = vec![0u8; STACK_BYTES];
    let run = Box::new(|| isize::try_from(body()).unwrap_or(1));
    // SAFETY: without CLONE_VM the child has its own copy of everything, the stack included, and the
    // caller is single-threaded.
    #[expect(unsafe_code, reason = "clone without CLONE_VM in a single-threaded process is a fork")]
    unsafe {
        nix::sched::clone(run, &mut stack, flags, Some(Signal::SIGCHLD as libc::c_int))
    }
}

/// Leaves at once: no destructors, no exit handlers of the process that this one was forked from.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    #[expect(unsafe_code, reason = "a forked child must not run its parent's exit handlers")]
    unsafe {
        libc::_exit(code)
    }
}

/// A descriptor that becomes readable when the process ends.
pub(crate) fn pidfd(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and no pointers.
    #[expect(unsafe_code, reason = "neither std nor nix has pidfd_open")]
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    owned(fd)
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    Ok(adopt(fd))
}

/// Takes ownership of a descriptor that a system call has just made for us.
pub(crate) fn adopt(fd: RawFd) -> OwnedFd {
    // SAFETY: callers pass a descriptor that the kernel has just handed to them and nobody else owns.
    #[expect(unsafe_code, reason = "descriptors from system calls arrive as integers")]
    unsafe {
        OwnedFd::from_raw_fd(fd)
    }
}

/// Keeps other processes of our own user from reading this one's memory and from steering it: prctl(2),
/// `PR_SET_DUMPABLE`. Children inherit it, programs they start do not.
pub(crate) fn hide_memory(hide: bool) {
    // Refused by no kernel; without it, processes of our own user see more of us.
    let _ = nix::sys::prctl::set_dumpable(!hide);
}

/// Has `command` start as `user` with no other group, no capability, and no way to get one.
pub(crate) fn confine(command: &mut Command, user: RunAs) {
    // The standard library changes group and user before it enters the working directory, so that the user's own
    // rights decide about that, and drops all other groups, silently ignoring a refusal: hence the look below.
    command.uid(user.uid).gid(user.gid);
    // SAFETY: the closure runs in a fork of a single-threaded process and makes a few system calls.
    #[expect(unsafe_code, reason = "there is no other way to act between fork and exec")]
    unsafe {
        command.pre_exec(move || {
            let groups = nix::unistd::getgroups()?;
            let (users, own) = (nix::unistd::getresuid()?, nix::unistd::getresgid()?);
            let changed = [users.real, users.effective, users.saved].iter().all(|id| id.as_raw() == user.uid)
                && [own.real, own.effective, own.saved].iter().all(|id| id.as_raw() == user.gid);
            if !changed || groups.iter().any(|group| group.as_raw() != user.gid) {
                return Err(io::Error::from_raw_os_error(libc::ENOTRECOVERABLE));
            }
            drop_capabilities()?;
            Ok(nix::sys::prctl::set_no_new_privs()?)
        });
    }
}

/// Empties the three sets that a change of user leaves alone where a container's settings say so.
fn drop_capabilities() -> io::Result<()> {
    // `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words for each of three sets.
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets = [0_u32; 6];
    // SAFETY: both pointers are to live locals of the sizes that version 3 has; the kernel only reads them.
    #[expect(unsafe_code, reason = "neither std nor nix has capset")]
    let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every descriptor from `first` on, whoever opened it.
pub(crate) fn close_from(first: u32) {
    // SAFETY: called at the start of the launcher, before anything owns a descriptor at or above `first`.
    #[expect(unsafe_code, reason = "neither std nor nix has close_range")]
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if done == 0 {
        return;
    }
    // Kernels before 5.9.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok())).collect();
    for fd in open.into_iter().filter(|fd| u32::try_from(*fd).is_ok_and(|fd| fd >= first)) {
        // A descriptor that is already closed (the one of `read_dir`) is no matter here.
        let _ = nix::unistd::close(fd);
    }
}

// _IOW(0x94, 9, int) of linux/fs.h, the same on x86_64 and aarch64.
const FICLONE: libc::Ioctl = 0x4004_9409_u32 as libc::Ioctl;

/// Makes `to` share the blocks of `from`.
pub(crate) fn reflink(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: FICLONE takes a descriptor by value; both are open for the call's duration.
    #[expect(unsafe_code, reason = "an ioctl")]
    let done = unsafe { libc::ioctl(to.as_raw_fd(), FICLONE, from.as_raw_fd()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Switches the loopback interface of the current network name space on.
pub(crate) fn loopback_up() -> io::Result<()> {
    // SAFETY: the call takes integers only.
    #[expect(unsafe_code, reason = "a socket only to carry an ioctl")]
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = owned(libc::c_long::from(socket))?;
    // SAFETY: all-zero bytes are a valid `ifreq`, which is plain old data.
    #[expect(unsafe_code, reason = "C structure")]
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`; the pointer is to a live local.
    #[expect(unsafe_code, reason = "an ioctl")]
    let done =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as libc::Ioctl, &raw const request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
