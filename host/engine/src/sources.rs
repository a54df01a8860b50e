//! Getting the sources: a local folder as it stands, or a repository fetched into a folder of its own.

use std::path::{Path, PathBuf};

use flaky_config::Trust;
use flaky_core::history::repository_name;
use flaky_core::report::Note;
use flaky_core::text::visible;
use flaky_core::verdict::Cause;
use flaky_exec::RunAs;
use flaky_exec::checkout::{
    self, CheckoutError, CheckoutRequest, CommitId, ExportError, LocalState, RefName, RepositorySource,
};
use flaky_files::{Passing, temporary_folder};
use tempfile::TempDir;

use crate::attempt::SetAside;
use crate::cancel::Cancel;
use crate::event::Events;
use crate::run::RunRequest;

/// Sources on disk.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Absolute.
    pub(crate) tree: PathBuf,
    /// A folder, or a URL without credentials.
    pub(crate) name: String,
    /// Of the repository, when it is one.
    pub(crate) commit: Option<String>,
    /// Whether settings in the sources count: the user's own folder is the user's own word, what was fetched from
    /// somewhere is not.
    pub(crate) trust: Trust,
    /// What they are called in the history.
    pub(crate) place: SourcePlace,
    /// Things the reader should know.
    pub(crate) notes: Vec<Note>,
    /// Removes what was fetched.
    fetched: Option<TempDir>,
}

/// What sources are called in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourcePlace {
    /// The repository's name, or its folder.
    pub(crate) repository: String,
    /// The sources' folder below the repository's root; empty is the root.
    pub(crate) below: String,
    /// The branch.
    pub(crate) branch: Option<String>,
    /// There are changes that are in no commit.
    pub(crate) changed: bool,
}

impl SourcePlace {
    fn local(tree: &Path, state: &LocalState) -> Self {
        let root = state.root.as_deref().and_then(|root| root.canonicalize().ok());
        let below = root.as_deref().and_then(|root| tree.strip_prefix(root).ok());
        let folder = root.as_deref().filter(|_| below.is_some()).unwrap_or(tree);
        let origin = state.origin.as_deref().and_then(repository_name);
        Self {
            repository: origin.unwrap_or_else(|| visible(&folder.display().to_string())),
            below: below.map(|below| visible(&below.display().to_string())).unwrap_or_default(),
            branch: state.branch.as_deref().map(visible),
            changed: state.dirty == Some(true),
        }
    }

    fn fetched(url: &str, reference: Option<&RefName>) -> Self {
        // Other references than branches (tags, pull requests) are written in full.
        let branch =
            reference.map(RefName::as_str).map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
        Self {
            repository: repository_name(url).unwrap_or_else(|| visible(url)),
            below: String::new(),
            branch: branch.filter(|name| !name.starts_with("refs/")).map(visible),
            changed: false,
        }
    }
}

impl Sources {
    /// A message about the sources without the folder they happen to be in: of what was fetched, it is gone when the
    /// message is read.
    pub(crate) fn relative(&self, message: &str) -> String {
        match &self.fetched {
            Some(_) => message.replace(&format!("{}/", self.tree.display()), ""),
            None => message.to_owned(),
        }
    }
}

/// Why there are no sources.
#[derive(Debug)]
pub(crate) enum NoSources {
    /// The run is inconclusive: the repository is not to be had.
    Unreachable(SetAside),
    /// The user named something that is not a folder.
    NotAFolder(PathBuf, std::io::Error),
}

/// Finds or fetches the sources.
pub(crate) async fn obtain(request: &RunRequest, events: &Events) -> Result<Sources, NoSources> {
    match &request.source {
        RepositorySource::Local(folder) => local(folder).await,
        RepositorySource::Remote(url) => {
            events.stage(format!("fetching `{url}`"));
            let checkout = CheckoutRequest {
                url: url.clone(),
                reference: request.reference.clone(),
                commit: request.commit.clone(),
                settings: request.checkout.clone(),
            };
            fetch(checkout, request.run_as, request.fetched, &request.cancel).await
        }
    }
}

