//! Our worker against the stand-in: the scenarios of the real one, with what has to be better.

use std::time::Duration;

use flaky_tests::platform::{Fault, Platform, Request, Route, Settings, Status, WORKER_KEY};
use flaky_tests::processes::{wait_for_mark, wait_for_no_mark};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::{ENOUGH, mark, ours, output, script, sleeper, ticks, wake, was_done};

fn quick() -> Platform {
    Platform::with(Settings { hold: Duration::from_secs(2), ..Settings::default() })
}

/// A job that is refused at once: its answer is an error, but it is an answer.
fn refused(platform: &Platform) -> String {
    platform.submit(&json!({ "repo": "", "test_command": "true" }))
}

fn text(error: Option<Value>) -> String {
    error.unwrap().as_str().unwrap().to_owned()
}

#[test]
fn our_worker_takes_pings_and_answers_in_the_shapes_of_the_real_one() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let id = platform.submit(&script("true", ENOUGH));
    let job = platform.finished(&id);
    assert_eq!((job.status, job.deliveries), (Status::Completed, 1), "{job:?} {}", worker.log());
    let take = &platform.seen(Route::Take, 1)[0];
    assert_eq!(take.path, "/v2/stand1n0endpnt/job-take/w1");
    assert_eq!(take.query, "gpu=CPU+SIM&job_in_progress=0");
    assert_eq!(take.header("authorization"), Some(WORKER_KEY));
    let done = platform.look(|state| state.about(&id));
    let done = done.iter().find(|post| !post.is_progress()).unwrap();
    assert_eq!(done.path, format!("/v2/stand1n0endpnt/job-done/w1/{id}"));
    assert_eq!(done.query, "gpu=CPU+SIM&isStream=false");
    assert_eq!(done.header("x-request-id"), Some(id.as_str()));
    let ping = &platform.seen(Route::Ping, 1)[0];
    assert_eq!(ping.path, "/v2/stand1n0endpnt/ping/w1");
    assert!(
        ping.query.starts_with("gpu=CPU+SIM&") && ping.query.contains("runpod_version="),
        "{}",
        ping.query
    );
    let stop = platform.polled(Route::Stop);
    assert_eq!((stop.path.as_str(), stop.query.as_str()), ("/v2/stand1n0endpnt/job-stop/w1", "gpu=CPU+SIM"));
    // A request carries the id of the job that it is about, and no other.
    let polls = platform.look(|state| state.requests.clone());
    let astray = polls
        .iter()
        .find(|r| r.header("x-request-id").is_some() && !matches!(r.route, Route::Done | Route::StreamChunk));
    assert!(astray.is_none(), "{astray:?}");
    // On the platform, logs are an object per line, and keys and addresses are not in them.
    for line in worker.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
    assert!(!worker.log().contains(WORKER_KEY) && !worker.log().contains("job-take"));
}

#[test]
fn pings_name_the_jobs_in_hand() {
    let platform = quick();
    let _worker = ours(&platform, "w1").env("FLAKY_WORKER_CONCURRENCY", "2").start();
    let (one, two) = (mark(), mark());
    let ids = [platform.submit(&sleeper(&one)), platform.submit(&sleeper(&two))];
    platform.wait("a ping that names both jobs", |state| {
        let both = |ping: &Request| ids.iter().all(|id| ping.query.contains(id.as_str()));
        state.seen(Route::Ping).into_iter().find(both)
    });
    wake(&one);
    wake(&two);
    ids.iter().for_each(|id| was_done(&platform.finished(id), 1));
}

#[test]
fn the_next_take_follows_a_result_at_once() {
    let platform = Platform::new();
    let _worker = ours(&platform, "w1").start();
    let ids: Vec<String> = (0..6).map(|_| refused(&platform)).collect();
    ids.iter().for_each(|id| drop(platform.finished(id)));
    let requests = platform.wait("a take after the last result", |state| {
        let last = state.seen(Route::Done).last()?.number;
        state.seen(Route::Take).iter().any(|take| take.number > last).then(|| state.requests.clone())
    });
    let mut gaps: Vec<Duration> = requests
        .iter()
        .filter(|request| request.route == Route::Done)
        .filter_map(|done| {
            let take = requests.iter().find(|r| r.number > done.number && r.route == Route::Take)?;
            Some(take.at.saturating_sub(done.answer?.1))
        })
        .collect();
    gaps.sort();
    assert_eq!(gaps.len(), 6);
    // The real worker needs nine tenths of a second; ours a few milliseconds, and on a machine that is busy with other
    // things a few more.
    assert!(gaps[2] < Duration::from_millis(200), "{gaps:?}");
}

