//! Starting the test command itself.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::Pid;

use super::protocol::{Failure, Order};
use super::sys;
use crate::run_as::RunAs;

/// What became of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    Running(Pid),
    /// The program is missing or not executable.
    NotFound,
}

/// Where the command's output goes.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

impl Outputs {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { stdout: self.stdout.try_clone()?, stderr: self.stderr.try_clone()? })
    }
}

/// Starts the command as leader of a process group of its own, with nothing to read.
pub(crate) fn start(
    order: &Order,
    folder: &Path,
    outputs: Outputs,
    run_as: Option<RunAs>,
) -> Result<Started, Failure> {
    let Some(name) = order.argv.first() else { return Ok(Started::NotFound) };
    let search = order.env.iter().rev().find(|(key, _)| key.0 == b"PATH").map(|(_, value)| value.os());
    let failed = |e: io::Error| Failure::new("start the command", e);
    for program in find(name.path(), search.unwrap_or_default(), folder) {
        let outputs = outputs.try_clone().map_err(failed)?;
        match command(order, program, folder, outputs, run_as)?.spawn() {
            Ok(child) => match i32::try_from(child.id()) {
                Ok(pid) => return Ok(Started::Running(Pid::from_raw(pid))),
                Err(e) => return Err(Failure::new("start the command", e)),
            },
            // Like `execvp`: a program that this user may not start hides none that comes later.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            Err(e) if says_not_found(&e) => break,
            Err(e) => return Err(failed(e)),
        }
    }
    folder_or_not_found(folder)
}

fn command(
    order: &Order,
    program: PathBuf,
    folder: &Path,
    outputs: Outputs,
    run_as: Option<RunAs>,
) -> Result<Command, Failure> {
    let null = File::open("/dev/null").map_err(|e| Failure::new("open `/dev/null`", e))?;
    let mut command = Command::new(program);
    if let Some(name) = order.argv.first() {
        command.arg0(name.os());
    }
    command
        .args(order.argv.iter().skip(1).map(super::text::Text::os))
        .env_clear()
        .envs(order.env.iter().map(|(key, value)| (key.os(), value.os())))
        .current_dir(folder)
        .stdin(Stdio::from(null))
        .stdout(Stdio::from(outputs.stdout))
        .stderr(Stdio::from(outputs.stderr))
        .process_group(0);
    if let Some(user) = run_as {
        sys::confine(&mut command, user);
    }
    Ok(command)
}

fn folder_or_not_found(folder: &Path) -> Result<Started, Failure> {
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(Started::NotFound),
        Ok(_) => Err(Failure::new(
            "enter the working directory",
            format!("`{}` is not a folder", folder.display()),
        )),
        Err(e) => Err(Failure::new("enter the working directory", format!("`{}`: {e}", folder.display()))),
    }
}

fn says_not_found(error: &io::Error) -> bool {
    // Missing, not executable, not a program, or a script whose interpreter is one of these.
    let errors = [
        libc::ENOENT,
        libc::EACCES,
        libc::ENOEXEC,
        libc::ENOTDIR,
        libc::ELOOP,
        libc::ENAMETOOLONG,
        libc::EISDIR,
        libc::EPERM,
    ];
    error.raw_os_error().is_some_and(|code| errors.contains(&code))
}

/// Looks a program up as `execvp` does, in the attempt's `PATH` instead of ours. Doing it here lets the
/// standard library start the program without a fork of this process. All that are found, in order.
fn find(name: &Path, search: &std::ffi::OsStr, folder: &Path) -> Vec<PathBuf> {
    if name.as_os_str().is_empty() {
        return Vec::new();
    }
    if name.as_os_str().as_encoded_bytes().contains(&b'/') {
        return vec![folder.join(name)];
    }
    let entries = std::env::split_paths(search).map(|entry| folder.join(entry).join(name));
    entries.filter(|path| executable(path)).collect()
}

fn executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
