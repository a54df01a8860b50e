//! One job from a file or an argument, without a server: `--test-input`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::pin;

use flaky_runpod::{InvalidId, JobId};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::caught::caught;
use crate::job::{Answer, Job, JobContext, JobHandler, UPDATES_WAITING, Update};
use crate::logs::{Level, log};

/// The id of a job that names none, as in the SDK.
const DEFAULT_ID: &str = "local_test";

/// Largest job as a file, in bytes: what the platform takes at most for a job that is waited for.
const MAX_FILE_BYTES: u64 = 20 << 20;

/// A job to try out.
#[derive(Debug, Clone, PartialEq)]
pub struct TestInput {
    /// `local_test` unless the text says otherwise.
    pub id: JobId,
    /// Never null.
    pub input: Value,
}

/// Why a text is no job to try out.
#[derive(Debug, thiserror::Error)]
pub enum TestInputError {
    /// The file cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The file is larger than any job.
    #[error("`{}` is larger than {MAX_FILE_BYTES} bytes, which no job may be", .0.display())]
    TooLarge(PathBuf),
    /// It is no JSON.
    #[error("the test input is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// It is JSON, but no object.
    #[error("the test input is not an object: expected `{{\"input\": {{…}}}}`")]
    NotAnObject,
    /// `input` is missing or null.
    #[error("the test input has no `input`: expected `{{\"input\": {{…}}}}`")]
    NoInput,
    /// `id` is no text.
    #[error("`id` of the test input is not a text")]
    IdIsNoText,
    /// `id` is not one that the platform could give.
    #[error("`id` of the test input: {0}")]
    Id(#[from] InvalidId),
}

impl TestInput {
    /// Reads `{"input": …, "id"?: …}` from a file; other keys are ignored.
    ///
    /// # Errors
    /// See [`TestInputError`].
    pub fn read(path: &Path) -> Result<Self, TestInputError> {
        let unreadable = |why| TestInputError::Unreadable { path: path.to_owned(), why };
        let mut text = String::new();
        // One byte more than allowed tells "too large" from "just fits", whatever the file's length claims to be.
        let mut file = File::open(path).map_err(unreadable)?.take(MAX_FILE_BYTES + 1);
        file.read_to_string(&mut text).map_err(unreadable)?;
        if file.limit() == 0 {
            return Err(TestInputError::TooLarge(path.to_owned()));
        }
        Self::parse(&text)
    }

    /// Reads the same from a text.
    ///
    /// # Errors
    /// See [`TestInputError`].
    pub fn parse(text: &str) -> Result<Self, TestInputError> {
        let Value::Object(mut job) = serde_json::from_str(text).map_err(TestInputError::NotJson)? else {
            return Err(TestInputError::NotAnObject);
        };
        let input = match job.remove("input") {
            None | Some(Value::Null) => return Err(TestInputError::NoInput),
            Some(input) => input,
        };
        let id = match job.remove("id") {
            None | Some(Value::Null) => DEFAULT_ID.parse()?,
            Some(Value::String(id)) => id.parse()?,
            Some(_) => return Err(TestInputError::IdIsNoText),
        };
        Ok(Self { id, input })
    }
}

/// How a job that was tried out ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TestInputOutcome {
    /// With this output: exit code 0.
    Completed(Value),
    /// With this error: exit code 1.
    Failed {
        /// What went wrong.
        error: String,
        /// What there is nevertheless.
        output: Option<Value>,
    },
}

/// Does one job here and now; its progress goes to standard error as log lines. When the returned future is dropped,
/// the job is told to stop.
pub async fn test_input(input: TestInput, handler: &impl JobHandler) -> TestInputOutcome {
    let TestInput { id, input } = input;
    let stop = CancellationToken::new();
    let _told_when_dropped = stop.clone().drop_guard();
    let (updates, mut said) = mpsc::channel(UPDATES_WAITING);
    log(Level::Info, Some(&id), "started");
    let mut work = pin!(caught(handler.handle(Job { id: id.clone(), input }, JobContext { stop, updates })));
    let answer = loop {
        tokio::select! {
            // In this order, so that what was said before the end is logged before it.
            biased;
            Some(update) = said.recv() => log_update(&id, &update),
            answer = &mut work => break answer,
        }
    };
    while let Ok(update) = said.try_recv() {
        log_update(&id, &update);
    }
    match answer {
        Answer::Output(output) => {
            log(Level::Info, Some(&id), "completed");
            TestInputOutcome::Completed(output)
        }
        Answer::Failed { error, output } => {
            log(Level::Error, Some(&id), format_args!("failed: {error}"));
            TestInputOutcome::Failed { error, output }
        }
        Answer::Stopped => {
            let error = "the job was stopped".to_owned();
            log(Level::Error, Some(&id), &error);
            TestInputOutcome::Failed { error, output: None }
        }
    }
}

fn log_update(id: &JobId, update: &Update) {
    match update {
        Update::Progress(Value::String(text)) => log(Level::Info, Some(id), text),
        Update::Progress(value) => log(Level::Info, Some(id), value),
        Update::Chunk(_) => log(Level::Info, Some(id), "a part of the result is there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_the_id_of_its_text_or_the_usual_one() {
        for (text, id) in [
            (r#"{"input": {"a": 1}}"#, "local_test"),
            (r#"{"input": {"a": 1}, "id": null, "webhook": "x"}"#, "local_test"),
            (r#"{"input": {"a": 1}, "id": "mine"}"#, "mine"),
        ] {
            let read = TestInput::parse(text).unwrap();
            assert_eq!(read.id.as_str(), id, "{text}");
            assert_eq!(read.input, serde_json::json!({"a": 1}), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_job_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("", "is not JSON"),
            ("{", "is not JSON"),
            ("[]", "is not an object"),
            ("{}", "has no `input`"),
            (r#"{"input": null}"#, "has no `input`"),
            (r#"{"input": 1, "id": 7}"#, "is not a text"),
            (r#"{"input": 1, "id": "../x"}"#, "is not a job id"),
        ] {
            let error = TestInput::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_missing_or_too_large_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.json");
        let error = TestInput::read(&path).unwrap_err().to_string();
        assert!(error.contains("job.json` cannot be read"), "{error}");
        std::fs::write(&path, r#"{"input": {}}"#).unwrap();
        assert_eq!(TestInput::read(&path).unwrap().input, serde_json::json!({}));
        File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(TestInput::read(&path), Err(TestInputError::TooLarge(_))));
    }
}
