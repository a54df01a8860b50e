//! A run spread over workers of the stand-in platform:
//!
//! ```text
//! cargo build --release && cargo bench -p flaky-tests --bench fleet [-- ATTEMPTS WORKERS SECONDS]
//! ```
//!
//! Attempts that only sleep, one at a time on each of the workers (processes on this machine). Ideal is
//! `attempts * seconds / workers`. Then the same once more, with three workers and the client killed on the way.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops at anything odd"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use flaky_tests::place::binary;
use flaky_tests::platform::Platform;
use flaky_tests::worker::Worker;
use tempfile::TempDir;

fn main() {
    let asked = std::env::args().any(|argument| argument == "--bench");
    let numbers: Vec<f64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |index: usize, default: f64| numbers.get(index).copied().unwrap_or(default);
    let (attempts, workers, seconds) =
        if asked { (number(0, 1000.0), number(1, 20.0), number(2, 0.5)) } else { (20.0, 2.0, 0.1) };
    let ideal = attempts * seconds / workers;
    let fleet = Fleet::new(attempts, workers, seconds);
    let started = Instant::now();
    let output = fleet.run().output().expect("flaky runs");
    let wall = started.elapsed().as_secs_f64();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    fleet.tell();
    println!("wall {wall:.2} s, ideal {ideal:.2} s, ratio {:.3}", wall / ideal);
    drop(fleet);
    if asked {
        with_kills(attempts, workers, seconds, ideal);
    }
}

/// The same with `kill -9` of three workers and of the client after a third of the ideal time, and `--resume`.
fn with_kills(attempts: f64, workers: f64, seconds: f64, ideal: f64) {
    let mut fleet = Fleet::new(attempts, workers, seconds);
    let mut client = fleet.run().spawn().expect("flaky runs");
    std::thread::sleep(Duration::from_secs_f64(ideal / 3.0));
    client.kill().expect("the client runs");
    let _ = client.wait();
    for worker in fleet.workers.drain(..3.min(fleet.workers.len())) {
        let id = worker.id().to_owned();
        drop(worker); // by SIGKILL
        fleet.platform.lose_worker(&id);
    }
    let runs = std::fs::read_dir(fleet.home.path().join(".local/state/flaky/runs")).expect("a record");
    let run = runs.flatten().next().expect("a run").file_name();
    let mut again = fleet.command();
    let output = again.args(["run", "--quiet", "--report", "json=report.json", "--resume"]).arg(run).output();
    println!("\nwith three workers and the client killed, resumed:");
    println!("{}", String::from_utf8_lossy(&output.expect("flaky runs").stderr));
    fleet.tell();
}

/// Workers on a platform, and a project.
struct Fleet {
    platform: Platform,
    workers: Vec<Worker>,
    project: TempDir,
    home: TempDir,
    attempts: f64,
    shards: f64,
    seconds: f64,
}

impl Fleet {
    fn new(attempts: f64, workers: f64, seconds: f64) -> Self {
        let platform = Platform::new();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
        let names = 0..workers as u32;
        let running = names.map(|name| Worker::ours(&platform, &format!("worker-{name}")).start()).collect();
        let folder = || tempfile::tempdir().expect("a folder");
        Self {
            platform,
            workers: running,
            project: folder(),
            home: folder(),
            attempts,
            shards: workers,
            seconds,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.project.path()).envs(self.platform.client_environment());
        command.env("HOME", self.home.path()).env_remove("FLAKY_STATE_DIR").env_remove("XDG_STATE_HOME");
        command
    }

    fn run(&self) -> Command {
        let mut command = self.command();
        command.args(["run", "--backend", "runpod", "--quiet", "--parallelism", "1"]);
        command.args(["--report", "json=report.json", "--runs"]).arg(self.attempts.to_string());
        command.arg("--shards").arg(self.shards.to_string());
        command.args(["--", "sleep"]).arg(self.seconds.to_string());
        command
    }

    /// What the report says, and whether the journal holds every attempt once.
    fn tell(&self) {
        let report = std::fs::read(self.project.path().join("report.json")).unwrap_or_default();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
        let run = report["run"].as_str().unwrap_or_default();
        let journal = self.home.path().join(".local/state/flaky/runs").join(run).join("journal.jsonl");
        let lines = std::fs::read_to_string(journal).unwrap_or_default();
        let numbers: Vec<u64> = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["attempt"].as_u64())
            .collect();
        let distinct: BTreeSet<&u64> = numbers.iter().collect();
        let (counted, attempts, refused) = (&report["total_runs"], self.attempts, self.platform.refusals());
        println!("{counted} attempts of {attempts} counted; refused by rate limits: {refused}");
        println!("in the journal: {} lines, {} attempts", numbers.len(), distinct.len());
    }
}
