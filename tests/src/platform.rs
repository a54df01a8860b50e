//! A stand-in for RunPod Serverless on loopback: its queue, the webhooks that workers talk to and the API that clients
//! talk to, with the platform's limits enforced and faults on demand.
//!
//! That it is faithful is shown by the real Python worker and the real Python client, which run against it
//! (`tests/runpod/real_worker.rs`, `real_client.rs`); then our own worker and client meet the same scenarios. What the
//! platform does where nobody has seen it is marked "our choice" beside the code.
//!
//! Every request is kept with its time, headers and body, so that a test asks what was said instead of guessing from
//! how long something took. All waiting is for a condition, never for a time.

mod endpoint_side;
mod faults;
mod limits;
mod listening;
mod queue;
mod requests;
mod server;
mod state;
mod worker_side;

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use faults::Fault;
pub use limits::{Allowance, Limits};
pub use queue::{JobRecord, Status};
pub use requests::{Request, Route};
pub use state::{Settings, State};

use listening::Listening;
use state::Shared;

use crate::processes::{self, DEADLINE};

/// The one endpoint that the stand-in has.
pub const ENDPOINT: &str = "stand1n0endpnt";
/// What clients have to show.
pub const CLIENT_KEY: &str = "rpa_CLIENT0KEY0OF0THE0STAND0IN";
/// What workers have to show.
pub const WORKER_KEY: &str = "WORKER0KEY0OF0THE0STAND0IN";

/// A stand-in platform that serves until it is dropped.
#[derive(Debug)]
pub struct Platform {
    shared: Arc<Shared>,
    listening: Listening,
}

