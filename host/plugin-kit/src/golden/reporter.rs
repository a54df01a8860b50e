//! Cases of reporters.

use std::path::Path;

use flaky_core::delivery::{Annotation, AnnotationLevel, Delivery, RenderContext};
use flaky_plugin_host::BlobInput;
use serde::Deserialize;
use serde_json::{Value, json};

use super::difference::UNNAMED;
use super::files::{blob, json_file};
use super::{Answer, CaseError};

/// `context.json`: where the reporter speaks. Optional, as all of its fields are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Context {
    width: Option<u32>,
    colour: bool,
    more: Value,
}

/// The report of a case, and where it is told.
///
/// # Errors
/// When a file of it cannot be used.
pub fn input(folder: &Path) -> Result<(BlobInput, RenderContext), CaseError> {
    let path = folder.join("context.json");
    let given: Context = if path.exists() { json_file(&path)? } else { Context::default() };
    let more = if given.more.is_null() { "{}".to_owned() } else { given.more.to_string() };
    let report = folder.join("report.json");
    // What is no JSON is a mistake in the case, and not a test of the plugin.
    json_file::<Value>(&report)?;
    Ok((blob(&report)?, RenderContext { width: given.width, colour: given.colour, more }))
}

/// Deliveries as they are kept. Files stand in the document, and as themselves.
#[must_use]
pub fn answer(deliveries: Vec<Delivery>) -> Answer {
    let document = Value::Array(deliveries.iter().map(document).collect());
    let files = deliveries.into_iter().filter_map(|delivery| match delivery {
        Delivery::File { path, content } if path.is_empty() => Some((UNNAMED.to_owned(), content)),
        Delivery::File { path, content } => Some((path, content)),
        _ => None,
    });
    Answer { document, files: files.collect() }
}

fn document(delivery: &Delivery) -> Value {
    match delivery {
        Delivery::Stdout(text) => json!({ "stdout": text }),
        Delivery::File { path, content } => json!({ "file": { "path": path, "content": text(content) } }),
        Delivery::Http { method, url, headers, body } => {
            json!({ "http": { "method": method, "url": url, "headers": headers, "body": text(body) } })
        }
        Delivery::PullRequestComment { key, body } => {
            json!({ "pull-request-comment": { "key": key, "body": body } })
        }
        Delivery::JobSummary(text) => json!({ "job-summary": text }),
        Delivery::Annotations(annotations) => {
            json!({ "annotations": annotations.iter().map(annotation).collect::<Vec<_>>() })
        }
        Delivery::CheckRun { name, conclusion, title, summary, annotations } => json!({ "check-run": {
            "name": name,
            "conclusion": conclusion,
            "title": title,
            "summary": summary,
            "annotations": annotations.iter().map(annotation).collect::<Vec<_>>(),
        } }),
        Delivery::Outputs(outputs) => json!({ "outputs": outputs }),
        Delivery::Other { kind, body } => json!({ "other": { "kind": kind, "body": body } }),
    }
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    json!({
        "level": level,
        "file": annotation.file,
        "line": annotation.line,
        "title": annotation.title,
        "message": annotation.message,
    })
}

/// Text as it is; of other bytes how many there are: `expected/` holds them.
fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "bytes": bytes.len() }),
    }
}
