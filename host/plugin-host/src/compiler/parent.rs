//! The parent: starts a child, keeps the clock, and names what became of it.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::reply::{HEADER, Reply};
use super::talk::{Ended, Said, talk};
use super::{CompileLimits, MARKER};
use crate::clean;
use crate::error::{CompileStop, PluginErrorKind};

/// What a panic or an allocation that failed prints fits many times.
pub(super) const ERROR_BYTES: usize = 16 << 10;

/// One child at a time: the memory of several would add up.
static TURN: Mutex<()> = Mutex::new(());

/// # Errors
/// What the compiler refused, the limit that was passed, or how the child crashed.
pub(super) fn compile(
    program: &Path,
    limits: &CompileLimits,
    wasm: &[u8],
) -> Result<Vec<u8>, PluginErrorKind> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let unable = |e: io::Error| PluginErrorKind::Host(format!("the compiler cannot be started: {e}"));
    let mut child = Running(start(program, limits).map_err(unable)?);
    let deadline = Instant::now() + limits.time;
    let most = usize::try_from(limits.code).unwrap_or(usize::MAX).saturating_add(HEADER);
    let said = talk(&mut child.0, wasm, most, deadline).map_err(unable)?;
    let status = child.0.wait().map_err(unable)?;
    outcome(said, status, limits).map_err(|stop| match stop {
        Failed::Refused(why) => PluginErrorKind::Invalid(why),
        Failed::Stopped(stop) => PluginErrorKind::Compile(stop),
    })
}

fn start(program: &Path, limits: &CompileLimits) -> io::Result<Child> {
    let mut command = Command::new(program);
    mark(&mut command);
    command.arg(limits.memory.to_string()).arg(limits.cpu.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// As one that is to compile, in a place that is nobody's, with nothing of our environment.
#[cfg(unix)]
fn mark(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // Ctrl-C in a terminal is for the program to decide about.
    command.arg0(MARKER).env_clear().current_dir("/").process_group(0);
}

/// The same where a program is always called by its own name.
#[cfg(not(unix))]
fn mark(command: &mut Command) {
    command.arg(MARKER).env_clear();
}

/// Never outlives the call, whichever way that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failed {
    Refused(String),
    Stopped(CompileStop),
}

fn outcome(said: Said, status: ExitStatus, limits: &CompileLimits) -> Result<Vec<u8>, Failed> {
    let stopped = match said.ended {
        Ended::Deadline => CompileStop::Time { limit: limits.time },
        Ended::TooLong => CompileStop::Code { limit: limits.code },
        Ended::ByItself => match status.success().then(|| Reply::read(said.reply)).flatten() {
            Some(Reply::Code(code)) => return Ok(code),
            Some(Reply::Refused(why)) if !lacked_memory(&why) => return Err(Failed::Refused(why)),
            Some(Reply::Refused(_)) => CompileStop::Memory { limit: limits.memory },
            None => silent(status, &String::from_utf8_lossy(&said.errors), limits),
        },
    };
    Err(Failed::Stopped(stopped))
}

/// What a child that gave no reply died of.
fn silent(status: ExitStatus, errors: &str, limits: &CompileLimits) -> CompileStop {
    #[cfg(unix)]
    if std::os::unix::process::ExitStatusExt::signal(&status) == Some(nix::libc::SIGXCPU) {
        return CompileStop::Cpu { seconds: limits.cpu };
    }
    if lacked_memory(errors) {
        return CompileStop::Memory { limit: limits.memory };
    }
    let last = errors.lines().map(clean::line).rfind(|line| !line.trim().is_empty());
    CompileStop::Crashed(last.unwrap_or_else(|| status.to_string()))
}

/// In the words of the standard library and of the operating system.
fn lacked_memory(text: &str) -> bool {
    const NO_MEMORY: &str = "(os error 12)";
    text.contains("memory allocation of ") || text.contains(NO_MEMORY)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use super::*;

    const LIMITS: CompileLimits =
        CompileLimits { memory: 1 << 20, cpu: 2, time: Duration::from_secs(3), code: 10 };

    fn said(reply: &[u8], errors: &str) -> Said {
        Said { reply: reply.to_vec(), errors: errors.as_bytes().to_vec(), ended: Ended::ByItself }
    }

    fn killed_by(signal: i32) -> ExitStatus {
        ExitStatus::from_raw(signal)
    }

    #[test]
    fn every_end_of_a_child_has_its_name() {
        let mut code = Vec::new();
        Reply::Code(b"code".to_vec()).write(&mut code).unwrap();
        let mut refused = Vec::new();
        Reply::Refused("type mismatch".into()).write(&mut refused).unwrap();
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        let stopped = |stop| Err(Failed::Stopped(stop));
        let (memory, crashed) =
            (CompileStop::Memory { limit: 1 << 20 }, |t: &str| CompileStop::Crashed(t.into()));
        let cases = [
            (said(&code, ""), exited(0), Ok(b"code".to_vec())),
            (said(&refused, ""), exited(0), Err(Failed::Refused("type mismatch".into()))),
            // Code of a child that did not end well is nobody's.
            (said(&code, ""), exited(1), stopped(crashed("exit status: 1"))),
            (said(&code[..code.len() - 1], ""), exited(0), stopped(crashed("exit status: 0"))),
            (said(b"", ""), killed_by(nix::libc::SIGXCPU), stopped(CompileStop::Cpu { seconds: 2 })),
            (said(b"", "memory allocation of 99 bytes failed\n"), killed_by(6), stopped(memory.clone())),
            (said(b"", "Cannot allocate memory (os error 12)\n"), exited(1), stopped(memory)),
            (
                said(b"", "\nthread 'main' has overflowed its stack\n\n"),
                killed_by(6),
                stopped(crashed("thread 'main' has overflowed its stack")),
            ),
            (said(b"", ""), killed_by(9), stopped(crashed("signal: 9 (SIGKILL)"))),
            (
                Said { ended: Ended::Deadline, ..said(b"", "") },
                killed_by(9),
                stopped(CompileStop::Time { limit: LIMITS.time }),
            ),
            (
                Said { ended: Ended::TooLong, ..said(&code, "") },
                killed_by(9),
                stopped(CompileStop::Code { limit: 10 }),
            ),
        ];
        for (said, status, expected) in cases {
            let told = format!("{said:?} {status}");
            assert_eq!(outcome(said, status, &LIMITS), expected, "{told}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_of_the_host() {
        let error = compile(Path::new("/nowhere/flaky"), &LIMITS, b"").unwrap_err();
        assert!(matches!(&error, PluginErrorKind::Host(why) if why.contains("cannot be started")), "{error}");
    }

    /// Programs that know nothing of all this.
    #[test]
    fn other_programs_crash_as_compilers() {
        for (program, ended) in [("/bin/false", "exit status: 1"), ("/bin/true", "exit status: 0")] {
            let error = compile(Path::new(program), &LIMITS, &[0; 100_000]).unwrap_err();
            assert_eq!(error, PluginErrorKind::Compile(CompileStop::Crashed(ended.into())), "{program}");
        }
    }
}
