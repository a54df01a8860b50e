//! The program itself: what it keeps to itself, how it ends, what its health check says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flaky-worker");
/// A busy machine may need long to start a program.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers heartbeats and results, holds polls. What is asked comes out of the channel.
struct Platform {
    address: SocketAddr,
    asked: Receiver<String>,
}

impl Platform {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &sender));
            }
        });
        Self { address, asked }
    }

    /// Waits for a request whose target holds `part`.
    fn until(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let target =
                self.asked.recv_timeout(left).unwrap_or_else(|_| panic!("`{part}` was not asked for"));
            if target.contains(part) {
                return target;
            }
        }
    }
}

fn serve(stream: TcpStream, sender: &Sender<String>) {
    let mut write = stream.try_clone().unwrap();
    let mut read = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if read.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let hold = target.contains("/job-take") || target.contains("/job-stop");
        // Nobody listens at the end of a test.
        let _ = sender.send(target);
        if hold {
            // Until the client goes away.
            let _ = read.read(&mut [0]);
            return;
        }
        if write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Everything that the program may touch.
struct Place {
    folder: TempDir,
    variables: HashMap<String, String>,
}

impl Place {
    fn new(platform: Option<&Platform>) -> Self {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name).display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut variables = HashMap::from([
            ("PATH".to_owned(), path),
            ("FLAKY_STATE_DIR".to_owned(), inside("state")),
            ("FLAKY_CACHE_DIR".to_owned(), inside("cache")),
            ("FLAKY_WORKER_HEALTH_SOCKET".to_owned(), inside("health/health.sock")),
        ]);
        if let Some(platform) = platform {
            let base = format!("http://{}/v2/ep", platform.address);
            for (name, value) in [
                ("RUNPOD_WEBHOOK_GET_JOB", format!("{base}/job-take/$ID?token=canary-query")),
                ("RUNPOD_WEBHOOK_POST_OUTPUT", format!("{base}/job-done/$RUNPOD_POD_ID/$ID?x=1")),
                ("RUNPOD_WEBHOOK_PING", format!("{base}/ping/$RUNPOD_POD_ID?x=1")),
                ("RUNPOD_POD_ID", "pod-1".to_owned()),
                ("RUNPOD_AI_API_KEY", "canary-key".to_owned()),
                ("RUNPOD_ENDPOINT_ID", "ep".to_owned()),
            ] {
                variables.insert(name.to_owned(), value);
            }
        }
        Self { folder, variables }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn start(&self) -> Running {
        Running { child: Some(self.command(&[]).spawn().unwrap()) }
    }
}

/// A worker that does not outlive its test.
struct Running {
    child: Option<Child>,
}

impl Running {
    fn id(&self) -> Pid {
        Pid::from_raw(self.child.as_ref().unwrap().id().cast_signed())
    }

    fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap();
    }

    fn ended(mut self) -> (Option<i32>, String, String) {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn an_idle_worker_ends_within_a_second_of_sigterm_and_logs_json_without_secrets() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let platform = Platform::start();
        let place = Place::new(Some(&platform)).with("RUNPOD_LOG_LEVEL", "TRACE");
        let worker = place.start();
        platform.until("/job-take/pod-1");
        let asked = Instant::now();
        worker.signal(signal);
        let (code, stdout, stderr) = worker.ended();
        let took = asked.elapsed();
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(!stdout.is_empty());
        for line in stdout.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
            keys.sort();
            assert_eq!(keys, ["level", "message", "requestId"], "{line}");
        }
        assert!(!stdout.contains("canary") && !stderr.contains("canary"), "{stdout}{stderr}");
    }
}