#[test]
fn a_platform_that_only_fails_is_asked_ever_less_often() {
    let faults = [
        Fault::Status(401),
        Fault::Status(404),
        Fault::Status(500),
        Fault::Status(400),
        Fault::Status(204),
        Fault::Drop,
        Fault::malformed(),
        Fault::empty(),
    ];
    // They only wait: side by side.
    std::thread::scope(|threads| {
        faults.into_iter().for_each(|fault| drop(threads.spawn(move || asked_ever_less_often(&fault))));
    });
}

fn asked_ever_less_often(fault: &Fault) {
    let platform = quick();
    platform.always(Route::Take, fault.clone());
    platform.always(Route::Stop, fault.clone());
    let worker = ours(&platform, "w1").start();
    // Five seconds by the worker's own heartbeat.
    let _ = platform.seen(Route::Ping, 6);
    for route in [Route::Take, Route::Stop] {
        let asked = platform.count(route);
        assert!((2..=25).contains(&asked), "{fault:?}: {route:?} asked {asked} times\n{}", worker.log());
    }
    // And is found again when it is well.
    platform.heal(Route::Take);
    platform.heal(Route::Stop);
    assert_eq!(platform.finished(&refused(&platform)).status, Status::Failed, "{fault:?}");
}

#[test]
fn after_every_answer_to_a_take_that_is_no_job_the_next_job_is_served() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    for fault in [
        Fault::Status(204),
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(404),
        Fault::Status(502),
        Fault::TooMany(1),
        Fault::Drop,
        Fault::malformed(),
        Fault::empty(),
        Fault::Text("null".into()),
        Fault::Text("[]".into()),
        Fault::TextOf("text/html", "<p>".into()),
        Fault::Text(r#"{"input": {}}"#.into()),
        Fault::Text(r#"{"id": 7, "input": {}}"#.into()),
        Fault::Text(r#"[{"id": "../../etc/passwd", "input": {}}, 7]"#.into()),
    ] {
        platform.plan(Route::Take, [fault.clone()]);
        let id = refused(&platform);
        assert_eq!(platform.finished(&id).status, Status::Failed, "{fault:?}");
    }
}

#[test]
fn too_many_requests_are_answered_with_the_pause_that_was_asked_for() {
    let platform = quick();
    platform.plan(Route::Take, [Fault::TooMany(3)]);
    let _worker = ours(&platform, "w1").start();
    let takes = platform.seen(Route::Take, 2);
    assert!(takes[1].at - takes[0].at >= Duration::from_millis(2900), "{takes:?}");
}

#[test]
fn a_poll_that_hangs_does_not_keep_the_worker_from_ending() {
    let platform = Platform::new();
    platform.always(Route::Take, Fault::Hang);
    platform.always(Route::Stop, Fault::Hang);
    let worker = ours(&platform, "w1").start();
    let poll = platform.polled(Route::Take);
    worker.signal(Signal::SIGTERM);
    let end = worker.ended();
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(platform.look(|state| state.requests[poll.number].abandoned.is_some()), "it was not waited for");
}

#[test]
fn several_slots_take_a_batch_and_one_free_slot_takes_one() {
    let platform = quick();
    let marks = [mark(), mark(), mark()];
    let mut ids: Vec<String> = marks[..2].iter().map(|mark| platform.submit(&sleeper(mark))).collect();
    let _worker = ours(&platform, "w1").env("FLAKY_WORKER_CONCURRENCY", "3").start();
    let batch = &platform.seen(Route::TakeBatch, 1)[0];
    assert_eq!(batch.path, "/v2/stand1n0endpnt/job-take-batch/w1");
    assert_eq!(batch.query, "gpu=CPU+SIM&batch_size=3&job_in_progress=0");
    ids.iter().for_each(|id| drop(platform.taken(id)));
    // One slot is left.
    let single = &platform.seen(Route::Take, 1)[0];
    assert_eq!(single.query, "gpu=CPU+SIM&job_in_progress=1");
    ids.push(platform.submit(&sleeper(&marks[2])));
    for (id, mark) in ids.iter().zip(&marks) {
        wake(mark);
        was_done(&platform.finished(id), 1);
    }
}

#[test]
fn an_idle_worker_that_is_asked_to_end_is_gone_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let platform = Platform::with(Settings { hold: Duration::from_secs(600), ..Settings::default() });
        let worker = ours(&platform, "w1").start();
        platform.polled(Route::Take);
        platform.polled(Route::Stop);
        let begun = platform.now();
        worker.signal(signal);
        let end = worker.ended();
        assert_eq!(end.code, 0, "{}", end.log);
        // Less than a second on a machine with nothing else to do.
        assert!(platform.now() - begun < Duration::from_secs(5), "{}", end.log);
    }
}

