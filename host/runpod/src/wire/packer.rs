//! What a worker sends back while attempts end, and at last.
//!
//! Every attempt is compressed twice. Stream chunks stand alone, since whoever reads them may have missed the ones
//! before; the job's output is one long stream, in which outputs that resemble each other cost nearly nothing.
//! When that outgrows its limit, it is written again with less of every attempt, and what follows is cut alike.

use std::collections::VecDeque;
use std::io::{self, Write};

use serde_json::Value;

use super::envelope::{self, Compressor};
use super::parts::{MAX_FILES_TOGETHER, PartLimits};
use super::record::Outgoing;
use super::squeeze::{Squeeze, Tally};
use super::{Part, Parts, ShardHead, WireAttempt, WireError};

/// Bytes of small attempts that wait for a chunk, before compression: a few seconds of a busy worker.
const WAITING: u64 = 4 << 20;
/// When the output is written again it should come out below its limit at once: sizes are estimated.
const AIM_PERCENT: u64 = 95;

/// How large what is sent may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackerLimits {
    /// Bytes of a stream chunk's JSON text.
    pub chunk: usize,
    /// Bytes of the output's JSON text.
    pub output: usize,
    /// Bytes of a chunk or of the output before compression: it is what the host has to hold.
    pub raw: u64,
}

impl Default for PackerLimits {
    /// RunPod takes chunks of 1 MB and outputs of 10 MB; what exactly it counts is unknown, so there is a margin.
    fn default() -> Self {
        Self { chunk: 950_000, output: 8_000_000, raw: 128 << 20 }
    }
}

/// Packs a shard's attempts as they end.
///
/// Memory stays bounded: twice the output's limit, a window of 8 MiB, 4 MiB that wait, and the attempt that is pushed.
/// Compressing happens on the caller's thread: 30 kB of an attempt take about half a millisecond
/// (`examples/wire_figures.rs`).
pub struct Packer {
    limits: PackerLimits,
    waiting: Waiting,
    ready: VecDeque<Value>,
    /// Whatever went wrong first; it is told at the end.
    output: Result<Output, WireError>,
}

impl Packer {
    /// An empty one.
    #[must_use]
    pub fn new(limits: PackerLimits) -> Self {
        Self { limits, waiting: Waiting::default(), ready: VecDeque::new(), output: Output::new(limits) }
    }

    /// A stream chunk with the head alone.
    ///
    /// # Errors
    /// When it cannot be compressed, or is larger than a chunk may be.
    pub fn head_chunk(&self, head: &ShardHead) -> Result<Value, WireError> {
        let compressed = head.record()?.compressed()?;
        if compressed.len() > envelope::room(self.limits.chunk) {
            return Err(too_large("the shard's head", self.limits.chunk));
        }
        Ok(envelope::seal(&compressed))
    }

    /// Takes an attempt; returns the stream chunks that became full, oldest first. An attempt that is too large for a
    /// chunk is cut there; [`Packer::finish`] may hold more of it.
    pub fn push(&mut self, attempt: WireAttempt) -> Vec<Value> {
        if let Ok(output) = &mut self.output
            && let Err(error) = output.add(&attempt)
        {
            self.output = Err(error);
        }
        self.put_into_chunks(&attempt);
        self.ready.drain(..).collect()
    }

    /// A stream chunk with what waits; `None` when nothing does. For callers that want attempts to be seen soon: every
    /// second or so, until `None` (what waits may fill more than one chunk).
    pub fn flush(&mut self) -> Option<Value> {
        if self.ready.is_empty() {
            self.pack_waiting();
        }
        self.ready.pop_front()
    }

    /// The job's output: the head and every attempt that was pushed, whether or not it was in a chunk.
    ///
    /// # Errors
    /// When it cannot be compressed, or there are too many attempts to say even how each ended.
    pub fn finish(self, head: &ShardHead) -> Result<Value, WireError> {
        let head = head.record()?.compressed()?;
        let room = envelope::room(self.limits.output);
        let left =
            room.checked_sub(head.len()).ok_or_else(|| too_large("the shard's head", self.limits.output))?;
        // Two compressed streams, one after the other, are one.
        let attempts = self.output?.finish(left)?;
        Ok(envelope::seal(&[head, attempts].concat()))
    }

    fn put_into_chunks(&mut self, attempt: &WireAttempt) {
        let mut everything = Squeeze::NONE;
        let Ok(record) = attempt.record(&mut everything, usize::MAX, &mut Tally::default()) else {
            // The output was given the same, and `finish` tells.
            return;
        };
        // Even what cannot be compressed at all grows by less than this.
        let surely = (envelope::room(self.limits.chunk) / 64 * 63).saturating_sub(1024) as u64;
        if record.size() > surely.min(self.limits.raw) {
            self.pack_waiting();
            // When nothing of it fits, the output still has it.
            self.ready.extend(pack_attempt(attempt, self.limits));
            return;
        }
        if self.waiting.bytes.len() as u64 + record.size() > self.limits.raw.min(WAITING) {
            self.pack_waiting();
        }
        self.waiting.add(&record);
    }

    fn pack_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.pack(envelope::room(self.limits.chunk), &mut self.ready);
    }
}

