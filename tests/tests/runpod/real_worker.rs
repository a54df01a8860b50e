//! RunPod's own Python worker against the stand-in: it behaves as on the wire elsewhere. What is asserted here is the
//! SDK's behaviour with all its faults, as the measure of the stand-in; what ours does better stands in the tests of
//! our worker.

use std::fs;
use std::time::Duration;

use flaky_tests::Worker;
use flaky_tests::platform::{Fault, Platform, Request, Route, Settings, Status, WORKER_KEY};
use flaky_tests::python::Sdk;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Polls that are held for a moment only, so that what the SDK does between two polls is soon seen.
fn quick() -> Platform {
    Platform::with(Settings { hold: Duration::from_secs(2), ..Settings::default() })
}

/// Waits until the handler has begun. For a tenth of a second after a take the SDK neither finds the job when it is to
/// stop it nor counts it as running when it is to end.
fn begun(worker: &Worker, id: &str) {
    flaky_tests::processes::eventually("the beginning of a job", || {
        worker.log().lines().find(|line| line.contains(id) && line.contains("Started.")).map(|_| ())
    });
}

fn echo(platform: &Platform) -> String {
    platform.submit(&json!({ "do": "echo", "text": "ä" }))
}

#[test]
fn the_python_worker_takes_pings_and_answers_in_the_shapes_that_are_known() {
    for sdk in [Sdk::New, Sdk::Old] {
        let platform = quick();
        let _worker = Worker::python(&platform, "w1", sdk).start();
        let id = platform.submit_body(
            &json!({ "input": { "do": "echo", "text": "ä" }, "webhook": platform.webhook_url() }),
        );
        let job = platform.finished(&id);
        assert_eq!((job.status, job.deliveries), (Status::Completed, 1), "{job:?}");
        // Everything that stands beside the input reaches the handler.
        assert_eq!(job.output.unwrap()["job"]["webhook"], json!(platform.webhook_url()));

        let take = &platform.seen(Route::Take, 1)[0];
        let header = |name: &str| take.header(name).map(ToOwned::to_owned);
        assert_eq!(take.path, "/v2/stand1n0endpnt/job-take/w1");
        assert_eq!(take.query, "gpu=CPU+SIM&job_in_progress=0");
        assert_eq!(header("authorization").as_deref(), Some(WORKER_KEY));
        assert_eq!(header("content-type").as_deref(), Some("application/json"));
        let agent = header("user-agent").unwrap();
        assert!(agent.starts_with(&format!("RunPod-Python-SDK/{}", sdk.version())), "{agent}");

        let done = &platform.seen(Route::Done, 1)[0];
        assert_eq!(done.path, format!("/v2/stand1n0endpnt/job-done/w1/{id}"));
        assert_eq!(done.query, "gpu=CPU+SIM&isStream=false");
        assert_eq!(done.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(done.header("x-request-id"), Some(id.as_str()));
        assert!(String::from_utf8_lossy(&done.body).contains(r#""text": "ä""#), "raw UTF-8 with blanks");

        let ping = &platform.seen(Route::Ping, 2)[0];
        let version = format!("runpod_version={}", sdk.version());
        assert_eq!(ping.path, "/v2/stand1n0endpnt/ping/w1");
        assert!(ping.query.ends_with(&version), "{}", ping.query);
        // Only the newer one knows that jobs can be stopped.
        assert_eq!(platform.count(Route::Stop) > 0, sdk == Sdk::New);
        assert_eq!(platform.seen(Route::Webhook, 1)[0].json()["status"], "COMPLETED");
    }
}

#[test]
fn pings_of_the_python_worker_name_the_jobs_that_it_holds() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let signal = worker.folder().join("go");
    let id = platform.submit(&json!({ "do": "wait", "for": signal }));
    let named = format!("job_id={id}");
    platform.wait("a ping that names the job", |state| {
        state.seen(Route::Ping).into_iter().find(|ping| ping.query.contains(&named))
    });
    fs::write(signal, "").unwrap();
    assert_eq!(platform.finished(&id).output, Some(json!("waited")));
}

#[test]
fn the_python_worker_goes_on_after_every_answer_to_a_take_that_is_no_job() {
    let platform = quick();
    platform.plan(
        Route::Take,
        [
            Fault::Status(204),
            Fault::Status(400),
            Fault::Status(401),
            Fault::Status(404),
            Fault::Status(500),
            Fault::Status(502),
            Fault::Drop,
            Fault::CutAnswer,
            Fault::malformed(),
            Fault::empty(),
            Fault::Text("null".into()),
            Fault::Text("[]".into()),
            Fault::TextOf("text/html", "<p>".into()),
            // Half a job is dropped without a word.
            Fault::Text(r#"{"id": "no-input"}"#.into()),
            Fault::Text(r#"{"input": {}}"#.into()),
        ],
    );
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    // It asks again at once, without a pause: all of these are over before the job comes.
    let begun = platform.seen(Route::Take, 1)[0].at;
    let takes = platform.seen(Route::Take, 16);
    assert!(takes[15].at - begun < Duration::from_secs(4), "no pause anywhere: {}", worker.log());
    let id = echo(&platform);
    assert_eq!(platform.finished(&id).status, Status::Completed);
    assert_eq!(platform.count(Route::Done), 1, "nothing is reported of what was no job");
}

#[test]
fn the_python_worker_waits_five_seconds_after_429() {
    let platform = quick();
    platform.plan(Route::Take, [Fault::TooMany(1)]);
    let _worker = Worker::python(&platform, "w1", Sdk::New).start();
    let takes = platform.seen(Route::Take, 2);
    let pause = takes[1].at - takes[0].at;
    assert!((Duration::from_millis(4900)..Duration::from_secs(9)).contains(&pause), "{pause:?}");
}

#[test]
fn the_python_worker_asks_a_vanished_platform_without_a_pause_and_finds_it_again() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    platform.polled(Route::Take);
    platform.vanish();
    // Each line is one refused connection.
    let refused = || worker.log().matches("Failed to get job").count();
    flaky_tests::processes::eventually("a hot loop", || (refused() > 50).then_some(()));
    platform.come_back();
    let id = echo(&platform);
    assert_eq!(platform.finished(&id).status, Status::Completed);
}

#[test]
fn the_python_worker_with_several_slots_takes_a_batch_and_one_by_one_when_one_is_free() {
    let platform = quick();
    let setup = Worker::python(&platform, "w1", Sdk::New).env("CONCURRENCY", "3");
    let signal = setup.folder().join("go");
    let order = json!({ "do": "wait", "for": signal });
    let ids: Vec<String> = (0..3).map(|_| platform.submit(&order)).collect();
    let _worker = setup.start();
    let batch = &platform.seen(Route::TakeBatch, 1)[0];
    assert_eq!(batch.path, "/v2/stand1n0endpnt/job-take-batch/w1");
    assert_eq!(batch.query, "gpu=CPU+SIM&batch_size=3&job_in_progress=0");
    for id in &ids {
        platform.taken(id);
    }
    fs::write(&signal, "").unwrap();
    for id in &ids {
        assert_eq!(platform.finished(id).status, Status::Completed);
    }
    // Two are busy again, one slot is left: the single route, and it says that something is in progress.
    fs::remove_file(&signal).unwrap();
    let two: Vec<String> = (0..2).map(|_| platform.submit(&order)).collect();
    two.iter().for_each(|id| drop(platform.taken(id)));
    let is_single = |request: &Request| request.query.ends_with("job_in_progress=1");
    platform.wait("a take with two jobs in progress", |state| {
        state.seen(Route::Take).into_iter().find(is_single)
    });
    fs::write(&signal, "").unwrap();
}

#[test]
fn the_python_worker_stops_a_job_without_an_answer_and_goes_on() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let id = platform.submit(&json!({ "do": "wait", "for": worker.folder().join("never") }));
    begun(&worker, &id);
    let stop = &platform.seen(Route::Stop, 1)[0];
    assert_eq!((stop.path.as_str(), stop.query.as_str()), ("/v2/stand1n0endpnt/job-stop/w1", "gpu=CPU+SIM"));
    platform.cancel(&id);
    let next = echo(&platform);
    assert_eq!(platform.finished(&next).status, Status::Completed);
    assert_eq!(platform.finished(&id).status, Status::Cancelled);
    let answered = platform.look(|state| state.about(&id).len() + state.late.len());
    assert_eq!(answered, 0, "nothing is said of a stopped job: {}", worker.log());
}

#[test]
fn the_python_worker_cannot_stop_a_job_that_blocks() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let signal = worker.folder().join("go");
    let id = platform.submit(&json!({ "do": "block", "for": signal }));
    begun(&worker, &id);
    platform.cancel(&id);
    platform.wait("an answer that names the job", |state| {
        state
            .seen(Route::Stop)
            .iter()
            .find(|stop| stop.answer.is_some_and(|(status, _)| status == 200))
            .map(|_| ())
    });
    fs::write(&signal, "").unwrap();
    // It went on to its end. Its result is posted, too late, or its post is what is stopped.
    flaky_tests::processes::eventually("the end of the handler", || {
        signal.with_extension("seen").exists().then_some(())
    });
    assert_eq!(platform.finished(&echo(&platform)).status, Status::Completed);
    assert_eq!(platform.finished(&id).status, Status::Cancelled);
}

#[test]
fn results_of_the_python_worker_have_the_shapes_that_are_known() {
    let platform = quick();
    let _worker = Worker::python(&platform, "w1", Sdk::New).start();
    for (value, body) in [
        (json!("text"), json!({ "output": "text" })),
        (json!(0), json!({ "output": 0 })),
        (json!(false), json!({ "output": false })),
        (json!([1, 2]), json!({ "output": [1, 2] })),
        (Value::Null, json!({ "output": null })),
        // An object without keys is no output at all.
        (json!({}), json!({})),
        (json!({ "error": "user error" }), json!({ "error": "user error" })),
        (json!({ "error": "e", "extra": 1 }), json!({ "output": { "extra": 1 }, "error": "e" })),
        (json!({ "refresh_worker": true, "a": 1 }), json!({ "output": { "a": 1 }, "stopPod": true })),
    ] {
        let id = platform.submit(&json!({ "do": "return", "value": value }));
        let job = platform.finished(&id);
        let posted = platform.look(|state| state.about(&id).last().unwrap().json());
        assert_eq!(posted, body, "{value}");
        assert_eq!(job.status == Status::Failed, body.get("error").is_some(), "{value}");
    }
    let id = platform.submit(&json!({ "do": "raise", "text": "no such thing" }));
    let error = platform.finished(&id).error.unwrap();
    let told: Value = serde_json::from_str(error.as_str().unwrap()).unwrap();
    assert_eq!(told["error_type"], "<class 'ValueError'>");
    assert_eq!(told["error_message"], "no such thing");
    assert_eq!((&told["worker_id"], &told["hostname"]), (&json!("w1"), &json!("w1-host")));
    // No input is an input.
    assert_eq!(platform.finished(&platform.submit(&Value::Null)).output.unwrap()["input"], Value::Null);
    // What is no JSON is not reported at all.
    let lost = platform.submit(&json!({ "do": "unserialisable" }));
    let next = echo(&platform);
    platform.finished(&next);
    assert_eq!(platform.look(|state| state.job(&lost).unwrap().status), Status::InProgress);
}

#[test]
fn the_python_worker_posts_a_result_three_times_on_500_and_once_on_anything_else() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    for (faults, posts, status) in [
        (vec![Fault::Status(500); 3], 3, Status::InProgress),
        (vec![Fault::Status(503), Fault::Status(500)], 3, Status::Completed),
        (vec![Fault::Status(400)], 1, Status::InProgress),
        (vec![Fault::Status(404)], 1, Status::InProgress),
        (vec![Fault::Status(413)], 1, Status::InProgress),
        (vec![Fault::Status(429)], 1, Status::InProgress),
        (vec![Fault::Drop], 1, Status::InProgress),
    ] {
        platform.plan(Route::Done, faults.clone());
        let (id, next) = (echo(&platform), echo(&platform));
        assert_eq!(platform.finished(&next).status, Status::Completed, "{faults:?}");
        let job = platform.look(|state| state.job(&id).cloned()).unwrap();
        assert_eq!(job.status, status, "{faults:?}: {}", worker.log());
        let times: Vec<Duration> = platform.look(|state| state.about(&id)).iter().map(|r| r.at).collect();
        assert_eq!(times.len(), posts, "{faults:?}");
        if posts == 3 {
            // Two seconds, then three.
            let pauses = [times[1] - times[0], times[2] - times[1]];
            assert!(pauses[0] >= Duration::from_millis(1900) && pauses[1] >= Duration::from_millis(2900));
        }
    }
}

