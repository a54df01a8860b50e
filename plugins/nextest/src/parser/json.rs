//! Tests from nextest's JSON, which is that of Rust's harness with the binary in the name: `shop::first$path::test#2`,
//! where the number is that of the try.

use std::borrow::Cow;

use flaky_plugin_cargo_test::panic_of;
use flaky_plugin_sdk::{Attempt, Blob, Failure, Outcome, PackedAttempt};
use serde::Deserialize;

use super::line::nanoseconds;
use super::report::Tests;

/// A line holds all that a test printed.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

#[derive(Debug, Deserialize)]
struct Event<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
    #[serde(borrow)]
    event: Cow<'l, str>,
    #[serde(borrow, default)]
    name: Option<Cow<'l, str>>,
    #[serde(default)]
    exec_time: Option<f64>,
    #[serde(borrow, default)]
    stdout: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'l, str>>,
}

/// `None` when it is something else, as the JSON of the harness itself, whose names hold no binary.
pub(super) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut tests = Tests::default();
    let (mut recognised, mut open) = (false, 0_i64);
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() != Some(&b'{') {
            continue;
        }
        let Ok(event) = serde_json::from_slice::<Event<'_>>(line.bytes) else { continue };
        match (event.kind.as_ref(), event.event.as_ref(), event.name.as_deref()) {
            ("suite", "started", _) => open += 1,
            ("suite", "ok" | "failed", _) => open -= 1,
            ("test", _, Some(name)) => {
                let (binary, test) = name.split_once('$')?;
                recognised = true;
                take(&mut tests, binary, test, &event);
            }
            _ => {}
        }
    }
    recognised.then(|| tests.finish("nextest-json", attempt, open <= 0, Vec::new()))
}

fn take(tests: &mut Tests, binary: &str, test: &str, event: &Event<'_>) {
    let (test, tries) = match test.rsplit_once('#') {
        Some((name, number)) => number.parse::<usize>().map_or((test, 1), |tries| (name, tries)),
        None => (test, 1),
    };
    let at = tests.at(&binary_id(binary), test);
    let outcome = match event.event.as_ref() {
        "ok" => Outcome::Passed,
        "ignored" => Outcome::Skipped,
        "failed" if event.reason.as_deref() == Some("time limit exceeded") => Outcome::TimedOut,
        "failed" => Outcome::Failed,
        _ => return,
    };
    let number = u32::try_from(tries).ok();
    tests.add_try(at, number, outcome, event.exec_time.and_then(nanoseconds));
    let printed = event.stdout.as_deref().unwrap_or_default();
    if !printed.trim().is_empty() {
        tests.set_failure(at, panic_of(printed, test));
    } else if let Some(reason) = event.reason.as_deref() {
        tests.set_failure(at, Failure::new("", reason));
    }
}

/// Nextest's own name of a binary: that of a library is its crate's alone.
fn binary_id(name: &str) -> Cow<'_, str> {
    match name.split_once("::") {
        // Libraries have `_` where their crates have `-`.
        Some((package, binary)) if package.replace('-', "_") == binary.replace('-', "_") => {
            Cow::Borrowed(package)
        }
        _ => Cow::Borrowed(name),
    }
}
