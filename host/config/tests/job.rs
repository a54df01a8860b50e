//! Jobs as JSON: what is taken, and what is said about the rest.

use flaky_config::job::{JobError, JobFramework, parse};

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
            "ref": "main", "commit": "c5906ee", "seed": 9, "timeout": 60, "env": {"A": "x", "B": 1.5}, "stop": "never"}"#,
    )
    .unwrap();
    assert_eq!(job.test_command.words(), ["pytest", "-k", "a b"]);
    assert_eq!((job.runs.unwrap().get(), job.parallelism.unwrap().get()), (50, 5));
    assert_eq!(job.framework, Some(JobFramework::JavascriptMocha));
    assert_eq!((job.reference.as_deref(), job.commit.as_deref()), (Some("main"), Some("c5906ee")));
    assert_eq!((job.seed, job.timeout.unwrap().get()), (Some(9), 60));
    let env: Vec<_> = job.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(env, [("A", "x"), ("B", "1.5")]);
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
            "ref must be the name of a branch or tag, not `--upload-pack=x`",
        ),
        (with("ref", "\"a b\""), "ref must be the name of a branch or tag, not `a b`"),
        (with("ref", "5"), "ref must be the name of a branch or tag: expected text, found `5`"),
        (with("commit", "\"main\""), "commit must be 7 to 64 hexadecimal digits, not `main`"),
        (with("commit", "\"-c5906ee\""), "commit must be 7 to 64 hexadecimal digits, not `-c5906ee`"),
        (with("stop", "\"early\""), "stop must be `never`, not `early`"),
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
        (with("tests", "[\"a\"]"), "`tests` is not supported yet: leave it out"),
        (with("plugins", "[\"a.wasm\"]"), "`plugins` is not supported yet: leave it out"),
        (with("shard", "{\"from\": 0}"), "`shard` is not supported yet: leave it out"),
        ("[]".to_owned(), "the job must be a JSON object, found a list"),
        (r#"{"input": 5}"#.to_owned(), "the job must be a JSON object, found a number"),
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
