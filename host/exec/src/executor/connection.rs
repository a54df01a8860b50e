//! The line to one worker, and what becomes of it when nobody waits for its answer.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::Inner;
use crate::error::ExecError;
use crate::launcher::protocol::{self, Reply, Request};

/// One slot's worker.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) slot: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No worker yet.
    None,
    Idle(UnixStream),
    /// An attempt was given up; its worker is killing what it started.
    Ending(JoinHandle<()>),
}

impl Connection {
    pub(super) fn new(slot: usize) -> Self {
        Self { slot, state: State::None }
    }

    /// Sends a request and waits for its reply. If the future is dropped meanwhile, the worker ends what
    /// it does, and the next request goes to a new worker, after that.
    pub(super) async fn ask(&mut self, inner: &Inner, request: &Request) -> Result<Reply, ExecError> {
        let stream = self.idle_worker(inner).await?;
        let bytes = protocol::frame(request).map_err(ExecError::LauncherLost)?;
        let mut waiting = Waiting { stream: Some(stream), state: &mut self.state };
        let reply = waiting.exchange(&bytes).await;
        match reply {
            Ok(reply) => {
                if let Some(stream) = waiting.stream.take() {
                    *waiting.state = State::Idle(stream);
                }
                Ok(reply)
            }
            Err(e) => Err(ExecError::LauncherLost(e)),
        }
    }

    async fn idle_worker(&mut self, inner: &Inner) -> Result<UnixStream, ExecError> {
        if let State::Ending(task) = &mut self.state {
            // It only waits for the end of a stream; should it have panicked, the stream is closed too.
            let _ = task.await;
            self.state = State::None;
        }
        if let State::Idle(stream) = std::mem::replace(&mut self.state, State::None) {
            return Ok(stream);
        }
        let (stream, setup) = inner.new_worker(self.slot)?;
        let lost = ExecError::LauncherLost;
        stream.set_nonblocking(true).map_err(lost)?;
        let mut stream = UnixStream::from_std(stream).map_err(lost)?;
        let setup = protocol::frame(&setup).map_err(lost)?;
        stream.write_all(&setup).await.map_err(lost)?;
        Ok(stream)
    }
}

/// A request under way. Dropped with the stream still in it, it gives the attempt up.
struct Waiting<'a> {
    stream: Option<UnixStream>,
    state: &'a mut State,
}

impl Waiting<'_> {
    async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.write_all(request).await?;
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        let mut body = vec![0; protocol::frame_length(head)?];
        stream.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        // Without a runtime the program is ending: the stream closes, and the worker with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            *self.state = State::Ending(runtime.spawn(until_closed(stream)));
        }
    }
}

/// Tells the worker that nobody waits, and waits until it has cleaned up and left.
async fn until_closed(mut stream: UnixStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = [0; 4096];
    while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {}
}
