//! Trying what this machine allows, by doing it: the stage of a real attempt is set, with nothing to run.

use flaky_core::report::IsolationUsed;
use nix::unistd::geteuid;

use super::folders::SlotFolders;
use super::obstacles::describe;
use super::protocol::Tried;
use super::stage::{Privilege, Refused, Step};
use super::steward::Report;
use super::sys::{self, Block};
use super::worker::{clone_steward, read_report};
use crate::attempt::Purpose;
use crate::capabilities::{Obstacle, TreeMethod};

/// Finds out whether attempts can have `level`, and the best way to make work trees there.
pub(crate) fn try_level(folders: &mut SlotFolders, level: IsolationUsed) -> Result<Tried, Obstacle> {
    if level == IsolationUsed::Shared {
        return Ok(Tried { method: TreeMethod::Copy, privilege: Privilege::Own, obstacles: Vec::new() });
    }
    let obstacle = match folders.strangers_tree() {
        Some(obstacle) => obstacle,
        None => match best_of(folders, level, TreeMethod::Overlay) {
            Ok(privilege) => {
                return Ok(Tried { method: TreeMethod::Overlay, privilege, obstacles: Vec::new() });
            }
            Err(refused) => describe(&refused, folders.scratch()),
        },
    };
    let privilege = match level {
        // No name space is needed for a copy.
        IsolationUsed::Copy | IsolationUsed::Shared => Privilege::Own,
        IsolationUsed::Full | IsolationUsed::FullSharedNetwork => {
            best_of(folders, level, TreeMethod::Copy)
                .map_err(|refused| describe(&refused, folders.scratch()))?
        }
    };
    let method = if folders.can_reflink() { TreeMethod::Reflink } else { TreeMethod::Copy };
    Ok(Tried { method, privilege, obstacles: vec![obstacle] })
}

/// The first privilege with which it works; else what the last one was refused.
fn best_of(
    folders: &mut SlotFolders,
    level: IsolationUsed,
    method: TreeMethod,
) -> Result<Privilege, Refused> {
    let own = geteuid().is_root().then_some(Privilege::Own);
    let mut last = Refused::new(Step::NameSpaces, std::io::Error::from_raw_os_error(libc::EPERM));
    for privilege in own.into_iter().chain([Privilege::UserNamespace]) {
        match try_stage(folders, level, method, privilege) {
            Ok(()) => return Ok(privilege),
            Err(refused) => last = refused,
        }
    }
    Err(last)
}

fn try_stage(
    folders: &mut SlotFolders,
    level: IsolationUsed,
    method: TreeMethod,
    privilege: Privilege,
) -> Result<(), Refused> {
    let step = if method == TreeMethod::Overlay { Step::Overlay } else { Step::Bind };
    folders.prepare_trial(level, method).map_err(|e| Refused::new(step, e))?;
    let stage = folders.stage_of(level, method, privilege, Purpose::Test, None);
    let tried = clone_steward(&stage, None).and_then(|(steward, mut report)| {
        let report = read_report(&mut report);
        let _ = sys::wait(Some(steward), Block::Yes);
        match report {
            Ok(Report::Tried) => Ok(()),
            Ok(Report::Refused(refused)) => Err(refused),
            Ok(_) | Err(_) => {
                Err(Refused::new(Step::NameSpaces, std::io::Error::from_raw_os_error(libc::EINTR)))
            }
        }
    });
    folders.clean_trial();
    tried
}
