//! Plugins that do everything they should not: each ends as an error of its own name, in time, and harms no other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::calls::{CALLS, call, evidence};
use common::{MEMORY, TIME, attempt, hostile, load, try_hostile};
use flaky_core::ids::TestId;
use flaky_plugin_host::{Call, PluginError, PluginErrorKind as Kind, ProjectInput, RenderContext};

async fn failure(name: &str, what: &str) -> PluginError {
    let of = CALLS.iter().find(|(n, _)| *n == name).unwrap().1;
    match call(&hostile(name, what).await, of).await {
        Ok(result) => panic!("`{name}` did `{what}` and gave {result}"),
        Err(error) => error,
    }
}

/// Whether a kind is the one expected.
type Fits = fn(&Kind) -> bool;

/// What is asked of every error: which plugin, which call, and its kind.
fn assert_error(error: &PluginError, call: Call, fits: impl Fn(&Kind) -> bool) {
    assert!(error.plugin().ends_with(".wasm"), "{error}");
    assert_eq!(error.call(), call, "{error}");
    assert!(fits(error.kind()), "{error}: {:?}", error.kind());
}

#[tokio::test]
async fn an_honest_call_of_every_function_works() {
    let plugin = hostile("none", "nothing").await;
    for (name, of) in CALLS {
        let result = call(&plugin, of).await.unwrap();
        assert!(!result.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_endless_loop_in_any_call_ends_at_the_time_limit() {
    for (name, of) in CALLS {
        let plugin = hostile(name, "loop").await;
        let begun = Instant::now();
        let error = call(&plugin, of).await.unwrap_err();
        let took = begun.elapsed();
        assert_error(&error, of, |k| matches!(k, Kind::Timeout { limit, .. } if *limit == TIME));
        assert!(took >= TIME && took < TIME + Duration::from_secs(1), "{name} took {took:?}");
        assert_eq!(
            error.hint().as_deref(),
            Some("raise `limits: {time: SECONDS}` of its entry in `plugins`, or mend the plugin")
        );
    }
}

#[tokio::test]
async fn a_loop_is_told_with_the_function_it_was_in() {
    let error = failure("parse", "loop").await;
    assert!(error.to_string().contains("took longer than 400 ms in `"), "{error}");
    assert!(error.to_string().contains("endless"), "{error}");
}

#[tokio::test]
async fn memory_stack_and_panics_have_names_of_their_own_in_any_call() {
    for (name, of) in CALLS {
        let error = failure(name, "memory").await;
        assert_error(&error, of, |k| *k == Kind::Memory { limit: MEMORY });
        let error = failure(name, "recurse").await;
        assert_error(
            &error,
            of,
            |k| matches!(k, Kind::StackOverflow { place: Some(p) } if p.contains("times")),
        );
        let error = failure(name, "panic").await;
        let told = |m: &str| m.starts_with("panicked at ") && m.ends_with(": as asked for");
        assert_error(&error, of, |k| matches!(k, Kind::Trap { message, .. } if told(message)));
    }
}

#[tokio::test]
async fn configure_and_start_and_describe_are_bounded_too() {
    let cases: [(&str, Fits); 2] = [
        ("loop", |k| matches!(k, Kind::Timeout { .. })),
        ("memory", |k| *k == Kind::Memory { limit: MEMORY }),
    ];
    for (what, fits) in cases {
        let error = try_hostile("hostile", "configure", what).await.unwrap_err();
        assert_error(&error, Call::Configure, fits);
    }
    let cases: [(&str, Call, Fits); 6] = [
        ("start-loop", Call::Start, |k| matches!(k, Kind::Timeout { .. })),
        ("start-table", Call::Start, |k| matches!(k, Kind::Count { what: "table elements", .. })),
        ("start-memory", Call::Start, |k| *k == Kind::Memory { limit: MEMORY }),
        ("describe-loop", Call::Describe, |k| matches!(k, Kind::Timeout { .. })),
        ("describe-memory", Call::Describe, |k| *k == Kind::Memory { limit: MEMORY }),
        ("describe-panic", Call::Describe, |k| matches!(k, Kind::Trap { .. })),
    ];
    for (name, of, fits) in cases {
        let begun = Instant::now();
        assert_error(&load(name).await.unwrap_err(), of, fits);
        assert!(begun.elapsed() < TIME + Duration::from_secs(5), "{name}: compiling included");
    }
}

#[tokio::test]
async fn a_million_log_lines_cost_the_excess_and_nothing_else() {
    let host = common::generous();
    let settings = serde_json::json!({ "call": "parse", "do": "log" });
    let plugin = host.load(common::source("hostile")).await.unwrap().configured(&settings).await.unwrap();
    plugin.parse(&attempt("")).await.unwrap();
    let log = plugin.log();
    assert_eq!(log.lines.len() as u64 + log.dropped, 1_000_000);
    assert!(
        log.lines.len() <= 200 && log.lines[1].message == "another\u{fffd}[2J line",
        "{:?}",
        log.lines[1]
    );
}

#[tokio::test]
async fn too_much_data_is_refused_whichever_way_it_comes() {
    // 200 MB has to fit into the guest first.
    let host = common::generous();
    let plugin = host.load(common::source("hostile")).await.unwrap();
    for (name, what, of) in [
        ("parse", "big", Call::Parse),
        ("render", "big", Call::Render),
        ("classify", "big", Call::Classify),
        ("parse", "log-big", Call::Parse),
    ] {
        let settings = serde_json::json!({ "call": name, "do": what });
        let error = call(&plugin.configured(&settings).await.unwrap(), of).await.unwrap_err();
        assert_error(&error, of, |k| matches!(k, Kind::ResultTooLarge { .. }));
    }
}

/// 200 MB of result, from reports of a megabyte, of 22 and of 64.
#[tokio::test]
async fn what_a_reporter_may_take_and_return_grows_with_its_report() {
    const MIB: usize = 1 << 20;
    let plugin = hostile("render", "big").await;
    let render = |size: usize| plugin.render(Arc::from(vec![b' '; size]), RenderContext::default());
    let error = render(MIB).await.unwrap_err();
    assert_error(&error, Call::Render, |k| *k == Kind::Memory { limit: MEMORY + 8 * MIB });
    let error = render(22 * MIB).await.unwrap_err();
    assert_error(&error, Call::Render, |k| matches!(k, Kind::ResultTooLarge { .. }));
    assert_eq!(render(64 * MIB).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_million_open_inputs_are_too_many() {
    let error = failure("parse", "handles").await;
    assert_error(&error, Call::Parse, |k| *k == Kind::Handles { limit: 20_000 });
}

#[tokio::test]
async fn a_plugins_own_error_arrives_whole_and_clean() {
    let error = failure("parse", "error").await;
    assert_error(&error, Call::Parse, |k| matches!(k, Kind::Guest(_)));
    assert!(error.to_string().ends_with("a/b.xml at byte 17: no\u{fffd}[2J (as-asked)"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("ask for something else"));
}

#[tokio::test]
async fn what_is_wrong_in_a_result_is_named_by_field() {
    for (name, what, expected) in [
        ("parse", "many", "tests.id-ends"),
        ("parse", "utf8", "tests.ids[1]"),
        ("parse", "split", "tests.ids[0]"),
        ("parse", "ends", "tests.id-ends"),
        ("parse", "descending", "tests.id-ends"),
        ("parse", "names", "tests.name-starts"),
        ("parse", "name", "tests.name-starts[1]"),
        ("parse", "name-split", "tests.name-starts[0]"),
        ("parse", "outcome", "tests.outcomes[1]"),
        ("parse", "outcomes", "tests.outcomes"),
        ("parse", "durations", "tests.durations-ns"),
        ("parse", "negative", "tests.durations-ns[0]"),
        ("parse", "files", "tests.file-of"),
        ("parse", "file", "tests.file-of[1]"),
        ("parse", "lines", "tests.lines"),
        ("parse", "failure", "tests.failures[0]"),
        ("parse", "failures", "tests.failures[1]"),
        ("parse", "tries", "tests.tries[1]"),
        ("parse", "tries-twice", "tests.tries[1]"),
        ("classify", "nan", "verdicts[0].confidence"),
        ("classify", "infinite", "verdicts[0].confidence"),
        ("classify", "negative", "verdicts[0].confidence"),
        ("classify", "over", "verdicts[0].confidence"),
        ("classify", "tag", "verdicts[0].tags"),
        ("classify", "fewer", "verdicts"),
        ("classify", "more", "verdicts"),
        ("summarise", "nan", "verdict.confidence"),
        ("detect", "confidence", "detections[0].confidence"),
        ("detect", "outside", "detections[0].root"),
        ("detect", "program", "detections[0].default-command.argv"),
        ("detect", "many", "detections"),
        ("install", "steps", "install-plan.steps"),
        ("install", "variable", "install-plan.env"),
        ("instrument", "outside", "instrumented.support-files[0].path"),
        ("instrument", "nul", "instrumented.command.argv[2]"),
        ("select", "huge", "command.argv"),
        ("render", "many", "deliveries"),
        ("render", "header", "deliveries[0]"),
        ("render", "conclusion", "deliveries[0].conclusion"),
    ] {
        let error = failure(name, what).await;
        match error.kind() {
            Kind::InvalidResult { field, why } => {
                assert_eq!(field, expected, "{name} {what}: {error}");
                assert!(!why.is_empty());
            }
            other => panic!("{name} {what}: {other}"),
        }
    }
    for (what, expected) in
        [("many", "tests"), ("negative", "tests[1].duration-ns"), ("tries", "tests.tries[0]")]
    {
        let settings = serde_json::json!({ "call": "parse", "do": what });
        let plain = common::generous().load(common::source("plain")).await.unwrap();
        let plugin = plain.configured(&settings).await.unwrap();
        let error = plugin.parse(&attempt("")).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::InvalidResult { field, .. } if field == expected), "{error}");
    }
    for (name, expected) in [("describe-name", "manifest.name"), ("describe-glob", "manifest.wants[0]")] {
        let error = load(name).await.unwrap_err();
        assert_error(
            &error,
            Call::Describe,
            |k| matches!(k, Kind::InvalidResult { field, .. } if field == expected),
        );
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
    let error = load("describe-schema").await.unwrap().configured(&serde_json::json!({})).await.unwrap_err();
    assert_error(&error, Call::Configure, |k| matches!(k, Kind::Schema(_)));
}

#[tokio::test]
async fn control_characters_are_cleaned_and_repeated_ids_numbered() {
    for name in ["hostile", "plain"] {
        let plugin = try_hostile(name, "parse", "control").await.unwrap();
        let tests = plugin.parse(&attempt("")).await.unwrap().tests;
        let ids: Vec<&str> = tests.ids.iter().map(TestId::as_str).collect();
        assert_eq!(ids, ["a\u{fffd}[2J", "a\u{fffd}[2J #2"], "{name}");
    }
    let verdicts = hostile("classify", "control").await.classify(&[evidence()]).await.unwrap();
    assert_eq!(verdicts[0].as_ref().unwrap().reason, "a [2J b");
    let plugin = hostile("render", "control").await;
    for (colour, expected) in
        [(false, "red\u{fffd}]0;t\u{fffd}"), (true, "\u{1b}[31mred\u{1b}[0m\u{fffd}]0;t\u{fffd}")]
    {
        let context = RenderContext { colour, ..RenderContext::default() };
        let found = plugin.render(Arc::from(&b""[..]), context).await.unwrap();
        assert_eq!(found, [flaky_plugin_host::Delivery::Stdout(expected.into())]);
    }
}

#[tokio::test]
async fn columns_that_say_nothing_may_be_missing() {
    let tests = hostile("parse", "bare").await.parse(&attempt("")).await.unwrap().tests;
    assert_eq!(tests.outcomes, [flaky_core::parsed::Outcome::Unknown; 2]);
    assert!(tests.durations_ns.is_empty() && tests.locations.is_empty());
    assert!(hostile("parse", "none").await.parse(&attempt("")).await.unwrap().tests.is_empty());
}

#[tokio::test]
async fn a_project_file_outside_of_the_tree_cannot_be_opened() {
    let tree = tempfile::tempdir().unwrap();
    let project = tree.path().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(tree.path().join("secret.ini"), "secret").unwrap();
    let found = hostile("detect", "secret").await.detect(&ProjectInput { root: project }).await.unwrap();
    assert_eq!(found[0].reason, "false");
}

#[tokio::test]
async fn a_call_for_a_role_that_is_not_there_says_so() {
    let plugin = load("plain").await.unwrap();
    for of in [Call::Detect, Call::Classify, Call::Render, Call::Select] {
        let error = call(&plugin, of).await.unwrap_err();
        assert_error(&error, of, |k| matches!(k, Kind::MissingRole(_)));
    }
}

/// On one thread: a guest that computes must let the others have their turn.
#[tokio::test(flavor = "current_thread")]
async fn other_plugins_work_while_one_loops() {
    let (bad, good) = (hostile("parse", "loop").await, hostile("none", "nothing").await);
    let begun = Instant::now();
    let input = attempt("");
    let honest = async {
        let mut calls = 0;
        while begun.elapsed() < TIME / 2 {
            good.parse(&input).await.unwrap();
            calls += 1;
        }
        calls
    };
    let (bad, calls) = tokio::join!(bad.parse(&input), honest);
    assert!(matches!(bad.unwrap_err().kind(), Kind::Timeout { .. }));
    assert!(calls > 3, "{calls}");
}

#[tokio::test]
async fn a_plugin_that_failed_can_be_called_again() {
    let plugin = hostile("parse", "panic").await;
    plugin.parse(&attempt("")).await.unwrap_err();
    assert!(plugin.recognises(&["hostile".to_owned()]).await.unwrap());
    plugin.parse(&attempt("")).await.unwrap_err();
}