/// A stream chunk for one attempt, with as much of it as fits. `None` when that is not even how it ended.
///
/// A [`Packer`] does more: it batches, and keeps all for the output.
#[must_use]
pub fn pack_attempt(attempt: &WireAttempt, limits: PackerLimits) -> Option<Value> {
    let room = envelope::room(limits.chunk);
    let mut squeeze = Squeeze::NONE;
    loop {
        let mut tally = Tally::default();
        let record = attempt.record(&mut squeeze, usize::MAX, &mut tally).ok()?;
        let mut aim = limits.raw;
        if record.size() <= limits.raw {
            let compressed = record.compressed().ok()?;
            if compressed.len() <= room {
                return Some(envelope::seal(&compressed));
            }
            aim = estimate(tally.total(), room, compressed.len());
        }
        squeeze = tally.squeeze(aim, squeeze)?;
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Records that wait for a chunk.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Waiting {
    fn add(&mut self, record: &Outgoing<'_>) {
        // Memory takes it all, and its description was small enough before.
        if record.write(&mut self.bytes).is_ok() {
            self.ends.push(self.bytes.len());
        }
    }

    fn pack(&self, room: usize, chunks: &mut VecDeque<Value>) {
        pack_between(&self.bytes, 0, &self.ends, room, chunks);
    }
}

/// One chunk when it fits, else halves.
fn pack_between(bytes: &[u8], start: usize, ends: &[usize], room: usize, chunks: &mut VecDeque<Value>) {
    let Some(records) = ends.last().and_then(|end| bytes.get(start..*end)) else { return };
    match envelope::compress(records) {
        Ok(compressed) if compressed.len() <= room => chunks.push_back(envelope::seal(&compressed)),
        _ if ends.len() > 1 => {
            let (first, second) = ends.split_at(ends.len() / 2);
            pack_between(bytes, start, first, room, chunks);
            pack_between(bytes, first.last().copied().unwrap_or(start), second, room, chunks);
        }
        // A single one was seen to fit; without memory to compress it, the output is left.
        _ => {}
    }
}

/// The attempts of the job's output, compressed.
struct Output {
    limits: PackerLimits,
    attempts: Compressor,
    squeeze: Squeeze,
    tally: Tally,
    files: usize,
}

impl Output {
    fn new(limits: PackerLimits) -> Result<Self, WireError> {
        Ok(Self {
            limits,
            attempts: envelope::compressor().map_err(failed)?,
            squeeze: Squeeze::NONE,
            tally: Tally::default(),
            files: 0,
        })
    }

    fn add(&mut self, attempt: &WireAttempt) -> Result<(), WireError> {
        self.write(attempt)?;
        let room = envelope::room(self.limits.output);
        // Room for as much again before the next time, so that it does not happen with every attempt.
        if self.attempts.get_ref().len() > room.saturating_mul(2) || self.tally.total() > self.limits.raw {
            self.shrink(room, self.limits.raw / 2)?;
        }
        Ok(())
    }

    fn write(&mut self, attempt: &WireAttempt) -> Result<(), WireError> {
        let files_left = MAX_FILES_TOGETHER.saturating_sub(self.files);
        let mut tally = Tally::default();
        let mut record = attempt.record(&mut self.squeeze, files_left, &mut tally)?;
        // One that is too large by itself is no reason to cut all others.
        let mut squeeze = self.squeeze;
        while record.size() > self.limits.raw / 2
            && let Some(harder) = tally.squeeze(self.limits.raw / 2, squeeze)
        {
            squeeze = harder;
            tally = Tally::default();
            record = attempt.record(&mut squeeze, files_left, &mut tally)?;
        }
        record.write(&mut self.attempts).map_err(failed)?;
        self.files = self.files.saturating_add(attempt.file_count());
        self.tally.merge(&tally);
        Ok(())
    }

    /// Writes everything again, with less of every attempt, until it takes at most `room` bytes compressed and `raw` bytes
    /// uncompressed.
    fn shrink(&mut self, room: usize, raw: u64) -> Result<(), WireError> {
        loop {
            self.attempts.flush().map_err(failed)?;
            // What ends the stream comes after it.
            let compressed = self.attempts.get_ref().len() + 64;
            let total = self.tally.total();
            if compressed <= room && total <= raw {
                return Ok(());
            }
            let aim = estimate(total, room, compressed).min(raw);
            self.squeeze = self
                .tally
                .squeeze(aim, self.squeeze)
                .ok_or_else(|| too_large("how the attempts ended", self.limits.output))?;
            self.write_again()?;
        }
    }

    fn write_again(&mut self) -> Result<(), WireError> {
        let before = std::mem::replace(&mut self.attempts, envelope::compressor().map_err(failed)?);
        let before = before.finish().map_err(failed)?;
        self.tally = Tally::default();
        self.files = 0;
        let limits = PartLimits { text: usize::MAX, raw: u64::MAX, attempts: usize::MAX };
        for part in Parts::of(before, limits)? {
            if let Part::Attempt(attempt) = part? {
                self.write(&attempt)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, room: usize) -> Result<Vec<u8>, WireError> {
        self.attempts.flush().map_err(failed)?;
        self.shrink(room, self.limits.raw)?;
        self.attempts.finish().map_err(failed)
    }
}

/// How many bytes may be written so that they compress to `room`, if they compress as `total` bytes did.
fn estimate(total: u64, room: usize, compressed: usize) -> u64 {
    let fits = u128::from(total) * room as u128 / (compressed.max(1) as u128);
    let aim = fits.saturating_mul(u128::from(AIM_PERCENT)) / 100;
    u64::try_from(aim).unwrap_or(u64::MAX)
}

fn failed(error: io::Error) -> WireError {
    WireError::Compressor(error.to_string())
}

const fn too_large(what: &'static str, limit: usize) -> WireError {
    WireError::TooLarge { what, limit: limit as u64, unit: "bytes of text" }
}