#[test]
fn the_python_worker_takes_nothing_while_a_result_has_no_answer() {
    let platform = quick();
    let _worker = Worker::python(&platform, "w1", Sdk::New).start();
    platform.plan(Route::Done, [Fault::Hang]);
    let (id, next) = (echo(&platform), echo(&platform));
    platform.polled(Route::Done);
    let takes = platform.count(Route::Take);
    // Three seconds by its own heartbeat.
    let pings = platform.count(Route::Ping);
    let _ = platform.seen(Route::Ping, pings + 3);
    assert_eq!(platform.count(Route::Take), takes);
    platform.heal(Route::Done);
    assert_eq!(platform.finished(&id).status, Status::Completed);
    assert_eq!(platform.finished(&next).status, Status::Completed);
}

#[test]
fn the_python_worker_sends_thirty_megabytes_unchecked_and_the_answer_is_400() {
    let platform = quick();
    let _worker = Worker::python(&platform, "w1", Sdk::New).env("RUNPOD_LOG_LEVEL", "ERROR").start();
    let id = platform.submit(&json!({ "do": "large", "bytes": 30_000_000 }));
    let next = echo(&platform);
    assert_eq!(platform.finished(&next).status, Status::Completed);
    let posts = platform.look(|state| state.about(&id));
    assert_eq!(posts.len(), 1, "400 is final");
    assert_eq!(posts[0].answer.unwrap().0, 400);
    assert!(posts[0].body.len() > 30_000_000);
    assert_eq!(platform.look(|state| state.job(&id).unwrap().status), Status::InProgress, "nobody learns it");
}

