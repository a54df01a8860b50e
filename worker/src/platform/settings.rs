//! What the worker is told by its environment.
//!
//! | Variable | Meaning | Unless set |
//! |---|---|---|
//! | `RUNPOD_WEBHOOK_GET_JOB` | where jobs are taken | not deployed: [`Settings::from_environment`] gives `None` |
//! | `RUNPOD_WEBHOOK_POST_OUTPUT` | where results go | an error |
//! | `RUNPOD_WEBHOOK_POST_STREAM` | where parts of results go | parts are not sent, the result holds all of them |
//! | `RUNPOD_WEBHOOK_PING` | where heartbeats go | no heartbeat |
//! | `RUNPOD_PING_INTERVAL` | milliseconds between heartbeats, at least 1000 | 10000 |
//! | `RUNPOD_AI_API_KEY` | what the platform wants to see with every request | no heartbeat; requests go out without |
//! | `RUNPOD_POD_ID` | the worker's id | a random one, no heartbeat |
//! | `FLAKY_WORKER_CONCURRENCY` | jobs at a time, 1 to 64 | 1 |
//! | `FLAKY_WORKER_GRACE` | seconds that running jobs may still take after `SIGTERM`, 0 to 86400 | 300 |
//! | `FLAKY_WORKER_HEALTH_SOCKET` | see [`crate::health`] | in the user's runtime folder |
//! | `RUNPOD_SKIP_AUTO_SYSTEM_CHECKS` | `true`: no checks at the start | checks are made |

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::HeaderValue;

use super::address::{Template, WorkerId};
use super::pace::{Backoff, Waits};

/// Milliseconds; RunPod's own.
const USUAL_PING_INTERVAL: u64 = 10_000;
/// Milliseconds. A heartbeat says that the worker lives and what it does: more than one a second says nothing more.
const LEAST_PING_INTERVAL: u64 = 1_000;
/// Milliseconds. A worker that is silent for longer than a minute is not believed to live.
const MOST_PING_INTERVAL: u64 = 60_000;
/// Jobs at a time. Each may hold a work tree, an installation and 10 MB of result.
const MOST_CONCURRENCY: usize = 64;
/// Seconds. RunPod does not say how long it waits after `SIGTERM`, and its own SDK finishes running jobs however long
/// they take. Most jobs end within five minutes; failing them sooner would throw work away where there is time.
const USUAL_GRACE: u64 = 300;
/// Seconds: a day.
const MOST_GRACE: u64 = 86_400;

/// Why the environment cannot be used. Never repeats a value: addresses and keys are secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A variable that deployed workers have.
    #[error("`{0}` is not set although `RUNPOD_WEBHOOK_GET_JOB` is")]
    Missing(&'static str),
    /// Not the address of anything.
    #[error("`{variable}`: not an address: {reason}")]
    Address {
        /// Which.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Not a number, or out of range.
    #[error("`{variable}`: expected a whole number from {least} to {most}")]
    Number {
        /// Which.
        variable: &'static str,
        /// The smallest allowed.
        least: u64,
        /// The largest allowed.
        most: u64,
    },
    /// Cannot be a header line.
    #[error("`{0}`: holds blanks or characters that no key has")]
    Key(&'static str),
}

/// The key of the worker. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WorkerKey(HeaderValue);

impl WorkerKey {
    fn new(text: &str) -> Option<Self> {
        let mut value =
            HeaderValue::from_str(text).ok().filter(|_| text.bytes().all(|b| b.is_ascii_graphic()))?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// For the header alone; without "Bearer".
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for WorkerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerKey(…)")
    }
}

/// All that the delivery of jobs needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) take: Template,
    pub(super) result: Template,
    pub(super) stream: Option<Template>,
    pub(super) ping: Option<Template>,
    pub(super) key: Option<WorkerKey>,
    /// What the worker is called.
    pub worker: WorkerId,
    /// Jobs at a time.
    pub concurrency: NonZeroUsize,
    /// Between heartbeats.
    pub ping_interval: Duration,
    /// What running jobs may still take when the worker is asked to end.
    pub grace: Duration,
    /// Where the health check asks; `None`: nowhere.
    pub health_socket: Option<PathBuf>,
    /// Whether to look at disk, user and launcher before the first job.
    pub checks: bool,
    /// How long things may take.
    pub timings: Timings,
    /// What is odd about the environment, but no reason not to work: whole sentences.
    pub warnings: Vec<String>,
}

/// How long things may take; the defaults are for real platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// A long poll is given up after this: RunPod's own SDK waits as long.
    pub poll: Duration,
    /// Between polls.
    pub waits: Waits,
    /// How long a poll under way may still answer when the worker is asked to end. An answer that is on its way
    /// arrives within a round trip; an idle worker should be gone within a second.
    pub last_poll: Duration,
    /// How long the rest of an answer may still take that has begun to arrive by then.
    pub last_answer: Duration,
    /// One attempt to post a result of up to 10 MB.
    pub result_try: Duration,
    /// All attempts to post one result. Longer than a restart of a server, shorter than what a caller waits.
    pub result_budget: Duration,
    /// Between these attempts.
    pub result_waits: Backoff,
    /// How long a job keeps its slot while its result is being posted. Normally that takes a few milliseconds, and
    /// waiting lets the next poll say truly whether a job is in progress; a slow platform does not keep us from the
    /// next job for longer than this.
    pub result_head_start: Duration,
    /// How long results may still be retried when the worker is asked to end and all jobs have ended.
    pub result_grace: Duration,
    /// One post of progress. What is not through by then is given up, so that a result waits no longer than this.
    pub progress_try: Duration,
    /// One attempt to post a part of a result, of up to 1 MB.
    pub chunk_try: Duration,
    /// All attempts for one part; the job may wait as long.
    pub chunk_budget: Duration,
    /// How long a stopped job may take to kill what it runs before it is dropped.
    pub stop_patience: Duration,
    /// Between looks at heartbeats, and how often the take loop says that it lives.
    pub tick: Duration,
    /// The take loop counts as stuck when it has been silent for so long. The health check must say so within 90 s,
    /// and container runtimes look every 30 s.
    pub stuck_after: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let millis = Duration::from_millis;
        Self {
            poll: seconds(90),
            waits: Waits::default(),
            last_poll: millis(300),
            last_answer: seconds(5),
            result_try: seconds(60),
            result_budget: seconds(300),
            result_waits: Backoff { first: millis(500), most: seconds(15) },
            result_head_start: seconds(1),
            result_grace: seconds(20),
            progress_try: seconds(5),
            chunk_try: seconds(20),
            chunk_budget: seconds(30),
            stop_patience: seconds(30),
            tick: seconds(5),
            stuck_after: seconds(45),
        }
    }
}

