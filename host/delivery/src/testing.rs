//! Stand-ins for the tests of this crate: a clock whose pauses take no time, servers on loopback. The servers answer as
//! the platforms' documentation says; they were not compared with the platforms themselves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response};

use crate::web::line::{Found, Line, Lookup, Patience};
use crate::world::{Chance, Clock, Environment, World};

/// A clock that only pauses move. 2001-09-09T01:46:40Z at first.
#[derive(Debug, Default)]
pub(crate) struct StillClock {
    pub(crate) pauses: Mutex<Vec<Duration>>,
}

impl StillClock {
    pub(crate) const START: u64 = 1_000_000_000;

    pub(crate) fn paused(&self) -> Duration {
        self.pauses.lock().unwrap().iter().sum()
    }
}

impl Clock for StillClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(Self::START) + self.paused()
    }

    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.pauses.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

/// A world with these variables, a still clock, and names that lead where this function says.
pub(crate) fn world(variables: &[(&str, &str)], lookup: Lookup) -> (Arc<World>, Arc<StillClock>) {
    with_patience(variables, lookup, Duration::from_secs(20))
}

/// The same, with little patience: for servers that never answer.
pub(crate) fn impatient(variables: &[(&str, &str)]) -> (Arc<World>, Arc<StillClock>) {
    with_patience(variables, leads_to(&["127.0.0.1"]), Duration::from_millis(100))
}

fn with_patience(
    variables: &[(&str, &str)],
    lookup: Lookup,
    answer: Duration,
) -> (Arc<World>, Arc<StillClock>) {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment::new(move |name| variables.get(name).cloned());
    let clock = Arc::new(StillClock::default());
    let patience = Patience { connect: Duration::from_secs(5), answer, total: Duration::from_secs(120) };
    let line = Line::with(lookup, &environment, patience);
    let world = World { environment, clock: clock.clone(), chance: Chance::new(1), line };
    (Arc::new(world), clock)
}

/// Names lead to these addresses, whichever they are.
pub(crate) fn leads_to(addresses: &[&str]) -> Lookup {
    let addresses: Vec<_> = addresses.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect();
    Arc::new(move |_| {
        let found = addresses.clone();
        Box::pin(async move { Ok(found) }) as Found
    })
}

/// A request that a stand-in got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A server on loopback that answers by this function.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) got: Arc<Mutex<Vec<Got>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Got) -> Response<Body> + Send + Sync + 'static) -> Self {
        let got = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&got), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let got = read(request).await;
                let answer = answer(&got);
                log.lock().unwrap().push(got);
                answer
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got }
    }

    /// Answers one after the other, then 599.
    pub(crate) async fn scripted(answers: Vec<Response<Body>>) -> Self {
        let answers = Mutex::new(answers.into_iter());
        Self::start(move |_| answers.lock().unwrap().next().unwrap_or_else(|| respond(599, "no answer left")))
            .await
    }

    pub(crate) fn requests(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Method and path of each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(|got| format!("{} {}", got.method, got.path)).collect()
    }
}

async fn read(request: Request) -> Got {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    Got {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

pub(crate) fn respond(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

pub(crate) fn with(mut answer: Response<Body>, name: &'static str, value: &str) -> Response<Body> {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

pub(crate) mod comments;
