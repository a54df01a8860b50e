//! Whose word a folder's own configuration file is.
//!
//! Tests are run as the user, whatever the file says; what it could do beyond that is to load code that judges, to send
//! things to others, and to hand out secrets. Whoever may decide that is settled here, before anything of the file is
//! used: [`Authority`] says it, [`settle`] leaves in the file what counts, and names what does not.

mod approvals;
mod revision;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_config::{ConfigFile, IgnoredKey, MAX_FILE_BYTES, NotTrusted, PluginAddress, PluginEntry};
use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::{LOCK_FILE_NAME, RemotePlugin};
use flaky_core::report::Note;
use flaky_plugin_host::PluginSource;

pub use self::approvals::{Approval, Approvals, ApprovalsError};
pub use self::revision::TrustedRevision;
use crate::cancel::Cancel;
pub use crate::quarantine::HeldQuarantine;
use crate::supply::{Locked, PluginSupply};

/// Whose word a folder's own file is.
#[derive(Debug, Clone)]
pub struct Authority {
    /// By where we run.
    pub standing: Standing,
    /// What the user has approved.
    pub approvals: Approvals,
    /// How people are told to approve.
    pub approve_by: ApproveBy,
    /// Reads locks, which say what a plugin that has to be fetched is. `None`: no lock says anything.
    pub supply: Option<Arc<dyn PluginSupply>>,
}

/// What of a file counts without approval.
#[derive(Debug, Clone)]
pub enum Standing {
    /// All of it.
    Everything,
    /// All but the plugins that it names and what it grants them: the user's own folder, which may have been cloned from
    /// anywhere a minute ago.
    Folder,
    /// All of it where the folder has this commit checked out, which is the workflow's own; otherwise as [`Self::Folder`].
    Commit(String),
    /// What another revision says: that of a pull request's base.
    Revision(Box<TrustedRevision>),
}

/// How people are told to approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApproveBy {
    /// By looking at it: somebody sits there.
    Looking,
    /// By its digest: nobody can be asked.
    Digest,
}

impl Authority {
    /// That of whoever may decide all: a worker's owner, say.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            standing: Standing::Everything,
            approvals: Approvals::default(),
            approve_by: ApproveBy::Digest,
            supply: None,
        }
    }
}

/// A file, of which all that is left counts.
#[derive(Debug, Default)]
pub struct Settled {
    /// The file.
    pub file: Option<ConfigFile>,
    /// What it asked for in vain.
    pub ignored: Vec<IgnoredKey>,
    /// What else the reader should know.
    pub notes: Vec<Note>,
    /// The quarantine of the revision whose word counts; `None`: that of the folder.
    pub quarantine: Option<HeldQuarantine>,
}

/// A plugin that a file names, and that is not part of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPlugin {
    /// What an approval would say.
    pub approval: Approval,
    /// Where the component is; `None`: it has to be fetched.
    pub path: Option<PathBuf>,
}

/// What an entry asks for.
enum Asked {
    /// What is part of the program, or cannot be read: loading it says why.
    Nothing,
    /// This.
    Plugin(AskedPlugin),
    /// To fetch something that neither the entry nor the lock has the digest of: there is nothing to approve.
    Unpinned,
}

/// Leaves in a file what counts. `commit`: what the folder has checked out; `store`: a folder for components of other
/// revisions, named by their digests.
pub async fn settle(
    authority: &Authority,
    folder: &Path,
    commit: Option<&str>,
    file: Option<ConfigFile>,
    store: &Path,
    cancel: &Cancel,
) -> Settled {
    let file = match &authority.standing {
        Standing::Everything => return Settled { file, ..Settled::default() },
        Standing::Commit(own) if commit == Some(own) => return Settled { file, ..Settled::default() },
        Standing::Revision(trusted) => {
            return revision::settle(trusted, authority, folder, file, store, cancel).await;
        }
        Standing::Folder | Standing::Commit(_) => file,
    };
    let Some(mut file) = file else { return Settled::default() };
    let ignored = approved_only(authority, folder, &mut file);
    Settled { file: Some(file), ignored, ..Settled::default() }
}

/// The plugins that a file names and that have to be approved, as they are now. One that cannot be read is left out:
/// loading it says why.
#[must_use]
pub fn asked_plugins(
    supply: Option<&dyn PluginSupply>,
    folder: &Path,
    file: &ConfigFile,
) -> Vec<AskedPlugin> {
    let entries = file.settings.plugins.iter().flatten();
    let plugin = |entry| match asked(supply, folder, file, entry) {
        Asked::Plugin(asked) => Some(asked),
        Asked::Nothing | Asked::Unpinned => None,
    };
    entries.filter_map(plugin).collect()
}

