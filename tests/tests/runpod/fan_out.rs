//! `flaky run --backend runpod` against the stand-in, with real worker processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use flaky_core::report::RunReport;
use flaky_core::verdict::Category;
use flaky_tests::platform::{Fault, Platform, Route, State, Status};
use flaky_tests::processes::{self, wait_for_mark, wait_for_no_mark, with_mark};
use flaky_tests::{Ended, Flaky, Worker, ended};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{mark, origin, ours};

/// Fails for every third seed, so that the same seeds give the same report wherever they run.
const EVERY_THIRD: &str = "sh -c 'test $((TEST_SEED % 3)) -ne 0'";

fn platform() -> Platform {
    Platform::new()
}

fn workers(platform: &Platform, count: usize) -> Vec<Worker> {
    (1..=count).map(|number| ours(platform, &format!("w{number}")).start()).collect()
}

fn client(platform: &Platform) -> Flaky {
    let flaky = Flaky::new().env("SSL_CERT_FILE", origin().certificate());
    platform.client_environment().iter().fold(flaky, |flaky, (name, value)| flaky.env(name, value))
}

/// Every attempt was made, counts, and stands in the journal exactly once; with its seed and whether it failed.
fn every_attempt_once(flaky: &Flaky, ended: &Ended, attempts: u32) -> (RunReport, BTreeMap<u64, Value>) {
    let report = ended.report();
    assert_eq!(report.total_runs, attempts, "{}", ended.everything());
    let journal = flaky.state().join("runs").join(report.run.as_str()).join("journal.jsonl");
    let mut all = BTreeMap::new();
    for line in fs::read_to_string(journal).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let number = line["attempt"].as_u64().unwrap();
        assert_eq!(all.insert(number, line.clone()), None, "twice: {line}");
    }
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), (0..u64::from(attempts)).collect::<Vec<_>>());
    (report, all)
}

fn outcomes(journal: &BTreeMap<u64, Value>) -> Vec<(u64, Value, Value)> {
    journal.iter().map(|(number, line)| (*number, line["seed"].clone(), line["exit"].clone())).collect()
}

#[test]
fn a_run_on_an_endpoint_says_what_the_same_run_says_here() {
    let platform = platform();
    let _workers = workers(&platform, 3);
    let flaky = client(&platform);
    let args = format!("{} --runs 30 --seed 7", origin().url("plain"));
    let here = flaky.run(&format!("{args} -- {EVERY_THIRD}"));
    let there = flaky.run(&format!("{args} --backend runpod --shards 6 -- {EVERY_THIRD}"));
    assert_eq!(there.code, here.code, "{}", there.everything());
    let (here, journal_here) = every_attempt_once(&flaky, &here, 30);
    let (there, journal_there) = every_attempt_once(&flaky, &there, 30);
    assert_eq!(outcomes(&journal_there), outcomes(&journal_here));
    assert_eq!(
        (there.verdict, there.failures, there.total_runs),
        (here.verdict, here.failures, here.total_runs)
    );
    assert_eq!(there.subject.commit, here.subject.commit);
    let jobs = platform.look(|state| state.jobs.clone());
    assert!(jobs.len() >= 6, "{} jobs", jobs.len());
    let busy: BTreeSet<_> = jobs.iter().filter_map(|job| job.worker.clone()).collect();
    assert!(busy.len() > 1, "more than one worker had something to do: {busy:?}");
    assert_eq!(platform.refusals(), 0);
}

#[test]
fn a_test_of_a_framework_is_read_here_though_it_ran_there() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    let args = format!("{} --runs 14 --seed 3", origin().url("orders"));
    let flaky = client(&platform);
    let ended = flaky.run(&format!("{args} --backend runpod --shards 4 -- python3 -m pytest"));
    let (report, _) = every_attempt_once(&flaky, &ended, 14);
    let test = flaky_tests::ended::test(&report, "test_order_is_processed_in_time");
    assert!(report.failures > 0 && report.failures < 14, "{}", ended.everything());
    assert!(test.id.as_str().contains("test_orders.py"), "{test:?}");
}

#[test]
fn a_local_folder_is_packed_and_run_there() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    let flaky = client(&platform)
        .file("check.sh", "test \"$(cat data/word)\" = here && test ! -e ignored\n")
        .file("data/word", "here")
        .file(".gitignore", "ignored\n")
        .file("ignored", "not to be sent");
    let ended = flaky.run("--runs 14 --backend runpod --shards 2 -- sh check.sh");
    let (report, _) = every_attempt_once(&flaky, &ended, 14);
    assert_eq!((ended.code, report.failures), (0, 0), "{}", ended.everything());
}

#[test]
fn dependencies_are_installed_where_the_attempts_are() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    let flaky = client(&platform).with_copy_of(Path::new("examples/python"));
    let ended = flaky.run("--runs 16 --seed 7 --backend runpod --shards 3");
    let report = ended.report();
    assert_eq!((ended.code, report.total_runs), (11, 16), "{}", ended.everything());
    for (name, verdict) in [
        ("test_order_is_processed_in_time", Category::Flaky),
        ("test_discount_is_taken_from_the_total", Category::Stable),
        ("test_reserving_the_last_piece_leaves_nothing", Category::Broken),
    ] {
        assert_eq!(ended::test(&report, name).verdict, verdict, "{name}\n{}", ended.everything());
    }
}