#[test]
fn a_worker_asked_to_end_finishes_what_it_does_and_takes_nothing_more() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&mark);
    worker.signal(Signal::SIGTERM);
    let waiting = refused(&platform);
    // It still says that it works.
    let pings = platform.count(Route::Ping);
    let _ = platform.seen(Route::Ping, pings + 2);
    wake(&mark);
    was_done(&platform.finished(&id), 1);
    assert_eq!(worker.ended().code, 0);
    assert_eq!(platform.look(|state| state.job(&waiting).unwrap().status), Status::InQueue);
}

#[test]
fn a_worker_that_may_not_wait_any_longer_fails_what_it_does_with_a_word() {
    let platform = quick();
    let worker = ours(&platform, "w1").env("FLAKY_WORKER_GRACE", "1").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&mark);
    worker.signal(Signal::SIGTERM);
    let job = platform.finished(&id);
    assert_eq!(job.status, Status::Failed, "{job:?}");
    assert!(text(job.error).contains("worker"), "the caller learns why");
    assert_eq!(worker.ended().code, 0);
    wait_for_no_mark(&mark);
}

#[test]
fn a_job_that_comes_while_the_worker_ends_is_never_lost() {
    // The poll under way may still answer: whatever comes is run, failed with a word, or still in the queue.
    let mut delivered = 0;
    for _ in 0..6 {
        let platform = Platform::with(Settings { hold: Duration::from_secs(60), ..Settings::default() });
        let worker = ours(&platform, "w1").start();
        platform.polled(Route::Take);
        worker.signal(Signal::SIGTERM);
        let id = refused(&platform);
        let end = worker.ended();
        assert_eq!(end.code, 0, "{}", end.log);
        let job = platform.look(|state| state.job(&id).cloned()).unwrap();
        assert_ne!(job.status, Status::InProgress, "taken and not answered for: {}", end.log);
        delivered += job.deliveries;
    }
    assert!(delivered > 0, "a poll under way is not dropped the moment the signal comes");
}

#[test]
fn a_result_is_posted_until_the_platform_takes_it() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    for (faults, count) in [
        (vec![Fault::Status(500); 3], 4),
        (vec![Fault::Status(503), Fault::Drop, Fault::Status(502), Fault::Status(500)], 5),
        (vec![Fault::Drop], 2),
        (vec![Fault::TooMany(1)], 2),
        // Taken, but it does not say so: posted again, and ignored.
        (vec![Fault::ServedBut(502)], 2),
        // Taken, and it says so before the connection ends.
        (vec![Fault::CutAnswer], 1),
    ] {
        platform.plan(Route::Done, faults.clone());
        let id = refused(&platform);
        assert_eq!(platform.finished(&id).status, Status::Failed, "{faults:?}: {}", worker.log());
        let posts = platform.wait("all posts", |state| {
            let posts = state.about(&id);
            (posts.len() >= count).then_some(posts)
        });
        assert_eq!(posts.len(), count, "{faults:?}");
        assert!(posts.iter().all(|post| post.body == posts[0].body), "{faults:?}");
    }
}

#[test]
fn a_result_that_is_unwanted_is_not_posted_again() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    // Expired meanwhile.
    platform.plan(Route::Done, [Fault::Status(404)]);
    let (id, next) = (refused(&platform), refused(&platform));
    assert_eq!(platform.finished(&next).status, Status::Failed);
    assert_eq!(platform.look(|state| state.about(&id).len()), 1);
}

#[test]
fn a_result_that_the_platform_refuses_becomes_an_error_that_says_so() {
    for too_large in [400, 413] {
        // Every result of a job that ran is larger than this, and no progress or error is.
        let limits = Settings { largest_result: 1_500, too_large, ..Settings::default() };
        let platform = Platform::with(limits);
        let worker = ours(&platform, "w1").start();
        let id = platform.submit(&script("echo something", ENOUGH));
        let job = platform.finished(&id);
        assert_eq!(job.status, Status::Failed, "{too_large}: {}", worker.log());
        let error = text(job.error);
        assert!(error.contains("refused") || error.contains("large"), "{too_large}: {error}");
        let refused = platform.look(|state| state.about(&id)).into_iter();
        let refused = refused.filter(|post| post.answer.is_some_and(|(status, _)| status == too_large));
        assert_eq!(refused.count(), 1, "it was not posted again as it was");
    }
}

