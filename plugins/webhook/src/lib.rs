//! The report as JSON to any address, for programs: a small document whose shape is published as
//! `docs/schema/webhook.schema.json`, or the whole report.

mod component;
pub mod settings;
mod summary;

use flaky_plugin_platforms::request::{post, post_text};
use flaky_plugin_sdk::Delivery;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;

use settings::{Body, Settings};

/// The address may hold a key.
const WEBHOOK: &str = "${{ secrets.FLAKY_WEBHOOK_URL }}";

/// What is to be sent. `document` is the text that the report was read from.
#[must_use]
pub fn deliveries(
    document: &str,
    report: &Report,
    surroundings: &Surroundings,
    settings: &Settings,
) -> Vec<Delivery> {
    let url = settings.url.as_deref().unwrap_or(WEBHOOK);
    vec![Delivery::Http(match settings.body {
        Body::Summary => post(url, Vec::new(), &summary::of(report, surroundings)),
        Body::Report => post_text(url, Vec::new(), document),
    })]
}
