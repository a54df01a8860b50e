//! The launcher alone, and a few small programs that this crate's tests run under it.
//! The `flaky` binary is its own launcher.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sched::CloneFlags;
use nix::unistd::{getgid, getuid};

fn main() -> ExitCode {
    flaky_exec::launcher::enter_if_asked();
    let mut args = std::env::args_os().skip(1);
    let program = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    let done = match program.to_str() {
        Some("flood") => flood(&args),
        Some("hold-port") => hold_port(&args),
        Some("without-user-namespaces") => without_user_namespaces(&args),
        Some("grow") => grow(&args),
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Tests show what went wrong here.
            let _ = writeln!(io::stderr(), "{e}");
            ExitCode::FAILURE
        }
    }
}

fn text(args: &[OsString], index: usize) -> io::Result<&str> {
    args.get(index).and_then(|arg| arg.to_str()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn number(args: &[OsString], index: usize) -> io::Result<u64> {
    text(args, index)?.parse().map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Prints `BYTES` bytes, in numbered lines of 16 bytes each.
fn flood(args: &[OsString]) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    for line in 0..number(args, 0)? / 16 {
        writeln!(out, "{line:015}")?;
    }
    out.flush()
}

/// Binds `PORT` on the loopback interface, then does as it is told: `+PATH` writes to a pipe, which waits
/// for somebody to read; `-PATH` reads from one until its end.
fn hold_port(args: &[OsString]) -> io::Result<()> {
    let port = u16::try_from(number(args, 0)?).map_err(|_| io::ErrorKind::InvalidInput)?;
    let held = TcpListener::bind(("127.0.0.1", port))?;
    for index in 1..args.len() {
        match text(args, index)?.split_at_checked(1) {
            Some(("+", path)) => fs::write(path, "ready")?,
            Some(("-", path)) => drop(fs::read(path)?),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    drop(held);
    Ok(())
}

/// Becomes `PROGRAM ARGUMENTS…` where no user name space can be made.
fn without_user_namespaces(args: &[OsString]) -> io::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")?;
    let (program, rest) = args.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(rest).exec())
}

/// Touches `BYTES` bytes of memory.
fn grow(args: &[OsString]) -> io::Result<()> {
    let bytes = usize::try_from(number(args, 0)?).map_err(|_| io::ErrorKind::InvalidInput)?;
    let memory = vec![1_u8; bytes];
    std::hint::black_box(&memory);
    Ok(())
}
