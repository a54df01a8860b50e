//! What a local folder is, as far as git knows. Never fails: a folder need not be a repository.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flaky_files::path_of;
use git2::{Index, Repository, StatusOptions, StatusShow};

/// Above this, looking at every file would be felt at the start of each run.
const MOST_FILES: usize = 100_000;
/// Files whose times differ from what git noted must be read to compare them; so much takes about a tenth of a second.
const MOST_BYTES_READ: u64 = 64 << 20;

/// The state of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalState {
    /// Full id of the commit that is checked out; `None` outside of repositories, before the first commit, and when
    /// the repository belongs to somebody else (git's `safe.directory`).
    pub commit: Option<String>,
    /// Whether tracked files differ from that commit, as `git describe --dirty` means it; `None` when there is no
    /// commit or finding out would take long.
    pub dirty: Option<bool>,
    /// The branch that is checked out; `None` where that is a commit alone, as in most CI jobs.
    pub branch: Option<String>,
    /// The address of `origin`, as it is written: it may hold a password.
    pub origin: Option<String>,
    /// The folder of the work tree.
    pub root: Option<PathBuf>,
}

/// Describes the folder, looking at no more than 100,000 files and reading no more than 64 MiB of them.
#[must_use]
pub fn describe_local(path: &Path) -> LocalState {
    // A repository of somebody else, or a damaged one, is no reason not to test the folder.
    let Ok(repository) = Repository::discover(path) else { return LocalState::default() };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let head = repository.head().ok();
    let branch = head.as_ref().filter(|head| head.is_branch());
    let commit = head.as_ref().and_then(|head| head.peel_to_commit().ok());
    let origin = repository.find_remote("origin").ok();
    LocalState {
        dirty: commit.as_ref().and_then(|_| dirty(&repository)),
        commit: commit.map(|commit| commit.id().to_string()),
        branch: branch.and_then(|head| text(head.shorthand_bytes())),
        origin: origin.and_then(|remote| text(remote.url_bytes())),
        root: repository.workdir().map(Path::to_owned),
    }
}

fn dirty(repository: &Repository) -> Option<bool> {
    let index = repository.index().ok()?;
    let tree = repository.workdir()?;
    if index.len() > MOST_FILES || bytes_to_read(&index, tree) > MOST_BYTES_READ {
        return None;
    }
    let mut options = StatusOptions::new();
    options.show(StatusShow::IndexAndWorkdir).include_untracked(false).exclude_submodules(true);
    options.include_unmodified(false).include_ignored(false).update_index(false);
    repository.statuses(Some(&mut options)).ok().map(|statuses| !statuses.is_empty())
}

fn bytes_to_read(index: &Index, tree: &Path) -> u64 {
    let noted_at = index.path().and_then(|p| p.metadata().ok()).map_or(0, |m| written(&m));
    let suspect = |entry: &git2::IndexEntry| {
        let found = tree.join(path_of(&entry.path)?).symlink_metadata().ok()?;
        // Of another size it differs for sure; as young as the index itself it may have changed since.
        let same = written(&found) == i64::from(entry.mtime.seconds()) && written(&found) < noted_at;
        (found.len() == u64::from(entry.file_size) && !same).then_some(found.len())
    };
    index.iter().filter_map(|entry| suspect(&entry)).sum()
}

/// When, in seconds since 1970; 0 where that is not known.
fn written(found: &Metadata) -> i64 {
    let since = found.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
