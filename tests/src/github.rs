//! A stand-in for GitHub's REST API on loopback: the program in `tests/github`, in a process of its own.
//!
//! It holds every request against GitHub's own OpenAPI description, and its own answers as well. That it is faithful is
//! shown by GitHub's client library, which works against it, and by what it refuses (`tests/github/test`).

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::place::{once, repository};
use crate::processes::{DEADLINE, eventually};

/// The token that is there from the beginning: a job's, with the permissions that our workflows ask for.
pub const TOKEN: &str = "ghs_STAND0IN";

/// What a control may answer at most, in bytes: a journal of some hundred requests.
const MOST_ANSWER: u64 = 256 * 1024 * 1024;

/// A stand-in that serves until it is dropped.
#[derive(Debug)]
pub struct Github {
    child: Child,
    url: String,
}

/// A request as the stand-in saw it.
#[derive(Debug, Clone)]
pub struct Asked(Value);

impl Github {
    /// A stand-in that knows nothing but [`TOKEN`].
    ///
    /// # Panics
    /// When Node or npm is missing, or what the stand-in needs cannot be installed.
    #[must_use]
    pub fn new() -> Self {
        let mut child = Command::new("node")
            .arg(folder().join("server.mjs"))
            // Looked up where nothing is installed beside the program, so that the repository stays as it is.
            .env("NODE_PATH", modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests need node on PATH");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the stand-in tells its address");
        let url = line.trim_end().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "the stand-in for GitHub did not start: {url:?}");
        Self { child, url }
    }

    /// A stand-in that knows what goes with a recorded event: `workflow_run/fork`, say. See [`event`].
    ///
    /// # Panics
    /// When there is no such event.
    #[must_use]
    pub fn with_event(name: &str) -> Self {
        let github = Self::new();
        github.know(name);
        github
    }

    /// Knows what goes with a recorded event, and nothing else any more. For tests of many events: a start costs a second
    /// or two, and so does the first request of each kind.
    ///
    /// # Panics
    /// When there is no such event.
    pub fn know(&self, name: &str) {
        self.control("DELETE", "state", None);
        self.add(&read(&folder().join(format!("events/{name}.github.json"))));
    }

    /// What goes into `GITHUB_API_URL`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a thing, or an array of them: `{"kind": "pull", "repository": "acme/shop", …}`; kinds and fields are
    /// listed in `tests/github/lib/state.mjs`. Gives what they are known by.
    ///
    /// # Panics
    /// When the stand-in does not take it.
    pub fn add(&self, things: &Value) -> Value {
        self.control("POST", "add", Some(things))
    }

    /// Plans a fault, or an array of them: `{"kind": "secondary-rate-limit", "method": "POST", "path": "/comments$"}`.
    ///
    /// # Panics
    /// When there is no such fault.
    pub fn plan(&self, faults: &Value) {
        self.control("POST", "faults", Some(faults));
    }

    /// No more faults; what hangs is broken off.
    pub fn heal(&self) {
        self.control("DELETE", "faults", None);
    }

    /// Adds a token that holds these permissions: `{"pull_requests": "write"}`.
    pub fn token(&self, token: &str, permissions: &Value) {
        self.add(&json!({ "kind": "token", "token": token, "permissions": permissions }));
    }

    /// All requests so far, in the order in which they came.
    ///
    /// # Panics
    /// When the stand-in itself failed at one of them.
    #[must_use]
    pub fn journal(&self) -> Vec<Asked> {
        let Value::Array(entries) = self.control("GET", "requests", None) else { return Vec::new() };
        for entry in &entries {
            assert!(entry["failed"].is_null(), "the stand-in for GitHub failed: {}", entry["failed"]);
        }
        entries.into_iter().map(Asked).collect()
    }

    /// The requests so far that were of this operation: `issues/create-comment`, say.
    #[must_use]
    pub fn asked(&self, operation: &str) -> Vec<Asked> {
        let mut journal = self.journal();
        journal.retain(|asked| asked.operation() == Some(operation));
        journal
    }

    /// Waits until there is a request that `look` accepts.
    ///
    /// # Panics
    /// When there is none in a long time.
    #[must_use]
    pub fn wait_for(&self, what: &str, look: impl Fn(&Asked) -> bool) -> Asked {
        eventually(what, || self.journal().into_iter().find(&look))
    }

    /// That every request was one that GitHub's description allows, with nothing in it that GitHub would not look at, and
    /// every answer too. To be called at the end of
    /// every test that does not ask wrongly on purpose.
    ///
    /// # Panics
    /// When there was another.
    #[track_caller]
    pub fn assert_all_valid(&self) {
        for asked in self.journal() {
            for of in ["invalid", "unknown", "answer_invalid"] {
                let found = &asked.0[of];
                assert!(found.as_array().is_none_or(Vec::is_empty), "{of} at {asked:?}: {found}");
            }
        }
    }

    /// A repository as it is now: `comments`, `issues`, `checks`, `labels` and the rest.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn repository(&self, full_name: &str) -> Value {
        let state = self.control("GET", "state", None);
        let all = state["repositories"].as_array().into_iter().flatten();
        let found = all.into_iter().find(|repository| repository["full_name"] == full_name);
        found.unwrap_or_else(|| panic!("no repository is called {full_name}")).clone()
    }

    /// The comments of an issue or a pull request: who said what, oldest first.
    #[must_use]
    pub fn comments(&self, full_name: &str, number: u64) -> Vec<(String, String)> {
        let repository = self.repository(full_name);
        let comments = repository["comments"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        comments
            .filter(|comment| comment["issue"] == number)
            .map(|comment| (text(&comment["user"]), text(&comment["body"])))
            .collect()
    }

    /// The variables of a job of `repository` that was started by a recorded event, less those that name files.
    #[must_use]
    pub fn environment(&self, event: &str, full_name: &str) -> Vec<(String, String)> {
        let kind = event.split('/').next().unwrap_or_default();
        let path = event_file(event);
        [
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_API_URL", self.url.as_str()),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", full_name),
            ("GITHUB_RUN_ID", "9100000001"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_EVENT_NAME", kind),
            ("GITHUB_EVENT_PATH", path.to_str().unwrap_or_default()),
            ("GITHUB_TOKEN", TOKEN),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Tells the stand-in something beside GitHub's API.
    fn control(&self, method: &str, what: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the stand-in for GitHub listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        let head = format!(
            "{method} /_control/{what} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it reads");
        let mut answer = Vec::new();
        stream.take(MOST_ANSWER).read_to_end(&mut answer).expect("it answers");
        let answer = String::from_utf8(answer).expect("it answers in UTF-8");
        let (head, content) = answer.split_once("\r\n\r\n").expect("it answers by HTTP");
        assert!(head.starts_with("HTTP/1.1 200 "), "the stand-in for GitHub refuses {what}: {content}");
        serde_json::from_str(content).expect("it answers JSON")
    }
}

impl Default for Github {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        // It would end by itself when its input closes; not to wait for that is no loss.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Asked {
    /// `GET`, say.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0["method"].as_str().unwrap_or_default()
    }

    /// Without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0["path"].as_str().unwrap_or_default()
    }

    /// What GitHub calls it: `issues/create-comment`, say; `None` where GitHub has nothing like it.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0["operation"].as_str()
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.0["query"][name].as_str()
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"][name].as_str()
    }

    /// What was sent; null for nothing.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.0["body"]
    }

    /// What was answered; `None` while it hangs.
    #[must_use]
    pub fn status(&self) -> Option<u64> {
        self.0["status"].as_u64()
    }

    /// The fault that it met.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.0["fault"].as_str()
    }

    /// When it came, in milliseconds from the start of the stand-in.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.0["at_ms"].as_u64().unwrap_or_default()
    }
}

