//! What the reporter sends: for samples, beside what it should; and of hostile text, against the published schema.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use std::path::Path;

use flaky_plugin_platforms::testing::deliveries::as_json;
use flaky_plugin_platforms::testing::{corpus, samples};
use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use flaky_plugin_sdk::{Delivery, HttpRequest};
use flaky_plugin_webhook::deliveries;
use flaky_plugin_webhook::settings::{Body, SCHEMA, Settings};
use serde_json::{Value, json};

fn request(document: &str, surroundings: &Surroundings, settings: &Settings) -> HttpRequest {
    let report = Report::from_json(document.as_bytes()).unwrap();
    let mut found = deliveries(document, &report, surroundings, settings);
    assert_eq!(found.len(), 1);
    match found.remove(0) {
        Delivery::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

/// What a value breaks of a schema.
fn problem(schema: &Value, value: &Value) -> Option<String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("memory:schema", schema.clone()).unwrap();
    let index = compiler.compile("memory:schema", &mut schemas).unwrap();
    schemas.validate(value, index).err().map(|error| error.to_string())
}

fn published() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/webhook.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The published shape with nothing beside it: a field that is not in it would be missing from the documentation.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            for value in fields.values_mut() {
                *value = closed(value.take());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = closed(value.take())),
        _ => {}
    }
    schema
}

#[test]
fn samples_are_told_as_expected() {
    let schema = closed(published());
    for (name, document, report) in samples::reports() {
        let found = deliveries(&document, &report, &samples::surroundings(), &Settings::default());
        let told = as_json(&found);
        assert_eq!(problem(&schema, &told[0]["body"]), None, "{name}");
        let text = serde_json::to_string_pretty(&told).unwrap() + "\n";
        samples::check(env!("CARGO_MANIFEST_DIR"), &format!("{name}.json"), &text);
    }
}

#[test]
fn hostile_text_stays_text_and_names_no_secret() {
    let schema = closed(published());
    for (name, text) in corpus::texts() {
        let document = corpus::document(&text).to_string();
        for body in [Body::Summary, Body::Report] {
            let settings = Settings { body, ..Settings::default() };
            let request = request(&document, &corpus::surroundings(&text), &settings);
            assert_eq!(request.url, "${{ secrets.FLAKY_WEBHOOK_URL }}");
            let sent = String::from_utf8(request.body).unwrap();
            assert!(!sent.contains("${{"), "{name}");
            let value: Value = serde_json::from_str(&sent).unwrap();
            if body == Body::Summary {
                assert_eq!(problem(&schema, &value), None, "{name}");
                let beginning: String = text.chars().take(900).collect();
                assert!(
                    value["tests"][0]["id"].as_str().unwrap().starts_with(beginning.trim_end()),
                    "{name}"
                );
                assert!(sent.len() < 200_000, "{name}: {} bytes", sent.len());
            } else {
                assert_eq!(value, corpus::document(&text), "{name}: the report as it is");
            }
        }
    }
}

#[test]
fn an_address_of_the_settings_is_used() {
    let settings = Settings { url: Some("https://hooks.example/x".into()), ..Settings::default() };
    let request = request("{}", &Surroundings::default(), &settings);
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://hooks.example/x"));
}

#[test]
fn settings_are_checked_by_their_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    // Whether plain HTTP may be used is the host's to say: it may on this machine.
    let good = [
        json!({}),
        json!({"url": "https://a.example/x?y=1", "body": "report"}),
        json!({"url": "http://127.0.0.1:8080/x"}),
    ];
    for settings in good {
        assert_eq!(problem(&schema, &settings), None, "{settings}");
        assert!(serde_json::from_value::<Settings>(settings).is_ok());
    }
    for settings in [
        json!({"url": "ftp://a.example"}),
        json!({"url": "https://a b"}),
        json!({"url": "https://a\r\nX: y"}),
        json!({"body": "all"}),
        json!({"secret": "x"}),
    ] {
        assert!(problem(&schema, &settings).is_some(), "{settings}");
    }
}
