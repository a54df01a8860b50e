//! Runs on an endpoint: the real client against a stand-in of the platform, whose workers really run the shards.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod standin;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use standin::{Faults, KEY, StandIn, install_failed};
use tempfile::TempDir;

/// Fails for every third seed, and says which of its variables it sees.
const THIRDS: &str = "echo seed $TEST_SEED attempt $ATTEMPT; [ $((TEST_SEED % 3)) != 0 ]\n";

/// A folder to test, and places of our own.
struct Project {
    root: TempDir,
}

impl Project {
    fn new(script: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["project", "state", "home"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("project/test.sh"), script).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// `flaky` with these words, in the project, and nothing else of our environment.
    fn flaky(&self, endpoint: Option<&StandIn>, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flaky"));
        command.args(words).current_dir(self.path("project")).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.path("home")).env("FLAKY_STATE_DIR", self.path("state"));
        // Shared, so that the bundled plugins are compiled once.
        command.env("FLAKY_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/endpoint-cache"));
        if let Some(endpoint) = endpoint {
            command.env("RUNPOD_ENDPOINT_BASE_URL", endpoint.base_url());
            command.env("RUNPOD_API_KEY", KEY).env("RUNPOD_ENDPOINT_ID", "e1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A run of `test.sh` on the endpoint.
    fn run(&self, endpoint: &StandIn, words: &[&str]) -> Ended {
        let start = ["run", "--stop", "never", "--backend", "runpod", "--report", "json=../report.json"];
        let words = [&start[..], words, &["--", "sh", "test.sh"]].concat();
        self.ended(self.flaky(Some(endpoint), &words).output().unwrap())
    }

    fn ended(&self, output: Output) -> Ended {
        let report = fs::read(self.path("report.json")).ok();
        Ended {
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
            report: report.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap()),
        }
    }

    /// The folder of the only run that there is.
    fn run_folder(&self) -> Option<PathBuf> {
        let mut runs = fs::read_dir(self.path("state/runs")).ok()?;
        Some(runs.next()?.ok()?.path())
    }
}

/// How `flaky` ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    said: String,
    printed: String,
    report: Value,
}

impl Ended {
    fn number(&self, pointer: &str) -> u64 {
        self.report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {self:#?}"))
    }

    fn failing_seeds(&self) -> Vec<u64> {
        let seeds = self.report.pointer("/tests/0/failing_seeds").and_then(Value::as_array);
        seeds.unwrap_or_else(|| panic!("{self:#?}")).iter().filter_map(Value::as_u64).collect()
    }

    fn notes(&self) -> String {
        self.report["notes"].to_string()
    }
}

/// Waits for something that another process does; ends the test when it never does.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_run_on_an_endpoint_says_what_a_run_here_says() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(3, Faults::default());
    let words = ["--runs", "24", "--first-seed", "1", "--parallelism", "2", "--shards", "5"];
    let there = project.run(&endpoint, &words);
    let start = [
        "run",
        "--stop",
        "never",
        "--report",
        "json=../report.json",
        "--runs",
        "24",
        "--first-seed",
        "1",
        "-j",
        "2",
    ];
    let here = [&start[..], &["--", "sh", "test.sh"]].concat();
    let here = project.ended(project.flaky(None, &here).output().unwrap());
    assert_eq!((there.code, here.code), (Some(10), Some(10)), "{there:#?} {here:#?}");
    for pointer in ["/total_runs", "/failures", "/tests/0/ran", "/tests/0/failures", "/execution/finished"] {
        assert_eq!(there.number(pointer), here.number(pointer), "{pointer}");
    }
    assert_eq!(there.failing_seeds(), [3, 6, 9, 12, 15, 18, 21, 24]);
    assert_eq!(there.failing_seeds(), here.failing_seeds());
    assert_eq!(there.report["verdict"], here.report["verdict"]);
    assert_eq!(here.report["execution"].get("backend"), None);
    // The first attempt alone, then five shards of the others, each attempt once; what failed alone comes after that.
    let ordered = endpoint.ordered();
    assert_eq!(ordered[0], [0]);
    let mut others: Vec<u32> = ordered[1..6].concat();
    others.sort_unstable();
    assert_eq!(others, (1..24).collect::<Vec<u32>>());
    assert!(ordered[1..6].iter().all(|shard| (4..=5).contains(&shard.len())), "{ordered:?}");
    let backend = &there.report["execution"]["backend"];
    assert_eq!((backend["kind"].as_str(), backend["endpoint"].as_str()), (Some("runpod"), Some("e1")));
    assert_eq!(backend["jobs"].as_u64(), Some(ordered.len() as u64));
    assert!(backend["execution_seconds"].as_u64() >= Some(6), "{backend}");
    assert!(there.printed.contains("jobs on RunPod endpoint `e1`"), "{}", there.printed);
    let jobs = endpoint.jobs();
    for job in jobs.values() {
        // 2 side by side, 300 s each: five attempts are three rounds.
        assert!(job.policy["executionTimeout"].as_u64() >= Some(310_000), "{}", job.policy);
        assert!(job.policy["ttl"].as_u64() > job.policy["executionTimeout"].as_u64());
    }
}

