//! What is looked at before the first job: only what no job could do without, and nothing that costs.
//!
//! A worker that cannot work is worse than none: it takes jobs, fails them, is started again, and is paid for all the
//! while. RunPod's own SDK asks for 4 GB of memory and a public name server here; neither is needed to run tests.

use std::path::Path;

use flaky_exec::{Capabilities, LauncherProgram};

/// Bytes. A shallow checkout of an ordinary repository and its test dependencies; larger ones are refused by name when
/// the disk is full.
const LEAST_DISK: u64 = 256 * 1024 * 1024;

/// Something that no job could do without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CheckFailed {
    /// A word for the platform.
    pub check: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Whether there is room for a work tree in `folder`, the one for temporary files.
///
/// # Errors
/// When there is not, or when it cannot be known.
pub fn check_disk(folder: &Path) -> Result<(), CheckFailed> {
    let failed = |reason| Err(CheckFailed { check: "disk", reason });
    let shown = folder.display();
    match nix::sys::statvfs::statvfs(folder) {
        Ok(found) => {
            let free = found.blocks_available().saturating_mul(found.fragment_size());
            if free >= LEAST_DISK {
                return Ok(());
            }
            failed(format!(
                "`{shown}` has {} MB left, work needs {} MB: give the endpoint a larger container disk",
                free / 1_000_000,
                LEAST_DISK / 1_000_000
            ))
        }
        Err(e) => failed(format!("`{shown}` cannot be used for temporary files: {e}")),
    }
}

/// Whether attempts can be run at all.
///
/// # Errors
/// When the launcher does not start, or cannot work in `folder`.
pub async fn check_launcher(launcher: &LauncherProgram, folder: &Path) -> Result<Capabilities, CheckFailed> {
    Capabilities::probe(launcher, folder).await.map_err(|e| {
        let mut reason = e.to_string();
        let mut source = std::error::Error::source(&e);
        while let Some(deeper) = source {
            reason = format!("{reason}: {deeper}");
            source = deeper.source();
        }
        CheckFailed { check: "launcher", reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_no_room() {
        let failed = check_disk(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(failed.check, "disk");
        assert!(failed.reason.starts_with("`/nowhere/at/all` cannot be used"), "{}", failed.reason);
    }
}
