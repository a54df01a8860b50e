//! One request to a forge, with its rate limits, and lists that come in pages.

use std::sync::Arc;
use std::time::Duration;

use flaky_core::surroundings::Platform;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION,
};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ForgeError, ForgeErrorKind};
use crate::secrets::Redactor;
use crate::web::wait::{retry_after, until_epoch};
use crate::web::{Call, NoReply, Origin, Reply, Via};
use crate::world::{Step, World};

/// Largest answer: a page of 100 comments of 65,536 characters, each of up to four bytes and some of them escaped.
const MOST_READ: usize = 48 << 20;
/// Entries of a page. Both forges allow 100 at most.
pub(crate) const PAGE: usize = 100;
/// Pages of one list that are read. GitHub takes no more than 2,500 comments on one issue: those are 25.
pub(crate) const MOST_PAGES: usize = 30;
/// Redirects in a row: a repository that was renamed, twice.
const MOST_REDIRECTS: usize = 2;
/// GitHub's own API.
const GITHUB_API: &str = "https://api.github.com";
/// Its host.
const GITHUB_HOST: &str = "api.github.com";
/// Rest after a secondary rate limit that names none: "wait for at least one minute", says GitHub's page on limits.
const SECONDARY_REST: Duration = Duration::from_secs(60);

/// A client of one forge.
pub(crate) struct Forge {
    name: &'static str,
    base: Url,
    via: Via,
    headers: HeaderMap,
    redactor: Redactor,
    world: Arc<World>,
}

/// A file, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its beginning, or all of it.
    pub bytes: Vec<u8>,
    /// There was more.
    pub cut: bool,
}

/// All entries of a list, as far as pages were read.
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// There were more pages than are read.
    pub(crate) cut: bool,
}

impl Forge {
    /// GitHub's own API, or that of the Enterprise server whose job this is.
    pub(crate) fn github(world: &Arc<World>) -> Result<Self, ForgeError> {
        let (name, environment) = ("GitHub", &world.environment);
        let base = environment.get("GITHUB_API_URL").unwrap_or_else(|| GITHUB_API.to_owned());
        let token = environment.get("GITHUB_TOKEN");
        let token = token.ok_or_else(|| ForgeError::variable(name, "GITHUB_TOKEN", None))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        // https://docs.github.com/en/rest/about-the-rest-api/api-versions
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        let bearer = format!("Bearer {}", token.trim());
        headers.insert(AUTHORIZATION, secret(name, "GITHUB_TOKEN", &bearer)?);
        Self::new(name, ("GITHUB_API_URL", &base), headers, token.trim(), world)
    }

    /// The GitLab whose job this is.
    pub(crate) fn gitlab(world: &Arc<World>) -> Result<Self, ForgeError> {
        let (name, environment) = ("GitLab", &world.environment);
        let read =
            |variable| environment.get(variable).ok_or_else(|| ForgeError::variable(name, variable, None));
        let (base, token) = (read("CI_API_V4_URL")?, read("GITLAB_TOKEN")?);
        let header = secret(name, "GITLAB_TOKEN", token.trim())?;
        let headers = HeaderMap::from_iter([(HeaderName::from_static("private-token"), header)]);
        Self::new(name, ("CI_API_V4_URL", &base), headers, token.trim(), world)
    }

