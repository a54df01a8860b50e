//! `flaky-worker --serve-api`, driven by RunPod's own Python client.

use std::process::Command;

use flaky_tests::Worker;
use flaky_tests::platform::{Platform, Route};
use flaky_tests::processes::{eventually, wait_for_mark, wait_for_no_mark};
use flaky_tests::python::{self, Sdk};
use serde_json::{Value, json};

use crate::common::{mark, origin};

/// A local server and its address.
struct Server {
    worker: Worker,
    address: String,
}

impl Server {
    fn start() -> Self {
        let setup = Worker::ours_alone(&["--serve-api", "--port", "0", "--concurrency", "2"]);
        let worker = setup.env("SSL_CERT_FILE", origin().certificate()).start();
        let address = eventually("the address of the local server", || {
            let log = worker.log();
            let (_, rest) = log.split_once("listens on ")?;
            Some(rest.lines().next()?.trim_matches('"').trim().to_owned())
        });
        Self { worker, address }
    }

    /// Runs a piece of Python with the SDK; what it prints last is JSON.
    fn python(&self, sdk: Sdk, prefix: &str, code: &str) -> Value {
        let mut command = Command::new(python::sdk(sdk).join("python3"));
        command.arg("-c").arg(code).env_clear().env("HOME", "/nonexistent");
        command.env("RUNPOD_ENDPOINT_BASE_URL", format!("{}{prefix}", self.address));
        command.env("RUNPOD_API_KEY", "rpa_ANY").env("RUNPOD_ENDPOINT_ID", "any0endpoint");
        command.env("REPOSITORY", origin().url("orders")).env("PLAIN", origin().url("plain"));
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{}", self.worker.log());
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}

#[test]
fn a_script_that_tries_a_deployment_out_works_unchanged() {
    let server = Server::start();
    for sdk in [Sdk::New, Sdk::Old] {
        // The key in the script, one call to run, one to output without a limit of time, three fields.
        let said = server.python(
            sdk,
            "",
            "
import json, os, runpod
runpod.api_key = 'rpa_IN_THE_SCRIPT'
endpoint = runpod.Endpoint('any0endpoint')
job = endpoint.run({
    'repo': os.environ['REPOSITORY'],
    'test_command': 'python3 -m pytest tests/test_orders.py -v',
    'runs': 14,
    'parallelism': 5,
})
result = job.output()
print(f\"Reproduction rate: {result['repro_rate'] * 100:.1f}%\")
print(json.dumps([result['total_runs'], result['failures'], result['repro_rate']]))",
        );
        let (runs, failures) = (said[0].as_u64().unwrap(), said[1].as_u64().unwrap());
        assert_eq!(runs, 14);
        assert!(
            failures <= 14 && (said[2].as_f64().unwrap() - failures as f64 / 14.0).abs() <= 0.0005,
            "{said}"
        );
    }
}

#[test]
fn a_workflow_step_that_saves_the_result_and_names_a_severity_works_unchanged() {
    let server = Server::start();
    for sdk in [Sdk::New, Sdk::Old] {
        let said = server.python(
            sdk,
            "",
            "
import json, os, runpod, tempfile
runpod.api_key = os.environ['RUNPOD_API_KEY']
endpoint = runpod.Endpoint(os.environ['RUNPOD_ENDPOINT_ID'])
job = endpoint.run({
    'repo': os.environ['REPOSITORY'],
    'test_command': 'python3 -m pytest tests/ -v',
    'runs': 14,
    'parallelism': 10,
})
result = job.output()
path = os.path.join(tempfile.mkdtemp(), 'flaky_results.json')
with open(path, 'w') as f:
    json.dump(result, f)
rate = result['repro_rate']
severity = 'CRITICAL' if rate >= 0.9 else 'HIGH' if rate >= 0.5 else 'MEDIUM' if rate >= 0.1 else 'LOW' if rate > 0 else 'NONE'
saved = json.load(open(path))
failed = [row for row in saved['results'] if not row['passed']][:10]
lines = [f\"Attempt {row['attempt']}: {row['stderr'] or row['stdout']}\" for row in failed]
print(json.dumps([saved['total_runs'], saved['failures'], severity, lines, result['severity']]))",
        );
        assert_eq!(said[0], 14);
        let failures = usize::try_from(said[1].as_u64().unwrap()).unwrap();
        let lines = said[3].as_array().unwrap();
        assert_eq!(lines.len(), failures.min(10));
        // Four seeds of ten fail; that none of fourteen does is possible.
        assert!(
            lines.iter().all(|line| line.as_str().unwrap().contains("Order not processed in time")),
            "{said}"
        );
        assert_eq!(said[4], said[2], "the severity that callers compute is the one that we say");
    }
}

#[test]
fn every_call_of_the_python_client_is_answered_under_every_prefix() {
    let server = Server::start();
    let mark = mark();
    let code = format!(
        "
import json, os, time, runpod
runpod.api_key = 'rpa_ANY'
endpoint = runpod.Endpoint(os.environ.get('ENDPOINT', 'any0endpoint'))
quick = {{'repo': os.environ['PLAIN'], 'test_command': 'true', 'runs': 14}}
slow = quick | {{'test_command': 'sleep {mark}'}}
sync = endpoint.run_sync(quick)
job = endpoint.run(quick)
output = job.output(timeout=60)
stream = list(endpoint.run(quick).stream())
wrong = endpoint.run(quick | {{'runs': 0}})
wrong_output = wrong.output(timeout=60)
sleeping = endpoint.run(slow)
health = endpoint.health()
cancelled = sleeping.cancel()
purged = endpoint.purge_queue()
print(json.dumps({{
    'sync': sync['total_runs'], 'run': output['total_runs'], 'status': job.status(), 'stream': stream,
    'wrong': [wrong_output, wrong.status()], 'health': health, 'cancelled': cancelled['status'], 'purged': purged,
}}))"
    );
    for sdk in [Sdk::New, Sdk::Old] {
        let said = server.python(sdk, "/v2", &code);
        assert_eq!(
            (&said["sync"], &said["run"], &said["status"]),
            (&json!(14), &json!(14), &json!("COMPLETED"))
        );
        assert!(said["stream"].is_array());
        assert_eq!(said["wrong"][1], "FAILED");
        assert_eq!(said["health"]["jobs"]["failed"].as_u64().map(|n| n > 0), Some(true), "{said}");
        assert_eq!(said["cancelled"], "CANCELLED");
        assert_eq!(said["purged"], json!({ "removed": 0, "status": "completed" }));
    }
    wait_for_no_mark(&mark);
}

#[test]
fn webhooks_are_called_for_jobs_that_end_well_and_for_those_that_do_not() {
    let (server, receiver) = (Server::start(), Platform::new());
    let code = format!(
        "
import json, os, runpod
runpod.api_key = 'rpa_ANY'
endpoint = runpod.Endpoint('any0endpoint')
order = {{'repo': os.environ['PLAIN'], 'test_command': 'true', 'runs': 14}}
ids = [endpoint.run({{'input': order | more, 'webhook': '{}'}}).job_id for more in ({{}}, {{'runs': 0}})]
print(json.dumps(ids))",
        receiver.webhook_url()
    );
    let ids = server.python(Sdk::New, "/v2", &code);
    let calls = receiver.seen(Route::Webhook, 2);
    for (id, status) in [(&ids[0], "COMPLETED"), (&ids[1], "FAILED")] {
        let call = calls.iter().map(|call| call.json()).find(|call| call["id"] == *id);
        assert_eq!(call.unwrap_or_else(|| panic!("{id}"))["status"], status);
    }
}

#[test]
fn a_job_as_an_argument_is_done_and_its_output_printed() {
    let order = json!({ "input": { "repo": origin().url("plain"), "test_command": "true", "runs": 14 } });
    let setup = Worker::ours_alone(&["--test-input", &order.to_string()]);
    let setup = setup.env("SSL_CERT_FILE", origin().certificate());
    let output = setup.command().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["total_runs"], &said["failures"]), (&json!(14), &json!(0)));
    // For local use a path is a repository too.
    let folder = tempfile::tempdir_in(flaky_tests::place::shared()).unwrap();
    std::fs::write(folder.path().join("here"), "").unwrap();
    let order = json!({ "input": { "repo": folder.path(), "test_command": "test -e here", "runs": 14 } });
    let setup = Worker::ours_alone(&["--test-input", &order.to_string()]);
    let output = setup.command().output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!(said["failures"], 0, "{said}");
    // And what is wrong ends with 1.
    let setup = Worker::ours_alone(&["--test-input", r#"{"input": {"repo": ""}}"#]);
    let output = setup.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Repository URL is required"), "{output:?}");
}

#[test]
fn a_local_server_that_is_asked_to_end_takes_what_runs_with_it() {
    let server = Server::start();
    let mark = mark();
    let code = format!(
        "
import json, os, runpod
runpod.api_key = 'rpa_ANY'
endpoint = runpod.Endpoint('any0endpoint')
print(json.dumps(endpoint.run({{'repo': os.environ['PLAIN'], 'test_command': 'sleep {mark}', 'runs': 1}}).job_id))"
    );
    let _ = server.python(Sdk::New, "", &code);
    wait_for_mark(&format!("sleep\0{mark}"));
    server.worker.signal(nix::sys::signal::Signal::SIGTERM);
    let end = server.worker.ended();
    assert_eq!(end.code, 0, "{}", end.log);
    wait_for_no_mark(&mark);
}
