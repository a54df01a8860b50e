//! A `flaky` that runs.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ended::Ended;
use crate::processes::within;

/// Nothing that always runs takes longer, on a machine that is busy with other things.
const LONGEST_RUN: Duration = Duration::from_secs(15 * 60);

/// Forty attempts one after the other, each of which starts virtual machines; one took forty seconds on two cores that had
/// six other things to do.
const LONGEST_RUN_OF_SLOW_FRAMEWORKS: Duration = Duration::from_secs(60 * 60);

/// Ended with the test that started it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    report: PathBuf,
}

impl Running {
    pub(crate) const fn new(child: Child, stdout: PathBuf, stderr: PathBuf, report: PathBuf) -> Self {
        Self { child, stdout, stderr, report }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(id), signal).expect("the program still runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in a long time.
    pub fn ended(self) -> Ended {
        self.watched(|_| ())
    }

    /// The same; calls `look` with the process id every few milliseconds.
    ///
    /// # Panics
    /// When it does not end in a long time.
    pub fn watched(mut self, mut look: impl FnMut(u32)) -> Ended {
        let id = self.child.id();
        let longest = if slow_frameworks() { LONGEST_RUN_OF_SLOW_FRAMEWORKS } else { LONGEST_RUN };
        let status = within(longest, "the end of flaky", || {
            look(id);
            self.child.try_wait().expect("a child can be waited for")
        });
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        Ended::new(code, text(&self.stdout), text(&self.stderr), fs::read(&self.report).ok())
    }
}

/// Whether tests run whose tools take long to install: `FLAKY_FRAMEWORKS=all` asks for them.
#[must_use]
pub fn slow_frameworks() -> bool {
    env::var("FLAKY_FRAMEWORKS").is_ok_and(|value| value == "all")
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a test failed half-way: nothing may be left running.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
