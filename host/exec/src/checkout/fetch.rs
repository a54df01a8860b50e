//! The part of a checkout that talks to the server. Nothing here changes references: what was received is only
//! kept as objects, so that giving up in the middle leaves nothing half-done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use git2::{
    AutotagOption, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, ProxyOptions, RemoteRedirect,
    Repository,
};

use super::CheckoutRequest;
use super::access::Access;
use super::error::{CheckoutErrorKind, io};
use super::revision::{CommitId, RefName};
use super::source::{RepositoryUrl, Scheme};

/// Only the newest commit: its files are all that is needed.
const SHALLOW: i32 = 1;
/// How far behind its branch a wanted commit may be before all of the history is fetched: a pull request that got
/// some more pushes.
const A_WHILE: i32 = 64;
/// What libgit2 takes for "all of the history" (`GIT_FETCH_DEPTH_UNSHALLOW`).
const ALL: i32 = i32::MAX;
/// What libgit2 takes for "no limit" in a repository that has nothing yet (`GIT_FETCH_DEPTH_FULL`).
const NO_LIMIT: i32 = 0;

/// Everything one fetch needs; owned, because the thread may outlive the one who asked.
pub(super) struct Fetch {
    pub(super) request: CheckoutRequest,
    /// An empty repository.
    pub(super) into: PathBuf,
    pub(super) stop: Arc<AtomicBool>,
}

impl Fetch {
    /// Fetches the wanted commit and names it.
    pub(super) fn run(&self) -> Result<Oid, CheckoutErrorKind> {
        let repository =
            Repository::open(&self.into).map_err(|e| io("open the new repository", &e.message()))?;
        let named = &self.request.url;
        let contacted = contacted(&repository, named)?;
        let access = Access::new(named, contacted, &self.request.settings, Arc::clone(&self.stop))?;
        let server = Server { repository: &repository, access: &access, url: named.to_git() };
        let heads = server.list()?;
        match (&self.request.reference, &self.request.commit) {
            (reference, None) => tip(&server, &heads, reference.as_ref()),
            (None, Some(commit)) => anywhere(&server, &heads, commit),
            (Some(reference), Some(commit)) => on_reference(&server, &heads, reference, commit),
        }
    }
}

/// What the user's own git configuration makes of the address.
fn contacted(repository: &Repository, named: &RepositoryUrl) -> Result<RepositoryUrl, CheckoutErrorKind> {
    let asked = named.to_git();
    let remote =
        repository.remote_anonymous(&asked).map_err(|e| io("read git's configuration", &e.message()))?;
    match remote.url_bytes() {
        same if same == asked.as_bytes() => Ok(named.clone()),
        other => RepositoryUrl::rewritten(&String::from_utf8_lossy(other))
            .map_err(|e| io("follow the `insteadOf` of git's configuration", &e)),
    }
}

/// A reference as the server lists it.
struct Head {
    name: String,
    id: Oid,
}

fn tip(server: &Server<'_>, heads: &[Head], reference: Option<&RefName>) -> Result<Oid, CheckoutErrorKind> {
    let head = match reference {
        Some(name) => find(heads, name)?,
        None => heads.iter().find(|h| h.name == "HEAD").ok_or(if heads.is_empty() {
            CheckoutErrorKind::Empty
        } else {
            CheckoutErrorKind::RefNotFound("HEAD".into())
        })?,
    };
    server.download(&[&head.name], SHALLOW)?;
    server.commit(head.id).ok_or_else(|| CheckoutErrorKind::RefNotFound(head.name.clone()))
}

/// A commit alone: asked for by its id where the server allows it, else searched in all branches and tags.
fn anywhere(server: &Server<'_>, heads: &[Head], commit: &CommitId) -> Result<Oid, CheckoutErrorKind> {
    if heads.is_empty() {
        return Err(CheckoutErrorKind::Empty);
    }
    if let Some(head) = tip_with(heads, commit) {
        server.download(&[&head], SHALLOW)?;
    } else {
        let asked = commit.full().map(|_| server.download(&[commit.as_str()], SHALLOW));
        match asked {
            Some(Ok(())) => {}
            // The server gives no single commits, or not this one.
            Some(Err(error)) if error.is_final() => return Err(error),
            _ => {
                let all = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
                server.download(&all, server.all())?;
            }
        }
    }
    server.find(commit)?.ok_or_else(|| CheckoutErrorKind::CommitNotFound(commit.to_string()))
}

/// A commit and where it must be: only what the reference leads to is fetched, so what is found is in its history.
fn on_reference(
    server: &Server<'_>,
    heads: &[Head],
    reference: &RefName,
    commit: &CommitId,
) -> Result<Oid, CheckoutErrorKind> {
    let head = find(heads, reference)?;
    let peeled = format!("{}^{{}}", head.name);
    let at_tip = heads.iter().any(|h| (h.name == head.name || h.name == peeled) && commit.matches(h.id));
    server.download(&[&head.name], if at_tip { SHALLOW } else { A_WHILE })?;
    if let Some(found) = server.find(commit)? {
        return Ok(found);
    }
    if server.repository.is_shallow() {
        server.download(&[&head.name], ALL)?;
    }
    server.find(commit)?.ok_or_else(|| CheckoutErrorKind::Disagree {
        commit: commit.to_string(),
        reference: reference.to_string(),
    })
}

