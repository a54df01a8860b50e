//! Full jobs: side by side with the original's handler under the real Python worker, and with input that is wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use flaky_tests::platform::{JobRecord, Platform, Settings, Status};
use flaky_tests::python::Sdk;
use flaky_tests::{Worker, place};
use serde_json::{Map, Value, json};

use crate::common::{ENOUGH, origin, ours, script};

fn quick() -> Platform {
    Platform::with(Settings { hold: Duration::from_secs(2), ..Settings::default() })
}

/// The original's handler under RunPod's own worker.
fn original(platform: &Platform) -> Worker {
    let script = place::repository().join("tests/fixtures/original_handler.py");
    let setup = Worker::python_script(platform, "original", Sdk::Old, &script);
    setup.env("GIT_SSL_CAINFO", origin().certificate()).start()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Every field of the original is there and of its type; what the numbers say of each other holds.
fn has_the_shape_of(ours: &Value, original: &Value) {
    for key in keys(original) {
        assert_eq!(kind(&ours[key]), kind(&original[key]), "{key}: {}", ours[key]);
    }
    for output in [ours, original] {
        let rows = output["results"].as_array().unwrap();
        let numbers: Vec<u64> = rows.iter().map(|row| row["attempt"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..rows.len() as u64).collect::<Vec<_>>(), "sorted, and from 0");
        let failed = rows.iter().filter(|row| row["passed"] == json!(false)).count();
        assert_eq!(output["failures"], json!(failed));
        assert_eq!(output["total_runs"], json!(rows.len()));
        let rate = format!("{:.3}", failed as f64 / rows.len() as f64);
        assert_eq!(format!("{:.3}", output["repro_rate"].as_f64().unwrap()), rate);
        for row in rows {
            assert_eq!(row["passed"], json!(row["exit_code"] == json!(0)), "{row}");
        }
    }
    let (one, other) = (&ours["results"][0], &original["results"][0]);
    for key in keys(other) {
        assert_eq!(kind(&one[key]), kind(&other[key]), "{key}: {}", one[key]);
    }
}

#[test]
fn a_full_job_has_every_field_of_the_originals_output_with_its_type_and_meaning() {
    let (theirs, mine) = (quick(), quick());
    let _original = original(&theirs);
    let worker = ours(&mine, "w1").start();
    let pytest = "python3 -m pytest tests/test_orders.py -p no:cacheprovider";
    for (job, same) in [
        (
            json!({ "repo": origin().url("orders"), "test_command": pytest, "runs": 8, "parallelism": 4 }),
            false,
        ),
        // Numbers as text, and what an attempt is told.
        (
            json!({
                "repo": origin().url("plain"), "runs": "14", "parallelism": "2",
                "test_command": "sh -c 'echo attempt $ATTEMPT; test -n \"$TEST_SEED\" && test \"$TEST_SEED\" -ge 1 && test \"$TEST_SEED\" -le 1000000'",
            }),
            true,
        ),
        // The usual parallelism, both streams, an exit code of its own.
        (
            json!({
                "repo": origin().url("plain"), "runs": 14,
                "test_command": "sh -c 'echo out; echo err >&2; exit 3'",
            }),
            true,
        ),
    ] {
        let (them, us) = (theirs.submit(&job), mine.submit(&job));
        let (them, us) = (theirs.finished(&them), mine.finished(&us));
        assert_eq!(
            (them.status, us.status),
            (Status::Completed, Status::Completed),
            "{:?} {:?} {}",
            them.error,
            us.error,
            worker.log()
        );
        let (them, us) = (them.output.unwrap(), us.output.unwrap());
        has_the_shape_of(&us, &them);
        for key in ["total_runs", "parallelism"] {
            assert_eq!(us[key], them[key], "{key}");
        }
        if same {
            for key in ["failures", "repro_rate"] {
                assert_eq!(us[key], them[key], "{key}");
            }
            for (ours, theirs) in
                us["results"].as_array().unwrap().iter().zip(them["results"].as_array().unwrap())
            {
                for (key, value) in theirs.as_object().unwrap() {
                    assert_eq!(&ours[key], value, "{key}");
                }
            }
        } else {
            assert_eq!(us["framework"], "python");
            for output in [&us, &them] {
                let failed =
                    output["results"].as_array().unwrap().iter().filter(|row| row["passed"] == json!(false));
                for row in failed {
                    assert!(row["stdout"].as_str().unwrap().contains("Order not processed in time"), "{row}");
                }
            }
            // What is new.
            for key in ["tests", "verdict", "severity", "report_version"] {
                assert!(us.get(key).is_some(), "{key}: {:?}", keys(&us));
            }
        }
    }
}

#[test]
fn input_that_the_original_refuses_is_refused_with_its_sentence() {
    let (theirs, mine) = (quick(), quick());
    let _original = original(&theirs);
    let _worker = ours(&mine, "w1").start();
    let good = script("true", 1);
    for (key, value) in [
        ("repo", json!("")),
        ("repo", json!("ftp://git.example.org/shop.git")),
        ("repo", json!("/etc")),
        ("repo", json!("https://127.0.0.1:9/nobody/listens.git")),
        ("test_command", json!("")),
        ("runs", json!(0)),
        ("runs", json!(1001)),
        ("runs", json!(-1)),
        ("parallelism", json!(0)),
        ("parallelism", json!("51")),
    ] {
        let mut job = good.clone();
        job[key] = value.clone();
        let (them, us) = (theirs.submit(&job), mine.submit(&job));
        let (them, us) = (theirs.finished(&them), mine.finished(&us));
        assert_eq!((them.status, us.status), (Status::Failed, Status::Failed), "{key} {value}");
        let them: Value = serde_json::from_str(them.error.unwrap().as_str().unwrap()).unwrap();
        let sentence = them["error_message"].as_str().unwrap();
        // What git or the caller said follows the colon.
        let sentence = sentence.split_once(':').map_or(sentence, |(sentence, _)| sentence);
        let error = error(&us);
        assert!(error.contains(sentence), "{key} {value}: `{error}` lacks `{sentence}`");
    }
}

fn error(job: &JobRecord) -> String {
    let error = job.error.as_ref().and_then(Value::as_str);
    error.unwrap_or_else(|| panic!("an error that is a text: {job:?}")).to_owned()
}

/// Everything that can be wrong with a field, beside a job that is right.
fn wrong_fields() -> Vec<(&'static str, Value)> {
    let numbers = [json!([]), json!({}), json!(true), json!(4.7), json!("many"), json!(-1), json!("")];
    let mut all: Vec<(&str, Value)> = Vec::new();
    for key in ["runs", "parallelism", "timeout"] {
        all.extend(numbers.iter().map(|value| (key, value.clone())));
        all.extend([(key, json!(0)), (key, json!(10_000_000)), (key, json!(1e300))]);
    }
    all.extend(numbers.iter().map(|value| ("seed", value.clone())));
    all.extend([("repo", json!(null)), ("test_command", json!(null))]);
    for key in ["repo", "test_command", "ref", "commit", "git_token"] {
        all.extend([(key, json!(7)), (key, json!(["a"])), (key, json!({})), (key, json!(""))]);
    }
    all.extend([
        ("repo", json!("x".repeat(100_000))),
        ("repo", json!("https://\u{0}/")),
        ("test_command", json!("sh -c 'no end of the quote")),
        ("test_command", json!("   ")),
        ("test_command", json!("x".repeat(1_000_000))),
        ("ref", json!("--upload-pack=touch /tmp/x")),
        ("ref", json!("a b")),
        ("commit", json!("xyz")),
        ("commit", json!("0")),
        ("framework", json!("cobol")),
        ("framework", json!(7)),
        ("env", json!([])),
        ("env", json!({ "A=B": "x" })),
        ("env", json!({ "": "x" })),
        ("env", json!({ "A": ["x"] })),
        ("env", json!({ "A": "x\u{0}y" })),
        ("stop", json!("soon")),
        ("stop", json!(1)),
        ("tests", json!("one")),
        ("tests", json!([1])),
        ("tests", json!([""])),
        ("tests", json!(vec!["t"; 5000])),
        ("plugins", json!("builtin:junit")),
        ("plugins", json!(["/etc/passwd"])),
        ("plugins", json!(["builtin:no-such"])),
        ("plugins", json!([{ "source": 7 }])),
        ("git_token", json!("with a blank")),
        ("shard", json!(7)),
        ("shard", json!({ "version": 99 })),
        ("no_such_key", json!(1)),
        ("Runs", json!(1)),
    ]);
    all
}

#[test]
fn a_field_that_is_missing_null_of_another_type_out_of_range_or_unknown_fails_the_job_with_one_message() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let good = script("true", ENOUGH);
    let mut cases: Vec<(String, Value)> = Vec::new();
    for key in ["repo", "test_command"] {
        let mut job = good.clone();
        job.as_object_mut().unwrap().remove(key);
        cases.push((format!("{key} missing"), job));
    }
    for (key, value) in wrong_fields() {
        let mut job = good.clone();
        job[key] = value.clone();
        cases.push((format!("{key} = {}", value.to_string().chars().take(60).collect::<String>()), job));
    }
    for input in [json!([]), json!("text"), json!(7), json!(true), Value::Object(Map::new())] {
        cases.push((format!("input {input}"), input));
    }
    let ids: Vec<String> = cases.iter().map(|(_, job)| platform.submit(job)).collect();
    for ((case, _), id) in cases.iter().zip(&ids) {
        let job = platform.finished(id);
        assert_eq!(job.status, Status::Failed, "{case}: {:?}", job.output);
        let error = error(&job);
        assert!(!error.trim().is_empty() && error.len() < 2_000, "{case}: {error}");
        let key = case.split([' ']).next().unwrap();
        let named = key == "input" || error.to_lowercase().contains(&key.to_lowercase());
        let by_sentence = [
            ("repo", "repository url"),
            ("test_command", "test command"),
            ("plugins", "plugin"),
            ("shard", "wire format"),
        ];
        let said = by_sentence
            .iter()
            .any(|(name, sentence)| *name == key && error.to_lowercase().contains(sentence));
        assert!(named || said, "{case}: the message does not say which field: {error}");
        assert_eq!(
            platform.look(|state| state.about(id).iter().filter(|p| !p.is_progress()).count()),
            1,
            "{case}"
        );
    }
    // And afterwards it works as before.
    assert_eq!(platform.finished(&platform.submit(&good)).status, Status::Completed, "{}", worker.log());
}

