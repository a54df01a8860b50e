//! `flaky plugin vendor`.

use flaky_config::PluginAddress;
use flaky_plugin_registry::{Network, PluginName, SupplyError, Wanted, vendor};

use super::shelf::{Shelf, say};
use crate::args::plugin::source::VendorArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::supply::BringError;

/// From what was typed to the exit code. All are brought before one is written.
pub(super) fn execute(args: &VendorArgs) -> Result<ExitStatus, CliError> {
    let mut shelf = Shelf::open(&args.config, Network::Online)?;
    let mut components: Vec<(PluginName, Vec<u8>)> = Vec::new();
    for entry in &shelf.entries.clone() {
        let PluginAddress::Remote(source) = &entry.source else { continue };
        let Some(locked) = shelf.supply.lock.of(source) else {
            return Err(CliError::usage_text(
                format!("`{source}` is not locked, so it is not known which component is meant"),
                Some("run `flaky plugin update` first"),
            ));
        };
        let name = locked.name.clone();
        let wanted = Wanted { source, sha256: entry.sha256.as_ref() };
        let obtained = match shelf.session.block_on(shelf.supply.obtain(wanted)) {
            // The copy that is to be mended.
            Err(SupplyError::Vendored { .. }) => {
                shelf.supply.folder = None;
                shelf.session.block_on(shelf.supply.obtain(wanted))
            }
            other => other,
        };
        let obtained = obtained.map_err(BringError::from)?;
        components.push((name, obtained.bytes));
    }
    let done = vendor(&shelf.folder, &components).map_err(|e| CliError::fault(&e, None))?;
    done.written.iter().for_each(|path| say(&format!("`{}` is written", path.display())));
    done.deleted.iter().for_each(|path| say(&format!("`{}` is deleted", path.display())));
    say(&format!(
        "{} of {} plugins were there already",
        components.len() - done.written.len(),
        components.len()
    ));
    Ok(ExitStatus::Fine)
}
