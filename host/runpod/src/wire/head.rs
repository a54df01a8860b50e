//! Heads as records.

use super::attempt::shortened;
use super::record::{self, Incoming, Outgoing};
use super::{ShardFailure, ShardHead, Side, WIRE_VERSION, WireError};

/// Obstacles and notes of a head: a dozen kinds of each are known.
const MAX_LINES: usize = 100;
/// Bytes of one text: the end of an installer's output is the longest.
const MAX_TEXT: usize = 16 << 10;

impl ShardHead {
    /// The head as a record; texts beyond any sense are cut.
    pub(super) fn record(&self) -> Result<Outgoing<'static>, WireError> {
        let text = |text: &String| shortened(text, MAX_TEXT);
        let lines = |lines: &[(String, String)]| {
            lines.iter().take(MAX_LINES).map(|(a, b)| (text(a), text(b))).collect::<Vec<_>>()
        };
        let head = Self {
            version: WIRE_VERSION,
            run: self.run.clone(),
            shard: self.shard,
            worker_version: text(&self.worker_version),
            commit: self.commit.as_ref().map(text),
            best: self.best,
            used: self.used,
            obstacles: lines(&self.obstacles),
            notes: lines(&self.notes),
            failure: self.failure.as_ref().map(|failure| ShardFailure {
                kind: failure.kind,
                why: text(&failure.why),
                hint: failure.hint.as_ref().map(text),
            }),
        };
        let description = serde_json::to_vec(&head).map_err(|e| WireError::Compressor(e.to_string()))?;
        Ok(Outgoing { kind: record::HEAD, description, data: Vec::new() })
    }

    /// Reads a record.
    pub(super) fn from_record(record: &Incoming, writer: Side) -> Result<Self, WireError> {
        let head: Self = record::describe(&record.description, writer, "the shard")?;
        if head.version != WIRE_VERSION {
            return Err(WireError::Version { writer, found: u64::from(head.version) });
        }
        let texts = [Some(&head.worker_version), head.commit.as_ref()];
        let failure = head.failure.iter().flat_map(|f| [Some(&f.why), f.hint.as_ref()]);
        let lines = head.obstacles.iter().chain(&head.notes).flat_map(|(a, b)| [Some(a), Some(b)]);
        let mark = '…'.len_utf8();
        let long = texts.into_iter().chain(failure).chain(lines).flatten().any(|t| t.len() > MAX_TEXT + mark);
        if long || head.obstacles.len().max(head.notes.len()) > MAX_LINES {
            let why = "what it says of the shard is too long".into();
            return Err(WireError::Malformed { writer, why });
        }
        Ok(head)
    }
}
