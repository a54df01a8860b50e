//! What is asked of an endpoint, and what it says of a job.
//!
//! Fields that the platform adds are ignored; those that are missing are `None`. Only a state that nobody knows is an error,
//! because guessing there would mean waiting for ever or giving up too soon.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::{EndpointError, clean};
use crate::JobId;

/// Bounds of `policy.executionTimeout`, from RunPod's documentation of job policies.
const EXECUTION_TIMEOUT: (Duration, Duration) = (Duration::from_secs(5), WEEK);
/// Bounds of `policy.ttl`, from the same page.
const TTL: (Duration, Duration) = (Duration::from_secs(10), WEEK);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// A job to submit.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// What the worker gets.
    pub input: Value,
    /// How the platform is to treat it.
    pub policy: Policy,
}

/// How the platform is to treat a job. What is out of its bounds is brought to the nearest bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Longest time on a worker; the platform's default is 10 minutes. 5 s to 7 days.
    pub execution_timeout: Option<Duration>,
    /// Longest time from submission until it must have ended: after that the platform forgets the job, even while it
    /// runs. The platform's default is 24 hours. 10 s to 7 days.
    pub ttl: Option<Duration>,
    /// Start no further workers for it.
    pub low_priority: bool,
}

impl Policy {
    /// What the platform uses where nothing is said.
    pub const DEFAULT_EXECUTION_TIMEOUT: Duration = Duration::from_secs(600);

    /// `None` when it says nothing.
    fn to_json(self) -> Option<PolicyJson> {
        if self == Self::default() {
            return None;
        }
        let within = |value: Option<Duration>, (least, most): (Duration, Duration)| {
            value.map(|v| u64::try_from(v.clamp(least, most).as_millis()).unwrap_or(u64::MAX))
        };
        Some(PolicyJson {
            execution_timeout: within(self.execution_timeout, EXECUTION_TIMEOUT),
            ttl: within(self.ttl, TTL),
            low_priority: self.low_priority,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    low_priority: bool,
}

impl JobRequest {
    /// The body of `POST /run`.
    pub(super) fn to_body(&self) -> Result<Vec<u8>, EndpointError> {
        #[derive(Serialize)]
        struct Body<'a> {
            input: &'a Value,
            #[serde(skip_serializing_if = "Option::is_none")]
            policy: Option<PolicyJson>,
        }
        serde_json::to_vec(&Body { input: &self.input, policy: self.policy.to_json() })
            .map_err(|e| EndpointError::Setup { why: format!("the job is not JSON: {e}") })
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Waits for a worker.
    InQueue,
    /// A worker has it.
    InProgress,
    /// Ended with an output, if the worker gave one.
    Completed,
    /// Ended with an error.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// Its time was over.
    TimedOut,
}

impl JobState {
    /// Nothing more will happen to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::InQueue | Self::InProgress)
    }

    fn read(value: &Value) -> Result<Self, EndpointError> {
        Ok(match value.as_str() {
            Some("IN_QUEUE") => Self::InQueue,
            // RunPod's page of job states has both.
            Some("IN_PROGRESS" | "RUNNING") => Self::InProgress,
            Some("COMPLETED") => Self::Completed,
            Some("FAILED") => Self::Failed,
            Some("CANCELLED") => Self::Cancelled,
            // Not on that page, but the word its other pages use for a job whose ttl is over.
            Some("TIMED_OUT" | "EXPIRED") => Self::TimedOut,
            _ => {
                let shown = clean(&value.to_string(), "\0");
                return Err(EndpointError::Unexpected { why: format!("a job in the state `{shown}`") });
            }
        })
    }
}

/// What an endpoint says of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    /// Which.
    pub id: JobId,
    /// Where it is.
    pub state: JobState,
    /// What the worker gave back; before the end, its last word on progress.
    pub output: Option<Value>,
    /// What went wrong, in one line.
    pub error: Option<String>,
    /// From submission to start.
    pub delay: Option<Duration>,
    /// On a worker.
    pub execution: Option<Duration>,
    /// Who has or had it.
    pub worker: Option<String>,
}

impl JobStatus {
    pub(super) fn read(asked: &JobId, answer: Value, key: &str) -> Result<Self, EndpointError> {
        let Value::Object(mut fields) = answer else {
            return Err(unexpected("a job's status is not an object"));
        };
        Ok(Self {
            id: asked.clone(),
            state: JobState::read(fields.get("status").unwrap_or(&Value::Null))?,
            output: fields.remove("output").filter(|o| !o.is_null()),
            error: fields.get("error").and_then(|e| sentence(e, key)),
            delay: milliseconds(fields.get("delayTime")),
            execution: milliseconds(fields.get("executionTime")),
            worker: fields
                .get("workerId")
                .and_then(Value::as_str)
                .map(|w| clean(w, key))
                .filter(|w| !w.is_empty()),
        })
    }
}

/// What came of a job's stream since it was last asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamAnswer {
    /// Where the job is, when the answer says so.
    pub state: Option<JobState>,
    /// What the worker sent, in order.
    pub chunks: Vec<Value>,
}

