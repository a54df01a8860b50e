//! A stand-in for the comments of GitHub and the notes of GitLab, with pages of 100 and `Link` headers, after
//! <https://docs.github.com/en/rest/issues/comments>, <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
//! and <https://docs.gitlab.com/api/notes/>.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{Got, Server, respond, with};

/// One comment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) comments: Vec<Comment>,
    next: u64,
    /// Made by another run at the moment that a comment is made: before it, after it.
    pub(crate) race: (Option<Comment>, Option<Comment>),
    /// Who may ask who it is; others get 403, as a job's token does.
    pub(crate) user: Option<String>,
    /// Comments that somebody removes when they are to be changed.
    pub(crate) vanish: Vec<u64>,
    /// Head of the pull request, where it may be seen.
    pub(crate) head: Option<String>,
}

impl Store {
    pub(crate) fn add(&mut self, author: &str, body: &str) -> u64 {
        self.next += 1;
        self.comments.push(Comment { id: self.next, author: author.into(), body: body.into() });
        self.next
    }
}

/// The API, shared with the test.
pub(crate) struct Comments {
    pub(crate) server: Server,
    pub(crate) store: Arc<Mutex<Store>>,
}

/// Whose comments the job's token makes.
pub(crate) const BOT: &str = "github-actions[bot]";

impl Comments {
    pub(crate) async fn start() -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let shared = Arc::clone(&store);
        let server = Server::start(move |got| answer(&mut shared.lock().unwrap(), got)).await;
        Self { server, store }
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.store.lock().unwrap().comments.iter().map(|comment| comment.body.clone()).collect()
    }
}

fn answer(store: &mut Store, got: &Got) -> Response<Body> {
    let (path, query) = got.path.split_once('?').unwrap_or((&got.path, ""));
    let last: Option<u64> = path.rsplit('/').next().and_then(|id| id.parse().ok());
    match (got.method.as_str(), last) {
        ("GET", _) if path.ends_with("/user") => match &store.user {
            Some(name) if got.headers.contains_key("private-token") => {
                respond(200, json!({ "username": name }).to_string())
            }
            Some(name) => respond(200, json!({ "login": name }).to_string()),
            None => respond(403, r#"{"message": "Resource not accessible by integration"}"#),
        },
        ("GET", Some(_)) if path.contains("/pulls/") || path.contains("/merge_requests/") => {
            match &store.head {
                Some(head) => respond(200, json!({ "sha": head, "head": { "sha": head } }).to_string()),
                None => respond(404, r#"{"message": "Not Found"}"#),
            }
        }
        ("GET", None) => page(store, got, query),
        ("POST", None) => make(store, got),
        ("PATCH" | "PUT", Some(id)) => change(store, got, id),
        ("DELETE", Some(id)) => {
            let before = store.comments.len();
            store.comments.retain(|comment| comment.id != id);
            respond(if store.comments.len() < before { 204 } else { 404 }, "")
        }
        _ => respond(404, r#"{"message": "Not Found"}"#),
    }
}

fn page(store: &Store, got: &Got, query: &str) -> Response<Body> {
    let number = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse::<usize>().ok())
    };
    let (size, page) = (number("per_page").unwrap_or(30).min(100), number("page").unwrap_or(1));
    let from = (size * (page - 1)).min(store.comments.len());
    let to = (from + size).min(store.comments.len());
    let mut all: Vec<&Comment> = store.comments.iter().collect();
    if got.headers.contains_key("private-token") {
        // GitLab's default is the newest first.
        all.reverse();
    }
    let shown: Vec<Value> = all[from..to].iter().map(|comment| shape(comment)).collect();
    let answer = respond(200, Value::from(shown).to_string());
    if to == store.comments.len() {
        return answer;
    }
    let host = got.headers["host"].to_str().unwrap();
    let (path, _) = got.path.split_once('?').unwrap();
    let base = format!("http://{host}{path}?per_page={size}");
    with(answer, "link", &format!("<{base}&page=1>; rel=\"first\", <{base}&page={}>; rel=\"next\"", page + 1))
}

fn make(store: &mut Store, got: &Got) -> Response<Body> {
    let body = got.json()["body"].as_str().unwrap().to_owned();
    if body.chars().count() > 65_536 {
        return respond(
            422,
            r#"{"message": "Validation Failed", "errors": [{"message": "body is too long (maximum is 65536 characters)"}]}"#,
        );
    }
    let (before, after) = std::mem::take(&mut store.race);
    if let Some(other) = before {
        store.add(&other.author, &other.body);
    }
    let author = store.user.clone().unwrap_or_else(|| BOT.to_owned());
    let id = store.add(&author, &body);
    if let Some(other) = after {
        store.add(&other.author, &other.body);
    }
    let made = store.comments.iter().find(|comment| comment.id == id).map(shape);
    respond(201, made.unwrap_or_default().to_string())
}

fn change(store: &mut Store, got: &Got, id: u64) -> Response<Body> {
    if store.vanish.contains(&id) {
        store.comments.retain(|comment| comment.id != id);
    }
    let Some(comment) = store.comments.iter_mut().find(|comment| comment.id == id) else {
        return respond(404, r#"{"message": "Not Found"}"#);
    };
    comment.body = got.json()["body"].as_str().unwrap().to_owned();
    respond(200, shape(comment).to_string())
}

/// With the fields of both platforms that matter.
fn shape(comment: &Comment) -> Value {
    let Comment { id, author, body } = comment;
    json!({"id": id, "body": body, "user": {"login": author}, "author": {"username": author}})
}
