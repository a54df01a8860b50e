//! A pull request's checkout: what its base says counts. Commands, plugins, grants, reporters and variables are those of
//! the base's file, and the plugins are the base's own bytes.

use std::path::{Path, PathBuf};

use flaky_config::quarantine::load;
use flaky_config::{
    ConfigFile, FILE_NAME, IgnoredKey, MAX_FILE_BYTES, NotTrusted, PluginAddress, PluginEntry, Quarantine,
    QuarantineChoice, prefer,
};
use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::LOCK_FILE_NAME;
use flaky_core::report::Note;
use flaky_exec::checkout::{
    self, CheckoutRequest, CheckoutSettings, CommitId, RefName, RepositorySource, RepositoryUrl, Snapshot,
    SnapshotError, Submodules,
};
use flaky_plugin_host::COMPONENT_BYTES;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{Asked, Authority, Settled, asked, digest_of, pinned};
use crate::cancel::Cancel;
use crate::quarantine::HeldQuarantine;
use crate::sources::folder_for;
use crate::supply::Locked;

/// Digits of a commit that people are shown.
const SHORT: usize = 7;

/// The revision whose word counts.
#[derive(Debug, Clone)]
pub struct TrustedRevision {
    /// A branch, or what the user named.
    pub name: String,
    /// The commit that the CI platform says the base has: by its full id, which nobody can forge.
    pub commit: Option<CommitId>,
    /// The repository that the job is of. `None`: that of the folder, as the user named the revision.
    pub repository: Option<RepositoryUrl>,
    /// How to fetch it.
    pub checkout: CheckoutSettings,
}

/// A revision's files, and what holds them.
struct Base {
    snapshot: Snapshot,
    /// For people.
    name: String,
    /// Removes what was fetched.
    _fetched: Option<TempDir>,
}

/// Leaves in a file what its base says.
pub(super) async fn settle(
    trusted: &TrustedRevision,
    authority: &Authority,
    folder: &Path,
    file: Option<ConfigFile>,
    store: &Path,
    cancel: &Cancel,
) -> Settled {
    let work = {
        let (trusted, folder, cancel) = (trusted.clone(), folder.to_owned(), cancel.clone());
        let (authority, store) = (authority.clone(), store.to_owned());
        move || {
            let base =
                obtain(&trusted, &folder, &cancel).and_then(|base| base.file().map(|file| (base, file)));
            let file = file.unwrap_or_else(|| empty(&folder));
            match base {
                Ok((base, of_base)) => with_base(&authority, &folder, file, &base, &of_base, &store),
                Err(why) => without_base(&trusted, &authority, &folder, file, &why),
            }
        }
    };
    // Reading objects and fetching block.
    match tokio::task::spawn_blocking(work).await {
        Ok(settled) => settled,
        Err(error) => Settled {
            notes: vec![Note {
                code: "trusted-revision-missing".into(),
                text: format!(
                    "looking for `{}` broke, and nothing of the folder's file counts: {error}",
                    trusted.name
                ),
            }],
            quarantine: Some(not_known(trusted, "looking for it broke".into(), true)),
            ..Settled::default()
        },
    }
}

fn empty(folder: &Path) -> ConfigFile {
    let mut file = ConfigFile::default();
    file.path = folder.join(FILE_NAME);
    file
}

fn without_base(
    trusted: &TrustedRevision,
    authority: &Authority,
    folder: &Path,
    mut file: ConfigFile,
    why: &str,
) -> Settled {
    let approved = approved_plugins(authority, folder, &file);
    let mut nothing = ConfigFile::default();
    nothing.settings.plugins = approved.clone();
    if approved.is_some() {
        file.settings.plugins = approved;
    }
    let mut ignored = prefer(&mut file, &nothing, "");
    ignored.retain(|ignored| ignored.place.is_some());
    ignored.iter_mut().for_each(|ignored| ignored.why = NotTrusted::Revision);
    let note = Note {
        code: "trusted-revision-missing".into(),
        text: format!("`{}`, whose configuration would count, cannot be had: {why}", trusted.name),
    };
    let notes = if ignored.is_empty() { Vec::new() } else { vec![note] };
    let differs = load(folder, &QuarantineChoice::Own).map_or(true, |own| own.is_some());
    let quarantine = Some(not_known(trusted, why.to_owned(), differs));
    Settled { file: Some(file), ignored, notes, quarantine }
}

/// A quarantine that nobody can look at.
fn not_known(trusted: &TrustedRevision, why: String, differs: bool) -> HeldQuarantine {
    HeldQuarantine { name: format!("`{}`", trusted.name), file: Err(why), differs }
}