#[test]
fn the_file_of_a_fetched_repository_loads_no_plugin_unless_the_workers_owner_says_so() {
    let named = "env: {PLANTED: x}\nplugins:\n  - source: evil.wasm\n    grants: [commands]\n";
    let url = origin().repository("named", &[(".flaky-detector.yml", named)]);
    let mut job = script("test -z \"$PLANTED\"", ENOUGH);
    job["repo"] = json!(url);
    // What the job itself names is its sender's word.
    job["plugins"] = json!(["builtin:thresholds"]);
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let output = platform.finished(&platform.submit(&job)).output.unwrap();
    assert_eq!(output["failures"], json!(0), "{output:#}");
    for key in ["`plugins`", "`env`"] {
        let ignored = format!("{key} is ignored: this revision of the file is not trusted");
        let notes = output["notes"].as_array().unwrap();
        assert!(notes.iter().any(|note| note["text"].as_str().unwrap().contains(&ignored)), "{notes:#?}");
    }
    let platform = quick();
    let _trusting = ours(&platform, "w2").env("FLAKY_TRUST_REPOSITORY_CONFIG", "true").start();
    let job = platform.finished(&platform.submit(&job));
    assert_eq!(job.status, Status::Failed, "{:?}", job.output);
    assert!(error(&job).contains("evil.wasm"), "{}", error(&job));
}

