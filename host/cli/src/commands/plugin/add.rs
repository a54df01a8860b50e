//! `flaky plugin add`.

use flaky_config::{InvalidPlugin, PluginAddress};
use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_plugin_host::{Plugin, PluginSource};
use flaky_plugin_registry::{LockedPlugin, Network, PluginName, Wanted};

use super::shelf::{Shelf, say};
use crate::args::plugin::source::AddArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::supply::{self, BringError};

/// From what was typed to the exit code. Nothing is written before the plugin has said what it is.
pub(super) fn execute(args: &AddArgs) -> Result<ExitStatus, CliError> {
    let address: PluginAddress = args.source.parse().map_err(|e: InvalidPlugin| CliError::usage(&e, None))?;
    let name = args.name.as_deref().map(|text| {
        text.parse::<PluginName>()
            .map_err(|why| CliError::from(BringError::Name { text: text.to_owned(), why }))
    });
    let name: Option<PluginName> = name.transpose()?;
    let sha256 = args.sha256.as_deref().map(|text| {
        let bare = text.strip_prefix("sha256:").unwrap_or(text);
        bare.parse::<Sha256Digest>()
            .map_err(|e| CliError::usage_text(format!("`--sha256 {text}`: {e}"), None))
    });
    let sha256: Option<Sha256Digest> = sha256.transpose()?;
    let mut shelf = Shelf::open(&args.config, Network::Online)?;
    match &address {
        PluginAddress::Remote(source) => remote(&mut shelf, source, name, sha256),
        PluginAddress::File(path) => {
            if name.is_some() || sha256.is_some() {
                return Err(CliError::usage_text("`--name` and `--sha256` are for what is fetched", None));
            }
            let host = shelf.session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
            let source = PluginSource::file(&shelf.folder.join(path)).map_err(BringError::from_plugin)?;
            let plugin = shelf.session.block_on(host.load(source)).map_err(BringError::from_plugin)?;
            put(&mut shelf, &args.source)?;
            if let Ok(sha256) = plugin.sha256().parse() {
                shelf.approve(&args.source, sha256);
            }
            introduce(&plugin, None);
            Ok(ExitStatus::Fine)
        }
        PluginAddress::Builtin(_) => {
            put(&mut shelf, &args.source)?;
            Ok(ExitStatus::Fine)
        }
    }
}

fn remote(
    shelf: &mut Shelf,
    source: &RemotePlugin,
    name: Option<PluginName>,
    sha256: Option<Sha256Digest>,
) -> Result<ExitStatus, CliError> {
    not_moved(shelf, source)?;
    let wanted = Wanted { source, sha256: sha256.as_ref() };
    let obtained = shelf.session.block_on(shelf.supply.obtain(wanted)).map_err(BringError::from)?;
    let host = shelf.session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    let loaded = shelf.session.block_on(supply::load(&host, source, obtained.bytes.clone()));
    let plugin = loaded.map_err(BringError::from)?;
    // The name that it has in the lock already stays.
    let name = name.or_else(|| shelf.supply.lock.of(source).map(|locked| locked.name.clone()));
    let locked = supply::locked(source, name, &obtained, &plugin)?;
    shelf.supply.lock.put(locked.clone()).map_err(BringError::from)?;
    put(shelf, source.as_str())?;
    shelf.save_lock()?;
    shelf.approve(source.as_str(), locked.sha256);
    introduce(&plugin, Some(&locked));
    Ok(ExitStatus::Fine)
}

/// A name that is locked and means something else by now is not taken silently.
fn not_moved(shelf: &Shelf, source: &RemotePlugin) -> Result<(), CliError> {
    let Some(locked) = shelf.supply.lock.of(source) else { return Ok(()) };
    let Some(before) = locked.resolved else { return Ok(()) };
    let now = shelf.session.block_on(shelf.supply.registry.resolve(source));
    let now = now.map_err(|e| CliError::from(BringError::Supply(e.into())))?;
    match now.manifest {
        Some(now) if now != before => Err(CliError::usage_text(
            format!(
                "`{source}` was moved: it is locked as sha256:{before}, and the registry has sha256:{now}"
            ),
            Some(&format!("`flaky plugin update {}` takes the new one", locked.name)),
        )),
        _ => Ok(()),
    }
}

/// Into the configuration, unless it stands there.
fn put(shelf: &mut Shelf, source: &str) -> Result<(), CliError> {
    if shelf.entries.iter().any(|entry| entry.source.to_string() == source) {
        say(&format!("`{}` names it already", shelf.config.display()));
        return Ok(());
    }
    shelf.add_line(source)?;
    say(&format!("`{}` names it now", shelf.config.display()));
    Ok(())
}

/// What the plugin is, and what it asks for.
pub(super) fn introduce(plugin: &Plugin, locked: Option<&LockedPlugin>) {
    let manifest = plugin.manifest();
    say(&format!("{} {}: {}", manifest.name, manifest.version, manifest.summary));
    say(&format!("  roles      {}", plugin.roles().names().join(", ")));
    say(&format!("  contract   {}", plugin.interfaces().contract()));
    say(&format!("  sha256     {}", plugin.sha256()));
    if let Some(locked) = locked {
        say(&format!("  size       {} bytes", locked.size));
        if let Some(manifest) = locked.resolved {
            say(&format!("  manifest   sha256:{manifest}"));
        }
    }
    if manifest.wants.is_empty() {
        say("  wants      nothing");
        return;
    }
    for want in &manifest.wants {
        say(&format!("  wants      {}", supply::want(want)));
    }
    let to_grant: Vec<String> = manifest.wants.iter().filter_map(grant).collect();
    if !to_grant.is_empty() {
        say("what it may not do unless you grant it, at its entry under `plugins`:");
        say("    grants:");
        to_grant.iter().for_each(|line| say(&format!("      - {line}")));
    }
}

/// The line of the configuration that grants what is asked for; reading files of the project needs none.
fn grant(want: &flaky_plugin_host::Want) -> Option<String> {
    use flaky_plugin_host::Want;
    match want {
        Want::Http(origin) => Some(format!("http: {origin}")),
        Want::Secret(name) => Some(format!("secret: {name}")),
        Want::Commands => Some("commands".to_owned()),
        Want::ReportFiles(_) | Want::TreeFiles(_) | Want::ProjectFiles(_) => None,
    }
}