/// The file of a recorded event: `workflow_run/fork`, say; what goes into `GITHUB_EVENT_PATH`.
#[must_use]
pub fn event_file(name: &str) -> PathBuf {
    folder().join(format!("events/{name}.json"))
}

/// A recorded event, for tests that change something about it.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn event(name: &str) -> Value {
    read(&event_file(name))
}

fn folder() -> PathBuf {
    repository().join("tests/github")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folder of the packages that the stand-in needs, by its lock file; installed once per target folder.
fn modules() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let lock = fs::read(folder().join("package-lock.json")).expect("the stand-in's lock file");
        let mut hasher = DefaultHasher::new();
        lock.hash(&mut hasher);
        let whole = once(&format!("github-{:016x}", hasher.finish()), |place| {
            fs::create_dir_all(place).expect("a folder for packages");
            for file in ["package.json", "package-lock.json", ".npmrc"] {
                fs::copy(folder().join(file), place.join(file)).expect("a copy of the lock file");
            }
            let arguments = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--silent"];
            let status = Command::new("npm").args(arguments).current_dir(place).status();
            assert!(status.expect("the tests need npm on PATH").success(), "npm cannot install the stand-in");
        });
        whole.join("node_modules")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(github: &Github, request: &str) -> String {
        let mut stream = TcpStream::connect(github.url().trim_start_matches("http://")).expect("it listens");
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    #[test]
    fn the_stand_in_for_github_knows_an_event_tells_what_was_asked_and_fails_when_told_to() {
        let github = Github::with_event("workflow_run/fork");
        assert_eq!(event("workflow_run/fork")["action"], "completed");
        github.add(&json!({ "kind": "comment", "repository": "acme/shop", "issue": 7, "body": "é😀" }));
        assert_eq!(github.comments("acme/shop", 7), [("octocat".to_owned(), "é😀".to_owned())]);

        assert!(ask(&github, "GET /repos/acme/shop/issues/7/comments").starts_with("HTTP/1.1 200 "));
        github.plan(&json!({ "kind": "secondary-rate-limit", "retry_after": 3 }));
        assert!(ask(&github, "GET /repos/acme/shop").contains("retry-after: 3"));
        github.assert_all_valid();
        let asked = github.asked("repos/get");
        assert_eq!(
            (asked.len(), asked[0].status(), asked[0].fault()),
            (1, Some(403), Some("secondary-rate-limit"))
        );

        assert!(ask(&github, "GET /repos/acme/shop/pulls?state=merged").starts_with("HTTP/1.1 422 "));
        let wrong = std::panic::catch_unwind(|| github.assert_all_valid());
        assert!(wrong.is_err(), "a wrong request is seen");
    }
}