fn with_base(
    authority: &Authority,
    folder: &Path,
    mut file: ConfigFile,
    base: &Base,
    of_base: &ConfigFile,
    store: &Path,
) -> Settled {
    let approved = approved_plugins(authority, folder, &file);
    let mut holds = of_base.clone();
    if let Some(approved) = &approved {
        holds.settings.plugins = Some(approved.clone());
        file.settings.plugins = Some(approved.clone());
    }
    let mut ignored = prefer(&mut file, &holds, &base.name);
    if approved.is_none()
        && let Some(entries) = file.settings.plugins.take()
    {
        let mut kept = Vec::new();
        for entry in entries {
            match base.component(authority, &entry, store) {
                Ok(entry_of_base) => {
                    ignored.extend(changed(folder, &file, &entry, &entry_of_base, &base.name));
                    kept.push(entry_of_base);
                }
                Err(why) => ignored.push(plugin_ignored(&file, &entry, why)),
            }
        }
        file.settings.plugins = Some(kept);
    }
    let quarantine = Some(base.quarantine(folder, of_base));
    Settled { file: Some(file), ignored, notes: Vec::new(), quarantine }
}

/// The plugins of this revision's file, where it names any and the user approved every one as it is.
fn approved_plugins(authority: &Authority, folder: &Path, file: &ConfigFile) -> Option<Vec<PluginEntry>> {
    let entries = file.settings.plugins.clone()?;
    let needs = |entry: &PluginEntry| !matches!(entry.source, PluginAddress::Builtin(_));
    if !entries.iter().any(needs) {
        return None;
    }
    let approved = |mut entry: PluginEntry| {
        if !needs(&entry) {
            return Some(entry);
        }
        let Asked::Plugin(asked) = asked(authority.supply.as_deref(), folder, file, &entry) else {
            return None;
        };
        if !authority.covers(&asked) {
            return None;
        }
        entry.sha256.get_or_insert(asked.approval.sha256);
        Some(entry)
    };
    entries.into_iter().map(approved).collect()
}

/// A component of this revision that is another than the base's, which is used.
fn changed(
    folder: &Path,
    file: &ConfigFile,
    entry: &PluginEntry,
    of_base: &PluginEntry,
    base: &str,
) -> Option<IgnoredKey> {
    let PluginAddress::File(path) = &entry.source else { return None };
    let here = digest_of(&folder.join(path))?;
    let why = format!("this revision's file is another one (sha256 {here}): that of {base} is used");
    (Some(here) != of_base.sha256).then(|| plugin_ignored(file, entry, why))
}

fn plugin_ignored(file: &ConfigFile, entry: &PluginEntry, why: String) -> IgnoredKey {
    let source = entry.source.to_string();
    IgnoredKey::of(file, "plugins", NotTrusted::Plugin { source, why, command: None })
}

impl Base {
    /// The base's configuration; without a file it asks for nothing.
    fn file(&self) -> Result<ConfigFile, String> {
        let name = Path::new(FILE_NAME);
        let bytes = self.snapshot.file(name, MAX_FILE_BYTES).map_err(|e| e.to_string())?;
        bytes.map_or_else(
            || Ok(ConfigFile::default()),
            |bytes| flaky_config::parse(name, &bytes).map_err(|e| format!("its configuration: {e}")),
        )
    }

    /// The tests that the base has in quarantine. A file of its own that cannot be read puts none there, and is told.
    fn quarantine(&self, folder: &Path, of_base: &ConfigFile) -> HeldQuarantine {
        let choice = of_base.settings.quarantine.clone().unwrap_or_default();
        let file = self.quarantine_file(&choice);
        let own = load(folder, &choice).map(|own| own.unwrap_or_default().entries);
        let differs = match (&file, own) {
            (Ok(file), Ok(own)) => file.entries != own,
            (Err(_), _) | (_, Err(_)) => true,
        };
        HeldQuarantine { name: self.name.clone(), file, differs }
    }

    fn quarantine_file(&self, choice: &QuarantineChoice) -> Result<Quarantine, String> {
        let Some(path) = choice.file() else { return Ok(Quarantine::default()) };
        match self.snapshot.file(path, MAX_FILE_BYTES).map_err(|e| e.to_string())? {
            Some(bytes) => flaky_config::quarantine::parse(path, &bytes).map_err(|e| e.to_string()),
            None if choice.is_named() => Err("it has no such file".to_owned()),
            None => Ok(Quarantine::default()),
        }
    }

    fn lock(&self) -> Option<String> {
        String::from_utf8(self.snapshot.file(Path::new(LOCK_FILE_NAME), MAX_FILE_BYTES).ok()??).ok()
    }

