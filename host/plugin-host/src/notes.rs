//! What plugins say beside their results: log lines, and what they print to WASI's standard streams. All bounded; what
//! is too much is dropped and counted, and no plugin ever waits or fails for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clean;
use crate::error::Call;
use crate::limits::{LOG_BYTES, LOG_LINES, OUTPUT_BYTES};

/// How much a log line matters, in the plugin's own eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// During which call.
    pub call: Call,
    /// How much it matters.
    pub level: LogLevel,
    /// The text, cleaned.
    pub message: String,
}

/// What a plugin logged, in all its calls so far: the first lines, up to a bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginLog {
    /// In the order in which they were written.
    pub lines: Vec<LogLine>,
    /// How many more there were.
    pub dropped: u64,
    bytes: usize,
}

impl PluginLog {
    fn push(&mut self, line: LogLine) {
        let bytes = self.bytes.saturating_add(line.message.len());
        if self.lines.len() >= LOG_LINES || bytes > LOG_BYTES {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.bytes = bytes;
            self.lines.push(line);
        }
    }

    fn append(&mut self, other: Self) {
        self.dropped = self.dropped.saturating_add(other.dropped);
        other.lines.into_iter().for_each(|line| self.push(line));
    }
}

/// A plugin's log over all its calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedLog(Arc<Mutex<PluginLog>>);

impl SharedLog {
    pub(crate) fn append(&self, log: PluginLog) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(log);
    }

    pub(crate) fn snapshot(&self) -> PluginLog {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is known of a running call even when its future is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Notes(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    stage: Call,
    log: PluginLog,
    /// The end of what was printed.
    printed: VecDeque<u8>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            stage: Call::Start,
            log: PluginLog::default(),
            printed: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each update stands for itself, so that a panic elsewhere leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, stage: Call) {
        self.lock().stage = stage;
    }

    pub(crate) fn stage(&self) -> Call {
        self.lock().stage
    }

    pub(crate) fn log(&self, level: LogLevel, message: String) {
        let mut state = self.lock();
        let call = state.stage;
        // The check comes before the cleaning: a million lines cost their transfer and no more.
        if state.log.lines.len() >= LOG_LINES {
            state.log.dropped = state.log.dropped.saturating_add(1);
            return;
        }
        let message = clean::capped(message, LOG_BYTES / 4);
        state.log.push(LogLine { call, level, message });
    }

    pub(crate) fn print(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let tail = &bytes[bytes.len().saturating_sub(OUTPUT_BYTES)..];
        let excess = (state.printed.len() + tail.len()).saturating_sub(OUTPUT_BYTES);
        state.printed.drain(..excess);
        state.printed.extend(tail);
    }

    pub(crate) fn take_log(&self) -> PluginLog {
        std::mem::take(&mut self.lock().log)
    }

    /// What the plugin printed; where it has no standard streams, what it logged as errors.
    pub(crate) fn stderr(&self) -> Option<String> {
        let state = self.lock();
        let printed: Vec<u8> = state.printed.iter().copied().collect();
        let text = if printed.is_empty() {
            let errors = state.log.lines.iter().filter(|l| l.level == LogLevel::Error);
            errors.map(|l| l.message.as_str()).collect::<Vec<_>>().join("\n")
        } else {
            String::from_utf8_lossy(&printed).into_owned()
        };
        let text = clean::capped(text.trim().to_owned(), OUTPUT_BYTES);
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_the_first_log_lines_and_the_last_bytes_stay() {
        let notes = Notes::new();
        for i in 0..1_000 {
            notes.log(LogLevel::Info, format!("line {i}"));
            notes.print(format!("{i:0>100}\n").as_bytes());
        }
        let log = notes.take_log();
        assert_eq!((log.lines.len(), log.dropped), (LOG_LINES, 1_000 - LOG_LINES as u64));
        assert_eq!(log.lines[0].message, "line 0");
        let printed = notes.stderr().unwrap();
        assert!(printed.len() <= OUTPUT_BYTES && printed.ends_with("999"), "{}", printed.len());
    }

    #[test]
    fn long_lines_fill_the_log_as_many_short_ones_do() {
        let notes = Notes::new();
        for _ in 0..10 {
            notes.log(LogLevel::Info, "x".repeat(LOG_BYTES));
        }
        let log = notes.take_log();
        assert_eq!((log.lines.len(), log.dropped), (4, 6));
    }

    #[test]
    fn one_print_larger_than_all_that_is_kept_leaves_its_end() {
        let notes = Notes::new();
        notes.print(b"before");
        notes.print(&[b'x'; OUTPUT_BYTES + 5]);
        assert_eq!(notes.stderr().map(|s| s.len()), Some(OUTPUT_BYTES));
    }
}
