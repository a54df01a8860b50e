//! A platform that answers by a script, on real sockets, from a thread of its own; and a worker against it.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::job::{Answer, Job, JobContext, JobHandler};
use crate::platform::{Backoff, Settings, WorkError, work};

/// Nothing here takes a second; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// `take`, `stop`, `result`, `progress`, `stream` or `ping`.
    pub(super) what: &'static str,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) at: Instant,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The job in the path of results and parts.
    pub(super) fn job(&self) -> &str {
        self.target.split('?').next().unwrap().rsplit('/').next().unwrap()
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Status(u16),
    Body(String),
    /// The connection ends without an answer.
    Close,
    /// It ends in the middle of an answer.
    Cut,
    /// Nothing, until the client goes away.
    Hold,
    /// Later.
    After(CancellationToken, Box<Reply>),
    /// The head of an answer and half of its body at once, the rest later.
    HalfThen(CancellationToken, String),
}

pub(super) fn job(id: &str) -> Reply {
    Reply::Body(format!(r#"{{"id":"{id}","input":{{"n":1}}}}"#))
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// What requests were that the client went away from.
    left: Vec<&'static str>,
    script: HashMap<&'static str, VecDeque<Reply>>,
}

/// The running platform.
pub(super) struct Platform {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    _end: tokio_util::sync::DropGuard,
}

impl Platform {
    pub(super) fn start(script: &[(&'static str, Vec<Reply>)]) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self::start_on(listener, script)
    }

    pub(super) fn start_on(listener: std::net::TcpListener, script: &[(&'static str, Vec<Reply>)]) -> Self {
        let script =
            script.iter().map(|(what, replies)| (*what, replies.iter().cloned().collect())).collect();
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let (sender, changed) = watch::channel(0);
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let end = CancellationToken::new();
        let (shared, ended) = (Arc::clone(&state), end.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    tokio::select! {
                        () = ended.cancelled() => return,
                        accepted = listener.accept() => {
                            let (stream, _) = accepted.unwrap();
                            tokio::spawn(connection(stream, Arc::clone(&shared), sender.clone()));
                        }
                    }
                }
            });
        });
        Self { address, state, changed, _end: end.drop_guard() }
    }

    /// Waits until what was seen satisfies, and returns what it makes of it.
    pub(super) async fn until<T>(&self, mut found: impl FnMut(&[Seen]) -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = found(&self.seen()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        });
        waited.await.unwrap_or_else(|_| panic!("did not come: {:#?}", self.seen()))
    }

    /// Waits for the n-th request of a kind, counted from 1.
    pub(super) async fn nth(&self, what: &str, n: usize) -> Seen {
        self.until(|seen| seen.iter().filter(|seen| seen.what == what).nth(n - 1).cloned()).await
    }

    /// Waits until the client has gone away from a request.
    pub(super) async fn left(&self, what: &str) {
        let state = Arc::clone(&self.state);
        self.until(|_| state.lock().unwrap().left.contains(&what).then_some(())).await;
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(super) fn all(&self, what: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.what == what).collect()
    }

    /// Settings of a worker of this platform, with short times.
    pub(super) fn settings(&self) -> Settings {
        settings(self.address)
    }
}

pub(super) fn settings(address: SocketAddr) -> Settings {
    let base = format!("http://{address}/v2/ep");
    let mut settings = Settings::from_environment(|name| {
        Some(match name {
            "RUNPOD_WEBHOOK_GET_JOB" => format!("{base}/job-take/$ID?gpu=CPU+SIM"),
            "RUNPOD_WEBHOOK_POST_OUTPUT" => format!("{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=CPU+SIM"),
            "RUNPOD_WEBHOOK_POST_STREAM" => format!("{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=CPU+SIM"),
            "RUNPOD_WEBHOOK_PING" => format!("{base}/ping/$RUNPOD_POD_ID?gpu=CPU+SIM"),
            "RUNPOD_AI_API_KEY" => "the-key".to_owned(),
            "RUNPOD_POD_ID" => "pod-1".to_owned(),
            _ => return None,
        })
    })
    .unwrap()
    .unwrap();
    let millis = Duration::from_millis;
    settings.health_socket = None;
    let timings = &mut settings.timings;
    timings.waits.empty = Backoff { first: millis(2), most: millis(8) };
    timings.waits.not_yet = Backoff { first: millis(20), most: millis(40) };
    timings.waits.wrong = Backoff { first: millis(40), most: millis(80) };
    timings.waits.too_many = millis(60);
    timings.result_waits = Backoff { first: millis(4), most: millis(8) };
    settings
}

async fn connection(stream: TcpStream, state: Arc<Mutex<State>>, changed: watch::Sender<u64>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(seen) = request(&mut read).await {
        let what = seen.what;
        let mut reply = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen);
            state.script.get_mut(what).and_then(VecDeque::pop_front).unwrap_or_else(|| usual(what))
        };
        changed.send_modify(|n| *n += 1);
        while let Reply::After(gate, then) = reply {
            let gone = async { read.fill_buf().await.is_ok_and(<[u8]>::is_empty) };
            tokio::select! {
                () = gate.cancelled() => reply = *then,
                _ = gone => reply = Reply::Hold,
            }
        }
        let text = match reply {
            Reply::Status(status) => {
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nlocation: /\r\n\r\n")
            }
            Reply::Body(body) => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            Reply::Close => return,
            Reply::Cut => {
                let _ = write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":").await;
                return;
            }
            Reply::Hold => {
                // Ends when the client closes its side; it sends nothing before it has an answer.
                let _ = read.read_u8().await;
                state.lock().unwrap().left.push(what);
                changed.send_modify(|n| *n += 1);
                return;
            }
            Reply::HalfThen(gate, body) => {
                let (half, rest) = body.split_at(body.len() / 2);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", body.len());
                write.write_all(head.as_bytes()).await.unwrap();
                gate.cancelled().await;
                rest.to_owned()
            }
            Reply::After(..) => unreachable!("unwrapped above"),
        };
        if write.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn usual(what: &str) -> Reply {
    if matches!(what, "take" | "stop") { Reply::Hold } else { Reply::Status(200) }
}

