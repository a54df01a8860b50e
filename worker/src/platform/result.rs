//! What is posted when a job has ended.

use std::io::{self, Write};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::job::Answer;

/// Bytes of a result. RunPod's limit is 10 MB; where exactly it lies, and whether its own envelope counts, is not
/// published, hence the margin.
pub(super) const RESULT_LIMIT: usize = 9_900_000;
/// Bytes of a part of a result or of progress. RunPod's limit for parts is 1 MB.
pub(super) const CHUNK_LIMIT: usize = 990_000;
/// Bytes of an error: enough for a sentence, a hint and the end of what a command printed.
const ERROR_LIMIT: usize = 64 * 1024;

/// A body that is ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) json: Bytes,
    /// Why it is not what the job said, when it is not.
    pub(super) instead: Option<String>,
}

#[derive(Serialize)]
struct Completed<'a> {
    output: &'a Value,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
}

#[derive(Serialize)]
struct Progress<'a> {
    status: &'static str,
    output: &'a Value,
}

/// The body of a job's end; `None` where nothing is to be posted. Never larger than `limit` (or a few hundred bytes).
pub(super) fn body(answer: &Answer, limit: usize) -> Option<Body> {
    let too_large = |what: &str| {
        format!(
            "the {what} is larger than the {} that RunPod takes: ask for fewer runs, or split them into several jobs",
            megabytes(limit)
        )
    };
    match answer {
        Answer::Stopped => None,
        Answer::Output(output) => Some(match bounded(&Completed { output }, limit) {
            Some(json) => Body { json, instead: None },
            None => {
                let why = too_large("result");
                Body { json: error(&why), instead: Some(why) }
            }
        }),
        Answer::Failed { error: message, output } => {
            let message = cut(message, ERROR_LIMIT);
            Some(match bounded(&Failed { error: message, output: output.as_ref() }, limit) {
                Some(json) => Body { json, instead: None },
                None => Body { json: error(message), instead: Some(too_large("output beside the error")) },
            })
        }
    }
}

/// The body of a job that failed, with nothing beside.
pub(super) fn error(message: &str) -> Bytes {
    let failed = Failed { error: cut(message, ERROR_LIMIT), output: None };
    // Two strings always are JSON.
    Bytes::from(serde_json::to_vec(&failed).unwrap_or_default())
}

/// The body of an update on how far a job is; `None` when it is too large.
pub(super) fn progress(output: &Value) -> Option<Bytes> {
    bounded(&Progress { status: "IN_PROGRESS", output }, CHUNK_LIMIT)
}

/// The body of a part of a result; `None` when it is too large.
pub(super) fn chunk(output: &Value) -> Option<Bytes> {
    bounded(&Completed { output }, CHUNK_LIMIT)
}

/// JSON of at most `limit` bytes. What is larger is not even written down.
fn bounded(value: &impl Serialize, limit: usize) -> Option<Bytes> {
    let mut writer = Bounded { bytes: Vec::new(), limit };
    serde_json::to_writer(&mut writer, value).ok()?;
    Some(Bytes::from(writer.bytes))
}

struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(more.len()) > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The longest beginning of at most `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

fn megabytes(bytes: usize) -> String {
    // Figures of this size are exact in a float.
    #[expect(clippy::cast_precision_loss, reason = "sizes of a few megabytes")]
    let size = bytes as f64 / 1e6;
    format!("{size:.1} MB")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(body: &Body) -> &str {
        std::str::from_utf8(&body.json).unwrap()
    }

    #[test]
    fn every_end_has_its_shape() {
        for (answer, expected) in [
            (Answer::Output(json!({"a": 1})), Some(r#"{"output":{"a":1}}"#)),
            (Answer::Output(Value::Null), Some(r#"{"output":null}"#)),
            (Answer::Output(json!("ü")), Some(r#"{"output":"ü"}"#)),
            (Answer::Failed { error: "no".into(), output: None }, Some(r#"{"error":"no"}"#)),
            (
                Answer::Failed { error: "no".into(), output: Some(json!([1])) },
                Some(r#"{"error":"no","output":[1]}"#),
            ),
            (Answer::Stopped, None),
        ] {
            let body = body(&answer, RESULT_LIMIT);
            assert_eq!(body.as_ref().map(text), expected, "{answer:?}");
            assert!(body.is_none_or(|body| body.instead.is_none()));
        }
    }

    #[test]
    fn a_result_of_30_mb_becomes_an_error_that_says_what_to_do() {
        let answer = Answer::Output(Value::String("x".repeat(30_000_000)));
        let body = body(&answer, RESULT_LIMIT).unwrap();
        assert!(
            text(&body).starts_with(r#"{"error":"the result is larger than the 9.9 MB"#),
            "{}",
            text(&body)
        );
        assert!(text(&body).contains("fewer runs"));
        assert_eq!(body.instead.as_deref(), Some(&text(&body)[10..text(&body).len() - 2]));
    }

    #[test]
    fn the_limit_holds_to_the_byte() {
        // {"output":"…"} is 13 bytes around the text.
        for (length, fits) in [(87, true), (88, false)] {
            let made = body(&Answer::Output(Value::String("x".repeat(length))), 100).unwrap();
            assert_eq!(made.instead.is_none(), fits, "{length}");
            assert!(!fits || made.json.len() == 100);
        }
    }

    #[test]
    fn an_error_outlives_its_output_and_is_itself_bounded() {
        let output = Some(Value::String("x".repeat(10_000_000)));
        let made = body(&Answer::Failed { error: "the reason".into(), output }, RESULT_LIMIT).unwrap();
        assert_eq!(text(&made), r#"{"error":"the reason"}"#);
        assert!(made.instead.is_some());
        let endless = Answer::Failed { error: "ä".repeat(10_000_000), output: None };
        let made = body(&endless, RESULT_LIMIT).unwrap();
        assert!(made.json.len() <= ERROR_LIMIT + 20 && text(&made).ends_with("ä\"}"));
    }

    #[test]
    fn updates_have_the_limit_of_a_megabyte() {
        let value = json!({"done": 3});
        assert_eq!(progress(&value).unwrap(), r#"{"status":"IN_PROGRESS","output":{"done":3}}"#);
        assert_eq!(chunk(&value).unwrap(), r#"{"output":{"done":3}}"#);
        let large = Value::String("x".repeat(1_000_000));
        assert_eq!(progress(&large), None);
        assert_eq!(chunk(&large), None);
    }
}
