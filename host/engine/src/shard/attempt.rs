//! One attempt: from the order to what goes back.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flaky_core::attempt::{Exit, Usage};
use flaky_exec::{
    AttemptNote, AttemptPaths, AttemptSpec, CollectedFile, ExecError, Purpose, RawAttempt, Spooled,
};
use flaky_runpod::wire::{WireAttempt, WireFile, WireOrder, WireStream};

use super::fill::Places;
use crate::attempt::command_in_words;
use crate::environment::Environment;

/// Room for report and tree files of an attempt, however little is kept of its output: without them its tests are
/// unknown. Ten times the JUnit report of a suite of 10,000 tests.
const FILES_AT_LEAST: u64 = 16 << 20;

/// What all attempts of a shard have in common.
#[derive(Debug)]
pub(super) struct Common {
    /// What every environment begins with, installation included.
    pub(super) base: Environment,
    pub(super) env_dir: Option<PathBuf>,
    pub(super) blobs: Vec<Vec<u8>>,
    pub(super) timeout: Duration,
    /// Bytes of output per attempt, and of files at least.
    pub(super) quota: u64,
}

impl Common {
    /// What the executor is to run.
    pub(super) fn spec(&self, order: &WireOrder, paths: &AttemptPaths) -> Result<AttemptSpec, ExecError> {
        let places = Places::of_attempt(self.env_dir.as_deref(), paths);
        let command = places.command(&order.command);
        let mut env = self.base.clone();
        env.apply(&command.env);
        let mut support_files = Vec::with_capacity(order.support.len());
        for (path, blob) in &order.support {
            let content = usize::try_from(*blob).ok().and_then(|blob| self.blobs.get(blob));
            let content = content.ok_or_else(|| ExecError::Setup {
                step: format!("write the support file `{path}`"),
                reason: format!("the order has no content of number {blob}"),
            })?;
            support_files.push((PathBuf::from(path), places.bytes(content)));
        }
        Ok(AttemptSpec {
            index: order.index,
            seed: order.seed,
            argv: command.argv.into_iter().map(Into::into).collect(),
            env: env.into_variables(),
            working_directory: PathBuf::from(command.cwd),
            timeout: self.timeout,
            support_files,
            purpose: Purpose::Test,
        })
    }
}

/// An attempt as it goes back. Blocks.
pub(super) fn packed(raw: &RawAttempt, quota: u64) -> WireAttempt {
    let mut room = quota.max(FILES_AT_LEAST);
    let reports = raw.report_files.iter().map(|f| file(f, &mut room)).collect();
    let tree = raw.tree_files.iter().map(|f| file(f, &mut room)).collect();
    WireAttempt {
        index: raw.index,
        seed: raw.seed,
        exit: raw.exit,
        usage: raw.usage,
        stdout: stream(&raw.stdout, quota),
        stderr: stream(&raw.stderr, quota),
        reports,
        tree,
        notes: raw.notes.iter().filter_map(note).collect(),
        error: None,
    }
}

/// An attempt that could not be made.
pub(super) fn not_made(order: &WireOrder, error: &ExecError) -> WireAttempt {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    WireAttempt {
        index: order.index,
        seed: order.seed,
        exit: Exit::NotFound,
        usage: Usage::default(),
        stdout: WireStream::default(),
        stderr: WireStream::default(),
        reports: Vec::new(),
        tree: Vec::new(),
        notes: Vec::new(),
        error: Some(format!("`{}`: {error}{hint}", command_in_words(&order.command.argv))),
    }
}

/// The executor has cut it already; the limit holds should it not have.
pub(super) fn stream(spooled: &Spooled, quota: u64) -> WireStream {
    match read(&spooled.path, quota) {
        Ok(bytes) => {
            let read = bytes.len() as u64;
            let cut = spooled.cut.or_else(|| (read < spooled.size).then_some((read, spooled.size)));
            WireStream { bytes, cut }
        }
        // What cannot be read any more was printed nevertheless.
        Err(_) => WireStream { bytes: Vec::new(), cut: (spooled.size > 0).then_some((0, spooled.size)) },
    }
}

/// Files are brought back whole or not at all: half a report misleads.
pub(super) fn file(file: &CollectedFile, room: &mut u64) -> WireFile {
    let left_out = || WireFile { name: file.name.clone(), bytes: Vec::new(), left_out: true };
    match read(&file.path, room.saturating_add(1)) {
        Ok(bytes) if bytes.len() as u64 <= *room => {
            *room -= bytes.len() as u64;
            WireFile { name: file.name.clone(), bytes, left_out: false }
        }
        _ => left_out(),
    }
}

fn read(path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(at_most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Kind and number, as they are written everywhere else.
pub(super) fn note(note: &AttemptNote) -> Option<(String, u64)> {
    let written = serde_json::to_value(note).ok()?;
    let (kind, number) = written.as_object()?.iter().next()?;
    Some((kind.clone(), number.as_u64()?))
}
