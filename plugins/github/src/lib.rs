//! The report on GitHub: a comment on the pull request, the job summary, annotations, a check run, outputs.
//!
//! The text is the Markdown reporter's. This crate decides what of it goes where, within what GitHub takes.

mod annotations;
mod check;
mod component;
mod outputs;
pub mod settings;

use flaky_plugin_markdown::comment;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Comment, Delivery};

use settings::Settings;

/// The comment that every run of `flaky` on the same pull request updates.
const KEY: &str = "flaky";

/// What is to be written and sent.
#[must_use]
pub fn deliveries(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Vec<Delivery> {
    let mut out = Vec::new();
    let pull = surroundings.ci.as_ref().and_then(|ci| ci.pull_request.as_ref());
    if settings.comment && pull.is_some() {
        let body = comment::comment(report, surroundings);
        out.push(Delivery::PullRequestComment(Comment { key: KEY.to_owned(), body }));
    }
    if settings.summary {
        out.push(Delivery::JobSummary(comment::summary(report, surroundings)));
    }
    if settings.annotations {
        let found = annotations::of_job(report);
        if !found.is_empty() {
            out.push(Delivery::Annotations(found));
        }
    }
    if settings.check_run {
        out.push(Delivery::CheckRun(check::of(report, surroundings)));
    }
    if settings.outputs {
        out.push(Delivery::Outputs(outputs::of(report)));
    }
    out
}