#[test]
fn thirty_megabytes_of_output_arrive_as_a_result_that_fits_and_says_what_was_cut() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let id = platform.submit(&script("head -c 2200000 /dev/zero | tr '\\0' x; exit 1", ENOUGH));
    let job = platform.finished(&id);
    assert_eq!(job.status, Status::Completed, "{:?} {}", job.error, worker.log());
    let posts = platform.look(|state| state.about(&id));
    let largest = posts.iter().map(|post| post.body.len()).max().unwrap();
    assert!(largest < 10_000_000, "{largest}");
    let output = job.output.unwrap();
    assert_eq!((&output["total_runs"], &output["failures"]), (&json!(ENOUGH), &json!(ENOUGH)));
    let stdout = output["results"][0]["stdout"].as_str().unwrap();
    assert!(stdout.len() > 100_000 && stdout.len() < 2_200_000, "{}", stdout.len());
    assert_eq!(output["outputs_cut"], json!(ENOUGH), "each of them was cut, and it is said");
}

#[test]
fn progress_always_comes_before_the_result() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let ids: Vec<String> = (0..4).map(|_| platform.submit(&script("true", ENOUGH))).collect();
    for id in &ids {
        let job = platform.finished(id);
        assert!(!job.progress.is_empty(), "{job:?}");
        assert!(job.progress.iter().all(Value::is_object));
    }
    // Nothing comes afterwards either: two heartbeats later.
    let pings = platform.count(Route::Ping);
    let _ = platform.seen(Route::Ping, pings + 2);
    assert_eq!(platform.look(|state| state.late.clone()), []);
}

#[test]
fn progress_that_hangs_does_not_keep_a_result_back() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    platform.plan(Route::Done, [Fault::Hang]);
    let id = platform.submit(&script("true", 2));
    was_done(&platform.finished(&id), 2);
    platform.heal(Route::Done);
}

#[test]
fn a_job_that_is_stopped_is_killed_with_all_that_it_started_and_nothing_is_said_of_it() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let mark = mark();
    let family = format!("setsid sleep {mark} & (sleep {mark} & sleep {mark}) & nohup sleep {mark} & wait");
    let id = platform.submit(&script(&family, 2));
    wait_for_mark(&format!("sleep\0{mark}"));
    platform.cancel(&id);
    wait_for_no_mark(&mark);
    // The slot is free.
    assert_eq!(platform.finished(&refused(&platform)).status, Status::Failed);
    assert_eq!(platform.finished(&id).status, Status::Cancelled);
    let said = platform.look(|state| state.late.iter().any(|(late, _)| *late == id));
    assert!(!said, "{}", worker.log());
}

#[test]
fn a_job_that_takes_longer_than_its_policy_allows_is_stopped() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&mark);
    platform.time_out(&id);
    assert_eq!(platform.finished(&id).status, Status::TimedOut);
    wait_for_no_mark(&mark);
}

#[test]
fn the_same_job_delivered_twice_is_run_once_and_answered_once() {
    let platform = quick();
    let worker = ours(&platform, "w1").env("FLAKY_WORKER_CONCURRENCY", "2").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&format!("sleep\0{mark}"));
    platform.deliver_again(&id);
    platform.wait("a second delivery", |state| (state.job(&id)?.deliveries == 2).then_some(()));
    // Whatever it does with the second one, it goes on taking.
    assert_eq!(platform.finished(&refused(&platform)).status, Status::Failed);
    let sleeping = flaky_tests::processes::with_mark(&format!("sleep\0{mark}"));
    assert_eq!(sleeping.len(), 1, "{}", worker.log());
    wake(&mark);
    was_done(&platform.finished(&id), 1);
    let pings = platform.count(Route::Ping);
    let _ = platform.seen(Route::Ping, pings + 2);
    let results = platform.look(|state| state.about(&id)).into_iter().filter(|post| !post.is_progress());
    assert_eq!(results.count(), 1);
}