#[test]
fn progress_of_the_python_worker_is_a_post_to_the_result_and_may_come_after_it() {
    let platform = quick();
    let _worker = Worker::python(&platform, "w1", Sdk::New).start();
    let id = platform.submit(&json!({ "do": "progress", "steps": 3 }));
    let job = platform.finished(&id);
    assert_eq!(job.output, Some(json!("done")));
    let posts = platform.wait("three messages of progress and a result", |state| {
        let posts = state.about(&id);
        (posts.len() == 4).then_some(posts)
    });
    for post in posts.iter().filter(|post| post.is_progress()) {
        assert_eq!((post.route, post.query.as_str()), (Route::Done, "gpu=CPU+SIM&isStream=false"));
        assert!(post.json()["output"]["step"].is_u64());
    }
    // What came after the result did not change it.
    assert_eq!(platform.look(|state| state.job(&id).unwrap().output.clone()), Some(json!("done")));
}

#[test]
fn streams_of_the_python_worker_are_chunks_and_then_an_empty_or_the_whole_list() {
    for (aggregate, output) in [("no", json!([])), ("yes", json!(["a", { "b": 1 }]))] {
        let platform = quick();
        let setup = Worker::python(&platform, "w1", Sdk::New).env("SHAPE", "generator");
        let _worker = setup.env("AGGREGATE", aggregate).start();
        let id = platform.submit(&json!({ "chunks": ["a", { "b": 1 }] }));
        let job = platform.finished(&id);
        assert_eq!((job.status, job.output), (Status::Completed, Some(output)));
        assert_eq!(job.chunks, [json!("a"), json!({ "b": 1 })]);
        let posts = platform.look(|state| state.about(&id));
        let shapes: Vec<(Route, &str)> = posts.iter().map(|p| (p.route, p.query.as_str())).collect();
        let chunk = (Route::StreamChunk, "gpu=CPU+SIM&isStream=false");
        assert_eq!(shapes, [chunk, chunk, (Route::Done, "gpu=CPU+SIM&isStream=true")]);
        let failing = platform.submit(&json!({ "chunks": ["a"], "raise": "broken" }));
        let error = platform.finished(&failing).error.unwrap();
        assert!(error.as_str().unwrap().starts_with("handler: broken \ntraceback: "), "{error}");
    }
}

