//! A local server that offers the endpoint's side of the platform's protocol, for trying a worker out without the
//! platform: a superset of the local server of RunPod's Python SDK. The SDK's client drives all of it.
//!
//! Data flow: request → `guard` (who may ask) → `route` (what is asked) → `submission` (a job, checked) → `store` (every
//! job the server knows) → `runner` (does them) → `store` → answer, `webhook`.
//!
//! Under `/v2/{endpoint}` it behaves like the platform: `status` answers at once. At the root and under `/{endpoint}` it
//! behaves like the SDK's local server: `status` answers when the job has ended, so that a caller which asks once
//! (`endpoint.run(…).output()`) gets the output. `?wait=` in milliseconds overrides either.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use flaky_runpod::EndpointId;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::body::Reader;
use self::listener::Bounded;
use self::operations::{Shared, answer};
use self::runner::run_jobs;
use self::store::Store;
use crate::job::JobHandler;
use crate::logs::{Level, log};

mod answer;
mod body;
mod caught;
mod guard;
mod held;
mod listener;
mod operations;
mod page;
mod route;
mod runner;
mod store;
mod submission;
mod test_input;
mod webhook;

pub use test_input::{TestInput, TestInputError, TestInputOutcome, test_input};

/// Port of the SDK's local server, for callers that know it.
pub const DEFAULT_PORT: u16 = 8000;

/// Who may reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Programs of this machine; web pages that a browser shows here are kept out.
    ThisMachine,
    /// Whoever reaches the address. Jobs run commands: that is for trusted networks only, and said so when it starts.
    Network,
}

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen; port 0 is any free one.
    pub address: SocketAddr,
    /// An address other than a loopback one needs [`Exposure::Network`].
    pub exposure: Exposure,
    /// Jobs at once.
    pub concurrency: NonZeroUsize,
    /// The only endpoint id answered to; `None` is any.
    pub endpoint: Option<EndpointId>,
    /// How long a job may run that does not say otherwise.
    pub execution_timeout: Duration,
}

impl Default for Settings {
    /// Port 8000 of this machine, one job at a time, ten minutes per job as on the platform.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            exposure: Exposure::ThisMachine,
            concurrency: NonZeroUsize::MIN,
            endpoint: None,
            execution_timeout: Duration::from_mins(10),
        }
    }
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Everyone on the network could run commands here, and nobody asked for that.
    #[error(
        "`{0}` can be reached from other machines, and whoever reaches it can run commands on this one: ask for that explicitly, or listen on 127.0.0.1"
    )]
    Exposed(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on `{address}`: {why}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        why: io::Error,
    },
    /// The HTTP client for webhooks cannot be made.
    #[error("cannot set up webhooks: {0}")]
    Webhooks(String),
    /// The listening socket broke.
    #[error("the local server stopped: {0}")]
    Serving(io::Error),
}

/// How long a server that ends waits for its jobs to stop and its answers to be read.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How often it looks whether they have.
const SHUTDOWN_POLL: Duration = Duration::from_millis(20);

/// Serves until `shutdown` is cancelled; then stops the jobs that run, waits for them a little, and returns. `ready` is
/// told the address, with the port in place of 0.
///
/// # Errors
/// See [`ApiError`].
pub async fn serve(
    settings: Settings,
    handler: impl JobHandler,
    shutdown: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ApiError> {
    let listener = listen(&settings).await?;
    let client = webhook::client()?;
    ready(listener.local_addr().map_err(ApiError::Serving)?);

    let (store, deliveries) = Store::new();
    let store = Arc::new(store);
    let handler = Arc::new(handler);
    // Aborted when dropped, so that nothing outlives this call.
    let mut tasks = JoinSet::new();
    for _ in 0..settings.concurrency.get() {
        tasks.spawn(run_jobs(Arc::clone(&store), Arc::clone(&handler)));
    }
    tasks.spawn(webhook::deliver_all(client, deliveries));
    let clock = Arc::clone(&store);
    tasks.spawn(async move { clock.keep_time().await });

    let shared = Shared { store: Arc::clone(&store), settings, bodies: Reader::default() };
    let router = Router::new().fallback(answer).with_state(Arc::new(shared));
    let server = axum::serve(Bounded::new(listener), router)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let mut server = pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.map_err(ApiError::Serving),
        () = shutdown.cancelled() => {}
    }
    // Whoever waits for a job learns its end.
    store.close();
    let wound_up = async {
        let ended = server.await;
        while store.busy() > 0 {
            tokio::time::sleep(SHUTDOWN_POLL).await;
        }
        ended
    };
    // Those that take longer are dropped with the tasks.
    tokio::time::timeout(SHUTDOWN_GRACE, wound_up).await.unwrap_or(Ok(())).map_err(ApiError::Serving)
}

async fn listen(settings: &Settings) -> Result<TcpListener, ApiError> {
    let address = settings.address;
    match (address.ip().to_canonical().is_loopback(), settings.exposure) {
        (true, _) => {}
        (false, Exposure::ThisMachine) => return Err(ApiError::Exposed(address)),
        (false, Exposure::Network) => log(
            Level::Warn,
            None,
            format_args!(
                "`{address}` can be reached from other machines: whoever reaches it can run commands here"
            ),
        ),
    }
    TcpListener::bind(address).await.map_err(|why| ApiError::Bind { address, why })
}
