//! The commits between two others, as `git log A..B` lists them.

use std::path::Path;

use git2::{Oid, Repository, Sort};

/// Longest title handed over, in characters: a line.
const MOST_TITLE: usize = 100;

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// Its id, in full.
    pub commit: String,
    /// The first line of its message, cut.
    pub title: String,
}

/// What can be reached from `until` and not from `after`, newest first, at most `most`; `after` left out: the history of
/// `until`. `None` where the folder is in no repository that has both.
#[must_use]
pub fn commits_between(
    folder: &Path,
    after: Option<&str>,
    until: &str,
    most: usize,
) -> Option<Vec<CommitLine>> {
    let repository = Repository::discover(folder).ok()?;
    let mut walk = repository.revwalk().ok()?;
    walk.set_sorting(Sort::TOPOLOGICAL).ok()?;
    walk.push(Oid::from_str(until).ok()?).ok()?;
    if let Some(after) = after {
        walk.hide(Oid::from_str(after).ok()?).ok()?;
    }
    let line = |id: Oid| {
        let commit = repository.find_commit(id).ok()?;
        let title = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
        Some(CommitLine { commit: id.to_string(), title: title.chars().take(MOST_TITLE).collect() })
    };
    Some(walk.flatten().take(most).filter_map(line).collect())
}
