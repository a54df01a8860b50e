//! RunPod's own Python client against the stand-in: it behaves as on the wire elsewhere. The worker's part is played
//! by the test.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flaky_tests::platform::{CLIENT_KEY, Fault, Limits, Platform, Route, Settings, Status};
use flaky_tests::python::{self, Sdk};
use serde_json::{Value, json};

/// A piece of Python that uses the SDK; what it prints last is JSON.
struct Client(Child);

impl Client {
    fn start(platform: &Platform, sdk: Sdk, code: &str) -> Self {
        Self::with_key(platform, sdk, CLIENT_KEY, code)
    }

    fn with_key(platform: &Platform, sdk: Sdk, key: &str, code: &str) -> Self {
        let begin = "import json, os, runpod, requests\nrunpod.api_key = os.environ['RUNPOD_API_KEY']\nendpoint = runpod.Endpoint(os.environ['RUNPOD_ENDPOINT_ID'])\n";
        let mut command = Command::new(python::sdk(sdk).join("python3"));
        command.arg("-c").arg(format!("{begin}{code}")).env_clear();
        command.envs(platform.client_environment()).env("RUNPOD_API_KEY", key).env("HOME", "/nonexistent");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn said(self) -> Value {
        let output = self.0.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}

fn with_hold(hold_sync: Duration) -> Platform {
    Platform::with(Settings { hold_sync, ..Settings::default() })
}

#[test]
fn the_python_client_submits_polls_and_reads_the_output() {
    for sdk in [Sdk::New, Sdk::Old] {
        let platform = Platform::new();
        let code = "
job = endpoint.run({'repo': 'https://git.example.org/shop.git', 'runs': 3})
print(json.dumps([job.output(timeout=100), job.status()]))";
        let client = Client::start(&platform, sdk, code);
        let id = platform.take_as("w1");
        let polls = platform.seen(Route::Status, 3);
        platform.hand_in(&id, &json!({ "output": { "total_runs": 3 } }));
        assert_eq!(client.said(), json!([{ "total_runs": 3 }, "COMPLETED"]));

        let run = &platform.seen(Route::Run, 1)[0];
        assert_eq!(run.path, "/v2/stand1n0endpnt/run");
        assert_eq!(run.header("authorization"), Some(format!("Bearer {CLIENT_KEY}").as_str()));
        assert_eq!(run.json(), json!({ "input": { "repo": "https://git.example.org/shop.git", "runs": 3 } }));
        // Once a second, not more often.
        assert!(polls[2].at - polls[0].at >= Duration::from_millis(1900), "{polls:?}");
    }
}

#[test]
fn the_python_client_waits_in_runsync_and_polls_where_that_was_not_enough() {
    for sdk in [Sdk::New, Sdk::Old] {
        for (hold, polls) in [(Duration::from_secs(90), false), (Duration::from_millis(100), true)] {
            let platform = with_hold(hold);
            let client = Client::start(&platform, sdk, "print(json.dumps(endpoint.run_sync({'a': 1})))");
            let id = platform.take_as("w1");
            assert!(id.starts_with("sync-"), "{id}");
            if polls {
                let _ = platform.seen(Route::Status, 1);
            }
            platform.hand_in(&id, &json!({ "output": [1] }));
            assert_eq!(client.said(), json!([1]));
            assert_eq!(platform.count(Route::Status) > 0, polls);
        }
    }
}

#[test]
fn the_python_client_reads_a_stream_to_its_end() {
    let platform = Platform::new();
    let code = "
job = endpoint.run({'a': 1})
print(json.dumps(list(job.stream())))";
    let client = Client::start(&platform, Sdk::New, code);
    let id = platform.take_as("w1");
    platform.hand_in_chunk(&id, &json!("a"));
    platform.wait("a question that got the first chunk", |state| {
        state.seen(Route::Stream).iter().find(|r| r.answer.is_some()).map(|_| ())
    });
    platform.hand_in_chunk(&id, &json!({ "b": 1 }));
    platform.hand_in(&id, &json!({ "output": [] }));
    assert_eq!(client.said(), json!(["a", { "b": 1 }]), "each part once, in order");
}

#[test]
fn the_python_client_cancels_purges_and_asks_for_health() {
    let platform = Platform::new();
    let code = "
running = endpoint.run({'a': 1})
while running.status() != 'IN_PROGRESS': pass
waiting = endpoint.run({'a': 2})
health = endpoint.health()
cancelled = running.cancel()
print(json.dumps([health, cancelled, endpoint.purge_queue(), running.status()]))";
    let client = Client::start(&platform, Sdk::New, code);
    let id = platform.take_as("w1");
    let said = client.said();
    assert_eq!(said[0]["jobs"]["inProgress"], 1);
    assert_eq!(said[0]["jobs"]["inQueue"], 1);
    assert_eq!(said[1], json!({ "id": id, "status": "CANCELLED" }));
    assert_eq!(said[2], json!({ "removed": 1, "status": "completed" }));
    assert_eq!(said[3], "CANCELLED");
    let cancel = &platform.seen(Route::Cancel, 1)[0];
    assert_eq!(cancel.body.len(), 0, "nothing is sent along");
}

#[test]
fn the_python_client_swallows_the_error_of_a_failed_job() {
    let platform = Platform::new();
    let code = "
job = endpoint.run({'a': 1})
print(json.dumps([job.output(timeout=100), job.status()]))";
    let client = Client::start(&platform, Sdk::New, code);
    let id = platform.take_as("w1");
    platform.hand_in(&id, &json!({ "error": "Repository URL is required" }));
    assert_eq!(client.said(), json!([null, "FAILED"]));
    assert_eq!(platform.finished(&id).status, Status::Failed);
}

#[test]
fn the_python_client_asks_again_about_a_job_of_which_runsync_said_that_it_is_cancelled() {
    let platform = Platform::new();
    let client = Client::start(&platform, Sdk::New, "print(json.dumps(endpoint.run_sync({'a': 1})))");
    let id = platform.take_as("w1");
    platform.cancel(&id);
    assert_eq!(client.said(), Value::Null);
    assert!(platform.count(Route::Status) > 0, "`CANCELLED` is no end for run_sync");
}

#[test]
fn the_python_client_wraps_an_empty_input_twice_and_passes_the_policy_on_otherwise() {
    let platform = Platform::new();
    let code = "
policy = {'executionTimeout': 6000, 'ttl': 20000, 'lowPriority': True}
endpoint.run({'input': {}})
endpoint.run({'input': {'a': 1}, 'policy': policy, 'webhook': 'http://127.0.0.1:9/'})
print(json.dumps(None))";
    let _ = Client::start(&platform, Sdk::New, code).said();
    let bodies: Vec<Value> = platform.seen(Route::Run, 2).iter().map(|run| run.json()).collect();
    assert_eq!(bodies[0], json!({ "input": { "input": {} } }));
    assert_eq!(bodies[1]["policy"]["ttl"], 20_000);
    assert_eq!(bodies[1]["webhook"], "http://127.0.0.1:9/");
}

#[test]
fn the_python_client_meets_wrong_keys_unknown_jobs_and_broken_servers_as_exceptions() {
    let platform = Platform::new();
    let said = Client::with_key(
        &platform,
        Sdk::New,
        "wrong",
        "
try: endpoint.health()
except RuntimeError as error: print(json.dumps(str(error)))",
    )
    .said();
    assert!(said.as_str().unwrap().starts_with("401 Unauthorized"), "{said}");
    platform.plan(Route::Run, [Fault::Status(500), Fault::Status(429), Fault::TooMany(1)]);
    platform.plan(Route::Status, [Fault::Status(503)]);
    let code = "
def status(call):
    try: return call().status()
    except requests.HTTPError as error: return error.response.status_code
tries = [status(lambda: endpoint.run({'a': 1})) for _ in range(3)]
unknown = status(lambda: runpod.endpoint.runner.Job(endpoint.endpoint_id, 'no-such-job', endpoint.rp_client))
known = status(lambda: endpoint.run({'a': 1}))
print(json.dumps([tries, unknown, known]))";
    let said = Client::start(&platform, Sdk::New, code).said();
    // Submissions are not tried again; the first question about a job meets the 503, the second is answered.
    assert_eq!(said, json!([[500, 429, 429], 503, "IN_QUEUE"]));
    assert_eq!(platform.count(Route::Run), 4);
}

#[test]
fn the_python_client_asks_again_after_429_over_plain_http() {
    let limits = Limits::of_the_platform();
    let platform = Platform::with(Settings { limits, ..Settings::default() });
    platform.plan(Route::Status, [Fault::TooMany(1), Fault::Status(429)]);
    let code = "print(json.dumps(endpoint.run({'a': 1}).status()))";
    assert_eq!(Client::start(&platform, Sdk::New, code).said(), json!("IN_QUEUE"));
    let polls = platform.seen(Route::Status, 3);
    assert!(polls[1].at - polls[0].at >= Duration::from_millis(900), "`Retry-After` is honoured");
}

#[test]
fn the_python_client_is_refused_where_it_asks_too_often() {
    let limits = Limits::of_the_platform().but(Route::Run, 3, 200);
    let platform = Platform::with(Settings { limits, ..Settings::default() });
    let code = "
codes = []
for _ in range(5):
    try: endpoint.run({'a': 1}); codes.append(200)
    except requests.HTTPError as error: codes.append(error.response.status_code)
print(json.dumps(codes))";
    let said = Client::start(&platform, Sdk::New, code).said();
    assert_eq!(said, json!([200, 200, 200, 429, 429]));
    assert_eq!(platform.refusals(), 2);
}