async fn request(read: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    read.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    let what = match target.split('/').nth(3)? {
        "job-take" | "job-take-batch" => "take",
        "job-stop" => "stop",
        "job-done" if body.contains("IN_PROGRESS") => "progress",
        "job-done" => "result",
        "job-stream" => "stream",
        "ping" => "ping",
        other => panic!("unknown route {other}"),
    };
    Some(Seen { what, target, headers, body, at: Instant::now() })
}

type Doing = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Does jobs by a closure.
struct By<F>(F);

impl<F: Fn(Job, JobContext) -> Doing + Send + Sync + 'static> JobHandler for By<F> {
    fn handle(&self, job: Job, context: JobContext) -> impl Future<Output = Answer> + Send {
        (self.0)(job, context)
    }
}

/// A running worker.
pub(super) struct Worker {
    pub(super) shutdown: CancellationToken,
    task: JoinHandle<Result<(), WorkError>>,
}

impl Worker {
    pub(super) fn start<F, D>(settings: Settings, doing: F) -> Self
    where
        F: Fn(Job, JobContext) -> D + Send + Sync + 'static,
        D: Future<Output = Answer> + Send + 'static,
    {
        let shutdown = CancellationToken::new();
        let handler = By(move |job, context| -> Doing { Box::pin(doing(job, context)) });
        let task = tokio::spawn(work(settings, handler, shutdown.clone()));
        Self { shutdown, task }
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn end(self) {
        self.shutdown.cancel();
        self.ended().await;
    }

    pub(super) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("the worker ends").unwrap().unwrap();
    }
}