impl Settings {
    /// Reads the variables of the module's table; `None` when the worker is not deployed.
    ///
    /// # Errors
    /// When a variable is missing or cannot be used.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
        let var = |name: &str| lookup(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let address = |name| var(name).map(|text| Template::new(name, &text)).transpose();
        let Some(take) = address("RUNPOD_WEBHOOK_GET_JOB")? else { return Ok(None) };
        let result = "RUNPOD_WEBHOOK_POST_OUTPUT";
        let result = address(result)?.ok_or(SettingsError::Missing(result))?;
        let stream = address("RUNPOD_WEBHOOK_POST_STREAM")?;
        let mut ping = address("RUNPOD_WEBHOOK_PING")?;
        let key = "RUNPOD_AI_API_KEY";
        let key = var(key).map(|text| WorkerKey::new(&text).ok_or(SettingsError::Key(key))).transpose()?;
        let worker = var("RUNPOD_POD_ID").and_then(|text| WorkerId::new(&text));
        let mut warnings = Vec::new();
        if ping.is_some() && (key.is_none() || worker.is_none()) {
            ping = None;
            warnings.push("no heartbeat: `RUNPOD_AI_API_KEY` or `RUNPOD_POD_ID` is not set".to_owned());
        }
        if stream.is_none() {
            warnings.push(
                "parts of results are not streamed: `RUNPOD_WEBHOOK_POST_STREAM` is not set".to_owned(),
            );
        }
        if var("RUNPOD_REALTIME_PORT").is_some_and(|port| port != "0") {
            warnings.push("`RUNPOD_REALTIME_PORT` has no effect: jobs are taken from the queue".to_owned());
        }
        let concurrency = number(var, "FLAKY_WORKER_CONCURRENCY", 1, 1, MOST_CONCURRENCY as u64)?;
        let concurrency = usize::try_from(concurrency).ok().and_then(NonZeroUsize::new);
        Ok(Some(Self {
            take,
            result,
            stream,
            ping,
            key,
            worker: worker.unwrap_or_else(WorkerId::random),
            concurrency: concurrency.unwrap_or(NonZeroUsize::MIN),
            ping_interval: ping_interval(var("RUNPOD_PING_INTERVAL"), &mut warnings),
            grace: Duration::from_secs(number(var, "FLAKY_WORKER_GRACE", USUAL_GRACE, 0, MOST_GRACE)?),
            health_socket: Some(crate::health::socket(&lookup)),
            checks: var("RUNPOD_SKIP_AUTO_SYSTEM_CHECKS").is_none_or(|v| !v.eq_ignore_ascii_case("true")),
            timings: Timings::default(),
            warnings,
        }))
    }
}

fn number(
    var: impl Fn(&str) -> Option<String>,
    variable: &'static str,
    usual: u64,
    least: u64,
    most: u64,
) -> Result<u64, SettingsError> {
    let Some(text) = var(variable) else { return Ok(usual) };
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or(SettingsError::Number { variable, least, most })
}

