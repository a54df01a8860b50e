//! The launcher alone, and a few small programs that this crate's tests run under it.
//! The `flaky` binary is its own launcher.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_exec::{
    AttemptSpec, CollectGlobs, ExecutorSettings, LauncherProgram, LocalExecutor, Purpose, RunAs,
};
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
        Some("without-capability") => without_capability(&args),
        Some("hidden") => hidden(&args),
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

/// Becomes `PROGRAM ARGUMENTS…` as a root without the capability `NUMBER` of linux/capability.h.
fn without_capability(args: &[OsString]) -> io::Result<()> {
    let number = number(args, 0)?;
    // SAFETY: takes integers only.
    #[expect(unsafe_code, reason = "neither std nor nix has PR_CAPBSET_DROP")]
    let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // What is started as root gets all that the bounding set still has.
    let (program, rest) = args.get(1..).and_then(<[_]>::split_first).ok_or(io::ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(rest).exec())
}

/// Runs `id -u` in `TREE` with `SCRATCH` at every level that there is, as `UID` if that is given, from a process that
/// hides its memory and is its own launcher.
fn hidden(args: &[OsString]) -> io::Result<()> {
    nix::sys::prctl::set_dumpable(false)?;
    let run_as = match args.get(2) {
        Some(_) => Some(u32::try_from(number(args, 2)?).map_err(io::Error::other)?),
        None => None,
    };
    let settings = ExecutorSettings {
        tree: text(args, 0)?.into(),
        scratch: text(args, 1)?.into(),
        parallelism: 1,
        output_quota: 1 << 20,
        launcher: LauncherProgram::CurrentExe,
        writable: Vec::new(),
        collect: CollectGlobs::default(),
        run_as: run_as.map(|id| RunAs { uid: id, gid: id }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_everywhere(settings)).map_err(io::Error::other)
}

async fn run_everywhere(settings: ExecutorSettings) -> Result<(), Box<dyn Error + Send + Sync>> {
    let executor = LocalExecutor::start(settings).await?;
    for level in
        [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy, IsolationUsed::Shared]
    {
        let Ok(mut slot) = executor.acquire(level).await else { continue };
        let spec = AttemptSpec {
            index: AttemptIndex(0),
            seed: Seed(0),
            argv: vec!["id".into(), "-u".into()],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            working_directory: PathBuf::new(),
            timeout: Duration::from_secs(60),
            support_files: Vec::new(),
            purpose: Purpose::Test,
        };
        let attempt = slot.run(spec).await?;
        write!(io::stdout(), "{} {}", level.name(), fs::read_to_string(&attempt.stdout.path)?)?;
    }
    executor.shutdown().await;
    Ok(())
}

/// Touches `BYTES` bytes of memory.
fn grow(args: &[OsString]) -> io::Result<()> {
    let bytes = usize::try_from(number(args, 0)?).map_err(|_| io::ErrorKind::InvalidInput)?;
    let memory = vec![1_u8; bytes];
    std::hint::black_box(&memory);
    Ok(())
}