impl StreamAnswer {
    /// Takes both shapes: the object that RunPod's clients expect, and the bare array of its documentation.
    pub(super) fn read(answer: Value) -> Result<Self, EndpointError> {
        let (state, items) = match answer {
            Value::Array(items) => (None, items),
            Value::Object(mut fields) => {
                let state = fields.get("status").map(JobState::read).transpose()?;
                match fields.remove("stream") {
                    Some(Value::Array(items)) => (state, items),
                    Some(Value::Null) | None => (state, Vec::new()),
                    Some(_) => return Err(unexpected("a job's stream is not a list")),
                }
            }
            _ => return Err(unexpected("the answer on a job's stream is neither an object nor a list")),
        };
        let chunks = items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(mut fields) => fields.remove("output"),
                _ => None,
            })
            .collect();
        Ok(Self { state, chunks })
    }
}

/// How an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Jobs waiting.
    pub in_queue: u64,
    /// Jobs on workers.
    pub in_progress: u64,
    /// Jobs that completed, as long as the platform counts.
    pub completed: u64,
    /// Jobs that failed, the same.
    pub failed: u64,
    /// Jobs given to a worker again, the same.
    pub retried: u64,
    /// Workers.
    pub workers: WorkerCounts,
}

/// Workers of an endpoint, by what they do. A platform may count one worker under two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerCounts {
    /// Up, without a job.
    pub idle: u64,
    /// With a job.
    pub running: u64,
    /// Starting.
    pub initializing: u64,
    /// Up.
    pub ready: u64,
    /// The platform has no machine for them.
    pub throttled: u64,
    /// Failing.
    pub unhealthy: u64,
}

impl Health {
    pub(super) fn read(answer: &Value) -> Result<Self, EndpointError> {
        let group = |name: &str| answer.get(name).and_then(Value::as_object);
        let (Some(jobs), Some(workers)) = (group("jobs"), group("workers")) else {
            return Err(unexpected("the endpoint's health has no jobs or no workers"));
        };
        let count = |of: &Map<String, Value>, name| of.get(name).and_then(Value::as_u64).unwrap_or(0);
        Ok(Self {
            in_queue: count(jobs, "inQueue"),
            in_progress: count(jobs, "inProgress"),
            completed: count(jobs, "completed"),
            failed: count(jobs, "failed"),
            retried: count(jobs, "retried"),
            workers: WorkerCounts {
                idle: count(workers, "idle"),
                running: count(workers, "running"),
                initializing: count(workers, "initializing"),
                ready: count(workers, "ready"),
                throttled: count(workers, "throttled"),
                unhealthy: count(workers, "unhealthy"),
            },
        })
    }
}

/// Reads the id out of the answer to `POST /run`.
pub(super) fn read_id(answer: &Value) -> Result<JobId, EndpointError> {
    let id =
        answer.get("id").and_then(Value::as_str).ok_or_else(|| unexpected("a submitted job has no id"))?;
    id.parse().map_err(|e: crate::InvalidId| unexpected(&e.to_string()))
}

fn unexpected(why: &str) -> EndpointError {
    EndpointError::Unexpected { why: why.to_owned() }
}

/// Milliseconds, whole or not. What is negative or larger than a year is a mistake, not a time.
fn milliseconds(value: Option<&Value>) -> Option<Duration> {
    const YEAR_MS: f64 = 365.0 * 24.0 * 3600.0 * 1000.0;
    let ms = value?.as_f64().filter(|ms| (0.0..=YEAR_MS).contains(ms))?;
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// One readable line of a job's `error`, which is a text, an object, or, from Python workers, a text that holds an object
/// with `error_type`, `error_message` and a traceback.
pub(super) fn sentence(error: &Value, key: &str) -> Option<String> {
    let line = match error {
        Value::Null => return None,
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => from_fields(&fields).unwrap_or_else(|| text.clone()),
            _ => text.clone(),
        },
        Value::Object(fields) => from_fields(fields).unwrap_or_else(|| error.to_string()),
        other => other.to_string(),
    };
    Some(clean(&line, key)).filter(|l| !l.is_empty())
}