#[test]
fn a_folder_travels_without_what_gitignore_leaves_out_and_without_our_environment() {
    let project = Project::new(
        "[ -e data.txt ] && [ ! -e secret.txt ] && [ -z \"$HIDDEN\" ] && [ \"$SHOWN\" = yes ]\n",
    );
    for (name, text) in [("data.txt", "x"), ("secret.txt", "x"), (".gitignore", "secret.txt\n")] {
        fs::write(project.path("project").join(name), text).unwrap();
    }
    let endpoint = StandIn::new(1, Faults::default());
    let words = ["--backend", "runpod", "--runs", "3", "--env", "SHOWN=yes", "--env", "MY_API_KEY"];
    let words = [
        &["run", "--stop", "never", "--report", "json=../report.json"],
        &words[..],
        &["--", "sh", "test.sh"],
    ]
    .concat();
    let mut command = project.flaky(Some(&endpoint), &words);
    let ended = project.ended(command.env("HIDDEN", "x").env("MY_API_KEY", "planted-2").output().unwrap());
    assert_eq!(ended.number("/failures"), 0, "{ended:#?}");
    assert_eq!(ended.number("/total_runs"), 3);
    assert!(
        ended.said.contains("MY_API_KEY looks like a secret and travels with the jobs"),
        "{}",
        ended.said
    );
    let jobs = endpoint.jobs();
    let env = &jobs.values().next().unwrap().order.env;
    let names: Vec<&str> = env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["MY_API_KEY", "SHOWN"]);
    // The key of the account is nowhere, and the value of the other secret not in what is kept.
    let folder = project.run_folder().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(KEY) && !text.contains("planted-2"), "{}", path.display());
    }
    assert!(!format!("{ended:?}").contains(KEY));
}

#[test]
fn a_worker_that_dies_costs_a_job_and_no_attempt() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(2, Faults { dies: vec![1, 2], ..Faults::default() });
    let ended = project.run(&endpoint, &["--runs", "20", "--first-seed", "1", "-j", "1", "--shards", "4"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert_eq!(ended.number("/total_runs"), 20);
    assert_eq!(ended.failing_seeds(), [3, 6, 9, 12, 15, 18]);
    assert_eq!(ended.number("/execution/backend/resubmitted"), 2);
    assert!(ended.said.contains("is submitted again"), "{}", ended.said);
    assert!(ended.notes().contains("2 jobs submitted again"), "{}", ended.notes());
}

#[test]
fn a_shard_that_is_lost_for_good_leaves_its_attempts_set_aside_with_the_reason() {
    let project = Project::new("true\n");
    // The second shard's job and both that replace it.
    let endpoint = StandIn::new(1, Faults { dies: (2..60).collect(), ..Faults::default() });
    let ended = project.run(&endpoint, &["--runs", "31", "-j", "1", "--shards", "2"]);
    assert_eq!(ended.number("/execution/finished"), 31, "{ended:#?}");
    let counted = ended.number("/total_runs");
    assert!((16..31).contains(&counted), "{counted}");
    assert_eq!(ended.report["cause"].as_str(), Some("infrastructure"), "{ended:#?}");
    assert!(ended.said.contains("is given up"), "{}", ended.said);
    assert_eq!(ended.code, Some(12));
}

#[test]
fn attempts_that_come_only_with_the_output_count_as_well() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(2, Faults { no_stream: true, ..Faults::default() });
    let ended = project.run(&endpoint, &["--runs", "9", "--first-seed", "1", "-j", "2", "--shards", "2"]);
    assert_eq!((ended.number("/total_runs"), ended.failing_seeds()), (9, vec![3, 6, 9]), "{ended:#?}");
}

#[test]
fn attempts_under_other_seeds_than_were_ordered_are_no_attempts_of_this_run() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(2, Faults { other_seeds: true, ..Faults::default() });
    let ended = project.run(&endpoint, &["--runs", "5", "-j", "2", "--shards", "2"]);
    assert_eq!((ended.number("/execution/finished"), ended.number("/total_runs")), (5, 0), "{ended:#?}");
    assert_eq!(ended.report["cause"].as_str(), Some("infrastructure"));
    assert!(ended.report["reason"].to_string().contains("without the attempt"), "{ended:#?}");
}