    /// The same entry with the base's own bytes, which have to have the digest that it names.
    fn component(
        &self,
        authority: &Authority,
        entry: &PluginEntry,
        store: &Path,
    ) -> Result<PluginEntry, String> {
        let path = match &entry.source {
            PluginAddress::Builtin(_) => return Ok(entry.clone()),
            // What the base's lock says is what is fetched, whatever this revision's lock says.
            PluginAddress::Remote(remote) => {
                return match pinned(authority.supply.as_deref(), entry, remote, || self.lock()) {
                    Locked::Digest(sha256) => Ok(PluginEntry { sha256: Some(sha256), ..entry.clone() }),
                    Locked::Missing => {
                        Err(format!("{} has no digest of it in `{LOCK_FILE_NAME}`", self.name))
                    }
                    Locked::Unreadable => Err(format!("`{LOCK_FILE_NAME}` of {} cannot be read", self.name)),
                };
            }
            PluginAddress::File(path) => path,
        };
        let bytes = match self.snapshot.file(path, COMPONENT_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(format!("{} has no such file", self.name)),
            Err(error @ SnapshotError::NotAFile(_)) => return Err(error.to_string()),
            Err(error) => return Err(format!("in {}: {error}", self.name)),
        };
        let digest = Sha256Digest::new(Sha256::digest(&bytes).into());
        if entry.sha256.is_some_and(|expected| expected != digest) {
            return Err(format!(
                "in {} it has the digest {digest}, which is not what its entry says",
                self.name
            ));
        }
        let kept = keep(store, digest, &bytes).map_err(|e| format!("it cannot be written: {e}"))?;
        Ok(PluginEntry { taken_from: Some(kept), sha256: Some(digest), ..entry.clone() })
    }
}

/// Under its digest, which is held against it again when it is loaded.
fn keep(store: &Path, digest: Sha256Digest, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(store)?;
    let path = store.join(format!("{digest}.wasm"));
    let mut file = tempfile::NamedTempFile::new_in(store)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(&path).map_err(|e| e.error)?;
    Ok(path)
}

/// Looks among the objects that are here, and fetches what is not.
fn obtain(trusted: &TrustedRevision, folder: &Path, cancel: &Cancel) -> Result<Base, String> {
    if let Some(commit) = &trusted.commit
        && let Ok(snapshot) = Snapshot::of_commit(folder, commit)
    {
        return Ok(Base::new(trusted, snapshot, None));
    }
    let place = checkout::place_of(folder).map_err(|e| e.to_string());
    let (inside, origin) = match (&place, &trusted.repository) {
        (Ok((inside, origin)), _) => (inside.clone(), origin.as_deref().and_then(url_of)),
        // A folder that is in no repository has nothing that the base's could be compared with.
        (Err(why), _) => return Err(why.clone()),
    };
    if let Some(snapshot) = found_here(trusted, folder, origin.as_ref()) {
        return Ok(Base::new(trusted, snapshot, None));
    }
    let url = trusted.repository.clone().or(origin).ok_or("the repository here has no `origin`")?;
    fetched(trusted, url, &inside, cancel)
}

/// Names of branches are taken from this repository only where it is a clone of the one that the job is of: a fork has a
/// branch of the same name.
fn found_here(trusted: &TrustedRevision, folder: &Path, origin: Option<&RepositoryUrl>) -> Option<Snapshot> {
    let tracked = format!("refs/remotes/origin/{}", trusted.name);
    match &trusted.repository {
        None => Snapshot::of_revision(folder, &trusted.name)
            .or_else(|_| Snapshot::of_revision(folder, &tracked))
            .ok(),
        Some(own) if origin.is_some_and(|origin| same(origin, own)) => {
            Snapshot::of_revision(folder, &tracked).ok()
        }
        Some(_) => None,
    }
}

fn url_of(text: &str) -> Option<RepositoryUrl> {
    match RepositorySource::parse(text) {
        Ok(RepositorySource::Remote(url)) => Some(url),
        _ => None,
    }
}

/// With or without `.git` behind it, it is the same repository.
fn same(a: &RepositoryUrl, b: &RepositoryUrl) -> bool {
    let bare = |url: &RepositoryUrl| {
        let text = url.to_string();
        text.trim_end_matches('/').trim_end_matches(".git").to_owned()
    };
    bare(a) == bare(b)
}

fn fetched(
    trusted: &TrustedRevision,
    url: RepositoryUrl,
    inside: &Path,
    cancel: &Cancel,
) -> Result<Base, String> {
    // Of the branch as it is now: a name is what the workflow was started with.
    let full = match trusted.repository {
        Some(_) => format!("refs/heads/{}", trusted.name),
        None => trusted.name.trim_start_matches("origin/").to_owned(),
    };
    let commit = trusted.repository.is_none().then(|| CommitId::parse(&full).ok()).flatten();
    let reference = match &commit {
        Some(_) => None,
        None => Some(RefName::parse(&full).map_err(|e| e.to_string())?),
    };
    let holder = folder_for(None).map_err(|e| e.to_string())?;
    let tree = holder.path().join("tree");
    let settings = CheckoutSettings { submodules: Submodules::Leave, ..trusted.checkout.clone() };
    let request = CheckoutRequest { url, reference, commit, settings };
    checkout::checkout(&request, &tree, &cancel.flag()).map_err(|e| e.to_string())?;
    let snapshot = Snapshot::of_checkout(&tree, inside).map_err(|e| e.to_string())?;
    Ok(Base::new(trusted, snapshot, Some(holder)))
}

impl Base {
    fn new(trusted: &TrustedRevision, snapshot: Snapshot, fetched: Option<TempDir>) -> Self {
        let commit = snapshot.commit().get(..SHORT).unwrap_or_default().to_owned();
        Self { snapshot, name: format!("`{}` ({commit})", trusted.name), _fetched: fetched }
    }
}
