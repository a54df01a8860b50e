//! The connection: one request, one answer, both bounded; no redirect is followed here.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, Url};
use tokio::time::timeout;

use super::Origin;
use super::address::is_public;
use crate::world::Environment;

/// Names to addresses.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;
/// What comes of that.
pub(crate) type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// A connection to a server that is there takes less; stale addresses are given up soon.
    pub(crate) connect: Duration,
    /// Until an answer begins, and until it ends, beside what its bytes take. GitHub itself ends requests after 10 s;
    /// gateways before chats take up to 30 s.
    pub(crate) answer: Duration,
    /// All tries of one request together, pauses included.
    pub(crate) total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            total: Duration::from_secs(120),
        }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Not more than was asked for.
    pub(crate) body: Vec<u8>,
    /// There was more.
    pub(crate) cut: bool,
}

/// Why nothing came back. No text here holds a URL.
#[derive(Debug)]
pub(crate) enum NoReply {
    /// This machine has no usable TLS.
    Setup(String),
    /// The name leads to an address of somebody's own network, which nobody has named.
    Private(IpAddr),
    /// Nothing was sent.
    NotConnected(String),
    /// Whoever answered could not show who they are. It will be the same next time.
    Untrusted(String),
    /// It may have been sent.
    Broken(String),
    /// No answer for this long. It may have been sent.
    Late(Duration),
}

/// Which addresses a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// Those of the public internet.
    Public,
    /// All: the user named the origin.
    Named,
    /// This machine, unencrypted; a proxy would be another machine.
    Here,
}

/// Connections. Addresses are checked when they are connected to, not before: a name that leads elsewhere at the second
/// look is caught.
pub(crate) struct Line {
    clients: [OnceLock<Client>; 3],
    lookup: Lookup,
    /// Hosts of the user's proxies: they connect in our place, and are usually in the user's own network. Behind one,
    /// names are looked up by the proxy, and its rules are what keeps requests out of that network.
    proxies: Vec<String>,
    pub(crate) patience: Patience,
}

/// Bytes per second of a line that is not given up: 2 Mbit/s.
const SLOW_LINE: usize = 256 << 10;

/// What that many bytes take at most.
const fn on_the_way(bytes: usize) -> Duration {
    Duration::from_secs((bytes / SLOW_LINE) as u64)
}

/// Variables that name a proxy, as the HTTP client reads them.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

