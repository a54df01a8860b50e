//! HTTP deliveries: what the reporter asks for, under the user's rules.
//!
//! A request goes to granted origins alone, at public addresses unless the user named the origin, over TLS unless that
//! is this machine. Redirects are judged by the same rules, and nothing secret goes to another origin. Secrets are
//! filled in here and nowhere else.

use std::net::IpAddr;
use std::time::Duration;

use flaky_core::delivery::Delivery;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Url};

use crate::courier::Reporter;
use crate::error::HttpError;
use crate::secrets::{self, Place, Redactor, Secrets};
use crate::slack;
use crate::web::wait::retry_after;
use crate::web::{Call, NoReply, Origin, Reply, Via};
use crate::world::{Step, World};

/// What requests are made with.
pub(crate) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Largest body: a whole report of 5,000 tests has a few megabytes.
pub(crate) const MOST_SENT: usize = 16 << 20;
/// How much of an answer is read: chats answer with a few hundred bytes, Slack with the message, which is 100 kB at most.
const MOST_READ: usize = 256 << 10;
/// Redirects in a row: a moved page and a load balancer.
const MOST_REDIRECTS: usize = 3;
/// Longest text of a URL in an error.
const SHOWN: usize = 120;

/// Headers that belong to the connection, or would say that the request is somebody else's.
const REFUSED_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request as the reporter asks for it, placeholders and all.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// What a delivery of this kind asks for.
    pub(crate) fn of(delivery: Delivery) -> Option<Self> {
        match delivery {
            Delivery::Http { method, url, headers, body } => Some(Self { method, url, headers, body }),
            _ => None,
        }
    }

    /// The URL for people.
    fn shown(&self) -> String {
        let clean = Redactor::default().clean(&self.url);
        match clean.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", &clean[..at]),
            None => clean,
        }
    }
}

/// A request that may be sent.
struct Ready {
    shown: String,
    call: Call,
    /// The origin that the URL itself is the user's word for.
    own: Option<Origin>,
    /// Headers or body hold something secret.
    secret_inside: bool,
    redactor: Redactor,
}

/// Sends. What was answered, as far as it was read.
pub(crate) async fn send(world: &World, reporter: &Reporter, asked: Asked) -> Result<Vec<u8>, HttpError> {
    let mut ready = prepare(world, reporter, asked)?;
    let mut redirects = 0;
    loop {
        let via = ready.allowed(reporter, &ready.call.url)?;
        let judge = |reply, tries| ready.judge(reply, tries, world);
        let reply = world.ask(&ready.call, via, MOST_READ, judge).await?;
        if !(300..400).contains(&reply.status) {
            return ready.heard(reply);
        }
        redirects += 1;
        let refused = |why: &str| ready.redirect(reply.status, why);
        if redirects > MOST_REDIRECTS {
            return Err(refused("there were three before it"));
        }
        ready.call = ready.next(reporter, &reply)?;
    }
}

fn prepare(world: &World, reporter: &Reporter, asked: Asked) -> Result<Ready, HttpError> {
    let shown = asked.shown();
    let clean = |text: &str| Redactor::default().clean(text);
    if !METHODS.contains(&asked.method.as_str()) {
        return Err(HttpError::Method { method: clean(&asked.method) });
    }
    let method = Method::from_bytes(asked.method.as_bytes())
        .map_err(|_| HttpError::Method { method: clean(&asked.method) })?;
    let grants = &reporter.grants;
    let mut in_url = Secrets::new(&world.environment, &grants.secrets);
    let bad_url = |why: String| HttpError::Url { shown: shown.clone(), why };
    let url = in_url.fill(asked.url.trim(), Place::Line)?;
    let mut url = Url::parse(&url).map_err(|_| bad_url("it is not a URL".into()))?;
    url.set_fragment(None);
    let origin = Origin::of(&url).map_err(|e| bad_url(e.to_string()))?;
    let own = secrets::whole(&asked.url).map(|_| origin);

    let mut inside = Secrets::new(&world.environment, &grants.secrets);
    let headers = headers(&asked.headers, &mut inside)?;
    let mut in_body = Secrets::new(&world.environment, &grants.body_secrets);
    let body = body(asked.body, &headers, &mut in_body, &grants.body_secrets)?;
    if body.len() > MOST_SENT {
        return Err(HttpError::TooLarge { bytes: body.len(), limit: MOST_SENT });
    }
    let secret_inside = inside.were_used() || in_body.were_used();
    let redactor = in_url.redactor().and(inside.redactor()).and(in_body.redactor());
    let body = (method != Method::GET || !body.is_empty()).then_some(body);
    Ok(Ready { shown, call: Call { method, url, headers, body }, own, secret_inside, redactor })
}

fn headers(asked: &[(String, String)], secrets: &mut Secrets<'_>) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in asked {
        let refused = || HttpError::Header { name: Redactor::default().clean(name) };
        let filled = secrets.fill(value, Place::Line)?;
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        if REFUSED_HEADERS.contains(&header.as_str()) {
            return Err(refused());
        }
        let mut filled = HeaderValue::from_str(&filled).map_err(|_| refused())?;
        filled.set_sensitive(secrets.were_used());
        headers.append(header, filled);
    }
    Ok(headers)
}

