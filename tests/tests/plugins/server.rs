//! A server on loopback that remembers what it was sent; it ends with its value.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// One request: its first line, the lines of its head, and its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers everything with this status line and a body that chats answer with. Its port has four digits.
    pub(crate) fn start(status: &'static str) -> Self {
        let mut ports = 2_000..10_000_u16;
        let listener = ports.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (all, over) = (Arc::clone(&requests), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let Some(request) = stream.ok().and_then(|stream| answer(stream, status).ok()) else {
                    continue;
                };
                all.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            }
        });
        Self { port, requests, ends, thread: Some(thread) }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was sent since it was asked last.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next one.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, status: &str) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut head) = (String::new(), Vec::new());
    reader.read_line(&mut line)?;
    loop {
        let mut text = String::new();
        reader.read_line(&mut text)?;
        match text.trim() {
            "" => break,
            text => head.push(text.to_ascii_lowercase()),
        }
    }
    let length = head.iter().find_map(|text| text.strip_prefix("content-length:"));
    let mut body = vec![0; length.and_then(|n| n.trim().parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let said = r#"{"ok": true, "ts": "1.5", "channel": "C1"}"#;
    let mut stream = stream;
    let fields =
        format!("content-type: application/json\r\ncontent-length: {}\r\nconnection: close", said.len());
    write!(stream, "HTTP/1.1 {status}\r\n{fields}\r\n\r\n{said}")?;
    Ok(Request { line: line.trim().to_owned(), head, body: String::from_utf8_lossy(&body).into_owned() })
}