/// The platform sets this one: a value that makes no sense is no reason to stand still, and to be started, and paid,
/// again and again.
fn ping_interval(text: Option<String>, warnings: &mut Vec<String>) -> Duration {
    let asked = text.map(|text| text.parse::<u64>().map_err(|_| ()));
    let millis = match asked {
        None => USUAL_PING_INTERVAL,
        Some(Ok(millis)) => millis.clamp(LEAST_PING_INTERVAL, MOST_PING_INTERVAL),
        Some(Err(())) => {
            warnings.push(format!(
                "`RUNPOD_PING_INTERVAL` is not a number of milliseconds; using {USUAL_PING_INTERVAL}"
            ));
            USUAL_PING_INTERVAL
        }
    };
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYED: [(&str, &str); 6] = [
        ("RUNPOD_WEBHOOK_GET_JOB", "http://127.0.0.1:9/v2/e/job-take/$ID?gpu=CPU"),
        ("RUNPOD_WEBHOOK_POST_OUTPUT", "http://127.0.0.1:9/v2/e/job-done/$RUNPOD_POD_ID/$ID?gpu=CPU"),
        ("RUNPOD_WEBHOOK_POST_STREAM", "http://127.0.0.1:9/v2/e/job-stream/$RUNPOD_POD_ID/$ID?gpu=CPU"),
        ("RUNPOD_WEBHOOK_PING", "http://127.0.0.1:9/v2/e/ping/$RUNPOD_POD_ID?gpu=CPU"),
        ("RUNPOD_AI_API_KEY", "key-SECRET"),
        ("RUNPOD_POD_ID", "pod-1"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        Settings::from_environment(|name| {
            let mut all = more.iter().chain(&DEPLOYED);
            all.find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_an_address_to_take_from_the_worker_is_not_deployed() {
        assert!(Settings::from_environment(|_| None).unwrap().is_none());
        assert!(read(&[("RUNPOD_WEBHOOK_GET_JOB", "")]).unwrap().is_none());
    }

    #[test]
    fn defaults_are_those_of_the_table() {
        let settings = read(&[]).unwrap().unwrap();
        assert_eq!(settings.concurrency.get(), 1);
        assert_eq!(settings.ping_interval, Duration::from_secs(10));
        assert_eq!(settings.grace, Duration::from_secs(300));
        assert_eq!(settings.worker.as_str(), "pod-1");
        assert!(settings.checks && settings.ping.is_some() && settings.warnings.is_empty());
    }

    #[test]
    fn no_value_of_a_variable_is_shown() {
        let settings = read(&[("RUNPOD_WEBHOOK_GET_JOB", "http://h/job-take/$ID?token=SECRET")]).unwrap();
        assert!(!format!("{settings:?}").contains("SECRET"));
        for name in DEPLOYED.iter().map(|(name, _)| *name).filter(|name| *name != "RUNPOD_POD_ID") {
            let error = read(&[(name, "SECRET \u{1}")]).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn an_interval_of_the_platforms_that_makes_no_sense_is_not_taken_literally() {
        for (text, millis, warned) in [
            ("500", 1_000, false),
            ("0", 1_000, false),
            ("2500", 2_500, false),
            ("9999999", 60_000, false),
            ("soon", 10_000, true),
        ] {
            let settings = read(&[("RUNPOD_PING_INTERVAL", text)]).unwrap().unwrap();
            assert_eq!(settings.ping_interval, Duration::from_millis(millis), "{text}");
            assert_eq!(!settings.warnings.is_empty(), warned, "{text}");
        }
    }

    #[test]
    fn numbers_of_ours_are_checked() {
        for (name, text, fine) in [
            ("FLAKY_WORKER_CONCURRENCY", "64", true),
            ("FLAKY_WORKER_CONCURRENCY", "0", false),
            ("FLAKY_WORKER_CONCURRENCY", "65", false),
            ("FLAKY_WORKER_CONCURRENCY", "two", false),
            ("FLAKY_WORKER_GRACE", "0", true),
            ("FLAKY_WORKER_GRACE", "-1", false),
        ] {
            assert_eq!(read(&[(name, text)]).is_ok(), fine, "{name}={text}");
        }
        let error = read(&[("FLAKY_WORKER_CONCURRENCY", "0")]).unwrap_err();
        assert_eq!(error.to_string(), "`FLAKY_WORKER_CONCURRENCY`: expected a whole number from 1 to 64");
    }

    #[test]
    fn without_a_key_or_an_id_there_is_no_heartbeat_and_it_is_said() {
        for name in ["RUNPOD_AI_API_KEY", "RUNPOD_POD_ID"] {
            let settings = read(&[(name, "")]).unwrap().unwrap();
            assert!(settings.ping.is_none() && settings.warnings.len() == 1, "{name}");
        }
    }
}
