//! What a run left behind: jobs, logs, artifacts; and files of the repository itself.
//!
//! All that is read here was made by code that nobody has looked at, but the repository's own files at a commit or branch
//! that the caller trusts.

use serde::Deserialize;

use super::Github;
use super::event::WorkflowRun;
use crate::forge::{Download, ForgeError};

/// A job of one attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: u64,
    /// Its name; legs of a matrix have the matrix in it.
    pub name: String,
    /// `failure`, `success`, …; `None` while it runs.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Its page.
    #[serde(default)]
    pub html_url: Option<String>,
}

/// A zip file that a run has uploaded. It belongs to the run, not to a job or an attempt: which attempt it is of shows
/// only by when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artifact {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its size, zipped.
    pub size_in_bytes: u64,
    /// It is gone.
    pub expired: bool,
    /// When it was made: `2026-01-31T12:00:00Z`.
    #[serde(default)]
    pub created_at: Option<String>,
}

impl Artifact {
    /// Whether it was made by this attempt of the run, not by one before it.
    #[must_use]
    pub fn is_of_this_attempt(&self, run: &WorkflowRun) -> bool {
        match (&self.created_at, &run.run_started_at) {
            // Both in UTC and of one form, which sorts by time.
            (Some(made), Some(began)) if made.len() == began.len() => made >= began,
            _ => run.run_attempt == 1,
        }
    }
}

impl Github {
    /// The jobs of this attempt of the run.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn jobs(&self, run: &WorkflowRun) -> Result<Vec<Job>, ForgeError> {
        let (id, attempt) = (run.id.to_string(), run.run_attempt.to_string());
        let path = self.path(&["actions", "runs", &id, "attempts", &attempt, "jobs"]);
        Ok(self.forge.list(&path, &[], Some("jobs")).await?.items)
    }

    /// The artifacts of the run, of all its attempts.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn artifacts(&self, run: &WorkflowRun) -> Result<Vec<Artifact>, ForgeError> {
        let id = run.id.to_string();
        let path = self.path(&["actions", "runs", &id, "artifacts"]);
        Ok(self.forge.list(&path, &[], Some("artifacts")).await?.items)
    }

    /// The zip file of an artifact, `limit` bytes of it at most. `None`: it is gone.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn artifact(&self, artifact: &Artifact, limit: usize) -> Result<Option<Download>, ForgeError> {
        let id = artifact.id.to_string();
        let path = self.path(&["actions", "artifacts", &id, "zip"]);
        there(self.forge.download(&path, &[], None, limit).await)
    }

    /// The log of a job, `limit` bytes of it at most. `None`: it is gone.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn log(&self, job: &Job, limit: usize) -> Result<Option<Download>, ForgeError> {
        let id = job.id.to_string();
        let path = self.path(&["actions", "jobs", &id, "logs"]);
        there(self.forge.download(&path, &[], None, limit).await)
    }

    /// A file of the repository at this commit or branch; `None` for the default branch. `Ok(None)`: there is no such
    /// file.
    ///
    /// # Errors
    /// What GitHub says.
    pub async fn file(
        &self,
        path: &str,
        reference: Option<&str>,
        limit: usize,
    ) -> Result<Option<Download>, ForgeError> {
        let segments: Vec<_> =
            ["contents"].into_iter().chain(path.split('/').filter(|s| !s.is_empty())).collect();
        let query: Vec<_> = reference.into_iter().map(|reference| ("ref", reference)).collect();
        let raw = Some("application/vnd.github.raw+json");
        there(self.forge.download(&self.path(&segments), &query, raw, limit).await)
    }
}

fn there(answer: Result<Download, ForgeError>) -> Result<Option<Download>, ForgeError> {
    match answer {
        Ok(download) => Ok(Some(download)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
