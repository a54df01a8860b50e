//! What the reporter sends: for samples, beside what it should; and of hostile text. Discord itself is not asked: a
//! stand-in of its documentation refuses what it would refuse.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use flaky_plugin_discord::deliveries;
use flaky_plugin_discord::settings::{SCHEMA, Settings};
use flaky_plugin_platforms::WORD_JOINER;
use flaky_plugin_platforms::testing::deliveries::as_json;
use flaky_plugin_platforms::testing::{corpus, discord, samples};
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Delivery, HttpRequest};
use serde_json::Value;

fn request(report: &Report, surroundings: &Surroundings) -> HttpRequest {
    let mut found = deliveries(report, surroundings, &Settings::default());
    assert_eq!(found.len(), 1);
    match found.remove(0) {
        Delivery::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

fn message(report: &Report, surroundings: &Surroundings) -> Value {
    serde_json::from_slice(&request(report, surroundings).body).unwrap()
}

#[test]
fn samples_are_told_as_expected() {
    for (name, _, report) in samples::reports() {
        let found = deliveries(&report, &samples::surroundings(), &Settings::default());
        assert_eq!(discord::check(&message(&report, &samples::surroundings())), Ok(()), "{name}");
        let text = serde_json::to_string_pretty(&as_json(&found)).unwrap() + "\n";
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.json"), &text);
    }
}

/// What is left of a text when code spans, links of ours and escaped signs are taken out.
fn acting(markup: &str) -> String {
    let mut code = false;
    let mut chars = markup.chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match c {
            '`' => code = !code,
            _ if code => assert_ne!(c, '\n', "a code span ends on its line: {markup}"),
            '\\' => {
                chars.next();
            }
            _ => out.push(c),
        }
    }
    assert!(!code, "code is never left: {markup}");
    out
}

#[test]
fn nothing_of_others_acts_in_a_message() {
    for (name, text) in corpus::texts() {
        for report in [corpus::report(&text), corpus::failed_report(&text)] {
            let message = message(&report, &corpus::surroundings(&text));
            assert_eq!(discord::check(&message), Ok(()), "{name}: {message:#}");
            assert_eq!(message["allowed_mentions"].to_string(), r#"{"parse":[]}"#, "{name}");
            for markup in discord::markup(&message) {
                let acting = acting(&markup).replace("**", "");
                for bad in ["://", "www.e", "](", "<", "|", "*", "_", "~", "[", ":s", "# "] {
                    assert!(!acting.contains(bad), "{name}: `{bad}` in {acting}");
                }
                for (at, _) in acting.match_indices('@') {
                    assert!(acting[at + 1..].starts_with(WORD_JOINER), "{name}: {acting}");
                }
                assert!(!markup.chars().any(|c| c.is_control() && c != '\n'), "{name}: {markup}");
                assert!(!markup.contains(['\u{202e}', '\u{200b}']), "{name}: {markup}");
            }
            let url = message["embeds"][0]["url"].as_str().unwrap();
            assert!(url.starts_with(corpus::FORGE), "{name}: {url}");
        }
    }
}

#[test]
fn no_text_of_others_is_taken_for_a_secret() {
    for (name, text) in corpus::texts() {
        let request = request(&corpus::report(&text), &corpus::surroundings(&text));
        assert_eq!(request.url, "${{ secrets.DISCORD_WEBHOOK_URL }}");
        assert!(!String::from_utf8(request.body).unwrap().contains("${{"), "{name}");
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
fn the_schema_of_the_settings_fits_their_type() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(schema["properties"]["username"]["default"], Settings::default().username.as_str());
    assert!(serde_json::from_str::<Settings>(r#"{"channel": "x"}"#).is_err());
}
