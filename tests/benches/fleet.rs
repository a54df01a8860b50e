//! A run spread over workers of the stand-in platform:
//!
//! ```text
//! cargo build --release && cargo bench -p flaky-tests --bench fleet [-- ATTEMPTS WORKERS SECONDS]
//! ```
//!
//! Attempts that only sleep, one at a time on each of the workers (processes on this machine). Ideal is
//! `attempts * seconds / workers`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops at anything odd"
)]

use std::process::Command;
use std::time::Instant;

use flaky_tests::place::binary;
use flaky_tests::platform::Platform;
use flaky_tests::worker::Worker;

fn main() {
    let asked = std::env::args().any(|argument| argument == "--bench");
    let numbers: Vec<f64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |index: usize, default: f64| numbers.get(index).copied().unwrap_or(default);
    let (attempts, workers, seconds) =
        if asked { (number(0, 1000.0), number(1, 20.0), number(2, 0.5)) } else { (20.0, 2.0, 0.1) };
    let platform = Platform::new();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    let names = 0..workers as u32;
    let running: Vec<Worker> =
        names.map(|name| Worker::ours(&platform, &format!("worker-{name}")).start()).collect();
    let project = tempfile::tempdir().expect("a folder");
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(binary());
    command.args([
        "run",
        "--backend",
        "runpod",
        "--quiet",
        "--parallelism",
        "1",
        "--report",
        "json=report.json",
    ]);
    command.arg("--runs").arg(attempts.to_string()).arg("--shards").arg(workers.to_string());
    command.args(["--", "sleep"]).arg(seconds.to_string());
    command.current_dir(project.path()).env("HOME", home.path()).envs(platform.client_environment());
    let started = Instant::now();
    let output = command.output().expect("flaky runs");
    let wall = started.elapsed().as_secs_f64();
    let report = std::fs::read(project.path().join("report.json")).unwrap_or_default();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
    let ideal = attempts * seconds / workers;
    println!("{}", String::from_utf8_lossy(&output.stderr));
    println!(
        "{} attempts of {attempts} counted; refused by rate limits: {}",
        report["total_runs"],
        platform.refusals()
    );
    println!("wall {wall:.2} s, ideal {ideal:.2} s, ratio {:.3}", wall / ideal);
    drop(running);
}
