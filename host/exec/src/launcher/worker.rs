//! A worker: runs the attempts of one slot, one after the other. Forked from the launcher, single-threaded.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use flaky_core::attempt::Exit;
use flaky_core::report::IsolationUsed;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::folders::SlotFolders;
use super::protocol::{self, Done, Failure, Order, Reply, Request, Setup};
use super::reap::{self, Total};
use super::stage::{Refused, Stage, Step};
use super::start::{Outputs, Started, start};
use super::steward::{self, Report, Task};
use super::sys::{self, Block, Status, Wait};
use super::watch::{self, Ended, Watched};
use crate::run_as::RunAs;
use crate::spool::{BUFFER, Pump, Spool};

/// Serves one slot until nobody is left to serve.
pub(crate) fn serve(mut socket: UnixStream, lifeline: OwnedFd) {
    // Without it, whoever leaves its parent could not be found; then levels without a PID name space do
    // not hold what they promise, but attempts still run.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mut worker: Option<Worker> = None;
    loop {
        let ready = watch::wait_any(&[socket.as_fd(), lifeline.as_fd()], None);
        if ready.get(1).copied().unwrap_or(true) {
            return;
        }
        let Ok(Some(request)) = protocol::receive(&mut socket) else { return };
        let reply = match (request, &mut worker) {
            (Request::Setup(setup), _) => {
                if setup.run_as.is_some() {
                    // Whatever ours is, the other user must be able to read what is made for it.
                    nix::sys::stat::umask(Mode::S_IWGRP | Mode::S_IWOTH);
                }
                worker = Some(Worker::new(*setup));
                continue;
            }
            (_, None) => return,
            (Request::Try(level), Some(worker)) => Reply::Tried(worker.try_level(level)),
            (Request::Run(order), Some(worker)) => {
                match worker.attempt(&order, [&socket.as_fd(), &lifeline.as_fd()]) {
                    Ok(Some(done)) => Reply::Done(Box::new(done)),
                    Ok(None) => return,
                    Err(failure) => Reply::Failed(failure),
                }
            }
        };
        if protocol::send(&mut socket, &reply).is_err() {
            return;
        }
    }
}

/// What a worker keeps between attempts.
pub(crate) struct Worker {
    pub(crate) folders: SlotFolders,
    output_quota: u64,
    attempts: u64,
    buffer: Vec<u8>,
}

/// How a command ended, before its files are looked at.
struct Ran {
    exit: Exit,
    wall: Duration,
    total: Total,
    left: u64,
}

/// Why there is no [`Ran`].
enum Stopped {
    Cancelled,
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

type Cancel<'a> = [&'a std::os::fd::BorrowedFd<'a>; 2];

impl Worker {
    fn new(setup: Setup) -> Self {
        let output_quota = setup.output_quota;
        Self { folders: SlotFolders::new(setup), output_quota, attempts: 0, buffer: vec![0; BUFFER] }
    }

    /// Runs one attempt; `None` when it was cancelled.
    fn attempt(&mut self, order: &Order, cancel: Cancel<'_>) -> Result<Option<Done>, Failure> {
        self.attempts += 1;
        let mut notes = self.folders.prepare(order)?;
        let kept = self.folders.kept_folder(self.attempts);
        // Each stream may use half: a flood of one does not push out the other.
        let quota = self.output_quota / 2;
        let spools = ["stdout", "stderr"].map(|name| Spool::new(kept.join(name), quota));
        let ran = self.run(order, spools, cancel);
        let (ran, streams) = match ran {
            Ok(ran) => ran,
            Err(stopped) => {
                self.folders.discard(order, &kept);
                return match stopped {
                    Stopped::Cancelled => Ok(None),
                    Stopped::Failed(failure) => Err(failure),
                };
            }
        };
        if ran.left > 0 {
            notes.push(crate::attempt::AttemptNote::ProcessesLeft(ran.left));
        }
        let collected = self.folders.collect(order, &kept);
        notes.extend(collected.notes);
        self.folders.clean(order);
        let [stdout, stderr] = streams;
        Ok(Some(Done {
            exit: ran.exit,
            wall: ran.wall,
            cpu: ran.total.cpu,
            peak_memory: ran.total.peak_memory,
            stdout,
            stderr,
            folder: kept.as_path().into(),
            report_files: collected.report_files,
            tree_files: collected.tree_files,
            notes,
        }))
    }

