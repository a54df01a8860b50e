//! Six planted secrets, twenty ways to fail: none of them stands in a log, a report, a journal, a result or a file that is
//! left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use flaky_tests::Flaky;
use flaky_tests::platform::{CLIENT_KEY, Fault, JobRecord, Platform, Route, WORKER_KEY};
use flaky_tests::processes::wait_for_mark;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::{mark, origin, ours, script};

/// What must never be seen again, by name.
struct Secrets {
    git_token: String,
    ssh_key: String,
    ssh_key_line: String,
    job_token: String,
    bucket: String,
}

impl Secrets {
    fn new(folder: &Path) -> Self {
        let file = folder.join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "canary", "-f"])
            .arg(&file)
            .status();
        assert!(made.unwrap().success());
        let ssh_key = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        // A line from the middle of it.
        let ssh_key_line = ssh_key.lines().nth(2).unwrap().to_owned();
        let name = |what: &str| format!("canary0{what}0{:08x}", std::process::id());
        Self {
            git_token: name("gittoken"),
            ssh_key,
            ssh_key_line,
            job_token: name("jobtoken"),
            bucket: name("bucket"),
        }
    }

    fn all(&self) -> [(&'static str, &str); 6] {
        [
            ("the worker's key", WORKER_KEY),
            ("the client's key", CLIENT_KEY),
            ("FLAKY_GIT_TOKEN", &self.git_token),
            ("FLAKY_GIT_SSH_KEY", &self.ssh_key_line),
            ("the job's token", &self.job_token),
            ("BUCKET_SECRET_ACCESS_KEY", &self.bucket),
        ]
    }

    fn found_in(&self, content: &[u8]) -> Vec<&'static str> {
        let contains = |needle: &str| {
            let needle = needle.as_bytes();
            content.windows(needle.len()).any(|window| window == needle)
        };
        self.all().iter().filter(|(_, secret)| contains(secret)).map(|(name, _)| *name).collect()
    }
}

/// Looks for what it must not find, and fails, so that its output is kept.
const SEARCH: &str = "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; git config -l; cat .git/config; exit 1";

/// Which of the failing jobs does so.
const SEARCHING: usize = 10;

/// Jobs that fail, each in its own way.
fn failing_jobs(secrets: &Secrets) -> Vec<Value> {
    let good = script("true", 2);
    let with = |changes: Value| {
        let mut job = good.clone();
        job.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        job["git_token"] = json!(secrets.job_token);
        job
    };
    let origin = origin();
    vec![
        with(json!({ "repo": "" })),
        with(json!({ "repo": "/etc/passwd" })),
        with(json!({ "repo": origin.url("no-such-repository") })),
        with(json!({ "repo": "https://127.0.0.1:9/x.git" })),
        with(json!({ "repo": "git@127.0.0.1:x/y.git" })),
        with(json!({ "repo": "https://localhost:9/x.git" })),
        with(json!({ "ref": "no-such-branch" })),
        with(json!({ "commit": "0".repeat(40) })),
        with(json!({ "test_command": "no-such-command" })),
        with(json!({ "test_command": "sh -c 'exit 7'" })),
        with(json!({ "test_command": shell_words::join(["sh", "-c", SEARCH]) })),
        with(json!({ "test_command": "sh -c 'kill -9 $$'" })),
        with(json!({ "test_command": "sleep 1000", "timeout": 1 })),
        with(json!({ "runs": 0 })),
        with(json!({ "unknown": 1 })),
        with(json!({ "plugins": ["builtin:no-such"] })),
        with(json!({ "git_token": 7 })),
    ]
}

/// All that a worker says of a job.
fn told(job: &JobRecord) -> String {
    format!("{:?} {:?} {:?} {:?}", job.output, job.error, job.progress, job.chunks)
}