/// Most bodies are sent as they are: only secrets that were granted for bodies are filled in.
fn body(
    body: Vec<u8>,
    headers: &HeaderMap,
    secrets: &mut Secrets<'_>,
    names: &[String],
) -> Result<Vec<u8>, HttpError> {
    let Ok(text) = std::str::from_utf8(&body) else { return Ok(body) };
    if !secrets::names_any(text, names) {
        return Ok(body);
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let place = match kind.as_str() {
        kind if kind == "application/json" || kind.ends_with("+json") => {
            // What is JSON before has its placeholders inside strings, and stays JSON.
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|_| HttpError::Body { wanted: "JSON, as its content type says" })?;
            Place::Json
        }
        "application/x-www-form-urlencoded" => Place::Form,
        "text/plain" => Place::Text,
        _ => return Err(HttpError::Body { wanted: "JSON, form or plain text" }),
    };
    secrets.fill(text, place).map(String::into_bytes)
}

impl Ready {
    /// How this URL may be reached, if it may.
    fn allowed(&self, reporter: &Reporter, url: &Url) -> Result<Via, HttpError> {
        let refused = |why: String| HttpError::Url { shown: self.shown.clone(), why };
        let origin = Origin::of(url).map_err(|e| refused(e.to_string()))?;
        let grants = &reporter.grants;
        if self.own.as_ref() == Some(&origin) || grants.named.contains(&origin) {
            return Ok(World::way(&origin));
        }
        if grants.origins.contains(&origin) && !origin.is_clear() {
            return Ok(Via::Public);
        }
        let shown = self.redactor.clean(&origin.to_string());
        let lacks = (shown == origin.to_string()).then_some(origin);
        Err(HttpError::NotGranted { origin: shown, lacks })
    }

    fn judge(&self, reply: Result<Reply, NoReply>, tries: u32, world: &World) -> Step<Reply, HttpError> {
        let shown = self.shown.clone();
        let reply = match reply {
            Ok(reply) => reply,
            Err(NoReply::Private(address)) => return Step::Done(Err(self.private(address))),
            Err(NoReply::NotConnected(why)) => {
                let why = self.redactor.clean(&why);
                return Step::Again(None, HttpError::Unreachable { shown, why, tries });
            }
            // It may have arrived: once more would tell people twice.
            Err(NoReply::Setup(why) | NoReply::Untrusted(why) | NoReply::Broken(why)) => {
                let why = self.redactor.clean(&why);
                return Step::Done(Err(HttpError::Unreachable { shown, why, tries }));
            }
            Err(NoReply::Late(after)) => {
                let why = format!("nothing came within {} s", after.as_secs_f64());
                return Step::Done(Err(HttpError::Unreachable { shown, why, tries }));
            }
        };
        match reply.status {
            429 => {
                let rest = retry_after(&reply.headers, world.clock.now());
                let error = HttpError::Throttled { shown, rest: rest.unwrap_or(Duration::ZERO) };
                Step::Again(rest, error)
            }
            500..=599 => {
                let rest = retry_after(&reply.headers, world.clock.now());
                Step::Again(rest, self.refused(&reply))
            }
            _ => Step::Done(Ok(reply)),
        }
    }

    /// What an answer that is neither a redirect nor passing means.
    fn heard(&self, reply: Reply) -> Result<Vec<u8>, HttpError> {
        if !(200..300).contains(&reply.status) {
            return Err(self.refused(&reply));
        }
        // Slack's Web API says what is wrong in a 200: https://docs.slack.dev/apis/web-api/, "Evaluating responses".
        if slack::is_api(self.call.url.path()) {
            let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            if json.get("ok") != Some(&serde_json::Value::Bool(true)) {
                return Err(self.refused(&reply));
            }
        }
        Ok(reply.body)
    }

    /// The request that a redirect asks for, where it may be made.
    fn next(&self, reporter: &Reporter, reply: &Reply) -> Result<Call, HttpError> {
        let refused = |why: &str| self.redirect(reply.status, why);
        let location = reply.headers.get(LOCATION).and_then(|v| v.to_str().ok());
        let location = location.ok_or_else(|| refused("it does not say where to"))?;
        let mut url = self.call.url.join(location).map_err(|_| refused("to what is no URL"))?;
        url.set_fragment(None);
        let origin = Origin::of(&url).map_err(|e| refused(&e.to_string()))?;
        self.allowed(reporter, &url).map_err(|error| refused(&self.redactor.clean(&error.to_string())))?;
        let elsewhere = Origin::of(&self.call.url) != Ok(origin);
        if elsewhere && self.secret_inside {
            return Err(refused("it would carry a secret to another origin"));
        }
        match reply.status {
            307 | 308 => Ok(Call { url, ..self.call.clone() }),
            303 => {
                let mut headers = self.call.headers.clone();
                headers.remove(CONTENT_TYPE);
                Ok(Call { method: Method::GET, url, headers, body: None })
            }
            301 | 302 if self.call.method == Method::GET => Ok(Call { url, ..self.call.clone() }),
            _ => Err(refused("what is sent would be lost on the way")),
        }
    }

    fn private(&self, address: IpAddr) -> HttpError {
        HttpError::Private { shown: self.shown.clone(), address }
    }

    fn refused(&self, reply: &Reply) -> HttpError {
        let why = self.redactor.said(&reply.body);
        HttpError::Refused { shown: self.shown.clone(), status: reply.status, why }
    }

    fn redirect(&self, status: u16, why: &str) -> HttpError {
        HttpError::Redirect { shown: self.shown.clone(), status, why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests;