impl Line {
    pub(crate) fn new(environment: &Environment) -> Self {
        let lookup: Lookup =
            Arc::new(|host| Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) }));
        Self::with(lookup, environment, Patience::default())
    }

    pub(crate) fn with(lookup: Lookup, environment: &Environment, patience: Patience) -> Self {
        let named = PROXY_VARIABLES.iter().filter_map(|name| environment.get(name));
        let proxies = named.filter_map(|value| {
            // `proxy.example.org:3128` is a URL too, of a strange scheme.
            let with_host = |text: &str| Url::parse(text).ok().filter(Url::has_host);
            let url = with_host(&value).or_else(|| with_host(&format!("http://{value}")))?;
            url.host_str().map(str::to_owned)
        });
        Self { clients: Default::default(), lookup, proxies: proxies.collect(), patience }
    }

    /// Sends, and reads at most `limit` bytes.
    pub(crate) async fn exchange(&self, call: &Call, via: Via, limit: usize) -> Result<Reply, NoReply> {
        // Hosts that are addresses are not looked up.
        if via == Via::Public
            && let Some(address) = Origin::of(&call.url).ok().and_then(|origin| origin.address())
            && !is_public(address)
        {
            return Err(NoReply::Private(address));
        }
        let mut request = self.client(via)?.request(call.method.clone(), call.url.clone());
        request = request.headers(call.headers.clone());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let begins = self.patience.answer + on_the_way(call.body.as_ref().map_or(0, Vec::len));
        let response = timeout(begins, request.send()).await.map_err(|_| NoReply::Late(begins))?;
        let response = response.map_err(no_reply)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let ends = self.patience.answer + on_the_way(limit);
        let read = timeout(ends, read(response, limit)).await.map_err(|_| NoReply::Late(ends))?;
        let (body, cut) = read.map_err(no_reply)?;
        Ok(Reply { status, headers, body, cut })
    }

    /// Made when first needed: setting TLS up reads all certificates of the system.
    fn client(&self, via: Via) -> Result<&Client, NoReply> {
        let cell = &self.clients[via as usize];
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let guard = Guard { lookup: Arc::clone(&self.lookup), proxies: self.proxies.clone(), via };
        let mut builder = Client::builder()
            .user_agent(concat!("flaky/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.patience.connect)
            .dns_resolver(Arc::new(guard));
        if via == Via::Here || self.proxies.is_empty() {
            builder = builder.no_proxy();
        }
        if via == Via::Here {
            // Nothing is encrypted there; reading all certificates of the system takes a while.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|e| NoReply::Setup(e.without_url().to_string()))?;
        Ok(cell.get_or_init(|| client))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// Looks names up and leaves out what may not be reached.
struct Guard {
    lookup: Lookup,
    proxies: Vec<String>,
    via: Via,
}

/// All that a name leads to may not be reached.
#[derive(Debug, thiserror::Error)]
#[error("leads to {0}")]
struct Private(IpAddr);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let anywhere = self.via == Via::Named || self.proxies.iter().any(|p| p == name.as_str());
        let here = self.via == Via::Here;
        Box::pin(async move {
            let all = found.await?;
            let allowed = |ip: IpAddr| if here { ip.is_loopback() } else { anywhere || is_public(ip) };
            let kept: Vec<_> = all.iter().copied().filter(|a| allowed(a.ip())).collect();
            match all.first() {
                Some(first) if kept.is_empty() => Err(Private(first.ip()).into()),
                _ => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

async fn read(mut response: Response, limit: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, false))
}

fn no_reply(error: reqwest::Error) -> NoReply {
    let connecting = error.is_connect();
    let late = error.is_timeout();
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Private(address)) = cause.downcast_ref() {
            return NoReply::Private(*address);
        }
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    if why.contains("certificate") {
        NoReply::Untrusted(why)
    } else if connecting || late {
        // Timeouts of the client itself are those of connecting.
        NoReply::NotConnected(why)
    } else {
        NoReply::Broken(why)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::testing::leads_to;

    async fn resolved(addresses: &[&str], via: Via, proxies: &[&str]) -> Result<Vec<IpAddr>, String> {
        let proxies = proxies.iter().map(|p| (*p).to_owned()).collect();
        let guard = Guard { lookup: leads_to(addresses), proxies, via };
        let found = guard.resolve(Name::from_str("proxy.example.org").unwrap()).await;
        found.map(|all| all.map(|a| a.ip()).collect()).map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn of_the_addresses_of_a_name_only_those_that_may_be_reached_are_left() {
        let parse = |list: &[&str]| Ok(list.iter().map(|a| a.parse().unwrap()).collect::<Vec<IpAddr>>());
        let mixed = ["10.0.0.1", "8.8.8.8", "::1", "127.0.0.1", "2606:50c0:8000::153"];
        for (via, expected) in [
            (Via::Public, &["8.8.8.8", "2606:50c0:8000::153"][..]),
            (Via::Named, &mixed[..]),
            (Via::Here, &["::1", "127.0.0.1"][..]),
        ] {
            assert_eq!(resolved(&mixed, via, &[]).await, parse(expected), "{via:?}");
        }
        assert_eq!(resolved(&["10.0.0.1"], Via::Public, &[]).await, Err("leads to 10.0.0.1".into()));
        assert_eq!(resolved(&["8.8.8.8"], Via::Here, &[]).await, Err("leads to 8.8.8.8".into()));
        assert_eq!(resolved(&[], Via::Public, &[]).await, parse(&[]));
        // The user's proxy may be in the user's network; other names are judged as ever.
        assert_eq!(resolved(&["10.0.0.1"], Via::Public, &["proxy.example.org"]).await, parse(&["10.0.0.1"]));
        assert!(resolved(&["10.0.0.1"], Via::Public, &["other.example.org"]).await.is_err());
    }

    #[test]
    fn proxies_are_known_by_their_hosts_however_they_are_written() {
        for (value, host) in [
            ("http://proxy.example.org:3128", Some("proxy.example.org")),
            ("http://me:secret@proxy.example.org", Some("proxy.example.org")),
            ("proxy.example.org:3128", Some("proxy.example.org")),
            ("10.0.0.1:3128", Some("10.0.0.1")),
            (" ", None),
        ] {
            let environment = Environment::new(move |name| (name == "https_proxy").then(|| value.to_owned()));
            let line = Line::with(leads_to(&[]), &environment, Patience::default());
            assert_eq!(line.proxies.first().map(String::as_str), host, "{value}");
        }
    }
}
