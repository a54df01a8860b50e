//! Settings `{"call": "parse", "do": "loop"}` say which call misbehaves, and how. All others behave.

mod deeds;
#[cfg(not(feature = "plain"))]
mod roles;

use std::sync::Mutex;

#[cfg(not(any(feature = "plain", feature = "next")))]
wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "flaky:plugin/host", generate_all });

#[cfg(feature = "next")]
wit_bindgen::generate!({ path: "wit-0.1.1", world: "flaky:plugin/host", generate_all });

#[cfg(feature = "plain")]
wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package flaky:hostile;
        world plain {
            import flaky:plugin/log@0.1.0;
            import flaky:plugin/inputs@0.1.0;
            export flaky:plugin/plugin@0.1.0;
            export flaky:plugin/parser@0.1.0;
        }
    ",
    world: "flaky:hostile/plain",
    generate_all,
});

use exports::flaky::plugin::parser;
use exports::flaky::plugin::plugin::{Guest, Manifest, Want};
use flaky::plugin::inputs::Attempt;
use flaky::plugin::types::{Completeness, Failure, Outcome, PluginError, TestResult};

pub(crate) struct Hostile;

export!(Hostile);

static SETTINGS: Mutex<(String, String)> = Mutex::new((String::new(), String::new()));

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": { "call": { "type": "string" }, "do": { "type": "string" } },
    "additionalProperties": false
}"#;

impl Guest for Hostile {
    fn describe() -> Manifest {
        std::panic::set_hook(Box::new(|panic| {
            flaky::plugin::log::write(flaky::plugin::log::Level::Error, &panic.to_string());
        }));
        if cfg!(feature = "describe-loop") {
            deeds::run("loop").ok();
        }
        if cfg!(feature = "describe-memory") {
            deeds::run("memory").ok();
        }
        if cfg!(feature = "describe-panic") {
            deeds::run("panic").ok();
        }
        let name = if cfg!(feature = "describe-name") { "Not a\u{1b}[2J name" } else { "hostile" };
        let glob = if cfg!(feature = "describe-glob") { "{unclosed" } else { "**/*.xml" };
        let schema = if cfg!(feature = "describe-schema") { r#"{"type": 5}"# } else { SCHEMA };
        Manifest {
            name: name.into(),
            version: "0.1.0".into(),
            summary: "misbehaves as its settings say".into(),
            settings_schema: schema.into(),
            wants: vec![Want::ReportFiles(glob.into()), Want::ProjectFiles("*.ini".into()), Want::Commands],
        }
    }

    fn configure(settings: String) -> Result<(), PluginError> {
        std::panic::set_hook(Box::new(|panic| {
            flaky::plugin::log::write(flaky::plugin::log::Level::Error, &panic.to_string());
        }));
        let value = |key: &str| {
            let at = settings.find(&format!("\"{key}\":\""))? + key.len() + 4;
            Some(settings[at..].split('"').next()?.to_owned())
        };
        *SETTINGS.lock().unwrap() = (value("call").unwrap_or_default(), value("do").unwrap_or_default());
        deed("configure")
    }
}

/// What this call is to do, if it is this one that misbehaves.
pub(crate) fn asked(call: &str) -> Option<String> {
    let settings = SETTINGS.lock().unwrap();
    (settings.0 == call).then(|| settings.1.clone())
}

/// Does it, where it is one of those that every call can do.
pub(crate) fn deed(call: &str) -> Result<(), PluginError> {
    asked(call).map_or(Ok(()), |what| deeds::run(&what))
}

impl parser::Guest for Hostile {
    fn parse(attempt: &Attempt) -> Result<parser::ParsedAttempt, PluginError> {
        deed("parse")?;
        let what = asked("parse").unwrap_or_default();
        deeds::with_attempt(&what, attempt);
        let test = |id: &str| TestResult {
            id: id.into(),
            name: None,
            outcome: Outcome::Failed,
            duration_ns: Some(5),
            failure: Some(Failure { kind: "E".into(), message: "m".into(), trace: "t".into() }),
            location: None,
            tries: Vec::new(),
        };
        let mut tests = vec![test("a"), test("b")];
        match what.as_str() {
            "many" => tests = (0..300_000).map(|_| TestResult { failure: None, ..test("x") }).collect(),
            "negative" => tests[1].duration_ns = Some((-5_i64).cast_unsigned()),
            "control" => tests = vec![test("a\u{1b}[2J"), test("a\u{7}[2J")],
            "same" => tests = vec![test("a"), test("a"), test("a")],
            "tries" => tests[0].tries = vec![Outcome::Failed; 2_000],
            "big" => tests[0].id = "x".repeat(200 << 20),
            _ => {}
        }
        Ok(parser::ParsedAttempt {
            format: "hostile".into(),
            tests,
            completeness: Completeness::Complete,
            announced: Vec::new(),
            diagnostics: Vec::new(),
        })
    }
}