fn from_fields(fields: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|t| !t.trim().is_empty());
    let message = ["error_message", "message", "error", "detail"].into_iter().find_map(text)?;
    let kind = text("error_type").or_else(|| text("type"));
    // Python shows a class as `<class 'ValueError'>`.
    let kind = kind.map(|k| k.trim_start_matches("<class '").trim_end_matches("'>"));
    Some(kind.map_or_else(|| message.to_owned(), |kind| format!("{kind}: {message}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn policies_are_sent_within_the_bounds_of_the_platform() {
        let s = Duration::from_secs;
        for (policy, expected) in [
            (Policy::default(), json!({"input": 1})),
            (
                Policy { execution_timeout: Some(s(1)), ttl: Some(s(1)), low_priority: false },
                json!({"input": 1, "policy": {"executionTimeout": 5000, "ttl": 10000}}),
            ),
            (
                Policy { execution_timeout: Some(Duration::MAX), ttl: Some(s(90)), low_priority: true },
                json!({"input": 1, "policy": {"executionTimeout": 604_800_000, "ttl": 90000, "lowPriority": true}}),
            ),
        ] {
            let body = JobRequest { input: json!(1), policy }.to_body().unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        }
    }

    #[test]
    fn errors_of_jobs_become_one_line() {
        let python = json!({"error_type": "<class 'ValueError'>", "error_message": "no\nsuch repo",
            "error_traceback": "Traceback (most recent call last): …", "hostname": "h"});
        for (error, expected) in [
            (json!("boom"), Some("boom")),
            (json!("two\nlines"), Some("two lines")),
            (json!(python.to_string()), Some("ValueError: no such repo")),
            (python, Some("ValueError: no such repo")),
            (json!({"message": "m"}), Some("m")),
            (json!({"code": 7}), Some(r#"{"code":7}"#)),
            (json!(["a"]), Some(r#"["a"]"#)),
            (json!("{\"a\": 1}"), Some("{\"a\": 1}")),
            (json!(true), Some("true")),
            (json!("with KEY"), Some("with …")),
            (json!(null), None),
            (json!(" "), None),
        ] {
            assert_eq!(sentence(&error, "KEY").as_deref(), expected, "{error}");
        }
    }

    #[test]
    fn statuses_are_read_as_far_as_they_go() {
        let id: JobId = "j-1".parse().unwrap();
        let status = JobStatus::read(
            &id,
            json!({"id": "other", "status": "RUNNING", "delayTime": 1500, "executionTime": 2.5, "workerId": "w",
                "output": null, "more": {}}),
            "KEY",
        )
        .unwrap();
        let expected = JobStatus {
            id: id.clone(),
            state: JobState::InProgress,
            output: None,
            error: None,
            delay: Some(Duration::from_millis(1500)),
            execution: Some(Duration::from_micros(2500)),
            worker: Some("w".into()),
        };
        assert_eq!(status, expected);
        for (time, expected) in
            [(json!(-1), None), (json!(1e300), None), (json!("1"), None), (json!(0), Some(Duration::ZERO))]
        {
            let status =
                JobStatus::read(&id, json!({"status": "COMPLETED", "executionTime": time}), "K").unwrap();
            assert_eq!(status.execution, expected);
        }
        for bad in [json!(null), json!([]), json!({}), json!({"status": "PAUSED"}), json!({"status": 1})] {
            let error = JobStatus::read(&id, bad.clone(), "KEY").unwrap_err();
            assert!(matches!(error, EndpointError::Unexpected { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn every_state_of_the_platform_is_known() {
        for (word, state, over) in [
            ("IN_QUEUE", JobState::InQueue, false),
            ("IN_PROGRESS", JobState::InProgress, false),
            ("RUNNING", JobState::InProgress, false),
            ("COMPLETED", JobState::Completed, true),
            ("FAILED", JobState::Failed, true),
            ("CANCELLED", JobState::Cancelled, true),
            ("TIMED_OUT", JobState::TimedOut, true),
            ("EXPIRED", JobState::TimedOut, true),
        ] {
            assert_eq!((JobState::read(&json!(word)).unwrap(), state.is_final()), (state, over));
        }
        let error = JobState::read(&json!("PAUSED")).unwrap_err();
        assert_eq!(error.to_string(), r#"RunPod's answer makes no sense: a job in the state `"PAUSED"`"#);
    }

    #[test]
    fn both_shapes_of_a_stream_are_taken() {
        for (answer, expected) in [
            (
                json!({"status": "IN_PROGRESS", "stream": [{"output": 1}, {"output": null}]}),
                Some((Some(JobState::InProgress), vec![json!(1), json!(null)])),
            ),
            (json!([{"output": "a", "metrics": {}}, {"metrics": {}}, 7]), Some((None, vec![json!("a")]))),
            (json!({"status": "COMPLETED"}), Some((Some(JobState::Completed), vec![]))),
            (json!({"stream": null}), Some((None, vec![]))),
            (json!({"stream": {}}), None),
            (json!({"status": "?", "stream": []}), None),
            (json!("x"), None),
        ] {
            let got = StreamAnswer::read(answer.clone()).ok().map(|a| (a.state, a.chunks));
            assert_eq!(got, expected, "{answer}");
        }
    }

    #[test]
    fn health_tells_jobs_and_workers_and_ignores_what_it_does_not_know() {
        let answer = json!({"jobs": {"completed": 4, "failed": 1, "inProgress": 2, "inQueue": 3, "retried": 5, "x": 1},
            "workers": {"idle": 1, "running": 2, "throttled": 3, "new": "?"}});
        let health = Health::read(&answer).unwrap();
        let workers = WorkerCounts { idle: 1, running: 2, throttled: 3, ..WorkerCounts::default() };
        let expected = Health { in_queue: 3, in_progress: 2, completed: 4, failed: 1, retried: 5, workers };
        assert_eq!(health, expected);
        assert!(Health::read(&json!({"jobs": {}})).is_err());
    }
}
