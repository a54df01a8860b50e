//! A request's body becomes a job, or a list of what is wrong with it, in the shape of the SDK's local server.

use std::sync::Arc;
use std::time::Duration;

use flaky_runpod::JobId;
use reqwest::Url;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::store::{Origin, Policy, Priority, Submission};

/// How deep an input may nest: what serde_json reads, less the levels that are put around it later.
const MAX_DEPTH: usize = 120;

/// Longest address of a webhook, in bytes: beyond what servers take.
const MAX_URL_BYTES: usize = 8192;

/// Longest part of a body that is quoted back, in bytes.
const MAX_QUOTED_BYTES: usize = 1000;

/// Bounds of `executionTimeout` and `ttl`, in milliseconds (RunPod's documentation, "execution policies").
const EXECUTION_TIMEOUT: (u64, u64) = (5_000, WEEK);
const TTL: (u64, u64) = (10_000, WEEK);
const WEEK: u64 = 7 * 24 * 60 * 60 * 1000;

/// What `ttl` is unless the caller says so.
const DEFAULT_TTL: Duration = Duration::from_hours(24);

/// What is wrong with a body: `{"detail": […]}` of a 422.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Invalid(Value);

impl Invalid {
    fn new(kind: &str, place: &[&str], message: &str, input: Option<&str>) -> Self {
        let mut detail = json!({ "type": kind, "loc": place, "msg": message });
        if let Some(quoted) = input.filter(|text| text.len() <= MAX_QUOTED_BYTES) {
            detail["input"] = serde_json::from_str(quoted).unwrap_or_else(|_| Value::from(quoted));
        }
        Self(json!([detail]))
    }

    fn not_an_object(body: &str) -> Self {
        Self::new("dataclass_type", &["body"], "Input should be a dictionary", Some(body))
    }

    fn not_json(body: &[u8], error: &serde_json::Error) -> Self {
        // serde_json counts lines and columns from 1, the SDK's server bytes.
        let lines = body.split_inclusive(|b| *b == b'\n');
        let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
        let at = before + error.column().saturating_sub(1);
        Self(json!([{
            "type": "json_invalid", "loc": ["body", at], "msg": "JSON decode error",
            "input": {}, "ctx": { "error": error.to_string() },
        }]))
    }

    /// There is a body, but not one that says it is JSON.
    pub(super) fn not_declared_as_json() -> Self {
        let message = "Input should be a dictionary, sent with `content-type: application/json`";
        Self::new("dataclass_type", &["body"], message, None)
    }

    /// The whole answer.
    pub(super) fn document(&self) -> Value {
        json!({ "detail": self.0 })
    }
}

/// The keys that mean something; others are ignored, as the SDK's server and the platform do.
#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    webhook: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    policy: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

/// Tells null from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Body<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
        if first.is_none() {
            return Err(Invalid::new("missing", &["body"], "Field required", Some("null")));
        }
        if first != Some(&b'{') {
            // It may be no JSON at all.
            return Err(match serde_json::from_slice::<&RawValue>(bytes) {
                Ok(other) => Invalid::not_an_object(other.get()),
                Err(error) => Invalid::not_json(bytes, &error),
            });
        }
        serde_json::from_slice(bytes).map_err(|error| Invalid::not_json(bytes, &error))
    }
}

/// Reads the body of `/run` and `/runsync`. `limit` is how long a job may run that does not say.
pub(super) fn parse(bytes: &[u8], origin: Origin, limit: Duration) -> Result<Submission, Invalid> {
    let body = Body::parse(bytes)?;
    let missing = || Invalid::new("missing", &["body", "input"], "Field required", None);
    let input = body.input.ok_or_else(missing)?.get();
    if !input.starts_with('{') {
        let message = "Input should be a valid dictionary";
        return Err(Invalid::new("dict_type", &["body", "input"], message, Some(input)));
    }
    let webhook = body.webhook.map_or(Ok(None), webhook)?;
    let policy = body.policy.map_or_else(|| policy(None, limit), |raw| policy(Some(raw), limit))?;
    Ok(Submission { origin, input: shallow(input)?, webhook, policy })
}

