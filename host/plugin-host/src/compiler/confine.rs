//! What a child takes from itself before it reads anything.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that the child may have open: its three pipes, and what an allocator or a loader opens for a moment.
const FILES: u64 = 16;

/// The kernel sends `SIGXCPU` at the limit, and `SIGKILL` as many seconds later.
const LAST_SECONDS: u64 = 2;

/// Before anything is read.
pub(super) fn confine(memory: u64, cpu: u64) -> io::Result<()> {
    close_inherited()?;
    // Orphans end: nobody would hear them.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    limit(Resource::RLIMIT_FSIZE, 0, 0)?;
    limit(Resource::RLIMIT_NOFILE, FILES, FILES)?;
    limit(Resource::RLIMIT_CPU, cpu, cpu.saturating_add(LAST_SECONDS))?;
    // On macOS every process has more addresses than any such limit from its beginning, and the system refuses one.
    if cfg!(target_os = "linux") { limit(Resource::RLIMIT_AS, memory, memory) } else { Ok(()) }
}

/// Or what this process is held to already, where that is less.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(most), hard.min(most))?)
}

/// Ours close themselves when a program is started; those that this program inherited may not.
fn close_inherited() -> io::Result<()> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let numbers =
        |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<i32>().ok();
    let open: Vec<i32> = std::fs::read_dir(folder)?.filter_map(numbers).filter(|fd| *fd > 2).collect();
    for fd in open {
        // The folder's own is among them, and closed by now.
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}
