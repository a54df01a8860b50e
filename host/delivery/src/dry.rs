//! `--dry-run`: what would be sent, on standard output. Placeholders stay unfilled.

use std::fmt::Write;

use flaky_core::delivery::{Annotation, Delivery};

/// What a delivery would do. `None`: it stays on this machine's standard output, and is made.
pub(crate) fn describe(reporter: &str, delivery: &Delivery) -> Option<String> {
    let mut text = String::new();
    let mut line = |what: &str| {
        let _ = writeln!(text, "{}", printable(what));
    };
    match delivery {
        Delivery::Stdout(_) => return None,
        Delivery::File { path, content } => {
            let path = if path.is_empty() { "the file named for it" } else { path };
            line(&format!("{reporter}: file: {path} ({} bytes)", content.len()));
        }
        Delivery::Http { method, url, headers, body } => {
            line(&format!("{reporter}: http: {method} {url}"));
            for (name, value) in headers {
                line(&format!("{name}: {value}"));
            }
            line(&String::from_utf8_lossy(body));
        }
        Delivery::PullRequestComment { key, body } => {
            line(&format!("{reporter}: pull-request-comment: {key}"));
            line(body);
        }
        Delivery::JobSummary(body) => {
            line(&format!("{reporter}: job-summary"));
            line(body);
        }
        Delivery::Annotations(annotations) => {
            line(&format!("{reporter}: annotations: {}", annotations.len()));
            annotations.iter().for_each(|a| line(&one(a)));
        }
        Delivery::CheckRun { name, conclusion, title, summary, annotations } => {
            line(&format!("{reporter}: check-run: {name}: {conclusion}: {title}"));
            line(summary);
            annotations.iter().for_each(|a| line(&one(a)));
        }
        Delivery::Outputs(outputs) => {
            line(&format!("{reporter}: outputs: {}", outputs.len()));
            outputs.iter().for_each(|(name, value)| line(&format!("{name}={value}")));
        }
        Delivery::Other { kind, body } => {
            line(&format!("{reporter}: other: {kind}"));
            line(body);
        }
    }
    Some(text)
}

fn one(annotation: &Annotation) -> String {
    let Annotation { level, file, line, title, message } = annotation;
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{level:?} {file}{line}: {title}: {message}")
}

/// No control characters but line ends and tabs: it may be a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}
