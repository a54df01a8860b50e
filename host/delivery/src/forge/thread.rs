//! One comment per pull request and key, found by its marker and its author, updated in place. What it says of a newer
//! commit is never replaced by what was found out of an older one.

mod cost;
mod moved;

use flaky_core::surroundings::{EarlierResult, Platform};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Forge;
use super::error::ForgeError;
use super::marker::{self, Memory};
use super::spending::Spent;
use crate::COMMENT_KEY;
use crate::error::{DeliveryError, Trouble};
use crate::secrets::Redactor;

/// Longest comment in characters. GitHub says "Body is too long (maximum is 65536 characters)"; GitLab takes 1,000,000
/// (https://docs.gitlab.com/administration/instance_limits/).
pub(crate) const MOST_CHARACTERS: usize = 65_536;

/// Characters of its text. The rest is for the marker.
pub const COMMENT_ROOM: usize = 60_000;
const _: () = assert!(COMMENT_ROOM + marker::MOST_BYTES < MOST_CHARACTERS, "marker, line end and text fit");

/// Who comments with the token of a job, which may not ask who it is.
const JOB_AUTHOR: &str = "github-actions[bot]";

/// The conversation of a pull request or merge request.
pub(crate) struct Thread<'a> {
    forge: &'a Forge,
    /// Where all comments are.
    all: Vec<String>,
    /// Where one is, less its id.
    one: Vec<String>,
    /// Where the pull request itself is.
    request: Vec<String>,
    update: Method,
}

/// What is told, beside its text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Saying<'a> {
    /// As much of the result as is kept; `None`: there is none.
    pub(crate) result: Option<&'a EarlierResult>,
    /// The commit that it speaks for.
    pub(crate) commit: Option<&'a str>,
    /// Head of the pull request, as the job last saw it.
    pub(crate) head: &'a str,
}

/// A comment of either forge.
#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    /// GitHub's.
    #[serde(default)]
    user: Option<User>,
    /// GitLab's.
    #[serde(default)]
    author: Option<User>,
}

/// Of either forge.
#[derive(Deserialize)]
struct User {
    #[serde(default, alias = "username")]
    login: String,
}

/// A comment of ours.
struct Mine {
    id: u64,
    key: String,
    memory: Memory,
    text: String,
}

impl<'a> Thread<'a> {
    /// Of a pull request of `owner/name` at GitHub.
    pub(crate) fn github(forge: &'a Forge, (owner, name): (&str, &str), number: u64) -> Self {
        let issues = ["repos", owner, name, "issues"].map(str::to_owned);
        let number = number.to_string();
        let request = ["repos", owner, name, "pulls", &number].map(str::to_owned).to_vec();
        let all = [&issues[..], &[number, "comments".to_owned()]].concat();
        let one = [&issues[..], &["comments".to_owned()]].concat();
        Self { forge, all, one, request, update: Method::PATCH }
    }

    /// Of a merge request of a project at GitLab.
    pub(crate) fn gitlab(forge: &'a Forge, project: &str, number: u64) -> Self {
        let number = number.to_string();
        let request = ["projects", project, "merge_requests", &number].map(str::to_owned).to_vec();
        let all = [&request[..], &["notes".to_owned()]].concat();
        Self { forge, one: all.clone(), all, request, update: Method::PUT }
    }

    /// What was told in our comment before, newest first.
    pub(crate) async fn earlier(&self) -> Result<Vec<EarlierResult>, ForgeError> {
        let author = self.author().await?;
        let mine = self.mine(COMMENT_KEY, &author).await?;
        Ok(mine.into_iter().next().map(|mine| mine.memory.results).unwrap_or_default())
    }

    /// Makes the comment, or changes it. What two runs make at the same time ends as the older of both comments.
    pub(crate) async fn tell(&self, key: &str, body: &str, saying: Saying<'_>) -> Result<(), Trouble> {
        if !marker::is_key(key) {
            return Err(DeliveryError::Key { key: Redactor::default().clean(key) }.into());
        }
        check_size(body)?;
        let author = self.author().await?;
        let mut found = self.mine(key, &author).await?;
        if found.is_empty() {
            if saying.is_idle() {
                return Err(saying.too_late(saying.head));
            }
            let made = self.make(key, body, saying.result, Memory::default()).await?;
            found = self.mine(key, &author).await?;
            if found.first().is_none_or(|oldest| Some(oldest.id) == made) {
                return self.remove(found.get(1..).unwrap_or_default()).await;
            }
        }
        let memory = remembered(&found);
        if let Some(head) = self.newer_than(saying, found.first()).await? {
            if let [oldest, others @ ..] = &found[..] {
                self.note_that_it_moved(oldest, memory, &head).await?;
                self.remove(others).await?;
            }
            return Err(saying.too_late(&head));
        }
        self.replace(key, body, saying.result, found, memory).await
    }