#[test]
fn what_fails_on_every_worker_ends_the_run_with_its_cause_after_one_job() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(2, Faults { failure: Some(install_failed()), ..Faults::default() });
    let ended = project.run(&endpoint, &["--runs", "20"]);
    assert_eq!(ended.code, Some(12), "{ended:#?}");
    assert_eq!(ended.report["cause"].as_str(), Some("install-failed"));
    assert_eq!(ended.report["reason"].as_str(), Some("on the worker: pip failed (exit code 1)"));
    assert_eq!(endpoint.jobs().len(), 1);
}

#[test]
fn what_is_missing_to_reach_an_endpoint_is_named() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(1, Faults::default());
    let run = |change: &dyn Fn(&mut Command), words: &[&str]| {
        let words = [&["run", "--runs", "2"], words, &["--", "sh", "test.sh"]].concat();
        let mut command = project.flaky(Some(&endpoint), &words);
        change(&mut command);
        let ended = project.ended(command.output().unwrap());
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        ended.said
    };
    let runpod = ["--backend", "runpod"];
    type Change = fn(&mut Command);
    let cases: [(Change, &[&str], &str); 7] = [
        (|c| _ = c.env_remove("RUNPOD_API_KEY"), &runpod, "the variable `RUNPOD_API_KEY` is not set"),
        (|c| _ = c.env_remove("RUNPOD_ENDPOINT_ID"), &runpod, "no endpoint is named"),
        (|c| _ = c.env("RUNPOD_ENDPOINT_ID", "a/b"), &runpod, "`a/b` is not an endpoint id"),
        (|c| _ = c.env("RUNPOD_ENDPOINT_BASE_URL", "http://192.0.2.1"), &runpod, "unencrypted"),
        (|c| _ = c.env("RUNPOD_API_KEY", "wrong"), &runpod, "RunPod refused the API key (401)"),
        (|_| (), &["--endpoint", "e1"], "add `--backend runpod`"),
        (|_| (), &["--backend", "runpod", "--budget-usd", "1"], "no CPU price is published"),
    ];
    for (change, words, expected) in cases {
        let said = run(&change, words);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(endpoint.jobs().is_empty());
}

