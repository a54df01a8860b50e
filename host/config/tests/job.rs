//! Jobs as JSON: what is taken, and what is said about the rest.

#![expect(clippy::unwrap_used, reason = "what tests share may fail the test")]

use std::fmt::Write;

use flaky_config::job::{Defaults, Job, JobError, JobFramework, parse, parse_value, schema};
use flaky_config::{FlagSettings, Origin, RunSettings, TestCommand, Trust};
use flaky_core::settings::Runs;
use serde_json::{Value, json};

fn check(json: &str, expected: &str) {
    let said = match parse(json.as_bytes()) {
        Ok(_) => "taken".to_owned(),
        Err(error) => match error.hint() {
            Some(hint) => format!("{error} | {hint}"),
            None => error.to_string(),
        },
    };
    assert_eq!(said, expected, "{json}");
}

/// A job that is complete but for one key.
fn with(key: &str, value: &str) -> String {
    format!(r#"{{"repo": "https://example.org/a.git", "test_command": "pytest", "{key}": {value}}}"#)
}

#[test]
fn the_originals_jobs_are_taken() {
    for json in [
        r#"{"repo": "https://example.org/a.git", "test_command": "pytest -v"}"#,
        r#"{"input": {"repo": "https://example.org/a.git", "test_command": "pytest", "runs": 50, "parallelism": 5}}"#,
        r#"{"id": "local", "webhook": "x", "input": {"repo": "r", "test_command": "go test ./...", "framework": "go"}}"#,
    ] {
        check(json, "taken");
    }
    for (key, value) in [
        ("runs", "1"),
        ("runs", "1000"),
        ("runs", "\"50\""),
        ("runs", "\" 50 \""),
        ("runs", "null"),
        ("parallelism", "\"50\""),
        ("seed", "18446744073709551615"),
        ("seed", "\"7\""),
        ("timeout", "86400"),
        ("ref", "\"feature/x\""),
        ("commit", "\"c5906ee\""),
        ("stop", "\"never\""),
        ("env", r#"{"A": "x", "B": 1, "C": true}"#),
        ("tests", "[]"),
        ("plugins", "null"),
        ("shard", "{}"),
    ] {
        check(&with(key, value), "taken");
    }
}

#[test]
fn every_field_arrives() {
    let job = parse(
        br#"{"repo": "r", "test_command": "pytest -k 'a b'", "runs": "50", "parallelism": 5, "framework": "javascript-mocha",
            "ref": "main", "commit": "c5906ee", "seed": 9, "timeout": 60, "env": {"A": "x", "B": 1.5}, "stop": "never", "git_token": "ghs_x",
            "tests": ["a.py::test_b"], "plugins": ["builtin:x", {"source": "p.wasm", "settings": {"k": 1}}]}"#,
    )
    .unwrap();
    assert_eq!(job.test_command.words(), ["pytest", "-k", "a b"]);
    assert_eq!((job.runs.unwrap().get(), job.parallelism.unwrap().get()), (50, 5));
    assert_eq!(job.framework, Some(JobFramework::JavascriptMocha));
    assert_eq!((job.reference.as_deref(), job.commit.as_deref()), (Some("main"), Some("c5906ee")));
    assert_eq!((job.seed, job.timeout.unwrap().get()), (Some(9), 60));
    let env: Vec<_> = job.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(env, [("A", "x"), ("B", "1.5")]);
    assert_eq!(job.git_token.as_ref().unwrap().secret(), "ghs_x");
    assert_eq!(job.tests.iter().map(|t| t.as_str()).collect::<Vec<_>>(), ["a.py::test_b"]);
    let plugins: Vec<_> = job.plugins.iter().map(|p| (p.source.to_string(), p.settings.len())).collect();
    assert_eq!(plugins, [("builtin:x".to_owned(), 0), ("p.wasm".to_owned(), 1)]);
}

#[test]
fn the_originals_sentences_open_the_messages() {
    let runs = "Runs must be between 1 and 1000";
    for (json, expected) in [
        ("{}".to_owned(), "Repository URL is required".to_owned()),
        (r#"{"test_command": "pytest"}"#.to_owned(), "Repository URL is required".to_owned()),
        (
            r#"{"repo": 1, "test_command": "x"}"#.to_owned(),
            "Repository URL is required: expected text, found `1`".to_owned(),
        ),
        (r#"{"repo": " ", "test_command": "x"}"#.to_owned(), "Repository URL is required".to_owned()),
        (r#"{"repo": "r"}"#.to_owned(), "Test command is required".to_owned()),
        (r#"{"repo": "r", "test_command": ""}"#.to_owned(), "Test command is required".to_owned()),
        (
            r#"{"repo": "r", "test_command": ["pytest"]}"#.to_owned(),
            "Test command is required: expected text, found a list".to_owned(),
        ),
        (
            r#"{"repo": "r", "test_command": "a 'b"}"#.to_owned(),
            "unbalanced quotes in the test command: `'` at character 3 is never closed".to_owned(),
        ),
        (with("runs", "0"), format!("{runs}, not `0`")),
        (with("runs", "1001"), format!("{runs}, not `1001`")),
        (with("runs", "-5"), format!("{runs}, not `-5`")),
        (with("runs", "\"0\""), format!("{runs}, not `0`")),
        (with("runs", "\"ten\""), format!("{runs}: expected a whole number, found `ten`")),
        (with("runs", "4.7"), format!("{runs}: expected a whole number, found `4.7`")),
        (with("runs", "50.0"), format!("{runs}: expected a whole number, found `50.0`")),
        (with("runs", "true"), format!("{runs}: expected a whole number, found `true`")),
        (with("runs", "[]"), format!("{runs}: expected a whole number, found a list")),
        (with("runs", "1e99"), format!("{runs}: expected a whole number, found `1e+99`")),
        (with("parallelism", "0"), "Parallelism must be between 1 and 50, not `0`".to_owned()),
        (with("parallelism", "51"), "Parallelism must be between 1 and 50, not `51`".to_owned()),
        (with("timeout", "0"), "Timeout must be between 1 and 86400, not `0`".to_owned()),
        (with("seed", "-1"), "seed must be between 0 and 18446744073709551615, not `-1`".to_owned()),
    ] {
        check(&json, &expected);
    }
}

#[test]
fn everything_else_is_refused_by_name() {
    for (json, expected) in [
        (with("rnus", "5"), "unknown key `rnus` in the job | did you mean `runs`?"),
        (
            with("framework", "\"ruby\""),
            "framework must be one of `python`, `go`, `typescript-jest`, `typescript-vitest`, `javascript-mocha`, not `ruby`",
        ),
        (
            with("ref", "\"--upload-pack=x\""),
            "ref must be the name of a branch or tag, or a full reference, not `--upload-pack=x`",
        ),
        (with("ref", "\"a b\""), "ref must be the name of a branch or tag, or a full reference, not `a b`"),
        (
            with("ref", "5"),
            "ref must be the name of a branch or tag, or a full reference: expected text, found `5`",
        ),
        (with("commit", "\"main\""), "commit must be 7 to 64 hexadecimal digits, not `main`"),
        (with("commit", "\"-c5906ee\""), "commit must be 7 to 64 hexadecimal digits, not `-c5906ee`"),
        (with("stop", "\"early\""), "stop must be one of `never`, `certain`, not `early`"),
        (with("env", "[]"), "env must be an object of names and texts, found a list"),
        (
            with("env", r#"{"A B": "x"}"#),
            "env: `A B` is not the name of an environment variable: expected letters, digits and `_`",
        ),
        (
            with("env", r#"{"ATTEMPT": "x"}"#),
            "env: `ATTEMPT` is set by `flaky` for every attempt and cannot be given",
        ),
        (with("env", r#"{"A": null}"#), "env: `A` must be text, found null"),
        (with("env", r#"{"A": "\u0000"}"#), "env: `A`: the value contains a NUL character"),
        (with("tests", "\"a\""), "tests must be a list of test ids, found `a`"),
        (with("tests", "[5]"), "tests: a test id must be text, found `5`"),
        (with("tests", "[\" \"]"), "tests: a test id is empty"),
        (with("tests", "[\"a\\nb\"]"), "tests: `a\\nb` contains a control character"),
        (with("plugins", "{}"), "plugins must be a list of plugins, found an object"),
        (
            with("plugins", "[5]"),
            "plugins: invalid type: integer `5`, expected a plugin's path or address, `builtin:NAME`, or a mapping with `source` and \
             `settings`",
        ),
        (
            with("plugins", "[\"http://example.org/p.wasm\"]"),
            "plugins: `http://example.org/p.wasm` names no plugin: plugins are not fetched over `http://`: name them as `https://…`",
        ),
        (
            with("plugins", "[\"oci://example.org/p\"]"),
            "plugins: `oci://example.org/p` names no plugin: the address names no version: end it in `:TAG`, `@VERSION` or `@sha256:DIGEST`",
        ),
        (with("plugins", "[{\"settings\": {}}]"), "plugins: missing field `source`"),
        (
            with("git_token", "5"),
            "git_token must be an access token: visible ASCII characters without blanks: expected text, found a number",
        ),
        (
            with("git_token", "\"canary canary\""),
            "git_token must be an access token: visible ASCII characters without blanks",
        ),
        (with("shard", "[]"), "shard must be an object in the wire format, found a list"),
        (with("shard", "\"x\""), "shard must be an object in the wire format, found `x`"),
        (with("shard", "{\"from\": 0}"), "the job is a shard of another run: only a worker can run it"),
        (
            "[]".to_owned(),
            "the job must be a JSON object, found a list | a job needs at least `repo` and `test_command`",
        ),
        (
            r#"{"input": 5}"#.to_owned(),
            "the job must be a JSON object, found a number | a job needs at least `repo` and `test_command`",
        ),
        (
            r#"{"input": null}"#.to_owned(),
            "the job must be a JSON object, found null | a job needs at least `repo` and `test_command`",
        ),
        (
            r#"{"input": {}, "repo": "r"}"#.to_owned(),
            "unknown key `repo` in the job | valid keys are `id`, `webhook`, `policy`, `s3Config`, `input`",
        ),
        (
            r#"{"repo": "r", "repo": "s"}"#.to_owned(),
            "the job is not valid JSON: the key `repo` is given twice at line 1 column 20",
        ),
        ("".to_owned(), "the job is not valid JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"repo\": \"r\",}".to_owned(), "the job is not valid JSON: trailing comma at line 1 column 14"),
    ] {
        check(&json, expected);
    }
}

#[test]
fn jobs_that_are_too_large_or_too_deep_are_refused() {
    let large = with("env", &format!("{{\"A\": \"{}\"}}", "x".repeat(1024 * 1024)));
    assert_eq!(parse(large.as_bytes()), Err(JobError::TooLarge { limit: 1024 * 1024 }));
    let deep = with("tests", &"[".repeat(100_000));
    assert!(matches!(parse(deep.as_bytes()), Err(JobError::Syntax(_))));
    assert!(matches!(parse(b"\xff\xfe"), Err(JobError::Syntax(_))));
}

/// The same from a value, as workers get it.
fn said(value: Value) -> String {
    match parse_value(value, &Defaults::default()) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_are_bounded_as_texts_are() {
    let job = |key: &str, value: Value| {
        let mut job = json!({"repo": "r", "test_command": "x"});
        job[key] = value;
        job
    };
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(said(job("tests", nested(100))), "the job is nested deeper than 32 levels");
    assert_eq!(said(json!({"shard": {"x": nested(100)}})), "the job is nested deeper than 32 levels");
    let wide = || Value::Array(vec![json!([]); 2_500_000]);
    assert_eq!(said(job("tests", wide())), "the job is larger than 1048576 bytes");
    assert_eq!(said(job("repo", json!("x".repeat(5_000_000)))), "the job is larger than 1048576 bytes");
    assert_eq!(
        said(job("repo", json!("x".repeat(5000)))),
        "Repository URL is required: at most 4096 bytes, and these are 5000"
    );
    assert_eq!(said(json!({"shard": {"data": "x".repeat(9_000_000)}})), "taken");
    assert_eq!(
        said(json!({"shard": {"data": "x".repeat(22_000_000)}})),
        "the job is larger than 20971520 bytes"
    );
}

#[test]
fn beside_a_shard_only_the_token_counts() {
    let read = |value| parse_value(value, &Defaults::default());
    let order = json!({"version": 1, "data": "x"});
    match read(json!({"shard": order, "git_token": "t", "runs": 0})) {
        Ok(Job::Shard(shard)) => {
            assert_eq!(shard.order, order);
            assert_eq!(shard.git_token.unwrap().secret(), "t");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(read(json!({"input": {"shard": order}})), Ok(Job::Shard(_))));
    assert!(matches!(read(json!({"shard": order, "shrad": 1})), Err(JobError::UnknownKey { .. })));
    assert_eq!(said(json!({"shard": {}})), "Repository URL is required");
}

#[test]
fn defaults_stand_in_for_what_a_job_leaves_out() {
    let defaults = Defaults {
        test_command: Some("pytest -q".parse::<TestCommand>().unwrap()),
        runs: Some(Runs::clamped(100)),
        parallelism: None,
    };
    let full = |value| match parse_value(value, &defaults) {
        Ok(Job::Full(job)) => job,
        other => panic!("{other:?}"),
    };
    let left_out = full(json!({"repo": "r", "runs": null}));
    assert_eq!(left_out.test_command.words(), ["pytest", "-q"]);
    assert_eq!((left_out.runs.map(Runs::get), left_out.parallelism), (Some(100), None));
    let given = full(json!({"repo": "r", "test_command": "go test", "runs": 7}));
    assert_eq!((given.test_command.words().len(), given.runs.map(Runs::get)), (2, Some(7)));
    let empty = parse_value(json!({"repo": "r", "test_command": ""}), &defaults).unwrap_err();
    assert_eq!(empty.to_string(), "Test command is required", "what is empty was not left out");
}

#[test]
fn a_token_is_never_shown() {
    let job = parse(br#"{"repo": "r", "test_command": "x", "git_token": "ghs_canary"}"#).unwrap();
    assert!(!format!("{job:?}").contains("canary"), "{job:?}");
}

#[test]
fn a_jobs_plugins_and_tests_count_whatever_the_sources_may_say() {
    let job =
        parse(br#"{"repo": "r", "test_command": "x", "plugins": ["builtin:a"], "tests": ["t"]}"#).unwrap();
    let settings = RunSettings::resolve(FlagSettings::default(), Some(job), None, Trust::Untrusted).unwrap();
    let plugins: Vec<_> = settings.plugins.iter().map(|p| (p.source.to_string(), p.origin)).collect();
    assert_eq!(plugins, [("builtin:a".to_owned(), Origin::Job)]);
    assert_eq!(settings.tests.iter().map(|t| t.as_str()).collect::<Vec<_>>(), ["t"]);
}

/// Values for every key: what the reader takes, the schema takes, and the other way round.
fn inputs() -> Vec<Value> {
    let mut all = vec![
        json!({}),
        json!([]),
        json!(null),
        json!("x"),
        json!({"input": {}}),
        json!({"input": null}),
        json!({"input": {"repo": "r", "test_command": "x"}, "webhook": "w", "id": 5}),
        json!({"input": {"repo": "r", "test_command": "x"}, "repo": "r"}),
        json!({"shard": {"version": 1}}),
        json!({"shard": {"version": 1}, "git_token": "t"}),
        json!({"shard": {"version": 1}, "git_token": ""}),
        json!({"shard": {"version": 1}, "unknown": 1}),
        json!({"shard": {}}),
        json!({"repo": "r"}),
        json!({"test_command": "x"}),
        json!({"repo": null, "test_command": "x"}),
        json!({"repo": "r", "test_command": null}),
        json!({"repo": "r", "test_command": "x"}),
    ];
    let numbers = |max: &str, over: &str| {
        let text = format!(
            r#"[null, 0, 1, -1, 7, 10, {max}, {over}, 4.7, 1e99, true, [], {{}}, "", " ", "0", "1", "007", "+5", " 50 ", "5x",
               "-5", "4.7", "9", "10", "19", "{max}", "{over}"]"#
        );
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    let values: [(&str, Vec<Value>); 17] = [
        ("repo", vec![json!(""), json!(" "), json!("x y"), json!(1), json!("x".repeat(5000))]),
        ("test_command", vec![json!(""), json!(" \t"), json!("go test ./..."), json!(["go"]), json!(false)]),
        ("runs", numbers("1000", "1001")),
        ("parallelism", numbers("50", "51")),
        ("timeout", numbers("86400", "86401")),
        // One more is no whole number any more to readers of JSON: it comes as text only.
        ("seed", numbers("18446744073709551615", "-2")),
        ("seed", vec![json!("18446744073709551616")]),
        (
            "framework",
            vec![json!(null), json!("python"), json!("typescript-jest"), json!("jest"), json!(""), json!(1)],
        ),
        (
            "ref",
            vec![
                json!(null),
                json!("main"),
                json!("refs/pull/7/head"),
                json!("-x"),
                json!("a b"),
                json!(""),
                json!(1),
            ],
        ),
        (
            "commit",
            vec![
                json!(null),
                json!("c5906ee"),
                json!("C5906EEF"),
                json!("c5906e"),
                json!("main"),
                json!(1234567),
            ],
        ),
        ("stop", vec![json!(null), json!("never"), json!("early"), json!(""), json!(false)]),
        (
            "env",
            vec![
                json!(null),
                json!({}),
                json!({"A": "x", "B": 1, "C": 1.5, "D": true}),
                json!({"A": null}),
                json!({"A": []}),
                json!({"A B": "x"}),
                json!({"1A": "x"}),
                json!({"ATTEMPT": "x"}),
                json!([]),
                json!("A=x"),
            ],
        ),
        (
            "tests",
            vec![
                json!(null),
                json!([]),
                json!(["a.py::b[é 1]"]),
                json!([" "]),
                json!([""]),
                json!(["a\nb"]),
                json!(["a\u{85}"]),
                json!([1]),
                json!("a"),
                json!({}),
                json!(vec!["x"; 1000]),
                json!(vec!["x"; 1001]),
            ],
        ),
        (
            "plugins",
            vec![
                json!(null),
                json!([]),
                json!(["builtin:x"]),
                json!(["p.wasm", {"source": "q.wasm"}, {"source": "r.wasm", "settings": {"a": [1]}}]),
                json!([{"source": "q.wasm", "settings": null}]),
                json!([""]),
                json!([{}]),
                json!([{"source": "x", "more": 1}]),
                json!([1]),
                json!({}),
                json!("x"),
                json!(vec!["x"; 33]),
            ],
        ),
        (
            "git_token",
            vec![json!(null), json!("ghs_x"), json!(""), json!("a b"), json!("a\n"), json!("é"), json!(5)],
        ),
        ("shard", vec![json!(null), json!({}), json!([]), json!("x"), json!(1), json!({"version": 1})]),
        ("rnus", vec![json!(null), json!(1)]),
    ];
    for (key, values) in values {
        for value in values {
            let mut job = json!({"repo": "r", "test_command": "x"});
            job[key] = value;
            all.push(json!({"input": job.clone()}));
            all.push(job);
        }
    }
    all
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler.add_resource("job.json", schema()).unwrap();
    let schema = compiler.compile("job.json", &mut schemas).unwrap();
    let (mut taken, mut differ) = (0, String::new());
    for input in inputs() {
        let reader = parse_value(input.clone(), &Defaults::default()).map(drop);
        taken += usize::from(reader.is_ok());
        if schemas.validate(&input, schema).is_ok() != reader.is_ok() {
            let shown: String = input.to_string().chars().take(200).collect();
            writeln!(differ, "{shown}: the reader says {reader:?}").unwrap();
        }
    }
    assert!(differ.is_empty(), "{differ}");
    assert!(taken > 100, "{taken}");
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    let run = schema["$defs"]["Run"]["properties"].as_object().unwrap();
    let keys = schema["$defs"]["Input"]["propertyNames"]["enum"].as_array().unwrap();
    assert_eq!(run.len(), keys.len());
    for key in keys {
        let description = run[key.as_str().unwrap()]["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10, "{key}");
    }
    for (key, default) in [("runs", 10), ("parallelism", 4), ("timeout", 300)] {
        assert_eq!(run[key]["default"], json!(default));
    }
}
