//! `flaky plugin publish`.

use flaky_core::remote_plugin::{InvalidRemote, RemotePlugin};
use flaky_plugin_host::{COMPONENT_BYTES, ComponentBytes, PluginSource};
use flaky_plugin_registry::{ArtifactNotes, Credentials, Overwrite, Patience, Registry};

use super::shelf::say;
use crate::args::OutputArgs;
use crate::args::plugin::source::PublishArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::supply::BringError;

/// From what was typed to the exit code. What this host would refuse to load is not published.
pub(super) fn execute(args: &PublishArgs) -> Result<ExitStatus, CliError> {
    let address = args
        .address
        .parse()
        .map_err(|e: InvalidRemote| CliError::usage_text(format!("`{}`: {e}", args.address), None))?;
    let RemotePlugin::Oci(address) = address else {
        return Err(CliError::usage_text(
            format!("`{}` is no registry", args.address),
            Some("name it as `oci://HOST/REPOSITORY:TAG`"),
        ));
    };
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    let source = PluginSource::file(&args.file).map_err(BringError::from_plugin)?;
    let ComponentBytes::Plain(bytes) = source.bytes.clone() else {
        return Err(CliError::usage_text("what comes with `flaky` is not published", None));
    };
    let plugin = session.block_on(host.load(source)).map_err(BringError::from_plugin)?;
    let (manifest, interfaces) = (plugin.manifest(), plugin.interfaces());
    let notes = ArtifactNotes {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        summary: manifest.summary.clone(),
        exports: interfaces.exports.clone(),
        imports: interfaces.imports.clone(),
    };
    let credentials =
        Credentials::from_environment(|name| std::env::var_os(name)).map_err(BringError::from)?;
    let registry = Registry::new(credentials, Patience::default(), COMPONENT_BYTES);
    let overwrite = if args.overwrite { Overwrite::Allowed } else { Overwrite::Never };
    let published = session.block_on(registry.publish(&address, &bytes, &notes, overwrite));
    let published = published.map_err(|e| CliError::from(BringError::Supply(e.into())))?;
    let how = if published.unchanged { "is there already, the very same" } else { "is published" };
    say(&format!("{} {} {how}", manifest.name, manifest.version));
    say(&format!("  manifest   sha256:{}", published.manifest));
    say(&format!("  component  sha256:{}", published.component));
    say(&format!("use it with `flaky plugin add {}`", address.as_str()));
    Ok(ExitStatus::Fine)
}