#[test]
fn a_field_that_may_be_left_out_may_be_null_as_well() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let mut job = script("true", ENOUGH);
    for key in
        ["parallelism", "framework", "ref", "commit", "seed", "timeout", "env", "stop", "tests", "plugins"]
    {
        job[key] = Value::Null;
    }
    let output = platform.finished(&platform.submit(&job)).output.unwrap();
    assert_eq!((&output["total_runs"], &output["parallelism"]), (&json!(ENOUGH), &json!(4)));
}

#[test]
fn five_megabytes_of_nesting_fail_the_job_and_not_the_worker() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let depth = 2_500_000;
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // No parser that is not careful could have made it: it is put into the answer as it is.
    let raw = format!(r#"{{"id": "nested-job-u1", "input": {{"repo": {nested}}}}}"#);
    platform.plan(flaky_tests::platform::Route::Take, [flaky_tests::platform::Fault::Text(raw)]);
    let said =
        platform.wait("a word about the nested job", |state| state.about("nested-job-u1").into_iter().next());
    assert!(said.json()["error"].is_string(), "{}", worker.log());
    assert_eq!(platform.finished(&platform.submit(&script("true", ENOUGH))).status, Status::Completed);
}

#[test]
fn urls_that_would_be_options_or_local_files_are_refused_before_anything_is_fetched() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let mut ids = Vec::new();
    for url in [
        "--upload-pack=touch /tmp/owned",
        "-oProxyCommand=touch /tmp/owned",
        "git@-oProxyCommand=touch:x",
        "ssh://-oProxyCommand=touch/x",
        "ext::sh -c 'touch /tmp/owned'",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../etc",
        ".",
        "~/.ssh",
        "https://",
        "https:///etc/passwd",
        "https://-x/y.git",
        "https://user:secret-in-url@127.0.0.1:9/x.git",
        "git://127.0.0.1/x",
        "http://127.0.0.1:9/x.git",
        "https://127.0.0.1:9/a\nb.git",
        "fd::17/x",
        "transport::https://127.0.0.1/x",
    ] {
        let mut job = script("true", 1);
        job["repo"] = json!(url);
        ids.push((url, platform.submit(&job)));
    }
    for (url, id) in ids {
        let job = platform.finished(&id);
        let message = error(&job);
        assert_eq!(job.status, Status::Failed, "{url}");
        assert!(!message.contains("secret-in-url"), "{message}");
        assert!(!message.contains('\u{0}') && message.len() < 2_000, "{url}: {message}");
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
}

