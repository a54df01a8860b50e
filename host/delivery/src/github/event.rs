//! Why a job runs: the webhook payload that GitHub hands over as a file.
//!
//! Shapes: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use std::io::Read;
use std::path::PathBuf;

use flaky_core::surroundings::PullRequest;
use serde::Deserialize;

use super::pull::Pull;
use crate::world::Environment;

/// Largest payload: GitHub sends none above 25 MB.
const MOST_READ: u64 = 25 << 20;

/// Why the job runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Commits were pushed.
    Push {
        /// The newest.
        commit: String,
        /// Where to; `None` for a tag.
        branch: Option<String>,
    },
    /// A pull request changed. Also `pull_request_target`.
    PullRequest {
        /// Which.
        pull_request: PullRequest,
        /// Branch of its head.
        branch: String,
    },
    /// Another workflow's run ended.
    WorkflowRun(Box<WorkflowRun>),
    /// The clock struck.
    Schedule,
    /// Somebody pressed the button.
    WorkflowDispatch,
    /// Something else.
    Other(String),
}

/// A run of a workflow. What is in it comes from GitHub, but names of branches and workflows are whatever people wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    /// Its id.
    pub id: u64,
    /// Counted from 1: it may be run again.
    #[serde(default = "first")]
    pub run_attempt: u32,
    /// Counted per workflow.
    pub run_number: u64,
    /// Of the workflow.
    #[serde(default)]
    pub name: Option<String>,
    /// The workflow's id.
    pub workflow_id: u64,
    /// What it ran for: `push`, `pull_request`…
    pub event: String,
    /// `failure`, `success`, …; `None` while it runs.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Its commit.
    pub head_sha: String,
    /// Its branch.
    #[serde(default)]
    pub head_branch: Option<String>,
    /// Where the commit is; `None` when that repository was deleted.
    #[serde(default)]
    pub head_repository: Option<HeadRepository>,
    /// Its page.
    pub html_url: String,
    /// When this attempt of it began: `2026-01-31T12:00:00Z`.
    #[serde(default)]
    pub run_started_at: Option<String>,
}

/// Where a commit is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HeadRepository {
    /// Its id: names can be taken over by others.
    pub id: u64,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a repository is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// A user or an organisation.
    pub login: String,
}

const fn first() -> u32 {
    1
}

/// Why the event is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// Not a job of GitHub Actions.
    #[error("the variable `{name}` is not set: this is no job of GitHub Actions")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// The file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// More than GitHub ever sends.
    #[error("`{}` has more than {MOST_READ} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not a payload of this event.
    #[error("the payload of the event `{event}` makes no sense: {why}")]
    Payload {
        /// Which event.
        event: String,
        /// What is wrong.
        why: String,
    },
}

impl Event {
    /// By `GITHUB_EVENT_NAME` and `GITHUB_EVENT_PATH`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn of_job(environment: &Environment) -> Result<Self, EventError> {
        let get = |name| environment.get(name).ok_or(EventError::Missing { name });
        let (name, path) = (get("GITHUB_EVENT_NAME")?, PathBuf::from(get("GITHUB_EVENT_PATH")?));
        let mut payload = Vec::new();
        let read =
            std::fs::File::open(&path).and_then(|file| file.take(MOST_READ + 1).read_to_end(&mut payload));
        match read {
            Err(source) => Err(EventError::Read { path, source }),
            Ok(length) if length as u64 > MOST_READ => Err(EventError::TooLarge { path }),
            Ok(_) => Self::parse(name.trim(), &payload),
        }
    }

    /// The event of this name with this payload.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(name: &str, payload: &[u8]) -> Result<Self, EventError> {
        let wrong = |why: String| EventError::Payload { event: name.to_owned(), why };
        match name {
            "push" => {
                let push: PushPayload = serde_json::from_slice(payload).map_err(|e| wrong(e.to_string()))?;
                check_commit(&push.after).map_err(wrong)?;
                let branch = push.reference.strip_prefix("refs/heads/").map(str::to_owned);
                Ok(Self::Push { commit: push.after, branch })
            }
            "pull_request" | "pull_request_target" => {
                let PullPayload { pull_request, repository } =
                    serde_json::from_slice(payload).map_err(|e| wrong(e.to_string()))?;
                check_commit(pull_request.commit()).map_err(wrong)?;
                let branch = pull_request.branch().to_owned();
                Ok(Self::PullRequest { pull_request: pull_request.into_domain(repository.id), branch })
            }
            "workflow_run" => {
                let RunPayload { workflow_run } =
                    serde_json::from_slice(payload).map_err(|e| wrong(e.to_string()))?;
                check_commit(&workflow_run.head_sha).map_err(wrong)?;
                Ok(Self::WorkflowRun(Box::new(workflow_run)))
            }
            "schedule" => Ok(Self::Schedule),
            "workflow_dispatch" => Ok(Self::WorkflowDispatch),
            other => Ok(Self::Other(other.to_owned())),
        }
    }
}

/// Commits stand in paths of requests.
fn check_commit(commit: &str) -> Result<(), String> {
    if is_commit(commit) { Ok(()) } else { Err("its commit is not a hexadecimal id".to_owned()) }
}

