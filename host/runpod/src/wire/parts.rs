//! What a worker sent back, as the host reads it.
//!
//! Stream chunks and the job's output are alike, and an attempt comes in both. Of the copies of an attempt one counts:
//! the first, or the one that holds more ([`WireAttempt::is_whole`], [`WireAttempt::holds_more_than`]).

use serde_json::Value;

use super::envelope::{self, Decompressor};
use super::record::{self, Bounds, Records};
use super::{ShardHead, Side, WireAttempt, WireError, attempt};

/// Files of all attempts of one chunk or output together: a thousand attempts with a thousand files each. Their names
/// take about 100 bytes of memory each.
pub(super) const MAX_FILES_TOGETHER: usize = 1_000_000;

/// One thing that a worker said.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Of the shard as a whole.
    Head(Box<ShardHead>),
    /// Of one attempt.
    Attempt(Box<WireAttempt>),
}

/// How much is read of one chunk or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// Bytes of text.
    pub text: usize,
    /// Bytes when decompressed.
    pub raw: u64,
    /// Attempts.
    pub attempts: usize,
}

impl Default for PartLimits {
    /// What the platform passes on at most, and twice what a [`Packer`](super::Packer) writes by default.
    fn default() -> Self {
        Self { text: 20_000_000, raw: 256 << 20, attempts: 50_000 }
    }
}

/// Reads the parts of one chunk or output one by one: memory for one at a time. Ends after the first error.
pub struct Parts {
    records: Option<Records<Decompressor>>,
    limits: PartLimits,
    attempts: usize,
    files: usize,
}

impl Parts {
    /// Opens a stream chunk or the output of a shard; hostile input.
    ///
    /// # Errors
    /// When it is not one, of another version, or too large.
    pub fn open(value: &Value, limits: PartLimits) -> Result<Self, WireError> {
        Self::of(envelope::open(value, Side::Worker, "the shard's data", limits.text)?, limits)
    }

    pub(super) fn of(compressed: Vec<u8>, limits: PartLimits) -> Result<Self, WireError> {
        let decompressor =
            envelope::decompressor(compressed).map_err(|e| WireError::Compressor(e.to_string()))?;
        let bounds = Bounds {
            writer: Side::Worker,
            what: "the shard's data",
            total: limits.raw,
            description: attempt::MAX_DESCRIPTION,
        };
        Ok(Self { records: Some(Records::new(decompressor, bounds)), limits, attempts: 0, files: 0 })
    }

    fn read(&mut self) -> Result<Option<Part>, WireError> {
        let Some(records) = &mut self.records else { return Ok(None) };
        let Some(record) = records.next(&[record::HEAD, record::ATTEMPT])? else { return Ok(None) };
        if record.kind == record::HEAD {
            return Ok(Some(Part::Head(Box::new(ShardHead::from_record(&record, Side::Worker)?))));
        }
        let too_large =
            |limit: usize, unit| WireError::TooLarge { what: "the shard's data", limit: limit as u64, unit };
        self.attempts += 1;
        if self.attempts > self.limits.attempts {
            return Err(too_large(self.limits.attempts, "attempts"));
        }
        let attempt = WireAttempt::from_record(record, Side::Worker)?;
        self.files += attempt.file_count();
        if self.files > MAX_FILES_TOGETHER {
            return Err(too_large(MAX_FILES_TOGETHER, "files"));
        }
        Ok(Some(Part::Attempt(Box::new(attempt))))
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Iterator for Parts {
    type Item = Result<Part, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.read().transpose();
        if !matches!(part, Some(Ok(_))) {
            self.records = None;
        }
        part
    }
}

/// Reads all parts of a stream chunk or of the output of a shard; hostile input.
///
/// # Errors
/// When it is not one, of another version, or too large. What could be read until then is left too: a worker that writes
/// nonsense is not to be trusted in part.
pub fn unpack_part(value: &Value, limits: PartLimits) -> Result<Vec<Part>, WireError> {
    Parts::open(value, limits)?.collect()
}