    fn new(
        name: &'static str,
        (variable, base): (&str, &str),
        headers: HeaderMap,
        token: &str,
        world: &Arc<World>,
    ) -> Result<Self, ForgeError> {
        let invalid = |why: &str| ForgeError::variable(name, variable, Some(why.to_owned()));
        let base = Url::parse(base.trim()).map_err(|_| invalid("it is not a URL"))?;
        let origin = Origin::of(&base).map_err(|e| invalid(&e.to_string()))?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid("it has a `?` or a `#`"));
        }
        let redactor = Redactor::new(&[token.to_owned()]);
        Ok(Self { name, base, via: World::way(&origin), headers, redactor, world: Arc::clone(world) })
    }

    /// Which forge it is.
    pub(crate) fn platform(&self) -> Platform {
        if self.name == "GitLab" { Platform::Gitlab } else { Platform::Github }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Asks for one thing.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ForgeError> {
        let url = self.url(path, query);
        let what = format!("GET {}", url.path());
        let reply = self.ask(&what, self.call(Method::GET, url, None)).await?;
        self.read(&what, &reply)
    }

    /// Makes, changes or removes something.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, ForgeError> {
        let url = self.url(path, &[]);
        let what = format!("{method} {}", url.path());
        let reply = self.ask(&what, self.call(method, url, body)).await?;
        if reply.body.iter().all(u8::is_ascii_whitespace) {
            Ok(Value::Null)
        } else {
            self.read(&what, &reply)
        }
    }

    /// Reads a list to its end, or to [`MOST_PAGES`]. `field`: where the entries are, when the answer is an object.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        field: Option<&str>,
    ) -> Result<Listing<T>, ForgeError> {
        let page = PAGE.to_string();
        let query: Vec<_> = query.iter().copied().chain([("per_page", page.as_str())]).collect();
        let mut url = self.url(path, &query);
        let what = format!("GET {}", url.path());
        let mut items = Vec::new();
        for _ in 0..MOST_PAGES {
            let reply = self.ask(&what, self.call(Method::GET, url.clone(), None)).await?;
            let mut page: Value = self.read(&what, &reply)?;
            let entries = match field {
                Some(field) => page.get_mut(field).map(Value::take).unwrap_or_default(),
                None => page,
            };
            let entries: Vec<T> = serde_json::from_value(entries).map_err(|e| self.unexpected(&what, &e))?;
            items.extend(entries);
            match next_page(&reply.headers, &url) {
                Some(next) => url = next,
                None => return Ok(Listing { items, cut: false }),
            }
        }
        Ok(Listing { items, cut: true })
    }

    /// Reads a file. GitHub keeps most of them elsewhere and redirects there with a URL that is a key by itself, so the
    /// token stays here. `accept`: what the API is to answer with.
    pub(crate) async fn download(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        accept: Option<&'static str>,
        limit: usize,
    ) -> Result<Download, ForgeError> {
        let url = self.url(path, query);
        let what = format!("GET {}", url.path());
        let mut call = self.call(Method::GET, url, None);
        if let Some(accept) = accept {
            call.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        let mut via = self.via;
        for _ in 0..=MOST_REDIRECTS {
            let judge = |reply, tries| self.judge(reply, tries, &what, &call.method);
            let reply = self.world.ask(&call, via, limit, judge).await?;
            if !(300..400).contains(&reply.status) {
                return Ok(Download { bytes: reply.body, cut: reply.cut });
            }
            let next = reply.headers.get(LOCATION).and_then(|v| call.url.join(v.to_str().ok()?).ok());
            let nowhere = || self.unexpected(&what, &"it redirects to where nothing is fetched from");
            let url = next.ok_or_else(nowhere)?;
            let origin = Origin::of(&url).map_err(|_| nowhere())?;
            if Ok(&origin) != Origin::of(&call.url).as_ref() {
                call.headers = HeaderMap::new();
                // Files of GitHub itself are in public; an Enterprise server's are where its owner wants them.
                via =
                    if self.base.host_str() == Some(GITHUB_HOST) { Via::Public } else { World::way(&origin) };
            }
            call.url = url;
        }
        Err(self.unexpected(&what, &"it redirects again and again"))
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn call(&self, method: Method, url: Url, body: Option<&Value>) -> Call {
        let mut headers = self.headers.clone();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        // `Value` always has a text.
        Call { method, url, headers, body: body.map(|value| value.to_string().into_bytes()) }
    }

    async fn ask(&self, what: &str, mut call: Call) -> Result<Reply, ForgeError> {
        for _ in 0..=MOST_REDIRECTS {
            let judge = |reply, tries| self.judge(reply, tries, what, &call.method);
            let reply = self.world.ask(&call, self.via, MOST_READ, judge).await?;
            if !(300..400).contains(&reply.status) {
                return Ok(reply);
            }
            // Renamed repositories: the same request elsewhere at the same API; the token goes nowhere else.
            let location = reply.headers.get(LOCATION).and_then(|v| call.url.join(v.to_str().ok()?).ok());
            let kept = matches!(reply.status, 307 | 308) || call.method == Method::GET;
            match location.filter(|to| kept && Origin::of(to) == Origin::of(&self.base)) {
                Some(url) => call.url = url,
                None => break,
            }
        }
        Err(self.unexpected(what, &"it redirects to where the token must not go"))
    }

    fn judge(
        &self,
        reply: Result<Reply, NoReply>,
        tries: u32,
        what: &str,
        method: &Method,
    ) -> Step<Reply, ForgeError> {
        let unreachable = |why: &str| {
            self.error(what, ForgeErrorKind::Unreachable { why: self.redactor.clean(why), tries })
        };
        let reply = match reply {
            Ok(reply) => reply,
            Err(NoReply::NotConnected(why)) => return Step::Again(None, unreachable(&why)),
            // It may have been done: only what is the same when done twice is asked for again.
            Err(NoReply::Broken(why)) if *method != Method::POST => {
                return Step::Again(None, unreachable(&why));
            }
            Err(NoReply::Late(after)) => {
                let error = unreachable(&format!("nothing came within {} s", after.as_secs_f64()));
                let again = *method != Method::POST;
                return if again { Step::Again(None, error) } else { Step::Done(Err(error)) };
            }
            Err(NoReply::Setup(why) | NoReply::Untrusted(why) | NoReply::Broken(why)) => {
                return Step::Done(Err(unreachable(&why)));
            }
            Err(NoReply::Private(address)) => return Step::Done(Err(unreachable(&address.to_string()))),
        };
        if let Some(rest) = self.rate_limit(&reply) {
            return Step::Again(Some(rest), self.error(what, ForgeErrorKind::Throttled { rest }));
        }
        let why = || self.redactor.said(&reply.body);
        let kind = match reply.status {
            200..=399 => return Step::Done(Ok(reply)),
            401 => ForgeErrorKind::Unauthorized,
            403 => forbidden(&reply, why()),
            404 => ForgeErrorKind::NotFound,
            status @ 500..=599 => {
                let rest = retry_after(&reply.headers, self.world.clock.now());
                return Step::Again(
                    rest,
                    self.error(what, ForgeErrorKind::Server { status, why: why(), tries }),
                );
            }
            status => ForgeErrorKind::Refused { status, why: why() },
        };
        Step::Done(Err(self.error(what, kind)))
    }

    /// The rest that a rate limit asks for: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api,
    /// "Exceeding the rate limit"; GitLab sends `Retry-After` with its 429.
    fn rate_limit(&self, reply: &Reply) -> Option<Duration> {
        if !matches!(reply.status, 403 | 429) {
            return None;
        }
        let now = self.world.clock.now();
        if let Some(rest) = retry_after(&reply.headers, now) {
            return Some(rest);
        }
        let number = |name| reply.headers.get(name).and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
        if number("x-ratelimit-remaining") == Some(0)
            && let Some(reset) = number("x-ratelimit-reset")
        {
            return Some(until_epoch(reset, now));
        }
        let said = self.redactor.said(&reply.body).to_ascii_lowercase();
        (reply.status == 429 || said.contains("secondary rate limit") || said.contains("abuse detection"))
            .then_some(SECONDARY_REST)
    }

    fn read<T: DeserializeOwned>(&self, what: &str, reply: &Reply) -> Result<T, ForgeError> {
        if reply.cut {
            return Err(self.unexpected(what, &format!("it is larger than {MOST_READ} bytes")));
        }
        serde_json::from_slice(&reply.body).map_err(|e| self.unexpected(what, &e))
    }

    pub(crate) fn unexpected(&self, what: &str, why: &dyn std::fmt::Display) -> ForgeError {
        self.error(what, ForgeErrorKind::Unexpected { why: self.redactor.clean(&why.to_string()) })
    }

    fn error(&self, what: &str, kind: ForgeErrorKind) -> ForgeError {
        ForgeError { forge: self.name, what: what.to_owned(), kind }
    }
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// GitHub answers 403 for want of a permission with "Resource not accessible by …" and, mostly, with the permission that
/// would do: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api.
fn forbidden(reply: &Reply, why: String) -> ForgeErrorKind {
    let needed = reply.headers.get("x-accepted-github-permissions").and_then(|v| v.to_str().ok());
    let needed = needed.map(|text| Redactor::default().clean(text)).filter(|text| !text.is_empty());
    ForgeErrorKind::Permission { needed, why }
}

fn secret(forge: &'static str, variable: &str, value: &str) -> Result<HeaderValue, ForgeError> {
    let invalid = || {
        let why = "it has characters that cannot stand in a header".to_owned();
        ForgeError::variable(forge, variable, Some(why))
    };
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The next page by `Link` (RFC 8288), at the same origin.
fn next_page(headers: &HeaderMap, now: &Url) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    for link in links.flat_map(|value| value.split(',')) {
        let mut parts = link.split(';');
        let target = parts.next()?.trim();
        let is_next = parts.any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        if let Some(target) = target.strip_prefix('<').and_then(|t| t.strip_suffix('>'))
            && is_next
        {
            return now.join(target).ok().filter(|next| Origin::of(next) == Origin::of(now));
        }
    }
    None
}

#[cfg(test)]
mod tests;
