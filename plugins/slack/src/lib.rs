//! The report as one message on Slack, in Block Kit.
//!
//! Text of others stands in code spans and in objects of type `plain_text`, where Slack reads no markup. The text of
//! the message itself is of words and numbers of ours: it is all that a Discord webhook shows of it whose URL ends in
//! `/slack`, and all that notifications show.

mod component;
mod message;
pub mod settings;

use flaky_plugin_platforms::request::post;
use flaky_plugin_sdk::Delivery;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;

use settings::Settings;

/// An incoming webhook is a secret as a whole.
const WEBHOOK: &str = "${{ secrets.SLACK_WEBHOOK_URL }}";

/// What bots post with.
const POST_MESSAGE: &str = "https://slack.com/api/chat.postMessage";
const BOT: &str = "Bearer ${{ secrets.SLACK_BOT_TOKEN }}";

/// What is to be sent.
#[must_use]
pub fn deliveries(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Vec<Delivery> {
    let mut message = message::of(report, surroundings, settings);
    let request = match &settings.channel {
        None => post(WEBHOOK, Vec::new(), &message),
        Some(channel) => {
            message["channel"] = channel.as_str().into();
            post(POST_MESSAGE, vec![("Authorization".to_owned(), BOT.to_owned())], &message)
        }
    };
    vec![Delivery::Http(request)]
}