#[test]
fn the_python_worker_asked_to_end_finishes_what_it_does_first() {
    let platform = quick();
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let signal = worker.folder().join("go");
    let id = platform.submit(&json!({ "do": "wait", "for": signal }));
    begun(&worker, &id);
    worker.signal(Signal::SIGTERM);
    fs::write(signal, "").unwrap();
    assert_eq!(platform.finished(&id).output, Some(json!("waited")));
    assert_eq!(worker.ended().code, 0);
}

#[test]
fn the_python_worker_loses_a_job_that_comes_while_it_ends() {
    for sdk in [Sdk::New, Sdk::Old] {
        let platform = Platform::with(Settings { hold: Duration::from_secs(10), ..Settings::default() });
        let worker = Worker::python(&platform, "w1", sdk).start();
        let poll = platform.polled(Route::Take);
        worker.signal(Signal::SIGTERM);
        flaky_tests::processes::eventually("its word that it ends", || {
            worker.log().contains("Kill worker").then_some(())
        });
        // The loop that runs jobs looks up ten times a second; two heartbeats later it has seen the flag.
        let pings = platform.count(Route::Ping);
        let _ = platform.seen(Route::Ping, pings + 2);
        let id = echo(&platform);
        platform.taken(&id);
        assert_eq!(worker.ended().code, 0);
        let (job, posts) = platform.look(|state| (state.job(&id).cloned().unwrap(), state.about(&id)));
        assert_eq!((job.status, posts.len()), (Status::InProgress, 0), "taken, never run, never reported");
        assert!(
            platform.look(|state| state.requests[poll.number].answer.is_some()),
            "by the poll that was open"
        );
    }
}

