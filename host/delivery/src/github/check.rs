//! A check of a commit: made with the first annotations, the others added in batches.
//!
//! Limits: <https://docs.github.com/en/rest/checks/runs>, "Create a check run".

use flaky_core::delivery::{Annotation, AnnotationLevel};
use reqwest::Method;
use serde_json::{Value, json};

use super::Github;
use crate::error::{DeliveryError, Lost, Trouble};
use crate::secrets::Redactor;

/// Annotations of one request; updates add to those that are there.
pub(crate) const PER_REQUEST: usize = 50;
/// Annotations of a check: more requests than this only use up the rate limit of everyone's jobs.
pub(crate) const MOST: usize = 1000;
/// Longest summary in characters.
pub(crate) const MOST_SUMMARY: usize = 65_535;
/// Longest title of an annotation in characters.
const MOST_TITLE: usize = 255;
/// Longest message of an annotation: 64 KB.
const MOST_MESSAGE: usize = 64_000;

/// What a reporter asks for.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) conclusion: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) annotations: Vec<Annotation>,
}

/// Makes the check of `commit`. `untrusted`: the report is a claim, and no check made of it is better than neutral.
pub(crate) async fn tell(
    github: &Github,
    commit: &str,
    check: Check,
    untrusted: bool,
) -> Result<(), Trouble> {
    let conclusion = conclusion(&check.conclusion, untrusted)?;
    let size = check.summary.chars().count();
    if size > MOST_SUMMARY {
        let (limit, unit) = (MOST_SUMMARY, "characters");
        return Err(DeliveryError::TooLarge { what: "summary of the check", size, limit, unit }.into());
    }
    let annotations: Vec<Value> =
        check.annotations.iter().filter(|a| !a.file.is_empty()).take(MOST).map(annotation).collect();
    let mut batches = annotations.chunks(PER_REQUEST);
    let output =
        |batch: &[Value]| json!({"title": check.title, "summary": check.summary, "annotations": batch});
    let mut body =
        json!({"name": check.name, "head_sha": commit, "status": "completed", "conclusion": conclusion});
    body["output"] = output(batches.next().unwrap_or_default());
    let path = github.path(&["check-runs"]);
    let made = github.forge.send(Method::POST, &path, Some(&body)).await?;
    for batch in batches {
        let id = made.get("id").and_then(Value::as_u64);
        let id = id.ok_or_else(|| github.forge.unexpected("POST check-runs", &"it has no id"))?.to_string();
        let body = json!({ "output": output(batch) });
        github.forge.send(Method::PATCH, &github.path(&["check-runs", &id]), Some(&body)).await?;
    }
    let left = check.annotations.len().saturating_sub(annotations.len());
    if left > 0 {
        return Err(Lost::Annotations { left, why: "a check is given 1,000, each of them of a file" }.into());
    }
    Ok(())
}

fn conclusion(asked: &str, untrusted: bool) -> Result<&'static str, DeliveryError> {
    match asked {
        "success" if untrusted => Ok("neutral"),
        "success" => Ok("success"),
        "neutral" => Ok("neutral"),
        "failure" => Ok("failure"),
        other => Err(DeliveryError::Conclusion { conclusion: Redactor::default().clean(other) }),
    }
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    // Lines are required, and counted from 1.
    let line = annotation.line.unwrap_or(1).max(1);
    let message = if annotation.message.is_empty() { &annotation.title } else { &annotation.message };
    let message = &message[..message.floor_char_boundary(MOST_MESSAGE)];
    let mut value = json!({
        "path": annotation.file, "start_line": line, "end_line": line,
        "annotation_level": level, "message": message,
    });
    if !annotation.title.is_empty() {
        value["title"] = annotation.title.chars().take(MOST_TITLE).collect::<String>().into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_never_better_than_neutral() {
        for (asked, untrusted, expected) in [
            ("success", false, Some("success")),
            ("success", true, Some("neutral")),
            ("neutral", true, Some("neutral")),
            ("failure", true, Some("failure")),
            ("failure", false, Some("failure")),
            ("SUCCESS", false, None),
            ("success\n", false, None),
            ("skipped", false, None),
        ] {
            assert_eq!(conclusion(asked, untrusted).ok(), expected, "{asked} {untrusted}");
        }
    }

    #[test]
    fn annotations_keep_to_githubs_lengths() {
        let long = |n| "\u{1f600}".repeat(n);
        let of = |title: String, message: String, line| {
            annotation(&Annotation {
                level: AnnotationLevel::Failure,
                file: "a.py".into(),
                line,
                title,
                message,
            })
        };
        for (given, kept) in
            [(MOST_TITLE - 1, MOST_TITLE - 1), (MOST_TITLE, MOST_TITLE), (MOST_TITLE + 1, MOST_TITLE)]
        {
            let value = of(long(given), "m".into(), Some(3));
            assert_eq!(value["title"].as_str().unwrap().chars().count(), kept);
        }
        for (given, kept) in [(63_996, 63_996), (64_000, 64_000), (64_004, 64_000)] {
            assert_eq!(of(String::new(), long(given / 4), None)["message"].as_str().unwrap().len(), kept);
        }
        let value = of("t".into(), String::new(), Some(0));
        assert_eq!((&value["start_line"], &value["message"]), (&json!(1), &json!("t")));
        assert_eq!(of(String::new(), "m".into(), None).get("title"), None);
    }
}
