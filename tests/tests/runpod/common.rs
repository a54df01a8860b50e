//! What the tests of our worker and our client share.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use flaky_tests::platform::{JobRecord, Platform};
use flaky_tests::worker::WorkerSetup;
use flaky_tests::{Origin, Worker, place, processes};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// The server of the repositories of all tests; it ends with this process.
pub(crate) fn origin() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| {
        let origin = Origin::new();
        let _ = origin.repository("plain", &[("README", "nothing to install, nothing to detect\n")]);
        // The flaky test of the sample, without its requirements: pytest is there.
        let flaky = std::fs::read_to_string(place::repository().join("examples/python/tests/test_orders.py"));
        let _ = origin.repository("orders", &[("tests/test_orders.py", &flaky.unwrap())]);
        origin
    })
}

/// Our worker, which trusts the server of the repositories.
pub(crate) fn ours(platform: &Platform, id: &str) -> WorkerSetup {
    Worker::ours(platform, id).env("SSL_CERT_FILE", origin().certificate())
}

/// A full job that runs a shell script a few times.
pub(crate) fn script(script: &str, runs: u32) -> Value {
    let command = shell_words::join(["sh", "-c", script]);
    json!({ "repo": origin().url("plain"), "test_command": command, "runs": runs, "parallelism": 2 })
}

/// A text that stands in the arguments of processes of one test alone: so many seconds to sleep, which is for ever.
pub(crate) fn mark() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("4{:07}.{:04}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A full job of one attempt that lasts until [`wake`].
pub(crate) fn sleeper(mark: &str) -> Value {
    script(&format!("sleep {mark} || true"), 1)
}

/// Runs that are enough for a verdict: a job that is inconclusive fails.
pub(crate) const ENOUGH: u32 = 14;

/// Expects that a job was really done, whatever can be said after so few attempts.
#[track_caller]
pub(crate) fn was_done(job: &JobRecord, attempts: u32) {
    let made = job.output.as_ref().map(|output| output["total_runs"].clone());
    assert_eq!(made, Some(json!(attempts)), "{job:#?}");
}

/// Ends what sleeps with this mark.
pub(crate) fn wake(mark: &str) {
    processes::wait_for_mark(&format!("sleep\0{mark}"));
    for id in processes::with_mark(&format!("sleep\0{mark}")) {
        let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
    }
}

/// Processor time that a process has used, in clock ticks of a hundredth of a second.
pub(crate) fn ticks(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // After the name in parentheses: user and system time are the 12th and 13th fields.
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [fields[11], fields[12]].map(|field| field.parse::<u64>().unwrap()).iter().sum()
}

/// What a command says and its exit code.
pub(crate) fn output(mut command: Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
