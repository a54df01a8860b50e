//! What the reporter sends: for samples, beside what it should; and of hostile text. Slack itself is not asked: a
//! stand-in of its reference refuses what it would refuse.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use flaky_plugin_platforms::testing::deliveries::as_json;
use flaky_plugin_platforms::testing::{corpus, samples, slack};
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Delivery, HttpRequest};
use flaky_plugin_slack::deliveries;
use flaky_plugin_slack::settings::Settings;
use serde_json::Value;

fn request(report: &Report, surroundings: &Surroundings, settings: &Settings) -> HttpRequest {
    let mut found = deliveries(report, surroundings, settings);
    assert_eq!(found.len(), 1);
    match found.remove(0) {
        Delivery::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

fn message(report: &Report, surroundings: &Surroundings) -> Value {
    serde_json::from_slice(&request(report, surroundings, &Settings::default()).body).unwrap()
}

#[test]
fn samples_are_told_as_expected() {
    for (name, _, report) in samples::reports() {
        let found = deliveries(&report, &samples::surroundings(), &Settings::default());
        assert_eq!(slack::check(&message(&report, &samples::surroundings())), Ok(()), "{name}");
        let text = serde_json::to_string_pretty(&as_json(&found)).unwrap() + "\n";
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.json"), &text);
    }
}

/// Parts of `mrkdwn` outside of code.
fn outside_code(markup: &str) -> String {
    markup.split('`').step_by(2).collect()
}

#[test]
fn nothing_of_others_acts_in_a_message() {
    for (name, text) in corpus::texts() {
        for report in [corpus::report(&text), corpus::failed_report(&text)] {
            let message = message(&report, &corpus::surroundings(&text));
            assert_eq!(slack::check(&message), Ok(()), "{name}: {message:#}");
            for markup in slack::markup(&message) {
                assert_eq!(markup.matches('`').count() % 2, 0, "{name}: code is left: {markup}");
                assert!(!markup.chars().any(|c| c.is_control() && c != '\n'), "{name}: {markup}");
                let code: String = markup.split('`').skip(1).step_by(2).collect();
                assert!(!code.contains(['<', '>', '\n']), "{name}: {code}");
                let outside = outside_code(&markup);
                // Links of ours are all that is written with angle brackets.
                for tag in outside.split('<').skip(1) {
                    assert!(tag.starts_with(corpus::FORGE), "{name}: <{tag}");
                }
                for bad in ["@", "evil", "http://", ":smile:", "_italic_", "~struck~"] {
                    assert!(!outside.to_lowercase().contains(bad), "{name}: `{bad}` in {outside}");
                }
            }
            let all = message.to_string();
            assert!(!all.contains("\"emoji\":true") && !all.contains("\"verbatim\":false"), "{name}");
        }
    }
}

#[test]
fn no_text_of_others_is_taken_for_a_secret() {
    for (name, text) in corpus::texts() {
        let request = request(&corpus::report(&text), &corpus::surroundings(&text), &Settings::default());
        assert_eq!(request.url, "${{ secrets.SLACK_WEBHOOK_URL }}");
        assert!(!String::from_utf8(request.body).unwrap().contains("${{"), "{name}");
    }
}

#[test]
fn authors_are_mentioned_by_their_login_alone() {
    let text = |settings: &Settings| {
        let request = request(&samples::report("flaky"), &samples::surroundings(), settings);
        String::from_utf8(request.body).unwrap()
    };
    let all = text(&Settings::default());
    assert_eq!(all.matches("<@U012AB3CD>").count(), 1, "{all}");
    assert!(all.contains("`Bo Sample`"), "who is not known is named");
    assert!(!text(&Settings { mention: false, ..Settings::default() }).contains("<@"));
}

#[test]
fn nobody_is_called_where_nothing_has_to_be_done() {
    for name in ["stable", "too-few", "install-failed"] {
        let message = message(&samples::report(name), &samples::surroundings());
        assert!(!message.to_string().contains("<@"), "{name}");
    }
}

#[test]
fn claims_are_called_claims() {
    let surroundings = Surroundings { untrusted: true, ..samples::surroundings() };
    let report = samples::report("stable");
    assert!(message(&report, &surroundings).to_string().contains("the numbers are its word"));
    assert!(!message(&report, &samples::surroundings()).to_string().contains("the numbers are its word"));
}

#[test]
fn a_channel_is_posted_to_as_a_bot() {
    let settings = Settings { channel: Some("#ci".into()), ..Settings::default() };
    let request = request(&samples::report("flaky"), &samples::surroundings(), &settings);
    assert_eq!(request.url, "https://slack.com/api/chat.postMessage");
    let bot = ("Authorization".to_owned(), "Bearer ${{ secrets.SLACK_BOT_TOKEN }}".to_owned());
    assert!(request.headers.contains(&bot));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["channel"], "#ci");
    assert_eq!(slack::check(&body), Ok(()));
}

#[test]
fn five_commits_and_tests_are_shown_and_the_others_counted() {
    let mut surroundings = samples::surroundings();
    let since = surroundings.ci.as_mut().unwrap().since_green.as_mut().unwrap();
    since.commits = vec![since.commits[0].clone(); 9];
    let mut report = samples::report("flaky");
    report.tests = vec![report.tests[0].clone(); 9];
    let message = message(&report, &surroundings);
    assert_eq!(slack::check(&message), Ok(()));
    let all = message.to_string();
    assert_eq!(all.matches("`3f1c0a9` ").count(), 5, "{all}");
    assert_eq!(all.matches("• ").count(), 5);
    assert_eq!(all.matches("\\nand 4 more").count(), 2);
}
