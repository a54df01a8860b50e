//! Slack and Discord on loopback, over TLS with a certificate of their own. They are reached as in a company's network:
//! through a proxy, which leads the chats' real names here and anything else nowhere.
//!
//! They refuse what the real ones refuse, as far as that is written anywhere: `flaky_plugin_platforms::testing`.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use flaky_plugin_platforms::testing::{discord, slack};
use native_tls::{Identity, TlsAcceptor, TlsStream};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The incoming webhook that Slack has given out.
pub const SLACK_WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/slackhook";
/// The token of a bot at Slack.
pub const SLACK_TOKEN: &str = "xoxb-stand-in";
/// The webhook that Discord has given out.
pub const DISCORD_WEBHOOK: &str = "https://discord.com/api/webhooks/1/discordhook";

/// Names that the certificate is for, and that the proxy leads to.
const HOSTS: [&str; 3] = ["hooks.slack.com", "slack.com", "discord.com"];
/// How long a client may keep a connection waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest body that is read; the largest message has some ten thousand bytes.
const MOST_BODY: usize = 1 << 20;

/// Both chats, until the end of the process.
#[derive(Debug)]
pub struct Chats {
    folder: TempDir,
    proxy: u16,
    state: Arc<Mutex<State>>,
}

/// A request that reached a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Host and path.
    pub to: String,
    /// What was answered.
    pub status: u16,
    /// The body.
    pub body: Value,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    /// Answers that come before any other: status and seconds of rest.
    planned: VecDeque<(u16, u64)>,
    /// Messages of the bot, by their time stamps.
    messages: Vec<(String, Value)>,
    refused_hosts: Vec<String>,
}

impl Chats {
    /// Starts both.
    ///
    /// # Panics
    /// When there is no `openssl`.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a certificate");
        let names = HOSTS.map(|host| format!("DNS:{host}")).join(",");
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=chats"]);
        make.args([
            "-addext",
            &format!("subjectAltName={names}"),
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ]);
        let made = make.current_dir(folder.path()).output().expect("the tests need openssl on PATH");
        assert!(made.status.success(), "{made:?}");
        let read = |name: &str| fs::read(folder.path().join(name)).expect("what openssl wrote");
        let identity = Identity::from_pkcs8(&read("certificate.pem"), &read("key.pem")).expect("an identity");
        let acceptor = Arc::new(TlsAcceptor::new(identity).expect("a TLS server"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let proxy = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (acceptor, state) = (Arc::clone(&acceptor), Arc::clone(&shared));
                thread::spawn(move || {
                    // A client that goes away is its own affair.
                    let _ = tunnel(stream, &acceptor, &state);
                });
            }
        });
        Self { folder, proxy, state }
    }

    /// For `SSL_CERT_FILE`.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// For `HTTPS_PROXY`.
    #[must_use]
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy)
    }

    /// The next request is answered 429, with so many seconds of rest.
    pub fn throttle_once(&self, rest: u64) {
        self.state().planned.push_back((429, rest));
    }

    /// The next request is answered with this status.
    pub fn fail_once(&self, status: u16) {
        self.state().planned.push_back((status, 0));
    }

    /// All requests so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// The bot's messages as they are now.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.state().messages.iter().map(|(_, message)| message.clone()).collect()
    }

    /// Somebody removes all of the bot's messages.
    pub fn forget_messages(&self) {
        self.state().messages.clear();
    }

    /// Hosts that somebody wanted to reach, and that are none of the chats.
    #[must_use]
    pub fn refused_hosts(&self) -> Vec<String> {
        self.state().refused_hosts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Chats {
    fn default() -> Self {
        Self::new()
    }
}

/// `CONNECT HOST:443`, then TLS with that host, then one request after the other.
fn tunnel(mut stream: TcpStream, acceptor: &TlsAcceptor, state: &Mutex<State>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let line = head(&mut stream)?.into_iter().next()?;
    let host = line.strip_prefix("CONNECT ").and_then(|rest| rest.split_once(":443 ")).map(|(host, _)| host);
    let Some(host) = host.filter(|host| HOSTS.contains(host)).map(str::to_owned) else {
        state.lock().unwrap_or_else(PoisonError::into_inner).refused_hosts.push(line);
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").ok()?;
        return None;
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let mut stream = BufReader::new(acceptor.accept(stream).ok()?);
    loop {
        let (head, body) = request(&mut stream)?;
        let (status, rest, answer) = answer(&host, &head, &body, state);
        let rest = if rest > 0 { format!("Retry-After: {rest}\r\n") } else { String::new() };
        let head = format!(
            "HTTP/1.1 {status} X\r\n{rest}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        );
        stream.get_mut().write_all(head.as_bytes()).ok()?;
    }
}

/// Byte by byte: what follows belongs to TLS.
fn head(stream: &mut TcpStream) -> Option<Vec<String>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") && text.len() < 8192 {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        text.extend(byte);
    }
    Some(String::from_utf8(text).ok()?.lines().map(str::to_owned).collect())
}

fn request(stream: &mut BufReader<TlsStream<TcpStream>>) -> Option<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; usize::min(length, MOST_BODY)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn header<'h>(head: &'h [String], name: &str) -> Option<&'h str> {
    let mut fields = head.iter().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Status, seconds of rest, body.
