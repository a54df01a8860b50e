//! The report as one message on Discord: an embed, which mentions nobody.

mod component;
mod message;
pub mod settings;

use flaky_plugin_platforms::request::post;
use flaky_plugin_sdk::Delivery;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;

use settings::Settings;

/// A webhook is a secret as a whole.
const WEBHOOK: &str = "${{ secrets.DISCORD_WEBHOOK_URL }}";

/// What is to be sent.
#[must_use]
pub fn deliveries(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Vec<Delivery> {
    vec![Delivery::Http(post(WEBHOOK, Vec::new(), &message::of(report, surroundings, settings)))]
}
