//! What is asked for, by path.

use axum::http::Method;
use flaky_runpod::{EndpointId, JobId};

/// Whose manners the caller expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Those of the platform: `status` answers at once.
    Platform,
    /// Those of the SDK's local server: `status` answers when the job has ended.
    LocalServer,
}

/// One thing that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Page,
    Docs,
    OpenApi,
    Run,
    RunSync,
    Realtime,
    Status(JobId),
    Stream(JobId),
    Cancel(JobId),
    Retry(JobId),
    Health,
    PurgeQueue,
    Requests,
}

impl Operation {
    /// What changes something is never a GET: a web page can make a browser send one without saying where it is from.
    pub(super) const fn methods(&self) -> &'static [Method] {
        match self {
            Self::Page | Self::Docs | Self::OpenApi | Self::Health | Self::Requests => {
                &[Method::GET, Method::HEAD]
            }
            // The SDK's client gets them, its local server has them posted to.
            Self::Status(_) | Self::Stream(_) => &[Method::GET, Method::POST],
            Self::Run
            | Self::RunSync
            | Self::Realtime
            | Self::Cancel(_)
            | Self::Retry(_)
            | Self::PurgeQueue => &[Method::POST],
        }
    }
}

/// A path that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    pub(super) manners: Manners,
    /// `None` at the root.
    pub(super) endpoint: Option<EndpointId>,
}

/// Reads a path: `/run`, `/{endpoint}/run` or `/v2/{endpoint}/run`, and so on. A `.` in place of the endpoint is the
/// root, which is how the SDK's client is pointed at servers without endpoints.
pub(super) fn parse(path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    let here = |endpoint: &str, rest: &[&str], manners| {
        let operation = operation(rest)?;
        Some(Route { operation, manners, endpoint: Some(endpoint.parse().ok()?) })
    };
    match segments.as_slice() {
        [] => Some(root(Operation::Page)),
        ["docs"] => Some(root(Operation::Docs)),
        ["openapi.json"] => Some(root(Operation::OpenApi)),
        ["v2", endpoint, rest @ ..] if !rest.is_empty() => here(endpoint, rest, Manners::Platform),
        // The platform's base address with `.` as endpoint.
        ["v2", rest @ ..] => {
            operation(rest).map(|operation| Route { manners: Manners::Platform, ..root(operation) })
        }
        all => match operation(all) {
            Some(operation) => Some(root(operation)),
            None => here(all.first()?, all.get(1..)?, Manners::LocalServer),
        },
    }
}

const fn root(operation: Operation) -> Route {
    Route { operation, manners: Manners::LocalServer, endpoint: None }
}

fn operation(segments: &[&str]) -> Option<Operation> {
    Some(match segments {
        ["run"] => Operation::Run,
        ["runsync"] => Operation::RunSync,
        ["realtime"] => Operation::Realtime,
        ["health"] => Operation::Health,
        ["purge-queue"] => Operation::PurgeQueue,
        ["requests"] => Operation::Requests,
        ["status", id] => Operation::Status(id.parse().ok()?),
        ["stream", id] => Operation::Stream(id.parse().ok()?),
        ["cancel", id] => Operation::Cancel(id.parse().ok()?),
        ["retry", id] => Operation::Retry(id.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_at_the_root_and_under_both_prefixes() {
        use Manners::{LocalServer, Platform};
        let id = || "a-u1".parse::<JobId>().unwrap();
        for (path, operation, manners, endpoint) in [
            ("/", Operation::Page, LocalServer, None),
            ("/docs", Operation::Docs, LocalServer, None),
            ("/openapi.json", Operation::OpenApi, LocalServer, None),
            ("/run", Operation::Run, LocalServer, None),
            ("/run/", Operation::Run, LocalServer, None),
            ("/./runsync", Operation::RunSync, LocalServer, None),
            ("/status/a-u1", Operation::Status(id()), LocalServer, None),
            ("/mine/run", Operation::Run, LocalServer, Some("mine")),
            ("/mine/realtime", Operation::Realtime, LocalServer, Some("mine")),
            ("/mine/stream/a-u1", Operation::Stream(id()), LocalServer, Some("mine")),
            ("/v2/mine/runsync", Operation::RunSync, Platform, Some("mine")),
            ("/v2/mine/status/a-u1", Operation::Status(id()), Platform, Some("mine")),
            ("/v2/mine/cancel/a-u1", Operation::Cancel(id()), Platform, Some("mine")),
            ("/v2/mine/retry/a-u1", Operation::Retry(id()), Platform, Some("mine")),
            ("/v2/mine/health", Operation::Health, Platform, Some("mine")),
            ("/v2/mine/purge-queue", Operation::PurgeQueue, Platform, Some("mine")),
            ("/v2/mine/requests", Operation::Requests, Platform, Some("mine")),
            ("/v2/./run", Operation::Run, Platform, None),
            // An endpoint may be called like an operation where that is not ambiguous.
            ("/v2/run/run", Operation::Run, Platform, Some("run")),
        ] {
            let endpoint = endpoint.map(|e: &str| e.parse().unwrap());
            assert_eq!(parse(path), Some(Route { operation, manners, endpoint }), "{path}");
        }
    }

    #[test]
    fn other_paths_mean_nothing() {
        for path in [
            "/nope",
            "/v2",
            "/v2/mine",
            "/v2/mine/nope",
            "/mine/run/more",
            "/status",
            "/status/..",
            "/status/a%20b",
            "/../run/x/y",
            "/v1/mine/deep/run",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