#[test]
fn a_folder_that_is_too_large_to_send_is_refused_with_what_to_do() {
    let platform = platform();
    // Nothing that could be compressed.
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = (0..24_000_000_u32)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    let flaky = client(&platform).file("noise.bin", noise);
    let ended = flaky.run("--runs 14 --backend runpod -- true");
    assert!(ended.code == 2 || ended.code == 12, "{}", ended.everything());
    assert!(ended.everything().contains("push"), "{}", ended.everything());
    assert_eq!(platform.count(Route::Run), 0);
}

#[test]
fn workers_that_are_killed_cost_no_attempt_and_double_none() {
    let platform = platform();
    let mut workers = workers(&platform, 3);
    let mark = mark();
    let flaky = client(&platform);
    // A third of a second per attempt, so that there is a middle of the run.
    let command = format!("sh -c ': {mark}; sleep 0.3; test $((TEST_SEED % 3)) -ne 0'");
    let args = format!("{} --runs 48 --parallelism 2 --backend runpod --shards 6", origin().url("plain"));
    let running = flaky.start_run(&format!("{args} -- {command}"));
    // Two of the three are in the middle of a shard.
    for number in [1, 2] {
        let id = format!("w{number}");
        platform.wait("chunks of a shard of this worker", |state| {
            let held = state.held_by(&id);
            let chunks = |job: &String| state.job(job).is_some_and(|job| !job.chunks.is_empty());
            held.iter().any(chunks).then_some(())
        });
        let worker = workers.remove(0);
        worker.signal(Signal::SIGKILL);
        assert_eq!(worker.ended().code, 137);
        platform.lose_worker(&id);
    }
    let ended = running.ended();
    let (report, _) = every_attempt_once(&flaky, &ended, 48);
    assert_eq!(report.total_runs, 48);
    assert_eq!(platform.refusals(), 0);
    wait_for_no_mark(&mark);
}

#[test]
fn a_shard_that_the_platform_forgot_or_failed_is_submitted_again_and_it_is_said() {
    let platform = platform();
    let workers = workers(&platform, 2);
    let flaky = client(&platform);
    let args = format!("{} --runs 40 --parallelism 2 --backend runpod --shards 4", origin().url("plain"));
    let running = flaky.start_run(&format!("{args} -- sh -c 'sleep 0.3'"));
    let lost = platform.wait("a shard in the middle", |state| {
        state.jobs.iter().find(|job| job.status == Status::InProgress && !job.chunks.is_empty()).cloned()
    });
    platform.hand_in(&lost.id, &serde_json::json!({ "error": "the container was stopped" }));
    let ended = running.ended();
    let (report, _) = every_attempt_once(&flaky, &ended, 40);
    assert_eq!((report.total_runs, ended.code), (40, 0), "{}", ended.everything());
    let jobs = platform.look(|state| state.jobs.len());
    assert!(jobs >= 5, "{jobs} jobs");
    let said = report.notes.iter().any(|note| note.text.contains("again"));
    assert!(said, "{:#?}", report.notes);
    drop(workers);
}

#[test]
fn a_run_whose_client_was_killed_goes_on_where_it_was() {
    let platform = platform();
    let _workers = workers(&platform, 3);
    let flaky = client(&platform);
    let args = format!("{} --runs 48 --parallelism 2 --backend runpod --shards 6", origin().url("plain"));
    let running = flaky.start_run(&format!("{args} -- sh -c 'sleep 0.4; test $((TEST_SEED % 3)) -ne 0'"));
    // Some shards are through, some are under way, some wait.
    platform.wait("the middle of the run", |state| {
        // What was tried first, at one level or two, and some of the six shards.
        let through = state.jobs.len() >= 7 && state.jobs_in(Status::Completed) >= 4;
        (through && state.jobs_in(Status::InProgress) >= 1).then_some(())
    });
    running.signal(Signal::SIGKILL);
    assert_eq!(running.ended().code, 137);
    let run = only_run(&flaky);
    let ended = flaky.run(&format!("--resume {run}"));
    let (report, _) = every_attempt_once(&flaky, &ended, 48);
    assert_eq!((report.run.as_str(), report.total_runs), (run.as_str(), 48), "{}", ended.everything());
    // What the client had noted is followed, not submitted again. How much it had noted when it was killed depends on
    // the machine: at most one more job for each of the six shards.
    let (jobs, summary) = platform.look(|state| (state.jobs.len(), state.summary()));
    assert!(jobs <= 8 + 6, "{jobs} jobs\n{}\n{summary}", ended.everything());
    assert_eq!(platform.refusals(), 0);
    // And it is finished now.
    let again = flaky.run(&format!("--resume {run}")).exits(2);
    let _ = again.warns("is finished");
}

fn only_run(flaky: &Flaky) -> String {
    let runs: Vec<_> = fs::read_dir(flaky.state().join("runs")).unwrap().flatten().collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].file_name().into_string().unwrap()
}

