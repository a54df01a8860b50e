//! Looking at all processes of the machine, whatever name space they live in.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything waited for here takes, even on a machine that is busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Ids of the processes that have `mark` in their arguments, less the program under test itself.
#[must_use]
pub fn with_mark(mark: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| arguments(*id).is_some_and(|text| !is_ours(&text) && text.contains(mark)))
        .collect()
}

/// Whether it is the program under test, whose arguments name what it is to run from its first moment on.
fn is_ours(arguments: &str) -> bool {
    arguments.split('\0').next().is_some_and(|program| program.ends_with("/flaky"))
}

/// Waits until `look` gives something.
///
/// # Panics
/// When it does not within [`DEADLINE`].
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, look)
}

/// Waits until `look` gives something, for as long as is said.
///
/// # Panics
/// When it does not by then.
pub fn within<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < deadline, "waited in vain: {what}");
        thread::sleep(PAUSE);
    }
}

/// Waits until a process carries the mark.
pub fn wait_for_mark(mark: &str) {
    eventually(&format!("a process with `{mark}`"), || (!with_mark(mark).is_empty()).then_some(()));
}

/// Waits until no process carries the mark: killed ones take a moment to be gone.
pub fn wait_for_no_mark(mark: &str) {
    eventually(&format!("no process with `{mark}`"), || with_mark(mark).is_empty().then_some(()));
}

/// The high-water mark of a process's resident set, in bytes; `None` when the process is gone.
#[must_use]
pub fn peak_memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn arguments(id: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