fn find<'h>(heads: &'h [Head], reference: &RefName) -> Result<&'h Head, CheckoutErrorKind> {
    let candidates = reference.candidates();
    candidates.iter().find_map(|name| heads.iter().find(|h| h.name == *name)).ok_or_else(|| {
        if heads.is_empty() {
            CheckoutErrorKind::Empty
        } else {
            CheckoutErrorKind::RefNotFound(reference.to_string())
        }
    })
}

/// A reference whose newest commit is the wanted one; `None` too when the digits fit several.
fn tip_with(heads: &[Head], commit: &CommitId) -> Option<String> {
    let mut fitting = heads.iter().filter(|h| commit.matches(h.id));
    let first = fitting.next()?;
    let one = fitting.all(|h| h.id == first.id);
    one.then(|| first.name.trim_end_matches("^{}").to_owned())
}

/// One repository on a server, and what was received from it.
struct Server<'r> {
    repository: &'r Repository,
    access: &'r Access,
    url: String,
}

impl Server<'_> {
    fn list(&self) -> Result<Vec<Head>, CheckoutErrorKind> {
        let mut remote = self.repository.remote_anonymous(&self.url).map_err(|e| self.failure(&e))?;
        let connection = remote
            .connect_auth(Direction::Fetch, Some(self.access.callbacks()), Some(proxy()))
            .map_err(|e| self.failure(&e))?;
        let heads = connection.list().map_err(|e| self.failure(&e))?;
        Ok(heads.iter().map(|h| Head { name: h.name().to_owned(), id: h.oid() }).collect())
    }

    /// All of the history, for a repository that has nothing yet or only part of it.
    fn all(&self) -> i32 {
        if self.repository.is_shallow() { ALL } else { NO_LIMIT }
    }

    fn download(&self, what: &[&str], depth: i32) -> Result<(), CheckoutErrorKind> {
        match self.download_once(what, depth) {
            // Old servers and local folders give only all of it; libgit2 says so before anything is sent.
            Err(error)
                if depth != NO_LIMIT && error.message().contains("shallow") && !self.access.stopped() =>
            {
                self.download_once(what, NO_LIMIT)
            }
            other => other,
        }
        .map_err(|e| self.failure(&e))
    }

    fn download_once(&self, what: &[&str], depth: i32) -> Result<(), git2::Error> {
        let mut remote = self.repository.remote_anonymous(&self.url)?;
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.access.callbacks())
            .proxy_options(proxy())
            .depth(depth)
            .download_tags(AutotagOption::None)
            .follow_redirects(RemoteRedirect::Initial)
            .update_fetchhead(false);
        remote.download(what, Some(&mut options))
    }

    /// The commit that `id`, of a commit or a tag, stands for.
    fn commit(&self, id: Oid) -> Option<Oid> {
        let object = self.repository.find_object(id, None).ok()?;
        object.peel_to_commit().ok().map(|commit| commit.id())
    }

    /// The commit, if it was received.
    fn find(&self, commit: &CommitId) -> Result<Option<Oid>, CheckoutErrorKind> {
        match self.repository.revparse_single(commit.as_str()) {
            Ok(object) => Ok(object.peel_to_commit().ok().map(|c| c.id())),
            Err(error) if error.code() == ErrorCode::Ambiguous => {
                Err(CheckoutErrorKind::CommitAmbiguous(commit.to_string()))
            }
            Err(_) => Ok(None),
        }
    }

    fn failure(&self, error: &git2::Error) -> CheckoutErrorKind {
        if let Some(refusal) = self.access.take_refusal() {
            return refusal;
        }
        let says = |text: &str| error.message().contains(text);
        // libgit2 has no codes for these.
        if says("status code: 404") || says("status code: 410") || says("epository not found") {
            return CheckoutErrorKind::NotFound;
        }
        let denied = says("status code: 401") || says("status code: 403");
        match (error.code(), error.class()) {
            _ if denied => CheckoutErrorKind::Auth { offered: self.access.offered() },
            (ErrorCode::Auth, _) => CheckoutErrorKind::Auth { offered: self.access.offered() },
            (ErrorCode::Certificate, _) => CheckoutErrorKind::Certificate(self.clean(error)),
            (_, ErrorClass::Ssl) if says("certificate") => CheckoutErrorKind::Certificate(self.clean(error)),
            // A server that knows no such path ends the channel without a word of git's protocol.
            (ErrorCode::Eof, _) if self.access.scheme() == Scheme::Ssh => CheckoutErrorKind::NotFound,
            (_, ErrorClass::Net | ErrorClass::Os | ErrorClass::Http | ErrorClass::Ssh | ErrorClass::Ssl) => {
                CheckoutErrorKind::Unreachable(self.clean(error))
            }
            _ => CheckoutErrorKind::Io { step: "fetch", why: self.clean(error) },
        }
    }

    /// The message on one line. What a server sends may be part of it.
    fn clean(&self, error: &git2::Error) -> String {
        error.message().trim().chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// From `http.proxy` and the usual variables.
fn proxy() -> ProxyOptions<'static> {
    let mut options = ProxyOptions::new();
    options.auto();
    options
}
