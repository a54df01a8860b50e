//! Work trees: copies that are restored, and folders that are removed whatever an attempt did to them.

mod copy;
mod remove;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::stat::FileStat;

pub(crate) use copy::TreeCopy;
pub use remove::remove;
pub(crate) use remove::{empty, list, open_folder, open_folder_at, status_at};

use crate::launcher::sys;

/// What an executor makes in its scratch folder, and only that, is removed with it.
pub(crate) const SCRATCH_ENTRIES: [&str; 4] = ["attempt", "done", "slots", "empty"];

/// Removes what an executor made in `scratch`, and the folder itself if nothing else is in it.
pub(crate) fn remove_scratch(scratch: &Path) {
    for entry in SCRATCH_ENTRIES {
        let path = scratch.join(entry);
        // Nobody is left to tell; what stays is named in the error of the next run that uses the folder.
        let _ = if path.is_dir() { remove(&path) } else { fs::remove_file(&path) };
    }
    let _ = fs::remove_dir(scratch);
}

/// When a file was last written.
pub(crate) fn modified(found: &FileStat) -> SystemTime {
    let seconds = u64::try_from(found.st_mtime).unwrap_or(0);
    let nanos = u32::try_from(found.st_mtime_nsec).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos.min(999_999_999))
}

/// Whether files of `tree` can share blocks with files in `slot`, found out by sharing one.
pub(crate) fn can_reflink(tree: &Path, slot: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    device(tree).is_some() && device(tree) == device(slot) && share_one(slot).is_ok()
}

fn share_one(slot: &Path) -> io::Result<()> {
    let from = tempfile::tempfile_in(slot)?;
    io::Write::write_all(&mut &from, &[1; 4096])?;
    let to: File = tempfile::tempfile_in(slot)?;
    sys::reflink(from.as_fd(), to.as_fd())
}