#[test]
fn a_folder_that_does_not_fit_into_a_job_has_to_be_pushed() {
    let project = Project::new(THIRDS);
    let endpoint = StandIn::new(1, Faults::default());
    // What does not compress, without a source of chance.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..7_000_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    fs::write(project.path("project/large.bin"), noise).unwrap();
    let ended = project.run(&endpoint, &["--runs", "2"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.said.contains("push it, and give the repository's URL"), "{}", ended.said);
    assert!(endpoint.jobs().is_empty());
}

#[test]
fn a_client_that_is_killed_is_followed_by_one_that_goes_on() {
    let project = Project::new("sleep 0.2; [ $((TEST_SEED % 3)) != 0 ]\n");
    let endpoint = StandIn::new(3, Faults::default());
    let start = [
        "run",
        "--stop",
        "never",
        "--backend",
        "runpod",
        "--runs",
        "40",
        "--first-seed",
        "1",
        "-j",
        "1",
        "--shards",
        "6",
    ];
    let words = [&start[..], &["--env", "MY_TOKEN=planted", "--", "sh", "test.sh"]].concat();
    let mut client = project.flaky(Some(&endpoint), &words).spawn().unwrap();
    let kept = || {
        let folder = project.run_folder()?;
        Some(fs::read_to_string(folder.join("arrived.jsonl")).ok()?.lines().count())
    };
    until("attempts arrive", || kept() > Some(10));
    client.kill().unwrap();
    client.wait().unwrap();
    let (before, submitted) = (kept().unwrap(), endpoint.jobs().len());
    assert!(before < 41, "it was killed in the middle: {before}");
    let run = project.run_folder().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    let resume = ["run", "--resume", &run, "--report", "json=../report.json"];
    let without = project.ended(project.flaky(Some(&endpoint), &resume).output().unwrap());
    assert_eq!(without.code, Some(2));
    assert!(without.said.contains("`MY_TOKEN`, whose value was not written down"), "{}", without.said);
    let ended =
        project.ended(project.flaky(Some(&endpoint), &resume).env("MY_TOKEN", "planted").output().unwrap());
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert_eq!(ended.report["run"].as_str(), Some(run.as_str()));
    for pointer in ["/total_runs", "/execution/finished", "/execution/planned", "/tests/0/ran"] {
        assert_eq!(ended.number(pointer), 40, "{pointer}");
    }
    assert_eq!(ended.failing_seeds(), (1..=13).map(|i| i * 3).collect::<Vec<u64>>());
    // Shards that were taken already were followed, not submitted again.
    let ordered = endpoint.ordered();
    let mut once: Vec<u32> = ordered.iter().take(7).flatten().copied().collect();
    once.sort_unstable();
    assert_eq!(once, (0..40).collect::<Vec<u32>>(), "{submitted} jobs before, {ordered:?}");
    assert_eq!(ended.number("/execution/backend/jobs"), ordered.len() as u64);
    let again = project.ended(project.flaky(Some(&endpoint), &resume).env("MY_TOKEN", "x").output().unwrap());
    assert_eq!(again.code, Some(2));
    assert!(again.said.contains("is finished: its report is in"), "{}", again.said);
}

#[test]
fn an_interrupted_run_calls_its_jobs_back_and_can_go_on_later() {
    let project = Project::new("sleep 0.3; [ $((TEST_SEED % 3)) != 0 ]\n");
    let endpoint = StandIn::new(2, Faults::default());
    let start =
        ["run", "--stop", "never", "--backend", "runpod", "--report", "json=../report.json", "--runs", "30"];
    let words =
        [&start[..], &["--first-seed", "1", "-j", "1", "--shards", "5", "--", "sh", "test.sh"]].concat();
    let client = project.flaky(Some(&endpoint), &words).spawn().unwrap();
    until("shards run", || endpoint.jobs().values().filter(|job| job.state == "IN_PROGRESS").count() == 2);
    interrupt(&client);
    let ended = project.ended(client.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert_eq!(ended.report["cause"].as_str(), Some("interrupted"));
    let states: Vec<&str> = endpoint.jobs().values().map(|job| job.state).collect();
    assert!(states.iter().all(|s| ["COMPLETED", "CANCELLED"].contains(s)), "{states:?}");
    assert!(states.contains(&"CANCELLED"), "{states:?}");
    let run = ended.report["run"].as_str().unwrap().to_owned();
    let resume = ["run", "--resume", &run, "--report", "json=../report.json"];
    let ended = project.ended(project.flaky(Some(&endpoint), &resume).output().unwrap());
    assert_eq!((ended.code, ended.number("/total_runs")), (Some(10), 30), "{ended:#?}");
    assert_eq!(ended.failing_seeds(), (1..=10).map(|i| i * 3).collect::<Vec<u64>>());
}

#[test]
fn a_budget_that_is_used_up_ends_the_run_and_the_report_says_so() {
    let project = Project::new("sleep 0.2\n");
    let config = "backend: {kind: runpod, endpoint: e1, price_per_second: 0.5, shards: 12}\n";
    fs::write(project.path("project/.flaky-detector.yml"), config).unwrap();
    let faults = Faults { execution: Some(Duration::from_secs(3)), ..Faults::default() };
    let endpoint = StandIn::new(1, faults);
    let words = [
        "run",
        "--stop",
        "never",
        "--report",
        "json=../report.json",
        "--runs",
        "60",
        "-j",
        "1",
        "--budget-usd",
        "4",
    ];
    let words = [&words[..], &["--", "sh", "test.sh"]].concat();
    let ended = project.ended(project.flaky(Some(&endpoint), &words).output().unwrap());
    assert!(ended.notes().contains("the budget of 4 USD was used up"), "{ended:#?}");
    let (finished, cost) =
        (ended.number("/execution/finished"), &ended.report["execution"]["backend"]["cost_usd"]);
    assert!((5..60).contains(&finished), "{finished}");
    assert!(cost.as_f64() >= Some(3.0) && cost.as_f64() < Some(12.0), "{cost}");
    assert!(endpoint.jobs().values().any(|job| job.state == "CANCELLED"));
}

#[test]
fn only_runs_on_an_endpoint_can_be_resumed() {
    let project = Project::new("true\n");
    let here = project.flaky(None, &["run", "--runs", "2", "--", "sh", "test.sh"]).output().unwrap();
    assert_eq!(here.status.code(), Some(12), "{here:?}");
    let run = project.run_folder().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    for (run, expected) in
        [(run.as_str(), "only runs on RunPod can be resumed"), ("none-1", "there is no run")]
    {
        let ended = project.ended(project.flaky(None, &["run", "--resume", run]).output().unwrap());
        assert_eq!(ended.code, Some(2));
        assert!(ended.said.contains(expected), "{}", ended.said);
    }
}