fn answer(host: &str, head: &[String], body: &[u8], state: &Mutex<State>) -> (u16, u64, String) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let (to, body) = (format!("{host}{path}"), serde_json::from_slice(body).unwrap_or_default());
    let (status, rest, answer) = match state.planned.pop_front() {
        Some((status, rest)) => (status, rest, json!({"ok": false, "error": "planned"}).to_string()),
        None => {
            let (status, answer) = by_host(&to, head, &body, &mut state);
            (status, 0, answer)
        }
    };
    state.sent.push(Sent { to, status, body });
    (status, rest, answer)
}

fn by_host(to: &str, head: &[String], body: &Value, state: &mut State) -> (u16, String) {
    let is_json = header(head, "content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let is_post = head.first().is_some_and(|line| line.starts_with("POST "));
    if !is_post || !is_json {
        return (400, "invalid_payload".to_owned());
    }
    let webhook = |url: &str| url.strip_prefix("https://") == Some(to);
    if webhook(SLACK_WEBHOOK) {
        return match slack::check(body) {
            Ok(()) => (200, "ok".to_owned()),
            Err(refusal) => (refusal.status, refusal.code.to_owned()),
        };
    }
    if webhook(DISCORD_WEBHOOK) {
        return match discord::check(body) {
            Ok(()) => (204, String::new()),
            Err(refusal) => (refusal.status, json!({"code": 50035, "message": refusal.code}).to_string()),
        };
    }
    match to.strip_prefix("slack.com/api/") {
        // Slack's Web API says no in a 200.
        Some(method) => (200, bot(method, head, body, state).to_string()),
        None => (404, "no_service".to_owned()),
    }
}

/// `chat.postMessage` and `chat.update`.
fn bot(method: &str, head: &[String], body: &Value, state: &mut State) -> Value {
    let no = |error: &str| json!({"ok": false, "error": error});
    if header(head, "authorization") != Some(format!("Bearer {SLACK_TOKEN}").as_str()) {
        return no("invalid_auth");
    }
    let mut message = body.clone();
    let ts = message.as_object_mut().and_then(|fields| fields.remove("ts"));
    if let Err(refusal) = slack::check(&message) {
        return no(refusal.code);
    }
    let (channel, ts) = match (method, message["channel"].as_str(), ts) {
        // People name a channel, and Slack answers with its id.
        ("chat.postMessage", Some("#ci"), None) => {
            let ts = format!("1700000000.{:06}", state.sent.len());
            state.messages.push((ts.clone(), message));
            ("C0123456789", ts)
        }
        // Only the id will do.
        ("chat.update", Some("C0123456789"), Some(ts)) => {
            let ts = ts.as_str().unwrap_or_default().to_owned();
            match state.messages.iter_mut().find(|(known, _)| *known == ts) {
                Some((_, old)) => *old = message,
                None => return no("message_not_found"),
            }
            ("C0123456789", ts)
        }
        ("chat.postMessage" | "chat.update", _, _) => return no("channel_not_found"),
        _ => return no("unknown_method"),
    };
    json!({"ok": true, "channel": channel, "ts": ts})
}
