//! Writing and reading at once, with a deadline: a child may stop reading, or speak before it has read.

use std::io::{self, Read, Write};
use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use super::parent::ERROR_BYTES;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Chunks that wait to be kept: a child that says much is held up by its pipe, and takes no memory of ours.
const WAITING: usize = 4;

/// Everything that a child said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) reply: Vec<u8>,
    /// The beginning of what it wrote to standard error.
    pub(super) errors: Vec<u8>,
    pub(super) ended: Ended,
}

/// Why nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It closed its pipes.
    ByItself,
    /// The deadline came.
    Deadline,
    /// It said more than it may.
    TooLong,
}

/// A piece of what the child says on one of its pipes.
enum Heard {
    Reply(Vec<u8>),
    Error(Vec<u8>),
    Failed(io::Error),
}

/// Gives the child `input`, and hears it until it closes both of its pipes, says more than `most` bytes, or the deadline
/// comes; in the last two cases it is killed. Each pipe has a thread, which the end of the child ends.
pub(super) fn talk(child: &mut Child, input: &[u8], most: usize, deadline: Instant) -> io::Result<Said> {
    let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    thread::scope(|scope| {
        let (sender, heard) = sync_channel(WAITING);
        let to_errors = sender.clone();
        // One that the child has closed is nobody's fault: what it has to say is in its reply.
        scope.spawn(move || drop(stdin.write_all(input)));
        scope.spawn(move || pass_on(stdout, &sender, Heard::Reply));
        scope.spawn(move || pass_on(stderr, &to_errors, Heard::Error));
        let mut said = Said { reply: Vec::new(), errors: Vec::new(), ended: Ended::ByItself };
        let mut failed = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match heard.recv_timeout(left) {
                Ok(Heard::Reply(chunk)) => {
                    if !keep(&mut said.reply, &chunk, most) {
                        said.ended = Ended::TooLong;
                        break;
                    }
                }
                // Of what it complains about, the beginning does.
                Ok(Heard::Error(chunk)) => drop(keep(&mut said.errors, &chunk, ERROR_BYTES)),
                Ok(Heard::Failed(error)) => {
                    failed = Some(error);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {
                    said.ended = Ended::Deadline;
                    break;
                }
                // Both threads have read to the end.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if said.ended != Ended::ByItself || failed.is_some() {
            // If it is gone already, so much the better. Its pipes close with it, and the threads end.
            let _ = child.kill();
        }
        failed.map_or(Ok(said), Err)
    })
}

/// Until the pipe is closed, or nobody listens any more.
fn pass_on(mut pipe: impl Read, to: &SyncSender<Heard>, as_heard: fn(Vec<u8>) -> Heard) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let heard = match pipe.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => as_heard(chunk[..read].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Heard::Failed(error),
        };
        let over = matches!(heard, Heard::Failed(_));
        if to.send(heard).is_err() || over {
            return;
        }
    }
}

/// Whether all of it fits.
fn keep(kept: &mut Vec<u8>, chunk: &[u8], most: usize) -> bool {
    let fits = chunk.len().min(most - kept.len());
    kept.extend_from_slice(&chunk[..fits]);
    fits == chunk.len()
}