/// Reads the body of `/realtime`: `{"id": …, "input": …}`, where the input may be anything.
pub(super) fn parse_realtime(bytes: &[u8], limit: Duration) -> Result<Submission, Invalid> {
    let body = Body::parse(bytes)?;
    let missing = |key| Invalid::new("missing", &["body", key], "Field required", None);
    let id = body.id.ok_or_else(|| missing("id"))?.get();
    if serde_json::from_str::<JobId>(id).is_err() {
        return Err(Invalid::new("string_type", &["body", "id"], "Input should be a job id", Some(id)));
    }
    let input = shallow(body.input.ok_or_else(|| missing("input"))?.get())?;
    Ok(Submission { origin: Origin::RunSync, input, webhook: None, policy: policy(None, limit)? })
}

/// The input, if it can be read back: serde_json goes down by recursion, up to a limit.
fn shallow(input: &str) -> Result<Arc<RawValue>, Invalid> {
    let deepest = flaky_core::text::json_depth(input.as_bytes());
    if deepest > MAX_DEPTH {
        let message = format!("Input should nest at most {MAX_DEPTH} levels, not {deepest}");
        return Err(Invalid::new("too_deep", &["body", "input"], &message, None));
    }
    RawValue::from_string(input.to_owned())
        .map(Arc::from)
        .map_err(|error| Invalid::not_json(input.as_bytes(), &error))
}

