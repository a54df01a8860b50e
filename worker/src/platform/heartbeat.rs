//! Tells the platform, every few seconds, that the worker lives and what it does; and the health check, whether it does.
//!
//! In a thread of its own with connections of its own, so that no job, however busy, keeps it from it.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::held::Held;
use super::http::{Http, SPOKEN};
use super::pace::Backoff;
use super::settings::Settings;
use crate::health::{HealthSocket, Pulse};
use crate::logs;

/// A heartbeat may take as long as the next one is away, and at least this.
const LEAST_TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts in all where the platform is busy; RunPod's own SDK makes as many.
const ATTEMPTS: u32 = 4;
/// Between these.
const WAITS: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(4) };
/// Characters of the reason for being unhealthy; RunPod's own SDK cuts here.
const REASON_LIMIT: usize = 256;
/// The report that the worker cannot work: it ends thereafter, and must not hang on it.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The running thread.
#[derive(Debug)]
pub(super) struct Heartbeat {
    thread: JoinHandle<()>,
    end: CancellationToken,
}

impl Heartbeat {
    /// Begins with a first heartbeat, at once.
    pub(super) fn start(settings: &Settings, held: &Held, pulse: &Pulse) -> io::Result<Self> {
        let end = CancellationToken::new();
        let beats = Beats { settings: settings.clone(), held: held.clone(), pulse: pulse.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = end.clone();
        let thread = thread::Builder::new().name("heartbeat".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = async { tokio::join!(beats.tell_health(), beats.ping(), beats.watch()); } => {}
                }
            });
            // Names are looked up by blocking calls that cannot be interrupted; nobody waits for them.
            runtime.shutdown_background();
        })?;
        Ok(Self { thread, end })
    }

    /// Ends it. It never waits for anything else, so this takes no time.
    pub(super) async fn end(self) {
        self.end.cancel();
        // It cannot have panicked in a way that matters any more.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

struct Beats {
    settings: Settings,
    held: Held,
    pulse: Pulse,
}

impl Beats {
    async fn ping(&self) {
        let Some(template) = &self.settings.ping else { return };
        let made = template.of_worker(&self.settings.worker).map_err(|e| e.to_string());
        let http = Http::new(self.settings.key.as_ref()).map_err(|e| e.to_string());
        let (url, http) = match (made, http) {
            (Ok(url), Ok(http)) => (url, http),
            (Err(e), _) | (_, Err(e)) => {
                logs::error(None, format_args!("no heartbeat: {e}"));
                return;
            }
        };
        let mut ticks = tokio::time::interval(self.settings.ping_interval);
        // What was missed is not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failures = 0_u32;
        loop {
            let due = ticks.tick().await + self.settings.ping_interval;
            match self.beat(&http, &url, due).await {
                Ok(()) => failures = 0,
                Err(why) => {
                    failures = failures.saturating_add(1);
                    if failures.is_power_of_two() {
                        logs::warn(None, format_args!("heartbeat failed, {failures} in a row: {why}"));
                    }
                }
            }
        }
    }

    /// One heartbeat; again where the platform is busy, as long as the next one is not `due`.
    async fn beat(&self, http: &Http, url: &Url, due: Instant) -> Result<(), String> {
        let timeout = self.settings.ping_interval.max(LEAST_TIMEOUT);
        let mut attempt = 1;
        loop {
            // Every time anew: jobs come and go.
            let mut url = url.clone();
            let ids: Vec<String> = self.held.named().into_iter().map(String::from).collect();
            if !ids.is_empty() {
                url.query_pairs_mut().append_pair("job_id", &ids.join(","));
            }
            url.query_pairs_mut().append_pair("runpod_version", SPOKEN);
            let (why, wait) = match http.ping(url, timeout).await {
                Ok(status) if again(status) => (status.to_string(), WAITS.after(attempt)),
                // Others do not matter: there is nothing to be done about them.
                Ok(status) if status.is_success() => return Ok(()),
                Ok(status) => return Err(format!("status {status}")),
                // The first may have been a stale connection.
                Err(e) => (e.to_string(), if attempt == 1 { Duration::ZERO } else { WAITS.after(attempt) }),
            };
            if attempt == ATTEMPTS || Instant::now() + wait >= due {
                return Err(why);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn tell_health(&self) {
        let Some(path) = &self.settings.health_socket else { return };
        match HealthSocket::open(path) {
            Ok(socket) => socket.serve(&self.pulse).await,
            Err(e) => logs::warn(None, format_args!("`flaky-worker health` will fail: {e}")),
        }
    }

    /// Says once when the take loop is stuck, and once when it goes on.
    async fn watch(&self) {
        let mut said = false;
        loop {
            tokio::time::sleep(self.settings.timings.tick).await;
            let stuck = self.pulse.stuck();
            match stuck {
                Some(silent) if !said => {
                    let seconds = silent.as_secs();
                    logs::error(None, format_args!("taking jobs is stuck: silent for {seconds} s"));
                }
                None if said => logs::warn(None, "taking jobs goes on"),
                _ => {}
            }
            said = stuck.is_some();
        }
    }
}

fn again(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// Tells the platform why this worker will not take jobs: one heartbeat, before it ends. Whether that arrives makes no
/// difference to us.
pub async fn report_unhealthy(settings: &Settings, check: &str, reason: &str) {
    let Some(Ok(mut url)) = settings.ping.as_ref().map(|ping| ping.of_worker(&settings.worker)) else {
        return;
    };
    let reason: String = reason.chars().take(REASON_LIMIT).collect();
    url.query_pairs_mut()
        .append_pair("status", "unhealthy")
        .append_pair("check", check)
        .append_pair("reason", &reason)
        .append_pair("runpod_version", SPOKEN);
    let Ok(http) = Http::new(settings.key.as_ref()) else { return };
    if let Err(e) = http.ping(url, LAST_WORD).await {
        logs::warn(None, format_args!("the platform could not be told: {e}"));
    }
}