#[test]
fn a_job_without_input_is_answered_for() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let job = platform.finished(&platform.submit(&Value::Null));
    assert_eq!(job.status, Status::Failed);
    assert!(!text(job.error).is_empty());
    // The platform delivers such a thing when a job has expired: it has an id and nothing else.
    platform.plan(Route::Take, [Fault::Text(r#"{"id": "blank-job-u1"}"#.into())]);
    let said =
        platform.wait("a word about the blank job", |state| state.about("blank-job-u1").into_iter().next());
    assert!(said.json()["error"].is_string(), "{}", worker.log());
}

#[test]
fn a_platform_that_is_gone_for_half_a_minute_gets_its_result_when_it_is_back() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&format!("sleep\0{mark}"));
    platform.vanish();
    wake(&mark);
    let before = ticks(worker.process());
    // This is what is tested: that time passes, and neither the result nor the worker is lost meanwhile.
    let nothing = platform.wait_at_most(Duration::from_secs(30), |state| {
        state.job(&id).filter(|job| job.status.is_final()).map(|_| ())
    });
    assert!(nothing.is_none());
    let used = ticks(worker.process()) - before;
    assert!(used < 100, "{used} hundredths of a second of processor time for waiting");
    platform.come_back();
    was_done(&platform.finished(&id), 1);
    assert_eq!(platform.finished(&refused(&platform)).status, Status::Failed);
}

#[test]
fn a_result_without_an_answer_does_not_keep_the_next_job_waiting() {
    let platform = quick();
    let _worker = ours(&platform, "w1").start();
    platform.plan(Route::Done, [Fault::Hang]);
    let (id, next) = (refused(&platform), refused(&platform));
    assert_eq!(platform.finished(&next).status, Status::Failed);
    platform.heal(Route::Done);
    assert_eq!(platform.finished(&id).status, Status::Failed);
}

#[test]
fn without_a_key_or_an_id_there_is_no_heartbeat_and_jobs_are_taken_all_the_same() {
    let platform = quick();
    let _worker = ours(&platform, "w1").without("RUNPOD_POD_ID").start();
    let take = &platform.seen(Route::Take, 1)[0];
    assert!(!take.last_name().contains('$') && take.last_name().len() > 8, "{}", take.path);
    let job = platform.finished(&refused(&platform));
    assert_eq!((job.status, platform.count(Route::Ping)), (Status::Failed, 0));
}

#[test]
fn a_worker_that_is_no_worker_of_the_platform_says_what_is_missing() {
    let platform = Platform::new();
    let worker = ours(&platform, "w1").without("RUNPOD_WEBHOOK_GET_JOB").start();
    let end = worker.ended();
    assert_ne!(end.code, 0);
    assert!(end.log.contains("RUNPOD_WEBHOOK_GET_JOB") && end.log.contains("--serve-api"), "{}", end.log);
    let worker = ours(&platform, "w1").without("RUNPOD_WEBHOOK_POST_OUTPUT").start();
    let end = worker.ended();
    assert_ne!(end.code, 0);
    assert!(end.log.contains("RUNPOD_WEBHOOK_POST_OUTPUT"), "{}", end.log);
}

#[test]
fn the_health_check_is_green_while_jobs_are_taken_and_red_when_the_loop_stands_still() {
    let platform = quick();
    let setup = ours(&platform, "w1");
    let socket = setup.folder().join("health.sock");
    let setup = setup.env("FLAKY_WORKER_HEALTH_SOCKET", &socket);
    let check = || {
        let mut command = std::process::Command::new(flaky_tests::place::worker_binary());
        command.arg("health").env("FLAKY_WORKER_HEALTH_SOCKET", &socket);
        output(command)
    };
    assert_ne!(check().0, 0, "nobody there");
    let worker = setup.start();
    platform.polled(Route::Take);
    assert_eq!(check(), (0, "ok\n".into()));
    worker.signal(Signal::SIGSTOP);
    let (code, said) = check();
    assert!(code != 0 && !said.is_empty(), "{said}");
    worker.signal(Signal::SIGCONT);
    flaky_tests::processes::eventually("a green check", || (check().0 == 0).then_some(()));
    drop(worker);
    assert_ne!(check().0, 0, "nobody there any more");
}

#[test]
fn a_worker_that_was_killed_leaves_nothing_running() {
    let platform = quick();
    let worker = ours(&platform, "w1").start();
    let mark = mark();
    let id = platform.submit(&sleeper(&mark));
    wait_for_mark(&format!("sleep\0{mark}"));
    worker.signal(Signal::SIGKILL);
    wait_for_no_mark(&mark);
    assert_eq!(worker.ended().code, 137);
    // Another one does the job.
    assert_eq!(platform.lose_worker("w1"), 1);
    let _other = ours(&platform, "w2").start();
    wake(&mark);
    let job = platform.finished(&id);
    was_done(&job, 1);
    assert_eq!((job.worker.as_deref(), job.deliveries), (Some("w2"), 2));
}
