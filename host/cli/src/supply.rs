//! Plugins that are not on this machine: by which rules they are brought, and what is written down of them.

use std::path::Path;

use flaky_config::{Origin, PluginAddress, PluginRef};
use flaky_core::remote_plugin::RemotePlugin;
use flaky_engine::folders::Folders;
use flaky_engine::supply::{Bringing, Brought, Locked, NoComponent, Owner, PluginSupply, SupplyPlace};
use flaky_plugin_host::{
    COMPONENT_BYTES, ComponentBytes, Plugin, PluginError, PluginHost, PluginSource, Want,
};
use flaky_plugin_registry::{
    Credentials, CredentialsError, InvalidLock, InvalidName, LOCK_FILE_NAME, Lock, LockError, LockRule,
    LockedPlugin, Network, Obtained, Patience, PluginName, Registry, Standing, Store, Supply, SupplyError,
    Wanted,
};

use crate::args::SupplyArgs;
use crate::error::CliError;
use crate::in_ci;

/// Brings the plugins of a run.
#[derive(Debug)]
pub(crate) struct RunSupply {
    folders: Folders,
    rule: LockRule,
    network: Network,
}

impl RunSupply {
    /// In CI what runs is what was locked, unless somebody says otherwise.
    pub(crate) fn new(folders: &Folders, args: &SupplyArgs) -> Self {
        let in_ci = in_ci::this_process();
        let rule = match (args.locked, args.no_locked, in_ci) {
            (true, ..) | (false, false, true) => LockRule::Locked,
            (false, true, _) | (false, false, false) => LockRule::Fill,
        };
        let network = if args.offline { Network::Offline } else { Network::Online };
        Self { folders: folders.clone(), rule, network }
    }

    async fn all(
        &self,
        host: &PluginHost,
        wanted: &[&PluginRef],
        place: &SupplyPlace,
    ) -> Result<Brought, BringError> {
        let mut supply = open(&self.folders, &place.folder, self.rule, self.network)?;
        let mut brought = Brought::new();
        let mut changed = false;
        for plugin in wanted {
            let PluginAddress::Remote(source) = &plugin.source else { continue };
            let obtained = supply.obtain(Wanted { source, sha256: plugin.sha256.as_ref() }).await?;
            // What somebody typed once is not the repository's business.
            let kept = plugin.origin == Origin::File && place.owner == Owner::User;
            if kept && obtained.standing != Standing::Locked && self.rule == LockRule::Fill {
                let loaded = load(host, source, obtained.bytes.clone()).await?;
                supply.lock.put(locked(source, None, &obtained, &loaded)?)?;
                changed = true;
            }
            brought.insert(source.clone(), obtained.bytes);
        }
        if changed {
            supply.lock.save(&place.folder.join(LOCK_FILE_NAME))?;
        }
        Ok(brought)
    }
}

impl PluginSupply for RunSupply {
    fn locked(&self, lock: &str, source: &RemotePlugin) -> Locked {
        match Lock::parse(lock) {
            Ok(lock) => lock.of(source).map_or(Locked::Missing, |locked| Locked::Digest(locked.sha256)),
            Err(_) => Locked::Unreadable,
        }
    }

    fn bring<'a>(
        &'a self,
        host: &'a PluginHost,
        wanted: &'a [&'a PluginRef],
        place: &'a SupplyPlace,
    ) -> Bringing<'a> {
        Box::pin(async move { self.all(host, wanted, place).await.map_err(BringError::told) })
    }
}

/// Why a plugin cannot be brought, or what is known of it not be written down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BringError {
    #[error(transparent)]
    Supply(#[from] SupplyError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("`{LOCK_FILE_NAME}`: {0}")]
    Entry(#[from] InvalidLock),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("fetched plugins cannot be kept: {0}")]
    Folder(#[from] flaky_files::NotPrivate),
    #[error(transparent)]
    Plugin(#[from] Box<PluginError>),
    #[error("`{text}`: {why}")]
    Name { text: String, why: InvalidName },
}

impl BringError {
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Supply(error) if error.is_outage())
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Supply(error) => error.hint(),
            Self::Lock(error) => error.hint().map(str::to_owned),
            Self::Entry(InvalidLock::TwoOfAName(_)) => {
                Some("add one of them under another name: `flaky plugin add SOURCE --name NAME`".into())
            }
            Self::Folder(_) => Some("name another folder with `FLAKY_CACHE_DIR`".into()),
            Self::Plugin(error) => error.hint(),
            Self::Name { .. } => Some("name it with `--name NAME`".into()),
            Self::Entry(_) | Self::Credentials(_) => None,
        }
    }

    pub(crate) fn from_plugin(error: PluginError) -> Self {
        Self::Plugin(Box::new(error))
    }

    fn told(self) -> NoComponent {
        NoComponent { hint: self.hint(), outage: self.is_outage(), source: Box::new(self) }
    }
}

impl From<BringError> for CliError {
    fn from(error: BringError) -> Self {
        let hint = error.hint();
        if error.is_outage() { Self::fault(&error, hint) } else { Self::usage(&error, hint) }
    }
}

/// The lock of a folder, and all that plugins are brought with.
pub(crate) fn open(
    folders: &Folders,
    folder: &Path,
    rule: LockRule,
    network: Network,
) -> Result<Supply, BringError> {
    let credentials = Credentials::from_environment(|name| std::env::var_os(name))?;
    let store = flaky_files::private_folder(&folders.fetched_components())?;
    Ok(Supply {
        registry: Registry::new(credentials, Patience::default(), COMPONENT_BYTES),
        store: Store::new(store, COMPONENT_BYTES),
        lock: Lock::load(&folder.join(LOCK_FILE_NAME))?.unwrap_or_default(),
        folder: Some(folder.to_owned()),
        rule,
        network,
        limit: COMPONENT_BYTES,
    })
}

/// Asks a component what it is.
pub(crate) async fn load(
    host: &PluginHost,
    source: &RemotePlugin,
    bytes: Vec<u8>,
) -> Result<Plugin, Box<PluginError>> {
    let source = PluginSource {
        label: source.to_string(),
        bytes: ComponentBytes::Plain(bytes.into()),
        trusted: false,
    };
    host.load(source).await.map_err(Box::new)
}

/// What the lock says of a component.
pub(crate) fn locked(
    source: &RemotePlugin,
    name: Option<PluginName>,
    obtained: &Obtained,
    plugin: &Plugin,
) -> Result<LockedPlugin, BringError> {
    let manifest = plugin.manifest();
    let name = name.map_or_else(
        || manifest.name.parse().map_err(|why| BringError::Name { text: manifest.name.clone(), why }),
        Ok,
    )?;
    let mut wants: Vec<String> = manifest.wants.iter().map(want).collect();
    wants.sort();
    Ok(LockedPlugin {
        name,
        source: source.clone(),
        version: manifest.version.clone(),
        resolved: obtained.manifest,
        sha256: obtained.sha256,
        size: obtained.bytes.len() as u64,
        contract: plugin.interfaces().contract().to_owned(),
        wants,
    })
}

/// What a plugin asks for, in a line.
pub(crate) fn want(want: &Want) -> String {
    match want {
        Want::ReportFiles(glob) => format!("report-files {glob}"),
        Want::TreeFiles(glob) => format!("tree-files {glob}"),
        Want::ProjectFiles(glob) => format!("project-files {glob}"),
        Want::Http(origin) => format!("http {origin}"),
        Want::Secret(name) => format!("secret {name}"),
        Want::Commands => "commands".to_owned(),
    }
}