#[test]
fn a_job_that_cannot_tell_fails_without_a_rate() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    for (command, word) in [("no-such-command-anywhere", "does not exist"), ("pytest no_such_file.py", "")] {
        let job = json!({ "repo": origin().url("plain"), "test_command": command, "runs": 3 });
        let job = platform.finished(&platform.submit(&job));
        assert_eq!(job.status, Status::Failed, "{command}");
        assert!(error(&job).contains(word), "{:?}", job.error);
        let rate = job.output.as_ref().and_then(|output| output.get("repro_rate"));
        assert!(rate.is_none_or(Value::is_null), "a rate of 0 would read as safe: {:?}", job.output);
    }
}

#[test]
fn a_branch_a_commit_and_a_pull_requests_head_are_tested_as_asked_for() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let origin = origin();
    let url = origin.repository("revisions", &[("state", "main\n")]);
    let first = origin.git("revisions", &["rev-parse", "HEAD"]);
    let tree = origin.git("revisions", &["rev-parse", "HEAD^{tree}"]);
    // As hosts keep them: a reference outside of the branches.
    let other = origin.git("revisions", &["commit-tree", &tree, "-m", "proposed"]);
    origin.git("revisions", &["update-ref", "refs/pull/7/head", &other]);
    for (reference, commit, tested) in [
        (None, None, Some(&first)),
        (Some("main"), None, Some(&first)),
        (Some("refs/pull/7/head"), None, Some(&other)),
        (None, Some(&first), Some(&first)),
        (Some("refs/pull/7/head"), Some(&other), Some(&other)),
        // They disagree.
        (Some("main"), Some(&other), None),
        (Some("no-such-branch"), None, None),
    ] {
        let mut job = script("true", ENOUGH);
        job["repo"] = json!(url);
        if let Some(reference) = reference {
            job["ref"] = json!(reference);
        }
        if let Some(commit) = commit {
            job["commit"] = json!(commit);
        }
        let job = platform.finished(&platform.submit(&job));
        let case = format!("{reference:?} {commit:?}");
        match tested {
            Some(tested) => {
                let output = job.output.unwrap_or_default();
                assert_eq!(output["subject"]["commit"], json!(tested), "{case}: {:?}", job.error);
            }
            None => assert!(error(&job).starts_with("Failed to clone repository"), "{case}: {:?}", job.error),
        }
    }
}
