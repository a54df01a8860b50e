//! Full jobs.

use flaky_worker::job::{Answer, Update};
use flaky_worker::jobs::{Jobs, Use};
use serde_json::{Value, json};

use crate::support::{Rig, is_root, running_with, until};

/// Fails in every second attempt.
const ODD: &str = r#"echo "attempt $ATTEMPT"; echo "seed $TEST_SEED" >&2; exit $((ATTEMPT % 2))"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_answers_with_the_originals_fields_and_more() {
    let rig = Rig::new().file("suite.sh", ODD);
    let input = rig.input(json!({"test_command": "sh suite.sh", "runs": "16", "parallelism": 3, "seed": 7}));
    let (answer, updates) = rig.run(Use::Local, input).await;
    let Answer::Output(output) = answer else { panic!("{answer:?}") };
    for (key, value) in [
        ("total_runs", json!(16)),
        ("parallelism", json!(3)),
        ("framework", json!("unknown")),
        ("failures", json!(8)),
        ("repro_rate", json!(0.5)),
        ("verdict", json!("flaky")),
        ("severity", json!("HIGH")),
        ("report_version", json!(1)),
        ("outputs_cut", json!(0)),
    ] {
        assert_eq!(output[key], value, "{key}");
    }
    let results = output["results"].as_array().unwrap();
    assert_eq!(results.len(), 16);
    for (number, result) in results.iter().enumerate() {
        let keys: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["attempt", "counted", "exit_code", "passed", "seed", "stderr", "stdout"]);
        assert_eq!(result["attempt"], number);
        assert_eq!(result["exit_code"], number % 2);
        assert_eq!(result["passed"], number % 2 == 0);
        assert_eq!(result["stdout"], format!("attempt {number}\n"));
        assert_eq!(result["stderr"], format!("seed {}\n", result["seed"]));
    }
    assert_eq!(output["tests"][0]["id"], "sh suite.sh");
    assert_eq!(output["execution"]["seeds"]["drawn"]["master"], 7);
    let reproduce = output["execution"]["reproduce"].as_str().unwrap();
    let seed = &output["tests"][0]["failing_seeds"][0];
    assert_eq!(
        reproduce,
        format!("flaky run {} --first-seed {seed} --runs 1 -- sh suite.sh", rig.suite().display())
    );
    let progress: Vec<&Value> = updates
        .iter()
        .filter_map(|u| if let Update::Progress(value) = u { Some(value) } else { None })
        .collect();
    assert!(progress.iter().any(|p| p["attempts_planned"] == 16), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_reads_as_in_the_original() {
    let rig = Rig::new().file("suite.sh", r#"test "$ATTEMPT" != 1 || { echo hangs; sleep 600; }"#);
    let input = rig.input(json!({"test_command": "sh suite.sh", "runs": 4, "parallelism": 4, "timeout": 1}));
    let output = rig.output(input).await;
    let result = &output["results"][1];
    assert_eq!(
        (&result["exit_code"], &result["stdout"], &result["stderr"], &result["passed"]),
        (&Value::Null, &json!("hangs\n"), &json!("TIMEOUT"), &json!(false))
    );
    assert_eq!(output["failures"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repositorys_file_counts_and_the_job_goes_before_it() {
    let rig = Rig::new()
        .file("suite.sh", r#"echo "$FROM_FILE $FROM_JOB"; exit $((ATTEMPT % 2))"#)
        .file(".flaky-detector.yml", "runs: 6\nparallelism: 2\nenv: {FROM_FILE: file, FROM_JOB: file}\n");
    let job = |more: Value| {
        let mut job = rig.input(json!({"test_command": "sh suite.sh", "env": {"FROM_JOB": "job"}}));
        job["runs"] = more;
        job
    };
    let output = rig.output(job(Value::Null)).await;
    assert_eq!((&output["total_runs"], &output["parallelism"]), (&json!(6), &json!(2)));
    assert_eq!(output["results"][0]["stdout"], "file job\n");
    assert_eq!(rig.output(job(json!(4))).await["total_runs"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_see_an_allow_list_and_what_the_job_names() {
    let secrets = [
        "RUNPOD_AI_API_KEY",
        "RUNPOD_POD_ID",
        "FLAKY_GIT_TOKEN",
        "GITHUB_TOKEN",
        "OWNERS_OWN",
        "SSH_AUTH_SOCK",
    ];
    let mut rig = Rig::new().file("suite.sh", "env; exit $((ATTEMPT % 2))").variable("LC_ALL", "C.UTF-8");
    for name in secrets {
        rig = rig.variable(name, &format!("canary-{name}"));
    }
    let input = rig.input(json!({"test_command": "sh suite.sh", "runs": 4, "env": {"WANTED": "yes"}}));
    let output = rig.output(input).await;
    assert!(!output.to_string().contains("canary"), "{output}");
    let seen = output["results"][0]["stdout"].as_str().unwrap();
    for line in ["WANTED=yes", "CI=true", "LC_ALL=C.UTF-8", "ATTEMPT=0"] {
        assert!(seen.lines().any(|l| l == line), "{line} is not in {seen}");
    }
    let home = seen.lines().find_map(|line| line.strip_prefix("HOME=")).unwrap();
    assert_ne!(home, rig.state().to_str().unwrap(), "the worker's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decided_fails_the_job_without_a_rate() {
    let rig = Rig::new();
    let (answer, _) =
        rig.run(Use::Local, rig.input(json!({"test_command": "no-such-program-here --x", "runs": 3}))).await;
    let Answer::Failed { error, output: Some(output) } = answer else { panic!("{answer:?}") };
    assert!(error.starts_with("the test command does not exist or cannot be executed\nhint: "), "{error}");
    assert_eq!((output.get("repro_rate"), &output["severity"]), (None, &Value::Null));
    assert_eq!((&output["verdict"], &output["cause"]), (&json!("inconclusive"), &json!("command-not-found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_megabytes_of_output_become_an_output_that_the_platform_takes() {
    let script = "echo first; yes $(printf %0500d 0) | head -n 3000; echo last; exit $((ATTEMPT % 2))";
    let rig = Rig::new().file("suite.sh", script);
    let input = rig.input(json!({"test_command": "sh suite.sh", "runs": 20, "parallelism": 4}));
    let output = rig.output(input).await;
    let size = output.to_string().len();
    assert!(size <= 8_000_000 && size > 7_000_000, "{size}");
    assert_eq!(output["outputs_cut"], 20);
    let printed = |n: usize| output["results"][n]["stdout"].as_str().unwrap();
    let (passed, failed) = (printed(0), printed(1));
    assert!(failed.len() > 10 * passed.len(), "{} {}", failed.len(), passed.len());
    for text in [passed, failed] {
        assert!(
            text.starts_with("first\n000") && text.ends_with("last\n") && text.contains(" bytes left out …]")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_kills_all_that_runs_and_answers_soon() {
    // A number that no other process sleeps for: the test is told apart by it.
    let mark = format!("3600.{}", std::process::id());
    let rig = Rig::new().file("suite.sh", &format!("sleep {mark} & sh -c 'sleep {mark}; true'"));
    let running = rig.start(Use::Local, rig.input(json!({"test_command": "sh suite.sh", "parallelism": 2})));
    let sleep = format!("sleep\0{mark}");
    until(|| running_with(&sleep) >= 2).await;
    running.stop.cancel();
    let (answer, _) = running.end().await;
    assert_eq!(answer, Answer::Stopped);
    assert_eq!(running_with(&mark), 0);
    assert_eq!(std::fs::read_dir(rig.state().join("jobs")).unwrap().count(), 0, "the job's folder is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_input_is_one_message_and_the_next_job_is_done() {
    let rig = Rig::new().file("suite.sh", ODD).file("p.wasm", "");
    let local = rig.suite().display().to_string();
    let plugin = format!("{local}/p.wasm");
    let url = "https://example.org/a.git";
    let expected = |text: &str| {
        format!(
            "Invalid repository URL: `{text}`: expected a URL such as `https://host/team/project.git` or \
             `git@host:team/project.git`"
        )
    };
    let cases: Vec<(Value, String)> = vec![
        (json!(null), "the job must be a JSON object, found null\nhint: a job needs at least `repo` and `test_command`".into()),
        (json!({}), "Repository URL is required".into()),
        (json!({"repo": url}), "Test command is required".into()),
        (json!({"repo": url, "test_command": "x", "runs": 0}), "Runs must be between 1 and 1000, not `0`".into()),
        (json!({"repo": url, "test_command": "x", "rnus": 1}), "unknown key `rnus` in the job\nhint: did you mean `runs`?".into()),
        // Paths of the worker: the same whether they exist or not.
        (json!({"repo": local, "test_command": "x"}), expected(&local)),
        (json!({"repo": "/etc", "test_command": "x"}), expected("/etc")),
        (json!({"repo": "/no/such/folder", "test_command": "x"}), expected("/no/such/folder")),
        (json!({"repo": ".", "test_command": "x"}), expected(".")),
        (json!({"repo": "file:///etc", "test_command": "x"}), "Invalid repository URL: `file:///etc`: `file://` is not fetched\nhint: give the folder itself, without `file://`".into()),
        (json!({"repo": "--upload-pack=touch /tmp/x", "test_command": "x"}), "Invalid repository URL: `--upload-pack=touch /tmp/x`: it starts with a dash, like an option\nhint: for a folder of this name write `./` before it".into()),
        (json!({"repo": "ext::sh -c id", "test_command": "x"}), "Invalid repository URL: `ext::sh -c id`: transports that start a program are not used\nhint: use `https://`, `ssh://`, `user@host:path` or a folder".into()),
        (json!({"repo": url, "test_command": "x", "plugins": ["oci://reg.example.org/p:1"]}), "plugins: `oci://reg.example.org/p:1` would have to be fetched, which a worker does not do\nhint: name a bundled plugin as `builtin:NAME`".to_owned()),
        (json!({"repo": url, "test_command": "x", "plugins": [plugin]}), format!("plugins: `{plugin}` is a path on the worker, which counts only where it was started for local use\nhint: name a bundled plugin as `builtin:NAME`")),
        (json!({"repo": url, "test_command": "x", "ref": "a..b"}), "ref: `a..b` is not a branch, tag or reference: git allows no such name".into()),
        (json!({"shard": {"version": 99, "data": ""}}), "the host speaks version 99 of the wire format, this side knows 1\nhint: use the same release of `flaky` here and in the image of the endpoint's workers".into()),
    ];
    for (input, error) in cases {
        assert_eq!(rig.error(Use::Platform, input.clone()).await, error, "{input}");
    }
    let next = rig.output(rig.input(json!({"test_command": "sh suite.sh", "runs": 2}))).await;
    assert_eq!(next["failures"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_fetched_says_so_in_the_originals_words() {
    let rig = Rig::new();
    let input = json!({"repo": "http://127.0.0.1:1/a.git", "test_command": "x"});
    let error = rig.error(Use::Platform, input).await;
    assert!(error.starts_with("Failed to clone repository: `http://127.0.0.1:1/a.git`: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_no_revisions_and_a_local_path_may_be_a_plugin() {
    let rig = Rig::new().file("suite.sh", ODD).file("p.wasm", "no component");
    let error = rig.error(Use::Local, rig.input(json!({"test_command": "sh suite.sh", "ref": "main"}))).await;
    assert_eq!(error, "`ref` and `commit` need the URL of a repository; a folder is tested as it stands");
    let plugin = rig.suite().join("p.wasm");
    let error =
        rig.error(Use::Local, rig.input(json!({"test_command": "sh suite.sh", "plugins": [plugin]}))).await;
    assert!(error.contains("p.wasm"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_tests_need_a_framework_that_can_select() {
    let rig = Rig::new().file("suite.sh", ODD);
    let input = rig.input(json!({"test_command": "sh suite.sh", "tests": ["a"]}));
    let error = rig.error(Use::Local, input).await;
    assert!(error.contains("no framework plugin knows the command `sh suite.sh`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_worker_is_root_tests_are_somebody_else() {
    if !is_root() {
        let rig = Rig::new().variable("FLAKY_TEST_USER", "10001");
        assert_eq!(rig.settings(Use::Platform).run_as, None);
        return;
    }
    let script = "id -u; cat /proc/$PPID/environ >/dev/null 2>&1 && echo readable; exit $((ATTEMPT % 2))";
    let rig = Rig::new().file("suite.sh", script).variable("FLAKY_TEST_USER", "10001");
    if Jobs::new(rig.settings(Use::Local)).is_err() {
        // The folder of the build is closed to others on this machine, which is what the error says.
        return;
    }
    let output = rig.output(rig.input(json!({"test_command": "sh suite.sh", "runs": 4}))).await;
    assert_eq!(output["results"][0]["stdout"], "10001\n");
}
