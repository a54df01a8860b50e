//! Pull requests whose head has moved on since the commit that a result speaks for.
//!
//! Which of two commits is newer is not asked of git, which cannot tell after a rebase: the head is the newest, and of
//! what is no head nothing is told over what speaks of another commit.

use flaky_core::surroundings::Platform;
use serde_json::Value;

use super::{Mine, Saying, Thread, path};
use crate::COMMENT_KEY;
use crate::error::{Lost, Trouble};
use crate::forge::ForgeError;
use crate::forge::marker::{self, Memory};

impl Saying<'_> {
    /// Whether nothing was found out, of a commit that is not the head any more: nobody needs to be told.
    pub(super) fn is_idle(&self) -> bool {
        let older = self.commit.is_some_and(|commit| !self.head.is_empty() && !same(commit, self.head));
        older && self.result.is_none_or(|result| result.total_runs == 0)
    }

    pub(super) fn too_late(&self, head: &str) -> Trouble {
        let commit = self.commit.unwrap_or_default();
        Lost::OlderCommit { commit: short(commit).to_owned(), head: short(head).to_owned() }.into()
    }
}

impl Thread<'_> {
    /// The head of the pull request, where a comment must not be replaced by what is told: it speaks of another commit,
    /// and what is told is not of the head.
    pub(super) async fn newer_than(
        &self,
        saying: Saying<'_>,
        found: Option<&Mine>,
    ) -> Result<Option<String>, ForgeError> {
        let Some(commit) = saying.commit else { return Ok(None) };
        if saying.is_idle() {
            return Ok(Some(saying.head.to_owned()));
        }
        match found.and_then(Mine::commit) {
            Some(other) if !same(other, commit) => {}
            _ => return Ok(None),
        }
        let head = match self.head().await {
            Ok(head) => head,
            // The comment may be written, but the pull request not be read: what the job last saw has to do.
            Err(error) if error.is_permission() || error.is_not_found() => saying.head.to_owned(),
            Err(error) => return Err(error),
        };
        Ok((!head.is_empty() && !same(commit, &head)).then_some(head))
    }

    /// Writes into our comment that it speaks of another commit than the head, where it does.
    pub(crate) async fn note_what_is_older(&self, head: &str) -> Result<(), ForgeError> {
        let author = self.author().await?;
        for mine in self.mine(COMMENT_KEY, &author).await? {
            self.note_that_it_moved(&mine, mine.memory.clone(), head).await?;
        }
        Ok(())
    }

    pub(super) async fn note_that_it_moved(
        &self,
        mine: &Mine,
        memory: Memory,
        head: &str,
    ) -> Result<(), ForgeError> {
        let Some(commit) = mine.commit().filter(|commit| !same(commit, head)) else { return Ok(()) };
        let what = match self.forge.platform() {
            Platform::Github => "pull request",
            Platform::Gitlab => "merge request",
        };
        let note = format!(
            "**The {what} has moved on:** its head is `{}` by now, and this speaks for `{}`.",
            short(head),
            short(commit)
        );
        let text = format!("{}\n{}", marker::write(&mine.key, &memory), marker::with_note(&note, &mine.text));
        if text.chars().count() > super::MOST_CHARACTERS {
            return Ok(());
        }
        match self.write(mine.id, &text).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// As it is now. Both forges have it in the pull request itself:
    /// <https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request>,
    /// <https://docs.gitlab.com/api/merge_requests/#get-single-mr>.
    async fn head(&self) -> Result<String, ForgeError> {
        let request = self.forge.get::<Value>(&path(&self.request, None), &[]).await?;
        let place = match self.forge.platform() {
            Platform::Github => "/head/sha",
            Platform::Gitlab => "/sha",
        };
        Ok(request.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

impl Mine {
    /// The commit that it speaks for.
    fn commit(&self) -> Option<&str> {
        self.memory.results.first()?.commit.as_deref()
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Seven digits of what is a commit; a marker that somebody has edited may hold anything.
fn short(commit: &str) -> &str {
    let is_id = commit.bytes().all(|b| b.is_ascii_hexdigit());
    commit.get(..7).filter(|_| is_id).unwrap_or("another commit")
}
