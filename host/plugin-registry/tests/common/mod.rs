//! A server on loopback that says whatever a test has it say, byte for byte.
#![allow(dead_code, reason = "each test target uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What is said.
pub(crate) enum Say {
    /// Status and headers (each with its line end), then a body with its length.
    Answer(u16, String, Vec<u8>),
    /// Bytes as they are, then the connection is closed.
    Raw(Vec<u8>),
    /// A body without an announced length, until the other side has had enough or this many bytes are sent.
    Endless(u64),
    /// Nothing, until the other side gives up.
    Silence,
}

impl Say {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(200, String::new(), body.into())
    }

    pub(crate) fn to(location: &str) -> Self {
        Self::Answer(307, format!("Location: {location}\r\n"), Vec::new())
    }
}

/// Ends with the value.
pub(crate) struct Scripted {
    address: SocketAddr,
    /// Heads of all requests.
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// `say` is given the head of a request.
    pub(crate) fn new(say: impl Fn(&str) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (heads, stopped, say) = (Arc::clone(&heard), Arc::clone(&stop), Arc::new(say));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (heads, say) = (Arc::clone(&heads), Arc::clone(&say));
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || serve(stream, &heads, say.as_ref()));
            }
        });
        Self { address, heard, stop, thread: Some(thread) }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Requests of this method whose path begins so.
    pub(crate) fn count(&self, begin: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|head| head.starts_with(begin)).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, heard: &Mutex<Vec<String>>, say: &(dyn Fn(&str) -> Say + Send + Sync)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heard.lock().unwrap().push(head.clone());
    match say(&head) {
        Say::Answer(status, headers, body) => {
            let length = body.len();
            let begin = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
            );
            let _ = stream.write_all(begin.as_bytes()).and_then(|()| stream.write_all(&body));
        }
        Say::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Say::Endless(most) => {
            let mut left = most;
            let _ = stream.write_all(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n");
            while left > 0 && stream.write_all(&[0; 65536]).is_ok() {
                left = left.saturating_sub(65536);
            }
        }
        Say::Silence => {
            let _ = stream.read(&mut byte);
        }
    }
}
