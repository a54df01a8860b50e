//! The child: limits itself, reads a component, compiles it, says what came of it, and ends.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::reply::Reply;
use super::translate;
use crate::error::PluginErrorKind;
use crate::limits::COMPONENT_BYTES;

/// Files that the child may have open: its three pipes, and what an allocator or a loader opens for a moment.
const FILES: u64 = 16;

/// The kernel sends `SIGXCPU` at the limit, and `SIGKILL` as many seconds later.
const LAST_SECONDS: u64 = 2;

/// Exit code when there is a reply; `SILENT` when there is none, and standard error says why.
const REPLIED: i32 = 0;
const SILENT: i32 = 1;

/// `args`: bytes of memory, seconds of CPU.
pub(super) fn serve(mut args: impl Iterator<Item = OsString>) -> i32 {
    let mut number = || args.next().and_then(|arg| arg.to_str()?.parse::<u64>().ok());
    let done = match (number(), number()) {
        (Some(memory), Some(cpu)) => confine(memory, cpu).and_then(|()| work()),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    match done {
        Ok(()) => REPLIED,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            SILENT
        }
    }
}

/// Before anything is read.
fn confine(memory: u64, cpu: u64) -> io::Result<()> {
    close_inherited()?;
    // Orphans end: nobody would hear them.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    limit(Resource::RLIMIT_FSIZE, 0, 0)?;
    limit(Resource::RLIMIT_NOFILE, FILES, FILES)?;
    limit(Resource::RLIMIT_CPU, cpu, cpu.saturating_add(LAST_SECONDS))?;
    limit(Resource::RLIMIT_AS, memory, memory)
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

fn work() -> io::Result<()> {
    let mut wasm = Vec::new();
    io::stdin().lock().take(COMPONENT_BYTES + 1).read_to_end(&mut wasm)?;
    // One thread: arenas of many would fill the address space with nothing.
    let engine = crate::engine::engine_of_one_thread().map_err(io::Error::other)?;
    let reply = match translate(&engine, &wasm) {
        Ok(code) => Reply::Code(code),
        Err(PluginErrorKind::Invalid(why)) => Reply::Refused(why),
        Err(other) => Reply::Refused(other.to_string()),
    };
    reply.write(io::stdout().lock())
}