impl Platform {
    /// With the platform's own limits and short polls.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// With settings of the test's own.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn with(settings: Settings) -> Self {
        let shared = Arc::new(Shared::new(settings));
        let listening = Listening::start(Arc::clone(&shared));
        Self { shared, listening }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.listening.port())
    }

    /// What clients call the base URL: the endpoint's id comes after it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v2", self.address())
    }

    /// Where somebody can be told things: every request there is answered with 200 and kept as [`Route::Webhook`].
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}/webhook", self.address())
    }

    /// The variables that the platform sets for a worker, in the shapes that it uses: placeholders in paths, and a
    /// query with a `+`.
    #[must_use]
    pub fn worker_environment(&self, worker: &str) -> Vec<(String, String)> {
        let base = format!("{}/{ENDPOINT}", self.base_url());
        let query = "gpu=CPU+SIM";
        [
            ("RUNPOD_WEBHOOK_GET_JOB", format!("{base}/job-take/$ID?{query}")),
            ("RUNPOD_WEBHOOK_POST_OUTPUT", format!("{base}/job-done/$RUNPOD_POD_ID/$ID?{query}")),
            ("RUNPOD_WEBHOOK_POST_STREAM", format!("{base}/job-stream/$RUNPOD_POD_ID/$ID?{query}")),
            ("RUNPOD_WEBHOOK_PING", format!("{base}/ping/$RUNPOD_POD_ID?{query}")),
            ("RUNPOD_PING_INTERVAL", "1000".to_owned()),
            ("RUNPOD_AI_API_KEY", WORKER_KEY.to_owned()),
            ("RUNPOD_POD_ID", worker.to_owned()),
            ("RUNPOD_POD_HOSTNAME", format!("{worker}-host")),
            ("RUNPOD_ENDPOINT_ID", ENDPOINT.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The variables that a client reads.
    #[must_use]
    pub fn client_environment(&self) -> Vec<(String, String)> {
        [
            ("RUNPOD_API_KEY", CLIENT_KEY.to_owned()),
            ("RUNPOD_ENDPOINT_ID", ENDPOINT.to_owned()),
            ("RUNPOD_ENDPOINT_BASE_URL", self.base_url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Puts a job into the queue as `POST /run` does; gives its id.
    #[must_use]
    pub fn submit(&self, input: &Value) -> String {
        self.submit_body(&serde_json::json!({ "input": input }))
    }

    /// The same with everything that may stand beside the input.
    ///
    /// # Panics
    /// When the platform would refuse it.
    #[must_use]
    pub fn submit_body(&self, body: &Value) -> String {
        self.shared.change(|state| state.submit(body, false)).expect("the platform takes this job")
    }

    /// Takes the next job as a worker would; waits until there is one.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn take_as(&self, worker: &str) -> String {
        processes::eventually("a job to take", || {
            self.shared.attempt(|state| state.take(worker, 1)).and_then(|jobs| jobs.into_iter().next())
        })["id"]
            .as_str()
            .map(ToOwned::to_owned)
            .unwrap_or_default()
    }

    /// Hands in a result or progress as a worker would.
    pub fn hand_in(&self, id: &str, body: &Value) {
        self.shared.change(|state| state.hand_in(id, body));
    }

    /// Hands in a part of a result as a worker would.
    pub fn hand_in_chunk(&self, id: &str, output: &Value) {
        self.shared.change(|state| state.hand_in_chunk(id, &serde_json::json!({ "output": output })));
    }

    /// Cancels a job as `POST /cancel` does.
    pub fn cancel(&self, id: &str) {
        self.shared.change(|state| state.cancel(id));
    }

    /// A job's time is over, whatever its policy says.
    pub fn time_out(&self, id: &str) {
        self.shared.change(|state| state.time_out(id));
    }

    /// Delivers a job once more, as the platform does when it takes a worker for dead: to whoever asks next.
    pub fn deliver_again(&self, id: &str) {
        self.shared.change(|state| state.deliver_again(id));
    }

    /// A worker is gone: what it held is queued again. Gives how many jobs that were.
    pub fn lose_worker(&self, worker: &str) -> usize {
        self.shared.change(|state| state.lose_worker(worker))
    }

    /// What the next requests to a route meet, one each and in this order; [`Fault::None`] lets one pass.
    pub fn plan(&self, route: Route, faults: impl IntoIterator<Item = Fault>) {
        self.shared.change(|state| state.faults.plan(route, faults));
    }

    /// What every request to a route meets until [`Platform::heal`].
    pub fn always(&self, route: Route, fault: Fault) {
        self.shared.change(|state| state.faults.always(route, fault));
    }

    /// No more faults; hanging requests are answered.
    pub fn heal(&self, route: Route) {
        self.shared.change(|state| state.faults.heal(route));
    }

    /// Is gone from the network: connections break, new ones are refused. The port stays ours.
    pub fn vanish(&self) {
        self.listening.stop();
    }

    /// Is back where it was, with all it knew.
    ///
    /// # Panics
    /// When the port cannot be had again.
    pub fn come_back(&self) {
        self.listening.resume();
    }

    /// Looks at everything, once.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Waits until `look` gives something; it is asked again after every change.
    ///
    /// # Panics
    /// When it does not within [`DEADLINE`].
    #[track_caller]
    pub fn wait<T>(&self, what: &str, look: impl FnMut(&State) -> Option<T>) -> T {
        let found = self.wait_at_most(DEADLINE, look);
        found.unwrap_or_else(|| panic!("waited in vain: {what}\n{}", self.look(State::summary)))
    }

    /// The same; `None` after `patience`. For showing that something does *not* happen.
    pub fn wait_at_most<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut state: MutexGuard<'_, State> = self.shared.lock();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.shared.wait(state, left);
        }
    }

    /// Waits for the end of a job.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn finished(&self, id: &str) -> JobRecord {
        self.wait(&format!("the end of job {id}"), |state| {
            state.job(id).filter(|job| job.status.is_final()).cloned()
        })
    }

    /// Waits until a job is at a worker.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn taken(&self, id: &str) -> JobRecord {
        self.wait(&format!("job {id} at a worker"), |state| {
            state.job(id).filter(|job| job.deliveries > 0).cloned()
        })
    }

    /// Waits until a route has seen at least `count` requests; gives all it has seen.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn seen(&self, route: Route, count: usize) -> Vec<Request> {
        self.wait(&format!("{count} requests to {route:?}"), |state| {
            let seen = state.seen(route);
            (seen.len() >= count).then_some(seen)
        })
    }

    /// Waits until somebody's long poll is open there.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn polled(&self, route: Route) -> Request {
        self.wait(&format!("an open request to {route:?}"), |state| {
            state.seen(route).into_iter().find(Request::is_open)
        })
    }

    /// How many requests a route has seen so far.
    #[must_use]
    pub fn count(&self, route: Route) -> usize {
        self.look(|state| state.requests.iter().filter(|r| r.route == route).count())
    }

    /// How many requests were refused because of the rate limits.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.look(|state| state.limits.refusals())
    }

    /// How long it has existed; the clock of everything that is recorded.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.now()
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self::new()
    }
}
