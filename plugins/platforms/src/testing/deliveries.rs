//! Deliveries as JSON, to compare and to look at.

use flaky_plugin_sdk::{Annotation, AnnotationLevel, Delivery};
use serde_json::{Value, json};

/// Deliveries as a list. The body of a request is shown as the JSON that it is.
#[must_use]
pub fn as_json(deliveries: &[Delivery]) -> Value {
    deliveries.iter().map(one).collect()
}

fn one(delivery: &Delivery) -> Value {
    match delivery {
        Delivery::Stdout(text) => json!({ "stdout": text }),
        Delivery::File(file) => json!({ "file": file.path, "content": content(&file.content) }),
        Delivery::Http(request) => json!({
            "http": format!("{} {}", request.method, request.url),
            "headers": request.headers,
            "body": content(&request.body),
        }),
        Delivery::PullRequestComment(comment) => {
            json!({ "pull_request_comment": comment.key, "body": comment.body })
        }
        Delivery::JobSummary(text) => json!({ "job_summary": text }),
        Delivery::Annotations(list) => {
            json!({ "annotations": list.iter().map(annotation).collect::<Value>() })
        }
        Delivery::CheckRun(check) => json!({
            "check_run": check.name, "conclusion": check.conclusion, "title": check.title, "summary": check.summary,
            "annotations": check.annotations.iter().map(annotation).collect::<Value>(),
        }),
        Delivery::Outputs(pairs) => json!({ "outputs": pairs }),
        Delivery::Other(other) => json!({ "other": other.kind, "body": other.body }),
    }
}

fn content(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).into_owned()))
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    json!({ "level": level, "file": annotation.file, "line": annotation.line, "title": annotation.title,
        "message": annotation.message })
}
