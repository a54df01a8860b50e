//! `reporter`.

use super::exports::reporter as wit;
use super::{at_most, json_text, long, plain};
use crate::clean;
use crate::error::PluginErrorKind;
use crate::limits::{DELIVERIES, LINE_BYTES, LIST};
use flaky_core::delivery::{Annotation, AnnotationLevel, Delivery, RenderContext};

pub(crate) fn to_context(context: &RenderContext) -> wit::RenderContext {
    wit::RenderContext {
        width: context.width,
        colour: context.colour,
        report_version: RenderContext::VERSION,
        more: json_text(&context.more),
    }
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn deliveries(found: Vec<wit::Delivery>, colour: bool) -> Result<Vec<Delivery>, PluginErrorKind> {
    at_most("deliveries", found.len(), DELIVERIES)?;
    found.into_iter().enumerate().map(|(i, d)| delivery(&format!("deliveries[{i}]"), d, colour)).collect()
}

fn delivery(field: &str, found: wit::Delivery, colour: bool) -> Result<Delivery, PluginErrorKind> {
    Ok(match found {
        wit::Delivery::Stdout(text) => Delivery::Stdout(clean::terminal(text, colour)),
        wit::Delivery::File(file) => Delivery::File {
            path: plain(&format!("{field}.path"), file.path, LINE_BYTES)?,
            content: file.content,
        },
        wit::Delivery::Http(request) => http(field, request)?,
        wit::Delivery::PullRequestComment(comment) => Delivery::PullRequestComment {
            key: clean::line(&comment.key),
            body: clean::terminal(comment.body, false),
        },
        wit::Delivery::JobSummary(text) => Delivery::JobSummary(clean::terminal(text, false)),
        wit::Delivery::Annotations(list) => Delivery::Annotations(annotations(field, list)?),
        wit::Delivery::CheckRun(check) => check_run(field, check)?,
        wit::Delivery::Outputs(pairs) => {
            at_most(field, pairs.len(), LIST)?;
            let pair = |(name, value): (String, String)| (clean::line(&name), clean::line(&value));
            Delivery::Outputs(pairs.into_iter().map(pair).collect())
        }
        wit::Delivery::Other(other) => Delivery::Other { kind: clean::line(&other.kind), body: other.body },
    })
}

/// A line end in a URL or header would be a second request.
fn http(field: &str, request: wit::HttpRequest) -> Result<Delivery, PluginErrorKind> {
    at_most(&format!("{field}.headers"), request.headers.len(), LIST)?;
    let lines = [&request.method, &request.url];
    let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
    if lines.into_iter().chain(headers).any(|text| text.chars().any(char::is_control)) {
        return Err(PluginErrorKind::invalid(
            field,
            "holds a control character in its method, URL or headers",
        ));
    }
    Ok(Delivery::Http {
        method: request.method.to_ascii_uppercase(),
        url: request.url,
        headers: request.headers,
        body: request.body,
    })
}

fn check_run(field: &str, check: wit::CheckRun) -> Result<Delivery, PluginErrorKind> {
    if !["success", "neutral", "failure"].contains(&check.conclusion.as_str()) {
        let why =
            format!("is `{}`: expected `success`, `neutral` or `failure`", clean::line(&check.conclusion));
        return Err(PluginErrorKind::invalid(format!("{field}.conclusion"), why));
    }
    Ok(Delivery::CheckRun {
        name: clean::line(&check.name),
        conclusion: check.conclusion,
        title: clean::line(&check.title),
        summary: clean::terminal(check.summary, false),
        annotations: annotations(field, check.annotations)?,
    })
}

fn annotations(field: &str, found: Vec<wit::Annotation>) -> Result<Vec<Annotation>, PluginErrorKind> {
    at_most(&format!("{field}.annotations"), found.len(), LIST)?;
    let annotation = |a: wit::Annotation| Annotation {
        level: match a.level {
            wit::AnnotationLevel::Notice => AnnotationLevel::Notice,
            wit::AnnotationLevel::Warning => AnnotationLevel::Warning,
            wit::AnnotationLevel::Failure => AnnotationLevel::Failure,
        },
        file: clean::line(&a.file),
        line: a.line,
        title: clean::line(&a.title),
        message: long(a.message),
    };
    Ok(found.into_iter().map(annotation).collect())
}
