//! Takes jobs, as many as there are free slots.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::address::Template;
use super::delivered::{self, ANSWER_LIMIT, Delivered};
use super::held::{Counts, Held};
use super::http::{Http, Reply, Trouble};
use super::pace::{Hint, Pace};
use super::settings::Settings;
use super::work::Shop;
use crate::health::Pulse;
use crate::job::JobHandler;
use crate::logs;

/// The route for several jobs at once.
const BATCH: &str = "job-take-batch";

/// The take loop.
pub(super) struct Take<H> {
    pub(super) shop: Arc<Shop<H>>,
    pub(super) held: Held,
    pub(super) http: Http,
    pub(super) pulse: Pulse,
}

impl<H: JobHandler> Take<H> {
    /// Takes jobs until the worker shall end.
    pub(super) async fn run(&self) {
        let mut pace = Pace::new(self.settings().timings.waits);
        while let Some(counts) = self.room().await {
            let Some(hint) = self.take(counts, pace.errors()).await else { return };
            let wait = pace.after(hint);
            tokio::select! {
                biased;
                () = self.shop.closing.cancelled() => return,
                () = self.alive(tokio::time::sleep(wait)) => {}
            }
        }
    }

    fn settings(&self) -> &Settings {
        &self.shop.settings
    }

    /// Waits until another job can be taken; `None` when the worker shall end.
    async fn room(&self) -> Option<Counts> {
        let slots = self.settings().concurrency.get();
        // Results that the platform does not take wait in memory, of up to 10 MB each.
        let answering = slots.max(2);
        let mut counts = self.held.counts();
        let room = counts.wait_for(|counts| counts.working < slots && counts.answering < answering);
        tokio::select! {
            biased;
            () = self.shop.closing.cancelled() => None,
            counts = self.alive(room) => counts.ok().map(|counts| *counts),
        }
    }

    /// One poll, and what comes of it; `None` when the worker shall end and nothing came.
    async fn take(&self, counts: Counts, errors_before: u32) -> Option<Hint> {
        let settings = self.settings();
        let free = settings.concurrency.get().saturating_sub(counts.working);
        let url = match address(settings, free, counts.all() > 0) {
            Ok(url) => url,
            Err(e) => {
                logs::error(None, format_args!("no jobs can be taken: {e}"));
                return Some(Hint::Wrong);
            }
        };
        let asked = Instant::now();
        let reply = self.poll(url).await?;
        let held = asked.elapsed();
        Some(match reply {
            Ok(reply) if reply.status == StatusCode::OK => {
                self.recovered(errors_before);
                self.accept(&reply.body, held)
            }
            Ok(Reply { status, .. }) => {
                let hint = judge(status, held);
                match hint {
                    Hint::Wrong => report(errors_before, &format!("status {status}"), advice(status)),
                    _ => self.recovered(errors_before),
                }
                hint
            }
            // The platform held the poll for longer than we wait; nothing is wrong.
            Err(Trouble::TimedOut(_)) => Hint::Nothing { held },
            Err(e @ Trouble::TooLarge(_)) => {
                logs::error(None, format_args!("a job may be lost: {e}"));
                Hint::Wrong
            }
            Err(e @ Trouble::Unconnected(_)) => {
                // The first one may be no more than a connection that had grown old.
                if errors_before == 0 {
                    logs::debug(None, format_args!("polling again: {e}"));
                } else {
                    report(errors_before, &e.to_string(), "");
                }
                Hint::Unconnected
            }
        })
    }

    /// Whoever takes a job owns it, and nobody is told when an answer with a job is not waited for. So when the worker
    /// shall end, a poll gets the time of a round trip, and more when its answer has begun to arrive.
    async fn poll(&self, url: Url) -> Option<Result<Reply, Trouble>> {
        let timings = &self.settings().timings;
        let begun = AtomicBool::new(false);
        let poll = self.http.poll(url, timings.poll, ANSWER_LIMIT, || begun.store(true, Ordering::Relaxed));
        tokio::pin!(poll);
        tokio::select! {
            biased;
            reply = self.alive(&mut poll) => return Some(reply),
            () = self.shop.closing.cancelled() => {}
        }
        if let Ok(reply) = tokio::time::timeout(timings.last_poll, &mut poll).await {
            return Some(reply);
        }
        if begun.load(Ordering::Relaxed) {
            return tokio::time::timeout(timings.last_answer, poll).await.ok();
        }
        None
    }

    /// Starts what was delivered.
    fn accept(&self, body: &[u8], held: Duration) -> Hint {
        let delivered = delivered::read(body);
        if delivered.is_empty() {
            return Hint::Nothing { held };
        }
        let mut hint = Hint::Wrong;
        for one in delivered {
            let (id, task) = match one {
                Delivered::Unusable(why) => {
                    logs::warn(None, format_args!("not a job: {why}"));
                    continue;
                }
                Delivered::Refused { id, reason } => (id, Err(reason)),
                Delivered::Job(job) => (job.id.clone(), Ok(job)),
            };
            let Some(ticket) = self.held.admit(&id) else {
                logs::warn(Some(&id), "delivered again while it is in hand; ignored");
                continue;
            };
            hint = Hint::Useful;
            let shop = Arc::clone(&self.shop);
            tokio::spawn(async move { shop.deal(ticket, task).await });
        }
        hint
    }

    fn recovered(&self, errors_before: u32) {
        if errors_before > 1 {
            logs::info(None, format_args!("the platform answers again, after {errors_before} errors"));
        }
    }

    /// Waits, with a sign of life now and then.
    async fn alive<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::pin!(future);
        loop {
            self.pulse.beat();
            tokio::select! {
                biased;
                done = &mut future => return done,
                () = tokio::time::sleep(self.settings().timings.tick) => {}
            }
        }
    }
}

/// The route for several jobs is used when there is room for them, as RunPod's own SDK does.
fn address(settings: &Settings, free: usize, busy: bool) -> Result<Url, super::address::Invalid> {
    let batch = NonZeroUsize::new(free).filter(|free| free.get() > 1);
    let batch = batch.and_then(|free| Some((free, settings.take.on_route(BATCH)?)));
    let template = batch.as_ref().map_or(&settings.take, |(_, template): &(NonZeroUsize, Template)| template);
    let mut url = template.of_worker(&settings.worker)?;
    if let Some((free, _)) = &batch {
        url.query_pairs_mut().append_pair("batch_size", &free.to_string());
    }
    url.query_pairs_mut().append_pair("job_in_progress", if busy { "1" } else { "0" });
    Ok(url)
}

/// What a status other than 200 says.
pub(super) fn judge(status: StatusCode, held: Duration) -> Hint {
    match status.as_u16() {
        204 => Hint::Nothing { held },
        // While a worker wakes up from a snapshot.
        400 => Hint::NotYet,
        429 => Hint::TooMany,
        _ => Hint::Wrong,
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "; is `RUNPOD_AI_API_KEY` right?",
        404 => "; is `RUNPOD_WEBHOOK_GET_JOB` right?",
        _ => "",
    }
}

/// Once, and then less and less often: a platform that is gone for an hour is no reason for a thousand lines.
fn report(errors_before: u32, what: &str, advice: &str) {
    let errors = errors_before.saturating_add(1);
    if errors.is_power_of_two() {
        logs::warn(None, format_args!("could not take a job, {errors} in a row: {what}{advice}"));
    }
}
