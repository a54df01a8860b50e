//! The worker's side of RunPod's protocol: take jobs, have them done, answer.
//!
//! ```text
//!            Take ── Delivered ── Ticket ── Shop::job ── JobHandler
//!              │                    │          │  └ Update ── Delivery ─┐ (all before the result)
//!              │                   Held ─ stop │                        │
//!            Pulse                  │          └ Answer ── Body ── post::result
//!              └──── Heartbeat ─────┘
//! ```
//!
//! [`Settings`] come from the environment that the platform gives; [`work`] runs until it is told to end. There is no
//! acknowledgement in this protocol: whoever takes a job owns it. So every job that was taken is answered for, whatever
//! happens: unreadable input, a panic, a result too large, a platform that is away for minutes, the end of the worker.
//! The one exception is the protocol's own: nothing is posted about a job that the platform stopped.
//!
//! The same job delivered twice is not done twice at once: while it is in hand, the second delivery is ignored. Once it
//! is answered for, it is done again when it comes again, for that is how the platform retries what failed.

mod address;
mod checks;
mod delivered;
mod heartbeat;
mod held;
mod http;
mod pace;
mod post;
mod result;
mod settings;
mod stop;
mod take;
mod updates;
mod work;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use address::WorkerId;
pub use checks::{CheckFailed, check_disk, check_launcher};
pub use heartbeat::report_unhealthy;
pub use pace::{Backoff, Waits};
pub use settings::{Settings, SettingsError, Timings};

use crate::health::Pulse;
use crate::job::JobHandler;
use crate::logs;
use heartbeat::Heartbeat;
use held::Held;
use http::Http;
use take::Take;
use work::Shop;

/// Why no work can begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// Encryption could not be set up.
    #[error("could not prepare connections")]
    Connections(#[source] reqwest::Error),
    /// No thread or no runtime for it.
    #[error("could not start the thread for heartbeats")]
    Heartbeat(#[source] io::Error),
}

/// Takes jobs and has `handler` do them, until `shutdown` is cancelled. Then no job is taken any more; running ones may
/// take [`Settings::grace`] to end, and are stopped and answered for with an error when that is over; results that the
/// platform does not take are retried for a little while. An idle worker ends within half a second.
///
/// # Errors
/// When connections or the heartbeat cannot be set up. What the platform does is never an error here.
pub async fn work<H: JobHandler>(
    settings: Settings,
    handler: H,
    shutdown: CancellationToken,
) -> Result<(), WorkError> {
    for warning in &settings.warnings {
        logs::warn(None, warning);
    }
    let key = settings.key.as_ref();
    let http = Http::new(key).map_err(WorkError::Connections)?;
    let (held, pulse) = (Held::new(), Pulse::new(settings.timings.stuck_after));
    let heartbeat = Heartbeat::start(&settings, &held, &pulse).map_err(WorkError::Heartbeat)?;
    let shop = Arc::new(Shop {
        slots: Semaphore::new(settings.concurrency.get()),
        settings: Arc::new(settings),
        handler: Arc::new(handler),
        http: http.clone(),
        closing: shutdown,
        too_late: CancellationToken::new(),
        over: CancellationToken::new(),
    });
    // However this ends.
    let _over = shop.over.clone().drop_guard();
    let take = Take { shop: Arc::clone(&shop), held: held.clone(), http: http.clone(), pulse };
    let stops = stop::listen(&shop.settings, &http, &held);
    tokio::select! {
        () = async { take.run().await; finish(&shop, &held).await } => {}
        // Goes on while running jobs end.
        () = async { stops.await; std::future::pending().await } => {}
    }
    heartbeat.end().await;
    Ok(())
}

/// Lets the jobs in hand end, then makes them.
async fn finish<H>(shop: &Shop<H>, held: &Held) {
    let timings = &shop.settings.timings;
    let mut counts = held.counts();
    let left = counts.borrow().working;
    if left > 0 {
        let grace = shop.settings.grace;
        logs::info(None, format_args!("shutting down; {left} jobs have {} s to end", grace.as_secs()));
        let ended = tokio::time::timeout(grace, counts.wait_for(|counts| counts.working == 0)).await.is_ok();
        if !ended {
            shop.too_late.cancel();
            // Every job ends by then or is dropped, and then has its first attempt to be answered for.
            let longest = timings.stop_patience + timings.result_head_start + timings.chunk_budget;
            let _ = tokio::time::timeout(longest, counts.wait_for(|counts| counts.working == 0)).await;
        }
    }
    // What the platform has not taken by then is let go of, and said.
    let _ = tokio::time::timeout(timings.result_grace, counts.wait_for(|counts| counts.all() == 0)).await;
    shop.over.cancel();
    let _ = tokio::time::timeout(timings.result_grace, counts.wait_for(|counts| counts.all() == 0)).await;
    logs::info(None, "ended");
}