fn asked(supply: Option<&dyn PluginSupply>, folder: &Path, file: &ConfigFile, entry: &PluginEntry) -> Asked {
    let beside = file.path.parent().unwrap_or(folder);
    let (sha256, path) = match &entry.source {
        PluginAddress::Builtin(_) => return Asked::Nothing,
        PluginAddress::File(named) => {
            let path = beside.join(named);
            let Some(sha256) = digest_of(&path) else { return Asked::Nothing };
            (sha256, Some(path))
        }
        PluginAddress::Remote(remote) => {
            let lock = || lock_text(&beside.join(LOCK_FILE_NAME));
            match pinned(supply, entry, remote, lock) {
                Locked::Digest(sha256) => (sha256, None),
                Locked::Missing => return Asked::Unpinned,
                Locked::Unreadable => return Asked::Nothing,
            }
        }
    };
    let Ok(repository) = folder.canonicalize() else { return Asked::Nothing };
    let (source, grants) = (entry.source.to_string(), entry.terms.grants.clone());
    Asked::Plugin(AskedPlugin { approval: Approval { repository, source, sha256, grants }, path })
}

/// The digest that the entry, else a lock, has of a plugin that has to be fetched.
fn pinned(
    supply: Option<&dyn PluginSupply>,
    entry: &PluginEntry,
    remote: &RemotePlugin,
    lock: impl FnOnce() -> Option<String>,
) -> Locked {
    match (entry.sha256, supply) {
        (Some(sha256), _) => Locked::Digest(sha256),
        (None, Some(supply)) => lock().map_or(Locked::Missing, |lock| supply.locked(&lock, remote)),
        (None, None) => Locked::Missing,
    }
}

/// A lock that is not there, no file, no text or far too large says nothing.
fn lock_text(path: &Path) -> Option<String> {
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let mut text = String::new();
    let read = is_file.then(|| std::fs::File::open(path).ok()).flatten()?;
    read.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

fn digest_of(path: &Path) -> Option<Sha256Digest> {
    PluginSource::file(path).ok().map(|source| Sha256Digest::new(source.sha256()))
}

/// Takes out the plugins that nobody approved. Those that stay have to be, when they are loaded, what was approved.
fn approved_only(authority: &Authority, folder: &Path, file: &mut ConfigFile) -> Vec<IgnoredKey> {
    let entries = file.settings.plugins.take();
    let mut ignored = Vec::new();
    let kept = entries.map(|entries| {
        let approved = |mut entry: PluginEntry| match asked(authority.supply.as_deref(), folder, file, &entry)
        {
            Asked::Nothing => Some(entry),
            Asked::Plugin(asked) if authority.covers(&asked) => {
                entry.sha256.get_or_insert(asked.approval.sha256);
                Some(entry)
            }
            Asked::Plugin(asked) => {
                ignored.push(authority.not_approved(file, &asked));
                None
            }
            Asked::Unpinned => {
                ignored.push(not_pinned(file, &entry));
                None
            }
        };
        entries.into_iter().filter_map(approved).collect()
    });
    file.settings.plugins = kept;
    ignored
}

impl Authority {
    /// Whether the user approved it as it is now.
    #[must_use]
    pub fn covers(&self, asked: &AskedPlugin) -> bool {
        let Approval { repository, source, sha256, grants } = &asked.approval;
        self.approvals.covers(repository, source, *sha256, grants)
    }

    fn not_approved(&self, file: &ConfigFile, asked: &AskedPlugin) -> IgnoredKey {
        let sha256 = asked.approval.sha256;
        let command = match self.approve_by {
            ApproveBy::Looking => "flaky plugin trust".to_owned(),
            ApproveBy::Digest => format!("flaky plugin trust --yes {sha256}"),
        };
        let known = self.approvals.list().iter().any(|approval| {
            (&approval.repository, &approval.source) == (&asked.approval.repository, &asked.approval.source)
        });
        let why = match known {
            true => format!("it, or what it is granted, was changed since it was approved (sha256 {sha256})"),
            false => format!("nobody has approved it here (sha256 {sha256})"),
        };
        let source = asked.approval.source.clone();
        IgnoredKey::of(file, "plugins", NotTrusted::Plugin { source, why, command: Some(command) })
    }
}

fn not_pinned(file: &ConfigFile, entry: &PluginEntry) -> IgnoredKey {
    let source = entry.source.to_string();
    let why = format!("`{LOCK_FILE_NAME}` has no digest of it, so that nobody can have approved it");
    let command = Some(format!("flaky plugin add {source}"));
    IgnoredKey::of(file, "plugins", NotTrusted::Plugin { source, why, command })
}