#[test]
fn two_hundred_shards_stay_within_the_limits_of_the_platform() {
    let platform = platform();
    let _workers: Vec<Worker> = (1..=3)
        .map(|number| ours(&platform, &format!("w{number}")).env("FLAKY_WORKER_CONCURRENCY", "4").start())
        .collect();
    let args = format!("{} --runs 200 --backend runpod --shards 200", origin().url("plain"));
    let flaky = client(&platform);
    let ended = flaky.run(&format!("{args} -- true"));
    let (report, _) = every_attempt_once(&flaky, &ended, 200);
    assert_eq!((report.total_runs, ended.code), (200, 0), "{}", ended.everything());
    assert_eq!(platform.refusals(), 0);
    assert!(platform.look(|state| state.jobs.len()) >= 200);
    let most = platform.look(|state| state.limits.most_in_a_window(Route::Status));
    assert!(most < 2000, "{most}");
}

#[test]
fn too_many_requests_are_taken_as_they_are_meant() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    for route in [Route::Run, Route::Status, Route::Stream] {
        platform.plan(route, [Fault::TooMany(1), Fault::TooMany(2)]);
    }
    let args = format!("{} --runs 14 --backend runpod --shards 3", origin().url("plain"));
    let flaky = client(&platform);
    let ended = flaky.run(&format!("{args} -- true"));
    let (report, _) = every_attempt_once(&flaky, &ended, 14);
    assert_eq!((report.failures, ended.code), (0, 0), "{}", ended.everything());
}

#[test]
fn an_endpoint_that_fails_now_and_then_or_is_gone_for_a_while_costs_nothing() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    platform.plan(Route::Run, [Fault::Status(500), Fault::Status(502)]);
    platform.plan(Route::Status, [Fault::Status(503), Fault::malformed(), Fault::empty(), Fault::Drop]);
    platform.plan(Route::Stream, [Fault::Status(500), Fault::malformed(), Fault::CutAnswer, Fault::Drop]);
    let args = format!("{} --runs 24 --parallelism 2 --backend runpod --shards 4", origin().url("plain"));
    let flaky = client(&platform);
    let running = flaky.start_run(&format!("{args} -- sh -c 'sleep 0.3'"));
    platform.wait("a shard in the middle", |state| {
        state.jobs.iter().find(|job| job.status == Status::InProgress && !job.chunks.is_empty()).map(|_| ())
    });
    platform.vanish();
    // Neither the client nor the workers are told when it will be back.
    let _ = platform.wait_at_most(std::time::Duration::from_secs(4), |_| None::<()>);
    platform.come_back();
    let ended = running.ended();
    let (report, _) = every_attempt_once(&flaky, &ended, 24);
    assert_eq!((report.failures, ended.code), (0, 0), "{}", ended.everything());
}

#[test]
fn ctrl_c_cancels_what_is_running_there() {
    let platform = platform();
    let _workers = workers(&platform, 2);
    let mark = mark();
    let args = format!("{} --runs 20 --backend runpod --shards 4", origin().url("plain"));
    let flaky = client(&platform);
    let running = flaky.start_run(&format!("{args} -- sleep {mark}"));
    wait_for_mark(&format!("sleep\0{mark}"));
    running.signal(Signal::SIGINT);
    let ended = running.ended();
    assert_eq!(ended.code, 130, "{}", ended.everything());
    assert!(platform.look(State::is_done), "{}", platform.look(|s| s.summary()));
    wait_for_no_mark(&format!("sleep\0{mark}"));
    assert!(with_mark(&format!("sleep\0{mark}")).is_empty());
}

#[test]
fn a_wrong_key_an_unknown_endpoint_and_missing_ones_are_said_in_one_sentence() {
    let platform = platform();
    let url = origin().url("plain");
    for (name, value, word) in [
        ("RUNPOD_API_KEY", "wrong0key0canary", "RUNPOD_API_KEY"),
        ("RUNPOD_ENDPOINT_ID", "nosuchendpoint", "no such endpoint"),
        ("RUNPOD_API_KEY", "", "RUNPOD_API_KEY"),
        ("RUNPOD_ENDPOINT_ID", "", "RUNPOD_ENDPOINT_ID"),
    ] {
        let flaky = client(&platform).env(name, value);
        let ended = flaky.run(&format!("{url} --runs 14 --backend runpod -- true"));
        assert!(ended.code == 2 || ended.code == 12, "{name}={value}: {}", ended.everything());
        assert!(ended.everything().contains(word), "{name}={value}: {}", ended.everything());
        assert!(!ended.everything().contains("wrong0key0canary"));
    }
    assert_eq!(platform.look(|state| state.jobs.len()), 0);
}

#[test]
fn a_folder_that_no_worker_can_reach_fails_the_run_and_not_the_workers() {
    let platform = platform();
    let _workers = workers(&platform, 1);
    let flaky = client(&platform);
    let ended = flaky.run("https://127.0.0.1:9/nobody.git --runs 14 --backend runpod -- true");
    assert_eq!(ended.code, 12, "{}", ended.everything());
    processes::eventually("no job left", || platform.look(State::is_done).then_some(()));
}
