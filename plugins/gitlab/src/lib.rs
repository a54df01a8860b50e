//! The report on GitLab: a note on the merge request, and a code-quality report that the merge request shows beside
//! its changes.

mod code_quality;
mod component;
pub mod settings;

use flaky_plugin_markdown::comment;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Comment, Delivery, File};

use settings::Settings;

/// The note that every run of `flaky` on the same merge request updates.
const KEY: &str = "flaky";

/// The name that GitLab's own templates use.
const CODE_QUALITY: &str = "gl-code-quality-report.json";

/// What is to be written and sent. The note is kept as short as a comment on GitHub: GitLab takes sixteen times as
/// much, and nobody reads it.
#[must_use]
pub fn deliveries(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Vec<Delivery> {
    let mut out = Vec::new();
    let request = surroundings.ci.as_ref().and_then(|ci| ci.pull_request.as_ref());
    if settings.comment && request.is_some() {
        let body = comment::comment(report, surroundings);
        out.push(Delivery::PullRequestComment(Comment { key: KEY.to_owned(), body }));
    }
    if settings.code_quality {
        let content = code_quality::of(report).into_bytes();
        out.push(Delivery::File(File { path: CODE_QUALITY.to_owned(), content }));
    }
    out
}
