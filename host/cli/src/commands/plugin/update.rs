//! `flaky plugin update`.

use flaky_config::{PluginAddress, PluginEntry};
use flaky_core::remote_plugin::RemotePlugin;
use flaky_plugin_registry::{LockedPlugin, Network, VENDOR_FOLDER, Wanted};

use super::shelf::{Shelf, say};
use crate::args::plugin::source::UpdateArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::supply::{self, BringError};

/// From what was typed to the exit code. The lock is written when all went well.
pub(super) fn execute(args: &UpdateArgs) -> Result<ExitStatus, CliError> {
    let mut shelf = Shelf::open(&args.config, Network::Online)?;
    let chosen: Vec<PluginEntry> = match &args.name {
        None => shelf.entries.clone(),
        Some(name) => {
            let at = shelf.entry_named(name).ok_or_else(|| {
                CliError::usage_text(format!("there is no plugin `{name}`: {}", shelf.known()), None)
            })?;
            shelf.entries.get(at).cloned().into_iter().collect()
        }
    };
    for entry in &chosen {
        if let PluginAddress::Remote(source) = &entry.source {
            one(&mut shelf, source, entry)?;
        }
    }
    if args.name.is_none() {
        forget_unnamed(&mut shelf);
    }
    shelf.save_lock()?;
    Ok(ExitStatus::Fine)
}

fn one(shelf: &mut Shelf, source: &RemotePlugin, entry: &PluginEntry) -> Result<(), CliError> {
    let before = shelf.supply.lock.of(source).cloned();
    // As if it had never been locked: what its name means now is what is asked for.
    if let Some(before) = &before {
        shelf.supply.lock.remove(&before.name);
    }
    let wanted = Wanted { source, sha256: entry.sha256.as_ref() };
    let obtained = shelf.session.block_on(shelf.supply.obtain(wanted)).map_err(BringError::from)?;
    let host = shelf.session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    let plugin = shelf.session.block_on(supply::load(&host, source, obtained.bytes.clone()));
    let plugin = plugin.map_err(BringError::from)?;
    let name = before.as_ref().map(|before| before.name.clone());
    let now = supply::locked(source, name, &obtained, &plugin)?;
    say(&changed(before.as_ref(), &now));
    let copy = shelf.folder.join(VENDOR_FOLDER).join(format!("{}.wasm", now.name));
    if before.is_some_and(|before| before.sha256 != now.sha256) && copy.exists() {
        say(&format!("`{}` is still the old one: `flaky plugin vendor` writes it anew", copy.display()));
    }
    shelf.approve(source.as_str(), now.sha256);
    shelf.supply.lock.put(now).map_err(BringError::from)?;
    Ok(())
}

fn changed(before: Option<&LockedPlugin>, now: &LockedPlugin) -> String {
    let name = &now.name;
    match before {
        None => format!("{name}: {} is locked (sha256 {})", now.version, now.sha256),
        Some(before) if before.sha256 == now.sha256 => format!("{name}: {} as before", now.version),
        Some(before) => {
            let mut text = format!(
                "{name}: {} becomes {} (sha256 {} becomes {})",
                before.version, now.version, before.sha256, now.sha256
            );
            for want in now.wants.iter().filter(|want| !before.wants.contains(want)) {
                text.push_str(&format!("; it wants more: {want}"));
            }
            text
        }
    }
}

/// What the configuration no longer names.
fn forget_unnamed(shelf: &mut Shelf) {
    let named = |plugin: &LockedPlugin| {
        let is =
            |entry: &PluginEntry| matches!(&entry.source, PluginAddress::Remote(s) if *s == plugin.source);
        shelf.entries.iter().any(is)
    };
    let stale: Vec<_> =
        shelf.supply.lock.plugins().iter().filter(|p| !named(p)).map(|p| p.name.clone()).collect();
    for name in stale {
        shelf.supply.lock.remove(&name);
        say(&format!("{name}: no longer named, and taken out of the lock"));
    }
}
