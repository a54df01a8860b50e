//! `flaky plugin remove`.

use flaky_plugin_registry::{Network, forget};

use super::shelf::{Shelf, say};
use crate::args::plugin::source::RemoveArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(super) fn execute(args: &RemoveArgs) -> Result<ExitStatus, CliError> {
    let mut shelf = Shelf::open(&args.config, Network::Offline)?;
    let entry = shelf.entry_named(&args.name);
    let locked = shelf.locked_named(&args.name).map(|locked| locked.name.clone());
    if entry.is_none() && locked.is_none() {
        let text = format!("there is no plugin `{}`: {}", args.name, shelf.known());
        return Err(CliError::usage_text(text, None));
    }
    if let Some(at) = entry {
        shelf.remove_line(at)?;
        say(&format!("taken out of `{}`", shelf.config.display()));
    }
    if let Some(name) = locked {
        shelf.supply.lock.remove(&name);
        shelf.save_lock()?;
        say(&format!("taken out of `{}`", shelf.lock_path().display()));
        if forget(&shelf.folder, &name).map_err(|e| CliError::fault(&e, None))? {
            say("its copy in the repository is deleted");
        }
    }
    Ok(ExitStatus::Fine)
}
