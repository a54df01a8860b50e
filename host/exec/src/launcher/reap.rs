//! Ending process trees where there is no PID name space to do it.
//!
//! The worker is the sub-reaper of everything that an attempt starts: whoever leaves its group or session,
//! or forks twice, becomes the worker's child when its own parent ends. So the tree has ended when the
//! worker has no child left.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::sys::{self, Block, Reaped, Wait};

/// Sum over children.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Total {
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
}

impl Total {
    pub(crate) fn add(&mut self, child: &Reaped) {
        self.cpu += child.cpu;
        self.peak_memory = self.peak_memory.max(child.peak_memory);
    }
}

/// How long processes that do not die (another user's, or stuck in the kernel) are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rounds of stopping before killing: a fork bomb needs a few, an ordinary tree one.
const STOP_ROUNDS: usize = 50;

/// Kills and reaps all children of this process and their descendants, the group `group` first.
/// Returns how many could not be killed.
pub(crate) fn end_tree(group: Option<Pid>, total: &mut Total) -> u64 {
    if let Some(group) = group {
        // It may be gone already.
        let _ = killpg(group, Signal::SIGKILL);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        if reap_ended(total) == Left::Nothing {
            return 0;
        }
        let left = stop_all();
        for pid in &left {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        // What was killed directly is reaped here; its orphans are found in the next round.
        let dead = reap_until(total, deadline);
        if dead == Left::Nothing {
            return 0;
        }
        if Instant::now() >= deadline {
            return left.len() as u64;
        }
    }
}

/// Whether there are children left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Some,
    Nothing,
}

/// Reaps what has ended, without waiting.
pub(crate) fn reap_ended(total: &mut Total) -> Left {
    loop {
        match sys::wait(None, Block::No) {
            Ok(Wait::Reaped(child)) => total.add(&child),
            Ok(Wait::Running) => return Left::Some,
            Ok(Wait::NoChild) | Err(_) => return Left::Nothing,
        }
    }
}

/// Waits for one of the killed, at most until `deadline`, then reaps all that have ended.
fn reap_until(total: &mut Total, deadline: Instant) -> Left {
    let Some(child) = children_of(Pid::this()).into_iter().next() else { return reap_ended(total) };
    if let Ok(fd) = sys::pidfd(child) {
        super::watch::wait_readable(&fd, Some(deadline));
    }
    reap_ended(total)
}

/// Stops all descendants, until none is new: a stopped process forks no more.
fn stop_all() -> HashSet<Pid> {
    let mut seen = HashSet::new();
    for _ in 0..STOP_ROUNDS {
        let new: Vec<Pid> = descendants().into_iter().filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            let _ = kill(pid, Signal::SIGSTOP);
        }
    }
    seen
}

/// All descendants of this process.
fn descendants() -> Vec<Pid> {
    let mut found = children_of(Pid::this());
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children_of(pid));
        next += 1;
    }
    found
}

/// The direct children of a process, whichever of its threads started them.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let lists = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")));
    let mut children = Vec::new();
    for list in lists {
        match list {
            Ok(list) => {
                children.extend(list.split_whitespace().filter_map(|p| p.parse().ok()).map(Pid::from_raw))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return children_by_scan(parent),
            Err(_) => {}
        }
    }
    children
}

/// For kernels built without the `children` file: looks at every process there is.
fn children_by_scan(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|p| p.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; after it come the state and the parent.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}
