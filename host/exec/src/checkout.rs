//! Sources from a repository: what was named, fetching it, and what a local folder is.
//!
//! Data flow: text → [`RepositorySource`] → [`CheckoutRequest`] → [`checkout`] → [`Checkout`].
//!
//! Repositories and servers are hostile. No hook, filter or helper program is ever started, certificates and host keys are
//! always checked, and credentials go to the server of the URL alone.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use git2::{Oid, Repository, RepositoryInitOptions};

use crate::run_as::RunAs;

mod access;
mod between;
mod credentials;
mod error;
mod export;
mod fetch;
mod known_hosts;
mod local;
mod revision;
mod snapshot;
mod source;
mod submodules;
mod tree;

pub use between::{CommitLine, commits_between};
pub use credentials::{HttpsToken, SshKey, SshKeyError};
pub use error::{CheckoutError, CheckoutErrorKind};
pub use export::{ExportError, Exported, export};
pub use local::{LocalState, describe_local};
pub use revision::{CommitId, RefName, RevisionError};
pub use snapshot::{Snapshot, SnapshotError, place_of};
pub use source::{RepositorySource, RepositoryUrl, Scheme, SourceError, SourceProblem};

/// The original's limit for a clone.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// How often a waiting checkout looks whether it was cancelled: short to a person, nothing to a processor.
const LOOK: Duration = Duration::from_millis(20);
/// How long a fetch that was told to stop may take to notice, so that it closes its connection itself.
const GRACE: Duration = Duration::from_millis(200);
/// An abandoned fetch hangs no longer than this on a silent server. Servers that work say something at least
/// every few seconds (git's `uploadpack.keepAlive` is 5).
const SILENCE_MS: i32 = 120_000;
/// The same for a connection that nobody accepts.
const CONNECT_MS: i32 = 30_000;

/// What to fetch.
#[derive(Debug, Clone)]
pub struct CheckoutRequest {
    /// From where.
    pub url: RepositoryUrl,
    /// A branch, tag or reference; otherwise the repository's default branch.
    pub reference: Option<RefName>,
    /// A commit; with a reference it must be in its history.
    pub commit: Option<CommitId>,
    /// How.
    pub settings: CheckoutSettings,
}

/// How to fetch.
#[derive(Debug, Clone)]
pub struct CheckoutSettings {
    /// For all of it. Writing the files is not interrupted, but counts.
    pub timeout: Duration,
    /// Sent only over https (or to this machine), and only to the server that the URL names.
    pub token: Option<HttpsToken>,
    /// Offered only over SSH, and then no other key is; only to the server that the URL names.
    pub ssh_key: Option<SshKey>,
    /// A file of known SSH hosts, asked beside the usual ones; it must be readable.
    pub known_hosts: Option<PathBuf>,
    /// The home folder whose `.ssh` has the usual keys and known hosts.
    pub home: Option<PathBuf>,
    /// What becomes of submodules.
    pub submodules: Submodules,
    /// What becomes of files that are in Git LFS.
    pub lfs: LfsFiles,
    /// To whom all that was fetched is given in the end: as whom tests run. Needs root.
    pub owner: Option<RunAs>,
}

/// What becomes of submodules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Submodules {
    /// They are fetched, and those in them. One that cannot be fetched is an error: tests that need it would fail, and
    /// not for a fault of theirs. What git itself does not fetch either (`file://`, programs, paths that lead outside)
    /// is left empty and named in a note.
    #[default]
    Fetch,
    /// They stay empty folders, named in a note.
    Leave,
}

/// What becomes of files that are in Git LFS: the content is on another kind of server, which is not spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LfsFiles {
    /// They stay the small texts that point to the content, named in a note: most suites do without.
    #[default]
    Note,
    /// They are an error.
    Refuse,
}

impl CheckoutSettings {
    /// Drops what only fetching needs, so that it is gone before anything of the repository runs.
    pub fn forget_credentials(&mut self) {
        self.token = None;
        self.ssh_key = None;
    }
}