#[test]
fn no_secret_stands_in_the_environment_of_any_process_of_the_worker() {
    let platform = Platform::start();
    let place = Place::new(Some(&platform))
        .with("FLAKY_GIT_TOKEN", "canary-token")
        .with("RUNPOD_API_KEY", "canary-api")
        .with("BUCKET_SECRET_ACCESS_KEY", "canary-bucket")
        .with("DATABASE_URL", "postgres://me:canary-password@h/d");
    let worker = place.start();
    platform.until("/job-take/pod-1");
    let id = worker.id();
    // Only root may look at all.
    let looked = fs::read(format!("/proc/{id}/environ"));
    if nix::unistd::geteuid().is_root() {
        let environment = String::from_utf8_lossy(&looked.unwrap()).into_owned();
        assert!(environment.contains("PATH="), "{environment}");
        assert!(!environment.contains("canary"), "{environment}");
    } else {
        assert!(looked.is_err(), "the process can be looked into");
    }
    let command_line = fs::read(format!("/proc/{id}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&command_line).contains("canary"));
    assert_eq!(fs::read_to_string(format!("/proc/{id}/comm")).unwrap().trim(), "flaky-worker");
    let open = fs::read_dir(format!("/proc/{id}/fd"));
    for entry in open.into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        assert!(!target.to_string_lossy().contains("memfd"), "{}", target.display());
    }
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().0, Some(0));
}

#[test]
fn the_health_check_is_green_while_the_worker_lives_and_red_when_it_is_halted_or_gone() {
    let platform = Platform::start();
    let place = Place::new(Some(&platform));
    let health = || place.run(&["health"]).status.code();
    let green = || {
        // Starting and waking take a moment.
        let deadline = Instant::now() + PATIENCE;
        while health() != Some(0) {
            assert!(Instant::now() < deadline, "not healthy");
        }
    };
    assert_eq!(health(), Some(1), "before it has started");
    let worker = place.start();
    platform.until("/job-take/pod-1");
    green();
    worker.signal(Signal::SIGSTOP);
    assert_eq!(health(), Some(1), "halted");
    worker.signal(Signal::SIGCONT);
    green();
    worker.signal(Signal::SIGKILL);
    worker.ended();
    assert_eq!(health(), Some(1), "killed");
}

#[test]
fn a_worker_that_cannot_work_tells_the_platform_and_ends() {
    let platform = Platform::start();
    let place = Place::new(Some(&platform)).with("FLAKY_TEST_RUNS", "none");
    let (code, stdout, _) = place.start().ended();
    assert_eq!(code, Some(1));
    let ping = platform.until("/ping/pod-1");
    assert!(
        ping.contains("status=unhealthy&check=settings&reason=the+variable+%60FLAKY_TEST_RUNS%60"),
        "{ping}"
    );
    assert!(stdout.contains("the worker cannot work: the variable `FLAKY_TEST_RUNS`"), "{stdout}");
}

#[test]
fn what_is_wrong_with_the_start_is_said_in_one_line() {
    for (place, arguments, code, says) in [
        (Place::new(None), &[][..], 1, "no jobs can be taken: `RUNPOD_WEBHOOK_GET_JOB` is not set"),
        (
            Place::new(None).with("RUNPOD_WEBHOOK_GET_JOB", "ftp://canary"),
            &[],
            1,
            "`RUNPOD_WEBHOOK_GET_JOB`: not an address",
        ),
        (
            Place::new(None).with("RUNPOD_WEBHOOK_GET_JOB", "http://127.0.0.1:9/job-take/$ID"),
            &[],
            1,
            "`RUNPOD_WEBHOOK_POST_OUTPUT` is not set",
        ),
        (Place::new(None).with("FLAKY_WORKER_HANDOVER", "2"), &[], 1, "is for the worker's own use"),
        (Place::new(None), &["--serve-api", "--host", "0.0.0.0", "--port", "0"], 1, "`--expose`"),
        (Place::new(None), &["--test-input", "{"], 1, "not JSON"),
        (Place::new(None), &["--test-input", "@missing.json"], 1, "missing.json` cannot be read"),
        (Place::new(None), &["--serve"], 2, "--serve-api"),
    ] {
        let output = place.run(arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_job_from_the_command_line_ends_with_its_error_and_leaves_standard_output_to_outputs() {
    let place = Place::new(None);
    fs::write(place.folder.path().join("job.json"), r#"{"input": {"runs": "many"}}"#).unwrap();
    let output = place.run(&["--test-input", "@job.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ERROR | local_test | failed: "), "{said}");
    assert!(!Path::new(&place.variables["FLAKY_WORKER_HEALTH_SOCKET"]).exists());
}