    fn run(
        &mut self,
        order: &Order,
        spools: [Spool; 2],
        cancel: Cancel<'_>,
    ) -> Result<(Ran, [protocol::Stream; 2]), Stopped> {
        let (outputs, mut pumps) =
            pipes(spools, self.folders.run_as).map_err(|e| Failure::new("make pipes", e))?;
        let ran = match self.folders.stage(order) {
            None => self.run_here(order, outputs, &mut pumps, cancel),
            Some(stage) => self.run_staged(order, &stage, outputs, &mut pumps, cancel),
        }?;
        let [stdout, stderr] = pumps;
        let mut finish =
            |pump: Pump| pump.finish(&mut self.buffer).map_err(|e| Failure::new("keep output", e));
        let streams = [finish(stdout)?, finish(stderr)?];
        Ok((ran, streams))
    }

    /// Runs the command as a child of this process, which is the sub-reaper of all it starts.
    fn run_here(
        &mut self,
        order: &Order,
        outputs: Outputs,
        pumps: &mut [Pump; 2],
        cancel: Cancel<'_>,
    ) -> Result<Ran, Stopped> {
        let begin = Instant::now();
        let folder = self.folders.working_directory(order);
        let command = match start(order, &folder, outputs, self.folders.run_as)? {
            Started::NotFound => return Ok(Ran::not_found()),
            Started::Running(command) => command,
        };
        let ended = self.watch(command, begin, order, pumps, cancel);
        let wall = begin.elapsed();
        let mut total = Total::default();
        let mut exit = Exit::TimedOut;
        if matches!(ended, Ok(Ended::Itself))
            && let Ok(Wait::Reaped(child)) = sys::wait(Some(command), Block::Yes)
        {
            total.add(&child);
            exit = child.status.into();
        }
        let left = reap::end_tree(Some(command), &mut total);
        match ended? {
            Ended::Cancelled => Err(Stopped::Cancelled),
            Ended::Itself | Ended::TimedOut => Ok(Ran { exit, wall, total, left }),
        }
    }

    /// Runs the command under a steward in name spaces of its own.
    fn run_staged(
        &mut self,
        order: &Order,
        stage: &Stage,
        outputs: Outputs,
        pumps: &mut [Pump; 2],
        cancel: Cancel<'_>,
    ) -> Result<Ran, Stopped> {
        let begin = Instant::now();
        let task = Task { order, folder: self.folders.working_directory(order), outputs };
        let (steward, mut report) = clone_steward(stage, Some(task)).map_err(refused)?;
        let ended = self.watch(steward, begin, order, pumps, cancel);
        let wall = begin.elapsed();
        if !matches!(ended, Ok(Ended::Itself)) {
            let _ = kill(steward, Signal::SIGKILL);
        }
        let mut total = Total::default();
        let reaped = sys::wait(Some(steward), Block::Yes);
        let ended = ended?;
        let mut ran = match ended {
            Ended::Itself => reported(&mut report)?,
            Ended::TimedOut | Ended::Cancelled => {
                if let Ok(Wait::Reaped(steward)) = reaped {
                    total.add(&steward);
                }
                Ran { exit: Exit::TimedOut, wall, total: Total::default(), left: 0 }
            }
        };
        ran.left = reap::end_tree(None, &mut total);
        ran.total.cpu += total.cpu;
        ran.total.peak_memory = ran.total.peak_memory.max(total.peak_memory);
        if ended == Ended::Cancelled { Err(Stopped::Cancelled) } else { Ok(ran) }
    }

