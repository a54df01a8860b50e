//! Our worker beside that of RunPod's Python SDK, on the same stand-in platform, in turn:
//!
//! ```text
//! cargo build --release && cargo bench -p flaky-tests --bench worker
//! ```
//!
//! CPU from the start of the program to its first request for a job; memory (resident sets of all its processes, and what
//! they share counted once) while it waits; the time from a result to the next request for a job, for jobs that end at
//! once; the time from SIGTERM to the end while it waits.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops at anything odd"
)]

use std::fs;
use std::time::{Duration, Instant};

use flaky_tests::platform::{Platform, Route, Settings};
use flaky_tests::python::Sdk;
use flaky_tests::worker::{Worker, WorkerSetup};
use nix::sys::signal::Signal;
use serde_json::json;

/// Starts of each worker when `cargo bench` asks; the Python one takes half a minute to end.
const ROUNDS: usize = 5;

/// Jobs one after the other, per round.
const JOBS: usize = 5;

/// How long the platform holds a request for a job: what an idle worker has to get out of when it is told to end.
const HOLD: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Figures {
    cpu_to_first_take: Vec<f64>,
    wall_to_first_take: Vec<f64>,
    resident_mb: Vec<f64>,
    proportional_mb: Vec<f64>,
    result_to_take_ms: Vec<f64>,
    sigterm_to_exit: Vec<f64>,
}

fn main() {
    // `cargo bench` says so; whatever else runs this wants to know that it works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let (mut python, mut ours) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        measure(
            &mut python,
            |platform| Worker::python(platform, "python", Sdk::New),
            &json!({ "do": "echo" }),
        );
        measure(&mut ours, |platform| Worker::ours(platform, "ours"), &json!({ "repo": "" }));
    }
    println!("\n### Workers beside each other\n\n{rounds} rounds, in turn; medians, (least to largest)\n");
    println!("| | Python SDK {} | flaky-worker |\n|---|---|---|", Sdk::New.version());
    row("CPU to the first take, s", &python.cpu_to_first_take, &ours.cpu_to_first_take);
    row("wall to the first take, s", &python.wall_to_first_take, &ours.wall_to_first_take);
    row("memory while idle, RSS of all processes, MB", &python.resident_mb, &ours.resident_mb);
    row("memory while idle, PSS, MB", &python.proportional_mb, &ours.proportional_mb);
    row("result to next take, ms", &python.result_to_take_ms, &ours.result_to_take_ms);
    row("SIGTERM to exit while idle, s", &python.sigterm_to_exit, &ours.sigterm_to_exit);
}

fn measure(figures: &mut Figures, setup: impl Fn(&Platform) -> WorkerSetup, job: &serde_json::Value) {
    let platform = Platform::with(Settings { hold: HOLD, ..Settings::default() });
    let started = Instant::now();
    let worker = setup(&platform).start();
    let _ = platform.polled(Route::Take);
    figures.wall_to_first_take.push(started.elapsed().as_secs_f64());
    figures.cpu_to_first_take.push(group(worker.process()).iter().map(|pid| cpu_seconds(*pid)).sum());
    for number in 1..=JOBS {
        let _ = platform.finished(&platform.submit(job));
        let done = platform.seen(Route::Done, number).pop().expect("a result");
        let take = platform.wait("the next take", |state| {
            state.seen(Route::Take).into_iter().find(|take| take.at > done.at && take.is_open())
        });
        figures.result_to_take_ms.push((take.at - done.at).as_secs_f64() * 1e3);
    }
    let processes = group(worker.process());
    figures.resident_mb.push(processes.iter().map(|pid| memory_mb(*pid, "Rss:")).sum());
    figures.proportional_mb.push(processes.iter().map(|pid| memory_mb(*pid, "Pss:")).sum());
    let asked = Instant::now();
    worker.signal(Signal::SIGTERM);
    let _ = worker.ended();
    figures.sigterm_to_exit.push(asked.elapsed().as_secs_f64());
}

/// The processes of a group, which the worker leads.
fn group(leader: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("a proc file system").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        stat(*pid).is_some_and(|fields| fields.get(2).is_some_and(|group| *group == leader.to_string()))
    })
    .collect()
}

/// The fields of `/proc/PID/stat` behind the name: state, parent, group, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// User and system time of a process and its ended children: fields 14 to 17 of proc(5), in hundredths of a second.
fn cpu_seconds(pid: u32) -> f64 {
    let fields = stat(pid).unwrap_or_default();
    let ticks = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn memory_mb(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kib: f64 = line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_default();
    kib * 1024.0 / 1e6
}

fn row(name: &str, python: &[f64], ours: &[f64]) {
    println!("| {name} | {} | {} |", spread(python), spread(ours));
}

fn spread(samples: &[f64]) -> String {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    format!("{:.3} ({:.3}–{:.3})", at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}
