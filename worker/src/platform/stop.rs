//! Hears which jobs to stop: cancelled ones, those past their time, and those that nobody waits for any more.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::held::Held;
use super::http::{Http, Trouble};
use super::pace::{Backoff, Hint, Pace, Waits};
use super::settings::Settings;
use super::take;
use crate::logs;

/// The route.
const STOP: &str = "job-stop";
/// Bytes of an answer: thousands of ids.
const ANSWER_LIMIT: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "jobsToStop", default)]
    jobs: Vec<Value>,
}

/// Listens for ever.
pub(super) async fn listen(settings: &Settings, http: &Http, held: &Held) {
    let address = settings.take.on_route(STOP).map(|template| template.of_worker(&settings.worker));
    let Some(Ok(url)) = address else {
        return logs::warn(
            None,
            "running jobs cannot be cancelled: `RUNPOD_WEBHOOK_GET_JOB` has no `/job-take/` in its path",
        );
    };
    let mut pace = Pace::new(waits(settings.timings.waits));
    loop {
        let asked = Instant::now();
        let reply = http.poll(url.clone(), settings.timings.poll, ANSWER_LIMIT, || {}).await;
        let took = asked.elapsed();
        let hint = match reply {
            Ok(reply) if reply.status == StatusCode::OK => stop(&reply.body, held, took),
            Ok(reply) => match take::judge(reply.status, took) {
                Hint::NotYet => Hint::Wrong,
                hint => hint,
            },
            Err(Trouble::TimedOut(_)) => Hint::Nothing { held: took },
            Err(Trouble::TooLarge(_)) => Hint::Wrong,
            Err(Trouble::Unconnected(_)) => Hint::Unconnected,
        };
        // The take loop says when the platform is gone; here only what concerns this route alone.
        if hint == Hint::Wrong && pace.errors() == 0 {
            logs::debug(None, "could not hear which jobs to stop; trying again");
        }
        tokio::time::sleep(pace.after(hint)).await;
    }
}

/// As for jobs, but nobody is paid for waiting here: errors are worth a second, and a platform that does not know this
/// route hears of it twice a minute.
fn waits(waits: Waits) -> Waits {
    let wrong = Backoff { first: waits.wrong.first * 4, most: waits.wrong.most * 3 };
    Waits { wrong, ..waits }
}

fn stop(body: &[u8], held: &Held, took: Duration) -> Hint {
    if body.trim_ascii().is_empty() {
        return Hint::Nothing { held: took };
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Hint::Wrong };
    let mut any = false;
    // What is no text, or no job of ours, is no matter.
    for id in answer.jobs.iter().filter_map(Value::as_str) {
        if held.stop(id) {
            any = true;
            logs::info(id.parse().ok().as_ref(), "to be stopped");
        }
    }
    if any { Hint::Useful } else { Hint::Nothing { held: took } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jobs_in_hand_are_stopped_and_nothing_else_in_the_answer_matters() {
        let held = Held::new();
        let ticket = held.admit(&"a".parse().unwrap()).unwrap();
        let took = Duration::from_millis(3);
        let nothing = Hint::Nothing { held: took };
        for (body, expected) in [
            ("", nothing),
            (r#"{"jobsToStop": []}"#, nothing),
            (r#"{"jobsToStop": [7, null, "unknown"]}"#, nothing),
            (r#"{}"#, nothing),
            (r#"{"jobsToStop": "a"}"#, Hint::Wrong),
            ("<html>", Hint::Wrong),
            (r#"{"jobsToStop": [{}, "a"], "more": 1}"#, Hint::Useful),
            (r#"{"jobsToStop": ["a"]}"#, nothing),
        ] {
            assert_eq!(stop(body.as_bytes(), &held, took), expected, "{body}");
            assert_eq!(ticket.stopped().is_cancelled(), body.contains("more") || body.ends_with(r#"["a"]}"#));
        }
    }
}