/// What a run is compared with.
#[derive(Debug)]
pub(crate) struct BaseSources {
    /// As it was asked for.
    pub(crate) revision: String,
    pub(crate) sources: Sources,
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoBase {
    /// The folder's own repository does not have it.
    #[error("`--base`: {0}")]
    Export(#[from] ExportError),
    /// It cannot be fetched.
    #[error("`--base {revision}`: {why}")]
    Fetch {
        /// What was asked for.
        revision: String,
        /// What went wrong.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A folder of ours.
    #[error("no folder for the base: {0}")]
    Folder(#[from] std::io::Error),
}

impl NoBase {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Export(error) => error.hint().map(str::to_owned),
            Self::Fetch { hint, .. } => hint.clone(),
            Self::Folder(_) => None,
        }
    }
}

/// Fetches what the run is to be compared with, or writes it out of the folder's own repository.
pub(crate) async fn obtain_base(
    request: &RunRequest,
    head: &Sources,
    events: &Events,
) -> Result<Option<BaseSources>, NoBase> {
    let Some(revision) = request.base.clone() else { return Ok(None) };
    events.stage(format!("getting the base `{revision}`"));
    let sources = match &request.source {
        RepositorySource::Local(_) => exported(head, &revision, request).await?,
        RepositorySource::Remote(url) => {
            let refuse = |why: String, hint| NoBase::Fetch { revision: revision.clone(), why, hint };
            let commit = CommitId::parse(&revision).ok();
            let reference = match &commit {
                Some(_) => None,
                None => Some(RefName::parse(&revision).map_err(|e| refuse(e.to_string(), None))?),
            };
            let settings = request.checkout.clone();
            let checkout = CheckoutRequest { url: url.clone(), reference, commit, settings };
            fetch(checkout, request.run_as, request.fetched, &request.cancel).await.map_err(|e| match e {
                NoSources::Unreachable(aside) => refuse(aside.why, aside.hint),
                NoSources::NotAFolder(_, error) => refuse(error.to_string(), None),
            })?
        }
    };
    Ok(Some(BaseSources { revision, sources }))
}

async fn exported(head: &Sources, revision: &str, request: &RunRequest) -> Result<Sources, NoBase> {
    let folder = folder_for(request.run_as)?;
    let (from, into) = (head.tree.clone(), folder.path().join("tree"));
    let (wanted, cancelled) = (revision.to_owned(), request.cancel.flag());
    let written = tokio::task::spawn_blocking(move || checkout::export(&from, &wanted, &into, &cancelled))
        .await
        .map_err(std::io::Error::other)??;
    Ok(Sources {
        tree: written.folder.canonicalize()?,
        name: head.name.clone(),
        commit: Some(written.commit),
        trust: head.trust,
        place: head.place.clone(),
        notes: Vec::new(),
        fetched: Some(folder),
    })
}

async fn local(folder: &Path) -> Result<Sources, NoSources> {
    let refuse = |error| NoSources::NotAFolder(folder.to_owned(), error);
    let tree = folder.canonicalize().map_err(refuse)?;
    if !tree.is_dir() {
        return Err(refuse(std::io::Error::from(std::io::ErrorKind::NotADirectory)));
    }
    // Starting libgit2 (and OpenSSL with it) costs as much as the rest of a short run: only where there is a reason.
    let state = if tree.ancestors().any(|folder| folder.join(".git").exists()) {
        let looked_at = tree.clone();
        tokio::task::spawn_blocking(move || checkout::describe_local(&looked_at)).await.unwrap_or_default()
    } else {
        LocalState::default()
    };
    let changed = (state.dirty == Some(true)).then(|| Note {
        code: "uncommitted-changes".into(),
        text: "the folder holds changes that are not in the commit".into(),
    });
    Ok(Sources {
        name: tree.display().to_string(),
        place: SourcePlace::local(&tree, &state),
        tree,
        commit: state.commit,
        trust: Trust::Trusted,
        notes: changed.into_iter().collect(),
        fetched: None,
    })
}

/// Fetches a repository into a folder that is removed with the sources.
pub(crate) async fn fetch(
    mut checkout: CheckoutRequest,
    run_as: Option<RunAs>,
    trust: Trust,
    cancel: &Cancel,
) -> Result<Sources, NoSources> {
    let name = checkout.url.to_string();
    let place = SourcePlace::fetched(&name, checkout.reference.as_ref());
    checkout.settings.owner = run_as;
    let folder = folder_for(run_as).map_err(|e| unreachable_by(format!("no folder for the sources: {e}")))?;
    let tree = folder.path().join("tree");
    let into = tree.clone();
    let cancelled = cancel.flag();
    let fetched = tokio::task::spawn_blocking(move || checkout::checkout(&checkout, &into, &cancelled))
        .await
        .map_err(|e| unreachable_by(format!("fetching broke: {e}")))?
        .map_err(unreachable)?;
    Ok(Sources {
        tree: tree.canonicalize().map_err(|e| unreachable_by(e.to_string()))?,
        name,
        commit: Some(fetched.commit),
        trust,
        place,
        notes: fetched
            .notes
            .into_iter()
            .map(|text| Note { code: "checkout".into(), text: text.to_string() })
            .collect(),
        fetched: Some(folder),
    })
}

/// A temporary folder for sources. Another user may pass through it, and cannot look around.
pub(crate) fn folder_for(run_as: Option<RunAs>) -> std::io::Result<TempDir> {
    let passing = if run_as.is_some() { Passing::Others } else { Passing::Nobody };
    temporary_folder("flaky-checkout-", passing)
}

fn unreachable_by(why: String) -> NoSources {
    NoSources::Unreachable(SetAside { cause: Cause::RepositoryUnreachable, why, hint: None })
}

fn unreachable(error: CheckoutError) -> NoSources {
    let cause = if error.is_cancelled() { Cause::Interrupted } else { Cause::RepositoryUnreachable };
    NoSources::Unreachable(SetAside { cause, why: error.to_string(), hint: error.hint() })
}
