//! What an answer to a take holds: jobs, jobs that cannot be run, or nothing of use.

use flaky_runpod::JobId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::job::Job;

/// Bytes of an answer. One job's input is at most 20 MB; a batch of several such is unlikely, and more than this is
/// more than small workers can hold.
pub(super) const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// One element of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Delivered {
    /// To be run.
    Job(Job),
    /// Cannot be run; its caller has to hear why.
    Refused { id: JobId, reason: String },
    /// Nobody can be told: why.
    Unusable(String),
}

/// Whether a field is there, even if it is null, and however deep its value is nested.
#[derive(Debug, Default, PartialEq, Eq)]
enum Field {
    #[default]
    Absent,
    Present,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self::Present)
    }
}

/// Reading this does not read the input, so that the id is known of jobs whose input cannot be read.
#[derive(Deserialize)]
struct Head {
    id: Option<Value>,
    #[serde(default)]
    input: Field,
}

/// Further fields (webhooks, batch ids and what may come) are not for us.
#[derive(Deserialize)]
struct Input {
    input: Value,
}

/// Reads an answer; an object is a list of one. Empty where the platform says that there is nothing.
pub(super) fn read(body: &[u8]) -> Vec<Delivered> {
    let body = body.trim_ascii();
    match body.first() {
        None => Vec::new(),
        Some(b'[') => elements(body).map_or_else(
            || vec![Delivered::Unusable("the list has no end".to_owned())],
            |elements| elements.into_iter().map(element).collect(),
        ),
        Some(_) if body == b"null" => Vec::new(),
        Some(_) => vec![element(body)],
    }
}

fn element(text: &[u8]) -> Delivered {
    let head: Head = match serde_json::from_slice(text) {
        Ok(head) => head,
        Err(e) => return Delivered::Unusable(format!("not a job: {}", without_content(&e))),
    };
    let id = match head.id.as_ref().and_then(Value::as_str).map(str::parse::<JobId>) {
        Some(Ok(id)) => id,
        Some(Err(e)) => return Delivered::Unusable(e.to_string()),
        None => return Delivered::Unusable("a job without an `id` of text".to_owned()),
    };
    if head.input == Field::Absent {
        let reason = "the job has no `input`; send `{\"input\": {…}}`".to_owned();
        return Delivered::Refused { id, reason };
    }
    match serde_json::from_slice::<Input>(text) {
        Ok(Input { input }) => Delivered::Job(Job { id, input }),
        Err(e) => {
            let reason = format!("the job's `input` cannot be read: {}", without_content(&e));
            Delivered::Refused { id, reason }
        }
    }
}

/// What the parser says of wrong types repeats what it found; of wrong JSON it does not.
fn without_content(error: &serde_json::Error) -> String {
    if error.is_data() { "not an object with `id` and `input`".to_owned() } else { error.to_string() }
}

/// The elements of a JSON list, each as it stands there, so that a bad one spoils no other. `None` when the list does
/// not end, or something comes after it. Knows of JSON no more than strings and brackets: elements are checked when
/// they are read.
fn elements(list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let (mut depth, mut begin) = (0_usize, 1);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b',' if depth == 1 => {
                found.push(list.get(begin..at)?.trim_ascii());
                begin = at + 1;
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let last = list.get(begin..at)?.trim_ascii();
                    if !(last.is_empty() && found.is_empty()) {
                        found.push(last);
                    }
                    return (at + 1 == list.len()).then_some(found);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(id: &str, input: Value) -> Delivered {
        Delivered::Job(Job { id: id.parse().unwrap(), input })
    }

    #[test]
    fn objects_and_lists_are_jobs_and_further_fields_do_not_matter() {
        for (body, expected) in [
            (
                r#"{"id":"a-u1","input":{"x":1},"webhook":"http://h","batchId":7}"#,
                vec![job("a-u1", json!({"x": 1}))],
            ),
            (
                r#" [{"id":"a","input":1}, {"id":"b","input":"],}"}] "#,
                vec![job("a", json!(1)), job("b", json!("],}"))],
            ),
            (r#"{"id":"a","input":null}"#, vec![job("a", Value::Null)]),
            (r#"[{"id":"a","input":"\"\\"}]"#, vec![job("a", json!("\"\\"))]),
            ("[]", vec![]),
            (" [ ] ", vec![]),
            ("null", vec![]),
            ("", vec![]),
            (" \n", vec![]),
        ] {
            assert_eq!(read(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_job_whose_input_is_missing_or_unreadable_is_refused_by_its_id() {
        let deep = format!(r#"{{"id":"a","input":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for (body, says) in [(r#"{"id":"a"}"#, "no `input`"), (deep.as_str(), "recursion limit")] {
            match &read(body.as_bytes())[..] {
                [Delivered::Refused { id, reason }] => {
                    assert_eq!(id.as_str(), "a");
                    assert!(reason.contains(says), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_bad_element_spoils_no_other() {
        let body =
            r#"[{"input":1}, {"id":7,"input":1}, {"id":"../x","input":1}, 3, , {"id":"good","input":1}]"#;
        let read = read(body.as_bytes());
        assert_eq!(read.len(), 6);
        assert!(read[..5].iter().all(|d| matches!(d, Delivered::Unusable(_))), "{read:?}");
        assert_eq!(read[5], job("good", json!(1)));
    }

    #[test]
    fn what_is_no_job_says_why_without_repeating_it() {
        for body in
            ["<html>SECRET</html>", r#"{"id":"a","input":"SECRET"#, "[{", "[1]]", "]", "\"SECRET\"", "{}"]
        {
            match &read(body.as_bytes())[..] {
                [Delivered::Unusable(why)] => assert!(!why.contains("SECRET"), "{why}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
