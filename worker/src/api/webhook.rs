//! Tells callers of the end of their jobs, as the platform does: the whole status document is posted, whatever the end;
//! only a 200 is an answer; there are two more tries, ten seconds apart (RunPod's documentation, "webhooks").

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::ApiError;
use super::store::Delivery;
use crate::logs::{Level, log};

const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(10);

/// For one try, as in the SDK's local server.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Tries at once: one slow receiver does not hold up the others, and sockets stay few.
const AT_ONCE: usize = 16;

/// Follows no redirect: what answers 301 did not answer 200, and where it leads nobody asked for.
pub(super) fn client() -> Result<Client, ApiError> {
    Client::builder()
        .redirect(Policy::none())
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .user_agent(concat!("flaky-worker/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ApiError::Webhooks(error.to_string()))
}

/// Delivers for ever.
pub(super) async fn deliver_all(client: Client, mut deliveries: mpsc::Receiver<Delivery>) {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            Some(delivery) = deliveries.recv() => {
                running.spawn(deliver(client.clone(), delivery, Arc::clone(&permits)));
            }
            Some(_ended) = running.join_next() => {}
            else => return,
        }
    }
}

async fn deliver(client: Client, delivery: Delivery, permits: Arc<Semaphore>) {
    let id = &delivery.document.id;
    // Not the address: it may hold a token.
    let mut failure = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        let Ok(_permit) = permits.acquire().await else { return };
        match client.post(delivery.url.clone()).json(&delivery.document).send().await {
            Ok(answer) if answer.status() == StatusCode::OK => return,
            Ok(answer) => failure = format!("it answered {}", answer.status().as_u16()),
            Err(error) => failure = kind(&error).to_owned(),
        }
    }
    log(Level::Warn, Some(id), format_args!("its webhook was called {TRIES} times in vain: {failure}"));
}

fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    }
}
