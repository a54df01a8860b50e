//! `flaky plugin add`, `update`, `remove`, `list`, `vendor`, `publish`: where plugins come from.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Put a plugin into the configuration, and what it stands for into the lock
    Add(AddArgs),
    /// Look up anew what the plugins of the configuration stand for, and write it into the lock
    Update(UpdateArgs),
    /// Take a plugin out of configuration and lock
    Remove(RemoveArgs),
    /// Say which plugins the configuration names, and where each comes from
    List(ListArgs),
    /// Copy the locked plugins into the repository, so that a run needs neither network nor cache
    Vendor(VendorArgs),
    /// Put a component into an OCI registry
    Publish(PublishArgs),
}

/// Put a plugin into the configuration, and what it stands for into the lock.
///
/// The plugin is fetched and asked what it is; nothing else of it runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky plugin add oci://registry.example.org/team/infra:1.2.0
  flaky plugin add https://example.org/teams.wasm --sha256 DIGEST
  flaky plugin add ./plugins/mine.wasm")]
pub(crate) struct AddArgs {
    /// `oci://HOST/REPOSITORY:TAG`, `https://…`, a path, or `builtin:NAME`
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,

    /// How commands call it [default: as it calls itself]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Digest that the component must have
    #[arg(long, value_name = "DIGEST")]
    pub(crate) sha256: Option<String>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Look up anew what the plugins of the configuration stand for, and write it into the lock.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Only this one [default: all]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Take a plugin out of configuration and lock.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Its name in the lock, or its source as it is written
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Say which plugins the configuration names, and where each comes from. Nothing is fetched.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// As JSON, for other programs
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Copy the locked plugins into `.flaky/plugins`, so that a run needs neither network nor cache.
///
/// They count only as long as they are what the lock says.
#[derive(Debug, Args)]
pub(crate) struct VendorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Put a component into an OCI registry, in the layout that other tools for WebAssembly use.
///
/// Credentials: `docker login HOST`, or FLAKY_REGISTRY_USER and FLAKY_REGISTRY_PASSWORD.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  flaky plugin publish target/infra.wasm oci://registry.example.org/team/infra:1.2.0")]
pub(crate) struct PublishArgs {
    /// The component
    pub(crate) file: PathBuf,

    /// `oci://HOST/REPOSITORY:TAG`
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,

    /// Move the tag if it is there already
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Which configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: `.flaky-detector.yml`]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