fn webhook(raw: &RawValue) -> Result<Option<Url>, Invalid> {
    let wrong = |kind, message| Invalid::new(kind, &["body", "webhook"], message, Some(raw.get()));
    let text: Option<String> = serde_json::from_str(raw.get())
        .map_err(|_| wrong("string_type", "Input should be a valid string"))?;
    // The SDK's server takes an empty one for none.
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let url = Some(text).filter(|t| t.len() <= MAX_URL_BYTES).and_then(|t| Url::parse(&t).ok());
    match url.filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host()) {
        Some(url) => Ok(Some(url)),
        None => Err(wrong("url_parsing", "Input should be an http or https address")),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyBody {
    execution_timeout: Option<Value>,
    ttl: Option<Value>,
    low_priority: Option<Value>,
}

fn policy(raw: Option<&RawValue>, limit: Duration) -> Result<Policy, Invalid> {
    let wrong = |raw: &RawValue| {
        let message = "Input should be a valid dictionary";
        Invalid::new("dict_type", &["body", "policy"], message, Some(raw.get()))
    };
    let said = match raw {
        // An array would be read as well, position by position.
        Some(raw) if !raw.get().starts_with(['{', 'n']) => return Err(wrong(raw)),
        Some(raw) => serde_json::from_str::<Option<PolicyBody>>(raw.get()).map_err(|_| wrong(raw))?,
        None => None,
    };
    let said = said.unwrap_or_default();
    let execution_timeout = milliseconds("executionTimeout", said.execution_timeout, EXECUTION_TIMEOUT)?;
    let ttl = milliseconds("ttl", said.ttl, TTL)?;
    let priority = match said.low_priority {
        None | Some(Value::Bool(false)) => Priority::Normal,
        Some(Value::Bool(true)) => Priority::Low,
        Some(other) => {
            let place = ["body", "policy", "lowPriority"];
            let message = "Input should be a valid boolean";
            return Err(Invalid::new("bool_type", &place, message, Some(&other.to_string())));
        }
    };
    Ok(Policy {
        execution_timeout: execution_timeout.unwrap_or(limit),
        ttl: ttl.unwrap_or(DEFAULT_TTL),
        priority,
    })
}

fn milliseconds(
    key: &str,
    said: Option<Value>,
    (least, most): (u64, u64),
) -> Result<Option<Duration>, Invalid> {
    let Some(value) = said else { return Ok(None) };
    match value.as_u64().filter(|ms| (least..=most).contains(ms)) {
        Some(ms) => Ok(Some(Duration::from_millis(ms))),
        None => {
            let message = format!("Input should be an integer from {least} to {most}, in milliseconds");
            Err(Invalid::new("int_range", &["body", "policy", key], &message, Some(&value.to_string())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(10);

    fn read(text: &str) -> Result<Submission, Invalid> {
        parse(text.as_bytes(), Origin::Run, LIMIT)
    }

    #[test]
    fn a_job_is_its_input_and_what_it_says_of_time_and_webhook() {
        let job = read(
            r#" {"input": {"a": [1.50]}, "webhook": "https://example.com/x?y=1", "s3Config": {},
                 "policy": {"executionTimeout": 5000, "ttl": 10000, "lowPriority": true, "more": 1}}"#,
        )
        .unwrap();
        assert_eq!(job.input.get(), r#"{"a": [1.50]}"#);
        assert_eq!(job.webhook.unwrap().as_str(), "https://example.com/x?y=1");
        let (five, ten) = (Duration::from_secs(5), Duration::from_secs(10));
        assert_eq!(job.policy, Policy { execution_timeout: five, ttl: ten, priority: Priority::Low });
    }

    #[test]
    fn what_is_left_out_or_null_has_the_platforms_defaults() {
        for text in [
            r#"{"input": {}}"#,
            r#"{"input": {}, "webhook": null, "policy": null}"#,
            r#"{"input": {}, "webhook": "", "policy": {"ttl": null, "lowPriority": false}}"#,
        ] {
            let job = read(text).unwrap();
            assert_eq!(job.webhook, None, "{text}");
            let expected = Policy { execution_timeout: LIMIT, ttl: DEFAULT_TTL, priority: Priority::Normal };
            assert_eq!(job.policy, expected, "{text}");
        }
    }

    /// The first eight were captured from the local server of the SDK, version 1.12.0 (less its class names).
    #[test]
    fn what_is_wrong_is_said_as_the_local_server_of_the_sdk_says_it() {
        for (text, kind, place) in [
            ("", "missing", json!(["body"])),
            ("[1]", "dataclass_type", json!(["body"])),
            ("{}", "missing", json!(["body", "input"])),
            (r#"{"input": 5}"#, "dict_type", json!(["body", "input"])),
            (r#"{"input": null}"#, "dict_type", json!(["body", "input"])),
            (r#"{"input": [1]}"#, "dict_type", json!(["body", "input"])),
            (r#"{"input": {"#, "json_invalid", json!(["body", 10])),
            (r#"{"input": {}, "webhook": 5}"#, "string_type", json!(["body", "webhook"])),
            ("nope", "json_invalid", json!(["body", 1])),
            ("{\n\"input\": NaN}", "json_invalid", json!(["body", 11])),
            (r#"{"input": {}, "webhook": "ftp://x/y"}"#, "url_parsing", json!(["body", "webhook"])),
            (r#"{"input": {}, "webhook": "file:///etc/passwd"}"#, "url_parsing", json!(["body", "webhook"])),
            (r#"{"input": {}, "webhook": "x"}"#, "url_parsing", json!(["body", "webhook"])),
            (r#"{"input": {}, "policy": 5}"#, "dict_type", json!(["body", "policy"])),
            (r#"{"input": {}, "policy": [6000]}"#, "dict_type", json!(["body", "policy"])),
            (r#"{"input": {}, "policy": {"ttl": 9999}}"#, "int_range", json!(["body", "policy", "ttl"])),
            (r#"{"input": {}, "policy": {"ttl": -1}}"#, "int_range", json!(["body", "policy", "ttl"])),
            (
                r#"{"input": {}, "policy": {"executionTimeout": 604800001}}"#,
                "int_range",
                json!(["body", "policy", "executionTimeout"]),
            ),
            (
                r#"{"input": {}, "policy": {"lowPriority": 1}}"#,
                "bool_type",
                json!(["body", "policy", "lowPriority"]),
            ),
        ] {
            let detail = read(text).unwrap_err().document()["detail"][0].clone();
            assert_eq!((&detail["type"], &detail["loc"]), (&json!(kind), &place), "{text}: {detail}");
        }
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_texts_are_not_depth() {
        let nested = |depth: usize| {
            format!(r#"{{"input": {{"a": {}{}}}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
        };
        let job = read(&nested(MAX_DEPTH)).unwrap();
        serde_json::from_str::<Value>(job.input.get()).unwrap();
        assert!(read(&nested(MAX_DEPTH + 1)).is_err());
        let detail = read(&nested(100_000)).unwrap_err().document();
        assert_eq!(detail["detail"][0]["type"], "too_deep");
        assert!(detail.to_string().len() < 500);
        let text = "[".repeat(MAX_DEPTH + 1);
        read(&format!(r#"{{"input": {{"a": "{text}", "b": "\"{text}"}}}}"#)).unwrap();
    }

    #[test]
    fn a_realtime_job_needs_an_id_and_takes_any_input() {
        for (text, taken) in [
            (r#"{"id": "a", "input": 5}"#, true),
            (r#"{"id": "a", "input": null}"#, true),
            (r#"{"id": "a"}"#, false),
            (r#"{"input": 5}"#, false),
            (r#"{"id": 5, "input": 5}"#, false),
        ] {
            assert_eq!(parse_realtime(text.as_bytes(), LIMIT).is_ok(), taken, "{text}");
        }
    }
}