#[test]
fn the_idle_python_worker_ends_only_when_its_polls_are_answered() {
    let platform = Platform::with(Settings { hold: Duration::from_secs(6), ..Settings::default() });
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let poll = platform.polled(Route::Take);
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().code, 0);
    let answered = platform.look(|state| state.requests[poll.number].answer);
    assert_eq!(answered.map(|(status, _)| status), Some(204), "it waited until the poll was over");
}

#[test]
fn the_python_worker_runs_a_job_twice_that_is_delivered_twice() {
    let platform = quick();
    let setup = Worker::python(&platform, "w1", Sdk::New).env("CONCURRENCY", "2");
    let signal = setup.folder().join("go");
    let _worker = setup.start();
    let id = platform.submit(&json!({ "do": "wait", "for": signal }));
    platform.taken(&id);
    platform.deliver_again(&id);
    platform.wait("a second delivery", |state| (state.job(&id)?.deliveries == 2).then_some(()));
    fs::write(signal, "").unwrap();
    platform.wait("a second result, which is ignored", |state| (state.late.len() == 1).then_some(()));
    assert_eq!(platform.look(|state| state.about(&id).len()), 2);
}

#[test]
fn a_python_worker_that_dies_says_nothing_and_the_job_is_another_ones() {
    let platform = Platform::with(Settings { hold: Duration::from_secs(2), ..Settings::default() });
    let worker = Worker::python(&platform, "w1", Sdk::New).start();
    let id = platform.submit(&json!({ "do": "exit", "code": 7 }));
    assert_eq!(worker.ended().code, 7);
    assert_eq!(platform.look(|state| state.about(&id).len()), 0);
    assert_eq!(platform.lose_worker("w1"), 1);
    assert_eq!(platform.look(|state| state.job(&id).unwrap().status), Status::InQueue);
}