impl Default for CheckoutSettings {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            token: None,
            ssh_key: None,
            known_hosts: None,
            home: std::env::home_dir(),
            submodules: Submodules::default(),
            lfs: LfsFiles::default(),
            owner: None,
        }
    }
}

/// Sources on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Full id of the commit whose files they are.
    pub commit: String,
    /// What the reader of a report should know.
    pub notes: Vec<CheckoutNote>,
}

/// What the reader of a report should know about a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckoutNote {
    /// Submodules are empty folders: that was asked for, or nobody could fetch them.
    SubmodulesNotFetched {
        /// How many.
        count: usize,
        /// The first few, with the reason where there is one.
        paths: Vec<String>,
    },
    /// Files are the small texts that point to a Git LFS server: tests that need the content fail.
    LfsPointers {
        /// How many.
        count: usize,
        /// The first few.
        paths: Vec<String>,
    },
}

impl fmt::Display for CheckoutNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubmodulesNotFetched { count: 1, paths } => {
                write!(f, "a submodule was not fetched and is empty: {}", paths.join(", "))
            }
            Self::SubmodulesNotFetched { count, paths } => {
                write!(f, "{count} submodules were not fetched and are empty: {}", paths.join(", "))
            }
            Self::LfsPointers { count, paths } => {
                let what = if *count == 1 { "1 file is".into() } else { format!("{count} files are") };
                write!(
                    f,
                    "{what} in Git LFS and only point to their content: {}; if tests need it, clone with `git lfs` and test that \
                     folder",
                    paths.join(", ")
                )
            }
        }
    }
}

/// Fetches what `request` names into the folder `into`, which must not exist yet or be empty. Blocks; returns soon
/// after `cancel` is set, and when the time is over.
///
/// Nothing of the credentials is written to disk: the repository's configuration has the address and no helper. They
/// are overwritten in memory with the last copy of `request`, so it is to be dropped before anything of the repository
/// runs; what libssh2 copied, and a fetch that was given up and still waits for its server, may keep them longer.
///
/// # Errors
/// See [`CheckoutErrorKind`]. What was written until then is left in `into`.
pub fn checkout(
    request: &CheckoutRequest,
    into: &Path,
    cancel: &AtomicBool,
) -> Result<Checkout, CheckoutError> {
    let deadline = Deadline { end: Instant::now().checked_add(request.settings.timeout), cancel };
    make(request, into, &deadline).map_err(|kind| CheckoutError {
        url: request.url.to_string(),
        kind: Box::new(match deadline.passed() {
            // What failed because it was stopped says so.
            Some(Passed::Cancelled) => CheckoutErrorKind::Cancelled,
            Some(Passed::Time) => CheckoutErrorKind::TimedOut(request.settings.timeout),
            None => kind,
        }),
    })
}

fn make(
    request: &CheckoutRequest,
    into: &Path,
    deadline: &Deadline<'_>,
) -> Result<Checkout, CheckoutErrorKind> {
    limit_silence();
    let (repository, commit) = one(request, into, deadline)?;
    let mut walk = submodules::Walk::new(request, deadline);
    walk.begin(&repository, into)?;
    let notes = notes(walk.found);
    // Closed before its files are given away.
    drop(repository);
    if let Some(owner) = request.settings.owner {
        owner.take_over(into).map_err(|e| error::io("give the sources to the user of the tests", &e))?;
    }
    deadline.check()?;
    Ok(Checkout { commit: commit.to_string(), notes })
}

/// Fetches one repository, without what belongs to it elsewhere.
fn one(
    request: &CheckoutRequest,
    into: &Path,
    deadline: &Deadline<'_>,
) -> Result<(Repository, Oid), CheckoutErrorKind> {
    let repository = create(into)?;
    let commit = fetch(request, into, deadline)?;
    deadline.check()?;
    tree::write(&repository, commit, deadline.cancel)?;
    deadline.check()?;
    repository
        .remote("origin", &request.url.to_string())
        .map_err(|e| error::io("note the repository's address", &e.message()))?;
    Ok((repository, commit))
}