/// SHA-1 or SHA-256, in full.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[derive(Deserialize)]
struct PushPayload {
    after: String,
    #[serde(rename = "ref")]
    reference: String,
}

#[derive(Deserialize)]
struct PullPayload {
    pull_request: Pull,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct RunPayload {
    workflow_run: WorkflowRun,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn run() -> serde_json::Value {
        json!({
            "action": "completed",
            "workflow_run": {
                "id": 30433642, "run_attempt": 2, "run_number": 562, "name": "CI", "workflow_id": 159038,
                "event": "pull_request", "conclusion": "failure", "head_sha": SHA, "head_branch": "fix",
                "head_repository": {"id": 7, "full_name": "fork/r", "owner": {"login": "fork"}},
                "html_url": "https://github.com/o/r/actions/runs/30433642", "pull_requests": [],
            },
        })
    }

    fn parse(name: &str, payload: &serde_json::Value) -> Result<Event, EventError> {
        Event::parse(name, payload.to_string().as_bytes())
    }

    #[test]
    fn a_run_says_which_attempt_of_it_ended_and_where_its_commit_is() {
        let Event::WorkflowRun(read) = parse("workflow_run", &run()).unwrap() else { panic!() };
        assert_eq!((read.run_attempt, read.head_sha.as_str()), (2, SHA));
        let repository = read.head_repository.unwrap();
        assert_eq!((repository.id, repository.owner.login.as_str()), (7, "fork"));

        let mut deleted = run();
        deleted["workflow_run"]["head_repository"] = json!(null);
        deleted["workflow_run"]["head_branch"] = json!(null);
        let Event::WorkflowRun(read) = parse("workflow_run", &deleted).unwrap() else { panic!() };
        assert_eq!((read.head_repository, read.head_branch), (None, None));
    }

    #[test]
    fn other_events_say_what_they_can() {
        let push = json!({"after": SHA, "ref": "refs/heads/a/b"});
        let branch = Some("a/b".to_owned());
        assert_eq!(parse("push", &push).unwrap(), Event::Push { commit: SHA.into(), branch });
        let tag = json!({"after": SHA, "ref": "refs/tags/v1"});
        assert_eq!(parse("push", &tag).unwrap(), Event::Push { commit: SHA.into(), branch: None });
        let pull = json!({
            "repository": {"id": 1},
            "pull_request": {"number": 5, "html_url": "https://github.com/o/r/pull/5", "draft": true,
                "head": {"sha": SHA, "ref": "fix", "repo": {"id": 2}}},
        });
        let Event::PullRequest { pull_request, branch } = parse("pull_request", &pull).unwrap() else {
            panic!()
        };
        assert_eq!((pull_request.number, pull_request.draft, pull_request.fork), (5, true, true));
        assert_eq!((pull_request.head.as_str(), branch.as_str()), (SHA, "fix"));
        assert_eq!(parse("schedule", &json!({})).unwrap(), Event::Schedule);
        assert_eq!(parse("workflow_dispatch", &json!(null)).unwrap(), Event::WorkflowDispatch);
        assert_eq!(parse("release", &json!({})).unwrap(), Event::Other("release".into()));
    }

    #[test]
    fn a_payload_that_makes_no_sense_is_refused() {
        for commit in [
            "",
            "main",
            "../../user",
            &SHA[1..],
            &SHA.to_uppercase(),
            "0123456789abcdef0123456789abcdef0123456/",
        ] {
            let mut bad = run();
            bad["workflow_run"]["head_sha"] = json!(commit);
            assert!(matches!(parse("workflow_run", &bad), Err(EventError::Payload { .. })), "{commit}");
        }
        for (name, payload) in
            [("push", json!([])), ("pull_request", json!({})), ("workflow_run", json!({"workflow_run": 1}))]
        {
            assert!(matches!(parse(name, &payload), Err(EventError::Payload { .. })), "{name}");
        }
    }

    #[test]
    fn a_payload_larger_than_any_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let environment = Environment::new(move |name| {
            Some(if name == "GITHUB_EVENT_PATH" { path.clone() } else { "push".to_owned() })
        });
        for (size, too_large) in [(MOST_READ - 1, false), (MOST_READ, false), (MOST_READ + 1, true)] {
            file.as_file().set_len(size).unwrap();
            let error = Event::of_job(&environment).unwrap_err();
            assert_eq!(matches!(error, EventError::TooLarge { .. }), too_large, "{size}: {error}");
        }
    }

    #[test]
    fn a_job_without_a_payload_says_what_is_missing() {
        let error = Event::of_job(&Environment::new(|_| None)).unwrap_err();
        assert!(matches!(error, EventError::Missing { name: "GITHUB_EVENT_NAME" }));
        let nowhere = Environment::new(|name| {
            Some(if name == "GITHUB_EVENT_PATH" { "/nowhere/event.json" } else { "push" }.to_owned())
        });
        assert!(matches!(Event::of_job(&nowhere), Err(EventError::Read { .. })));
    }
}
