//! The first process of an isolated attempt: sets the stage, starts the command, reaps, reports.
//!
//! With a PID name space it is process 1 there, and everything left ends with it. It is a fork of the small
//! launcher, not a program of its own, so that an attempt costs one `exec`.

use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::protocol::{Failure, Order};
use super::reap::Total;
use super::stage::{Refused, Stage};
use super::start::{Outputs, Started, start};
use super::sys::{self, Block, Status, Wait};

/// What the steward tells the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Refused(Refused),
    Failed(Failure),
    NotFound,
    /// The stage was set; nothing was to be run.
    Tried,
    Ended(Ended),
}

/// How the command ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Exit code, or signal.
    pub(crate) status: Result<i32, i32>,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
}

/// What there is to run.
pub(crate) struct Task<'a> {
    pub(crate) order: &'a Order,
    pub(crate) folder: std::path::PathBuf,
    pub(crate) outputs: Outputs,
}

/// A steward's ends of pipes.
pub(crate) struct Ends {
    /// A byte comes when it was said who is who.
    pub(crate) mapped: File,
    pub(crate) report_to: File,
}

/// The whole life of a steward; its exit code says nothing.
pub(crate) fn live(stage: &Stage, task: Option<Task<'_>>, mut ends: Ends) -> i32 {
    // Should the worker be killed, this ends too, and with it the name space.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    if stage.is_mapped_by_parent() && ends.mapped.read_exact(&mut [0]).is_err() {
        // The parent knows why.
        return 1;
    }
    let report = match (stage.enter(), task) {
        (Err(refused), _) => Report::Refused(refused),
        (Ok(()), None) => Report::Tried,
        (Ok(()), Some(task)) => run(stage, task),
    };
    // If nobody reads it any more, the attempt was cancelled.
    let _ = serde_json::to_vec(&report).map(|bytes| ends.report_to.write_all(&bytes));
    0
}

fn run(stage: &Stage, task: Task<'_>) -> Report {
    let begin = Instant::now();
    match start(task.order, &task.folder, task.outputs, stage.run_as) {
        Err(failure) => Report::Failed(failure),
        Ok(Started::NotFound) => Report::NotFound,
        Ok(Started::Running(command)) => reap(stage, command, begin),
    }
}

fn reap(stage: &Stage, command: Pid, begin: Instant) -> Report {
    let mut total = Total::default();
    let status = loop {
        match sys::wait(None, Block::Yes) {
            Ok(Wait::Reaped(child)) => {
                total.add(&child);
                if child.pid == command {
                    break child.status;
                }
            }
            Ok(Wait::Running | Wait::NoChild) => {
                return Report::Failed(Failure::new("wait for the command", "lost"));
            }
            Err(e) => return Report::Failed(Failure::new("wait for the command", e)),
        }
    };
    let wall = begin.elapsed();
    if stage.has_own_processes() {
        // As process 1 this reaches everything in the name space but itself.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        while let Ok(Wait::Reaped(child)) = sys::wait(None, Block::Yes) {
            total.add(&child);
        }
    }
    let status = match status {
        Status::Code(code) => Ok(code),
        Status::Signal(signal) => Err(signal),
    };
    Report::Ended(Ended { status, wall, cpu: total.cpu, peak_memory: total.peak_memory })
}