    /// Writes into the oldest, and removes the others.
    async fn replace(
        &self,
        key: &str,
        body: &str,
        result: Option<&EarlierResult>,
        found: Vec<Mine>,
        memory: Memory,
    ) -> Result<(), Trouble> {
        let mut found = found.into_iter();
        while let Some(oldest) = found.next() {
            match self.write(oldest.id, &compose(key, body, result, memory.clone())).await {
                Ok(()) => return self.remove(found.as_slice()).await,
                // Somebody has removed it since.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.make(key, body, result, memory).await?;
        Ok(())
    }

    /// A new comment; its id, where the forge says it.
    async fn make(
        &self,
        key: &str,
        body: &str,
        result: Option<&EarlierResult>,
        memory: Memory,
    ) -> Result<Option<u64>, ForgeError> {
        let text = json!({ "body": compose(key, body, result, memory) });
        let made = self.forge.send(Method::POST, &path(&self.all, None), Some(&text)).await?;
        Ok(made.get("id").and_then(Value::as_u64))
    }

    /// Another text for a comment that is there.
    async fn write(&self, id: u64, text: &str) -> Result<(), ForgeError> {
        let id = id.to_string();
        let path = path(&self.one, Some(&id));
        self.forge.send(self.update.clone(), &path, Some(&json!({ "body": text }))).await.map(drop)
    }

    async fn remove(&self, duplicates: &[Mine]) -> Result<(), Trouble> {
        for duplicate in duplicates {
            let id = duplicate.id.to_string();
            match self.forge.send(Method::DELETE, &path(&self.one, Some(&id)), None).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Comments of this author with this key, oldest first.
    async fn mine(&self, key: &str, author: &str) -> Result<Vec<Mine>, ForgeError> {
        let comments = self.forge.list::<Comment>(&path(&self.all, None), &[], None).await?;
        let mut mine: Vec<_> = comments.items.into_iter().filter_map(|c| c.into_mine(author)).collect();
        mine.retain(|mine| mine.key == key);
        mine.sort_by_key(|mine| mine.id);
        Ok(mine)
    }

    /// Whose comments are ours.
    async fn author(&self) -> Result<String, ForgeError> {
        if let Some(name) = self.forge.world().environment.get("FLAKY_COMMENT_AUTHOR") {
            return Ok(name.trim().to_owned());
        }
        let github = self.forge.platform() == Platform::Github;
        match self.forge.get::<User>(&["user"], &[]).await {
            // Nobody's name would be that of accounts that are gone.
            Ok(user) if user.login.is_empty() => Err(self.forge.unexpected("GET /user", &"it has no name")),
            Ok(user) => Ok(user.login),
            Err(error) if github && error.is_permission() => Ok(JOB_AUTHOR.to_owned()),
            Err(error) => Err(error),
        }
    }
}

impl Comment {
    fn into_mine(self, author: &str) -> Option<Mine> {
        let by = self.user.or(self.author)?.login;
        let body = self.body?;
        let marked = marker::read(&body)?;
        // Logins are unique without regard to case.
        by.eq_ignore_ascii_case(author).then(|| Mine {
            id: self.id,
            key: marked.key.to_owned(),
            memory: marked.memory,
            text: marked.text.to_owned(),
        })
    }
}

/// What the comments of one key remember together: what was told is the oldest's, what was spent everybody's.
fn remembered(found: &[Mine]) -> Memory {
    let results = found.first().map(|oldest| oldest.memory.results.clone()).unwrap_or_default();
    Memory { results, spent: spent(found) }
}

fn spent(found: &[Mine]) -> Spent {
    found.iter().fold(Spent::default(), |sum, mine| sum.plus(mine.memory.spent))
}

fn path<'b>(parts: &'b [String], id: Option<&'b str>) -> Vec<&'b str> {
    parts.iter().map(String::as_str).chain(id).collect()
}

/// Before anything is asked for.
fn check_size(body: &str) -> Result<(), DeliveryError> {
    let room = MOST_CHARACTERS - marker::MOST_BYTES - 1;
    let size = body.chars().count();
    if size <= room {
        return Ok(());
    }
    Err(DeliveryError::TooLarge { what: "comment", size, limit: room, unit: "characters" })
}

/// The text as it is sent: marker, then what people read.
fn compose(key: &str, body: &str, result: Option<&EarlierResult>, memory: Memory) -> String {
    // The same run told again replaces what it told.
    let earlier = memory.results.into_iter().filter(|e| result.is_none_or(|r| r.run != e.run));
    let results = result.cloned().into_iter().chain(earlier).collect();
    format!("{}\n{body}", marker::write(key, &Memory { results, spent: memory.spent }))
}

#[cfg(test)]
mod tests;