    fn watch(
        &mut self,
        process: Pid,
        begin: Instant,
        order: &Order,
        pumps: &mut [Pump; 2],
        [socket, lifeline]: Cancel<'_>,
    ) -> Result<Ended, Stopped> {
        let pidfd = sys::pidfd(process).map_err(|e| Failure::new("watch the command", e))?;
        let deadline = begin.checked_add(order.timeout).unwrap_or(begin);
        let watched = Watched { process: pidfd.as_fd(), cancel: [*socket, *lifeline], deadline };
        let ended = watch::spool_until(&watched, pumps, &mut self.buffer);
        ended.map_err(|e| Failure::new("keep output", e).into())
    }
}

impl Ran {
    fn not_found() -> Self {
        Self { exit: Exit::NotFound, wall: Duration::ZERO, total: Total::default(), left: 0 }
    }
}

impl From<Status> for Exit {
    fn from(status: Status) -> Self {
        match status {
            Status::Code(code) => Self::Code(code),
            Status::Signal(signal) => Self::Signal(signal),
        }
    }
}

fn refused(refused: Refused) -> Stopped {
    Failure::new("isolate the attempt", refused).into()
}

/// Starts a steward; with no task it only tries the stage. The report can be read when it has ended.
pub(crate) fn clone_steward(stage: &Stage, task: Option<Task<'_>>) -> Result<(Pid, File), Refused> {
    let pipe = || nix::unistd::pipe2(OFlag::O_CLOEXEC);
    let refused = |e: nix::Error| Refused::new(Step::NameSpaces, e);
    let (read, write) = pipe().map_err(refused)?;
    let (mapped, say_mapped) = pipe().map_err(refused)?;
    let ends = steward::Ends { mapped: File::from(mapped), report_to: File::from(write) };
    let mut handed_over = Some((task, ends));
    let mut ours = Some(File::from(say_mapped));
    let steward = sys::clone_into(stage.flags(), &mut || match handed_over.take() {
        Some((task, ends)) => {
            // With a copy of our end it would not notice that nobody says anything any more.
            ours = None;
            steward::live(stage, task, ends)
        }
        None => 1,
    });
    // Only the steward writes from here on.
    drop(handed_over);
    let steward = steward.map_err(refused)?;
    if stage.is_mapped_by_parent()
        && let Err(e) = stage.map_users(steward).and_then(|()| say(ours.take()))
    {
        let _ = kill(steward, Signal::SIGKILL);
        let _ = sys::wait(Some(steward), Block::Yes);
        return Err(Refused::new(Step::UserMap, e));
    }
    Ok((steward, File::from(read)))
}

fn say(end: Option<File>) -> std::io::Result<()> {
    end.map_or(Ok(()), |mut end| end.write_all(&[1]))
}

fn reported(report: &mut File) -> Result<Ran, Stopped> {
    match read_report(report)? {
        Report::Refused(why) => Err(refused(why)),
        Report::Failed(failure) => Err(failure.into()),
        Report::NotFound => Ok(Ran::not_found()),
        Report::Tried => Err(Failure::new("run the command", "nothing was run").into()),
        Report::Ended(ended) => Ok(Ran {
            exit: ended.status.map_or_else(Exit::Signal, Exit::Code),
            wall: ended.wall,
            total: Total { cpu: ended.cpu, peak_memory: ended.peak_memory },
            left: 0,
        }),
    }
}

/// What the steward, which has ended, has written.
pub(crate) fn read_report(report: &mut File) -> Result<Report, Failure> {
    let mut bytes = Vec::new();
    report.read_to_end(&mut bytes).map_err(|e| Failure::new("hear from the isolated attempt", e))?;
    serde_json::from_slice(&bytes)
        .map_err(|_| Failure::new("hear from the isolated attempt", "its first process was killed"))
}

/// Pipes for both streams: the ends to write, and the others with where their bytes go.
fn pipes(spools: [Spool; 2], run_as: Option<RunAs>) -> std::io::Result<(Outputs, [Pump; 2])> {
    let [to_stdout, to_stderr] = spools;
    let (stdout, stdout_write) = pipe()?;
    let (stderr, stderr_write) = pipe()?;
    if let Some(user) = run_as {
        // Programs open `/dev/stderr` by its name, which only a pipe's owner may.
        user.take(stdout_write.as_fd())?;
        user.take(stderr_write.as_fd())?;
    }
    let pumps = [Pump::new(stdout, to_stdout), Pump::new(stderr, to_stderr)];
    Ok((Outputs { stdout: stdout_write, stderr: stderr_write }, pumps))
}

fn pipe() -> std::io::Result<(File, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    // Only our end: the command gets an ordinary, blocking one.
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((File::from(read), write))
}

impl Worker {
    fn try_level(&mut self, level: IsolationUsed) -> Result<protocol::Tried, crate::capabilities::Obstacle> {
        super::probe::try_level(&mut self.folders, level)
    }
}