#[test]
fn no_secret_is_in_what_is_left_after_twenty_failures() {
    let platform = Platform::new();
    let setup = ours(&platform, "w1");
    let secrets = Secrets::new(setup.folder());
    let folder = setup.folder().to_owned();
    let worker = setup
        .env("FLAKY_GIT_TOKEN", &secrets.git_token)
        .env("FLAKY_GIT_SSH_KEY", &secrets.ssh_key)
        .env("BUCKET_SECRET_ACCESS_KEY", &secrets.bucket)
        .env("RUNPOD_API_KEY", CLIENT_KEY)
        .env("RUNPOD_LOG_LEVEL", "TRACE")
        .start();
    let jobs = failing_jobs(&secrets);
    let mut results = Vec::new();
    for job in &jobs {
        results.push(told(&platform.finished(&platform.submit(job))));
    }
    // The search finds what is there, and the job that looks around did so.
    assert_eq!(secrets.found_in(jobs[0].to_string().as_bytes()), ["the job's token"]);
    assert!(results[SEARCHING].contains("TEST_SEED="), "{}", results[SEARCHING]);
    // What is visible of the worker while it runs, to its own user: its environment and arguments.
    let process = worker.process();
    for file in ["environ", "cmdline"] {
        let content = fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
        assert_eq!(secrets.found_in(&content), Vec::<&str>::new(), "/proc/…/{file}");
    }
    // A result that is refused, a platform that fails, a job that is stopped, a worker that is killed.
    platform.plan(Route::Done, [Fault::Status(500), Fault::Drop]);
    results.push(told(&platform.finished(&platform.submit(&jobs[0]))));
    let mark = mark();
    let mut sleeping = script(&format!("sleep {mark}"), 1);
    sleeping["git_token"] = json!(secrets.job_token);
    let stopped = platform.submit(&sleeping);
    wait_for_mark(&format!("sleep\0{mark}"));
    platform.cancel(&stopped);
    flaky_tests::processes::wait_for_no_mark(&mark);
    let killed = platform.submit(&sleeping);
    wait_for_mark(&format!("sleep\0{mark}"));
    worker.signal(Signal::SIGKILL);
    flaky_tests::processes::wait_for_no_mark(&mark);
    platform.cancel(&killed);
    for (number, result) in results.iter().enumerate() {
        assert_eq!(secrets.found_in(result.as_bytes()), Vec::<&str>::new(), "result {number}: {result}");
    }
    assert_eq!(secrets.found_in(worker.log().as_bytes()), Vec::<&str>::new(), "{}", worker.log());
    let left = files_below(&folder);
    assert!(left.iter().any(|file| file.ends_with("log")), "{left:?}");
    for file in left {
        let content = fs::read(&file).unwrap_or_default();
        assert_eq!(secrets.found_in(&content), Vec::<&str>::new(), "{file}");
    }
}

#[test]
fn the_key_of_the_client_is_in_nothing_that_it_says_sends_or_keeps() {
    let platform = Platform::new();
    let worker = ours(&platform, "w1").start();
    let url = origin().url("plain");
    let token = format!("canary0clienttoken0{:08x}", std::process::id());
    let flaky = Flaky::new().env("SSL_CERT_FILE", origin().certificate()).env("FLAKY_GIT_TOKEN", &token);
    let flaky =
        platform.client_environment().iter().fold(flaky, |flaky, (name, value)| flaky.env(name, value));
    let mut said = String::new();
    for (fault, args) in [
        (None, format!("{url} --runs 14 --backend runpod --shards 2 -- sh -c 'env; exit 1'")),
        (Some((Route::Run, Fault::Status(401))), format!("{url} --runs 14 --backend runpod -- true")),
        (Some((Route::Run, Fault::Status(404))), format!("{url} --runs 14 --backend runpod -- true")),
        (Some((Route::Run, Fault::Status(400))), format!("{url} --runs 14 --backend runpod -- true")),
    ] {
        if let Some((route, fault)) = fault {
            platform.always(route, fault);
        }
        said.push_str(&flaky.run(&args).everything());
        platform.heal(Route::Run);
    }
    let secrets = [CLIENT_KEY, WORKER_KEY, token.as_str()];
    let clean = |what: &str, content: &[u8]| {
        for secret in secrets {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{what} holds {secret}");
        }
    };
    clean("what it said", said.as_bytes());
    clean("the worker's log", worker.log().as_bytes());
    // Bodies: the key goes in a header alone, and a long-lived token does not go at all.
    for request in platform.look(|state| state.requests.clone()) {
        clean(&format!("{:?} {}", request.route, request.path), &request.body);
        clean("a query", request.query.as_bytes());
    }
    let files = files_below(&flaky.beside("."));
    let kinds: BTreeSet<&str> = files.iter().filter_map(|file| file.rsplit('/').next()).collect();
    assert!(kinds.contains("journal.jsonl") && kinds.contains("report.json"), "{kinds:?}");
    for file in &files {
        clean(file, &fs::read(file).unwrap_or_default());
    }
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(files_below(&entry.path()));
        } else {
            all.push(entry.path().display().to_string());
        }
    }
    all
}