fn notes(found: submodules::Found) -> Vec<CheckoutNote> {
    let submodules = (!found.left_empty.is_empty()).then(|| CheckoutNote::SubmodulesNotFetched {
        count: found.left_empty.len(),
        paths: tree::first_few(found.left_empty),
    });
    let pointers = (!found.pointers.is_empty()).then(|| CheckoutNote::LfsPointers {
        count: found.pointers.len(),
        paths: tree::first_few(found.pointers),
    });
    submodules.into_iter().chain(pointers).collect()
}

fn create(into: &Path) -> Result<Repository, CheckoutErrorKind> {
    let failure = |why: &dyn fmt::Display| {
        error::io("create the folder of the sources", &format!("`{}`: {why}", into.display()))
    };
    std::fs::create_dir_all(into).map_err(|e| failure(&e))?;
    if std::fs::read_dir(into).map_err(|e| failure(&e))?.next().is_some() {
        return Err(failure(&"it is not empty"));
    }
    let mut options = RepositoryInitOptions::new();
    // Templates of the user bring hooks along.
    options.no_reinit(true).external_template(false).initial_head("main");
    Repository::init_opts(into, &options).map_err(|e| failure(&e.message()))
}

/// Fetches on a thread of its own: name look-ups and silent servers cannot be interrupted, only abandoned.
fn fetch(request: &CheckoutRequest, into: &Path, deadline: &Deadline<'_>) -> Result<Oid, CheckoutErrorKind> {
    let stop = Arc::new(AtomicBool::new(false));
    let fetch = fetch::Fetch { request: request.clone(), into: into.to_owned(), stop: Arc::clone(&stop) };
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("fetch".into())
        // Nobody listens any more when it was abandoned.
        .spawn(move || drop(sender.send(fetch.run())))
        .map_err(|e| error::io("start a thread", &e))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(ended_unexpectedly()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Err(passed) = deadline.check() {
            stop.store(true, Ordering::SeqCst);
            wait_a_little(&receiver);
            return Err(passed);
        }
    }
}

fn wait_a_little(receiver: &Receiver<Result<Oid, CheckoutErrorKind>>) {
    // Whatever comes now, the checkout was given up.
    let _ = receiver.recv_timeout(GRACE);
}

fn ended_unexpectedly() -> CheckoutErrorKind {
    error::io("fetch", &"the thread ended unexpectedly")
}

#[expect(unsafe_code, reason = "libgit2 offers no other way to limit how long it waits for a server")]
fn limit_silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: each call writes one C int, which libgit2 reads when it opens a connection. Connections are only opened
        // by `checkout`, after this; nothing else in the program writes these settings.
        let set = unsafe {
            git2::opts::set_server_connect_timeout_in_milliseconds(CONNECT_MS)
                .and_then(|()| git2::opts::set_server_timeout_in_milliseconds(SILENCE_MS))
        };
        // Without it, abandoned fetches hang longer; nothing else changes.
        let _ = set;
    });
}

/// When to give up.
struct Deadline<'c> {
    /// `None`: further away than the clock can count.
    end: Option<Instant>,
    cancel: &'c AtomicBool,
}

#[derive(Debug, Clone, Copy)]
enum Passed {
    Time,
    Cancelled,
}

impl Deadline<'_> {
    fn passed(&self) -> Option<Passed> {
        if self.cancel.load(Ordering::SeqCst) {
            return Some(Passed::Cancelled);
        }
        self.end.is_some_and(|end| Instant::now() >= end).then_some(Passed::Time)
    }

    /// The kind is filled in by [`checkout`].
    fn check(&self) -> Result<(), CheckoutErrorKind> {
        self.passed().map_or(Ok(()), |_| Err(CheckoutErrorKind::Cancelled))
    }
}
