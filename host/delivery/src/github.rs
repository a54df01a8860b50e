//! GitHub: what its jobs say of themselves, pull requests, comments, checks, and what a job shows without any token.
//!
//! Reading order: [`event`] (why the job runs), [`pull`] (which pull request), [`runs`] (what its failed
//! run left behind), [`surroundings`] and [`green`] (where a report is told), [`check`], [`workflow`].

pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod green;
pub(crate) mod pull;
pub(crate) mod runs;
pub(crate) mod surroundings;
pub(crate) mod workflow;

use std::sync::Arc;

use flaky_core::surroundings::{EarlierResult, PullRequest};

use crate::forge::thread::Thread;
use crate::forge::{Forge, ForgeError, Spent};
use crate::world::World;
use event::WorkflowRun;

/// A client of GitHub for one repository: that of the job.
#[derive(Debug)]
pub struct Github {
    forge: Forge,
    owner: String,
    name: String,
}

impl Github {
    /// By `GITHUB_TOKEN`, `GITHUB_REPOSITORY` and `GITHUB_API_URL`.
    ///
    /// # Errors
    /// When one of the first two is missing, or one of them makes no sense.
    pub fn new(world: &Arc<World>) -> Result<Self, ForgeError> {
        const VARIABLE: &str = "GITHUB_REPOSITORY";
        let missing = || ForgeError::variable("GitHub", VARIABLE, None);
        let repository = world.environment.get(VARIABLE).ok_or_else(missing)?;
        let invalid = || ForgeError::variable("GitHub", VARIABLE, Some("it is not `owner/name`".to_owned()));
        let (owner, name) = split(&repository).ok_or_else(invalid)?;
        Ok(Self { forge: Forge::github(world)?, owner, name })
    }

    /// The pull request whose failed run this is: the one with this head, in the repository that the head is in; else the
    /// open one of its branch, whose head has moved on then. `None`: there is none, or more than one, or the head's
    /// repository is gone. Nothing but the event and GitHub's own answers is used.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn pull_request_of(&self, run: &WorkflowRun) -> Result<Option<PullRequest>, ForgeError> {
        pull::find(self, run).await
    }

    /// The pull request as it is now: its head may have moved since.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        pull::get(self, number).await
    }

    /// What was told in our comment before, newest first.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn earlier(&self, pull_request: u64) -> Result<Vec<EarlierResult>, ForgeError> {
        self.thread(pull_request).earlier().await
    }

    /// Says in our comment on a pull request that it speaks of an older commit than its head, where it does.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn note_what_is_older(&self, pull_request: &PullRequest) -> Result<(), ForgeError> {
        self.thread(pull_request.number).note_what_is_older(&pull_request.head).await
    }

    /// What looking into failures of a pull request has cost so far, by our comment on it.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn spent(&self, pull_request: u64) -> Result<Spent, ForgeError> {
        self.thread(pull_request).spent().await
    }

    /// Counts an amount as spent before it is: in our comment, which is made when there is none.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn set_aside(&self, pull_request: u64, amount: Spent) -> Result<(), ForgeError> {
        self.thread(pull_request).set_aside(amount).await
    }

    /// Counts what was used in place of what was [set aside](Self::set_aside).
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn settle(&self, pull_request: u64, aside: Spent, used: Spent) -> Result<(), ForgeError> {
        self.thread(pull_request).settle(aside, used).await
    }

    pub(crate) fn thread(&self, pull_request: u64) -> Thread<'_> {
        Thread::github(&self.forge, (&self.owner, &self.name), pull_request)
    }

    /// `repos/OWNER/NAME/…`
    pub(crate) fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["repos", &self.owner, &self.name], rest].concat()
    }
}

/// `owner/name`, of which neither can leave its place in a path.
fn split(repository: &str) -> Option<(String, String)> {
    let (owner, name) = repository.trim().split_once('/')?;
    let plain = |text: &str| {
        !text.is_empty()
            && !matches!(text, "." | "..")
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    (plain(owner) && plain(name)).then(|| (owner.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests;
