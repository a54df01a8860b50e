//! Components whose language imports WASI get one that is empty.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{TIME, host_for, source};
use flaky_plugin_host::{Delivery, PluginError, PluginErrorKind as Kind, RenderContext};
use serde_json::json;

async fn render(what: &str) -> Result<Vec<Delivery>, PluginError> {
    let plugin = host_for(what).load(source("wasi")).await.unwrap();
    let plugin = plugin.configured(&json!({ "do": what })).await.unwrap();
    plugin.render(Arc::from(&b"{}"[..]), RenderContext::default()).await
}

#[tokio::test]
async fn there_is_nothing_in_it_and_every_call_sees_the_same_nothing() {
    let Delivery::Stdout(told) = &render("tell").await.unwrap()[0] else { panic!() };
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines[..8],
        [
            "args 0",
            "env 0",
            "file false",
            "folder false",
            "write false",
            "stdin true 0",
            "time Some(0ns)",
            "elapsed 0ns",
        ]
    );
    let Delivery::Stdout(again) = &render("tell").await.unwrap()[0] else { panic!() };
    assert_eq!(told, again, "random numbers included");
}

#[tokio::test]
async fn a_sleep_inside_a_host_function_ends_at_the_time_limit() {
    let begun = Instant::now();
    let error = render("sleep").await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Timeout { .. }), "{error}");
    assert!(begun.elapsed() < TIME + Duration::from_secs(5), "loading included: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_flood_of_output_is_dropped_and_the_guest_goes_on() {
    let plugin = common::generous().load(common::source("wasi")).await.unwrap();
    let plugin = plugin.configured(&json!({ "do": "flood" })).await.unwrap();
    plugin.render(Arc::from(&b"{}"[..]), RenderContext::default()).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_told_in_its_own_words_with_what_was_printed() {
    let error = render("panic").await.unwrap_err();
    assert!(
        matches!(error.kind(), Kind::Trap { message, .. } if message.ends_with("as asked for")),
        "{error}"
    );
    assert!(error.guest_stderr().unwrap().contains("panicked at"), "{error:?}");
}

#[tokio::test]
async fn leaving_through_exit_is_an_error_with_its_code() {
    let error = render("exit").await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Exited(_)), "{error}: {:?}", error.kind());
}

#[tokio::test]
async fn the_network_is_not_there() {
    let error = render("connect").await.unwrap_err();
    let told = |m: &str| m.contains("the network is not there for plugins (`wasi:sockets/");
    assert!(matches!(error.kind(), Kind::Trap { message, .. } if told(message)), "{error}");
}
