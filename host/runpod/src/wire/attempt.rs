//! Attempts as records.

use flaky_core::attempt::{Exit, Usage};
use flaky_core::ids::{AttemptIndex, Seed};
use serde::{Deserialize, Serialize};

use super::path::{self, Empty};
use super::record::{self, Incoming, Outgoing};
use super::squeeze::{CutStream, Squeeze, Tally, Words};
use super::{Side, WireAttempt, WireError, WireFile, WireStream};

/// Files of one attempt. Executors collect at most a thousand; room for later ones.
pub(super) const MAX_FILES: usize = 4096;
/// Notes of one attempt: executors know four kinds.
const MAX_NOTES: usize = 64;
/// Bytes of a note's name.
const MAX_NOTE_NAME: usize = 64;
/// Bytes of an attempt's error: a sentence and what the system said to it.
const MAX_ERROR: usize = 4096;
/// The same where room is short.
const SHORT_ERROR: usize = 200;
/// Largest description of an attempt that is read: its files' names with room to spare.
pub(super) const MAX_DESCRIPTION: u64 = 2 << 20;
/// Most bytes of file names in a description that is written: six times over, as JSON may escape them, they still fit.
const MAX_NAMES: usize = 256 << 10;
/// How executors call the number of files that were not brought back.
const FILES_LEFT_BEHIND: &str = "files-left-behind";

#[derive(Serialize, Deserialize)]
struct Description {
    index: AttemptIndex,
    seed: Seed,
    exit: Exit,
    usage: Usage,
    stdout: StreamDescription,
    stderr: StreamDescription,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reports: Vec<FileDescription>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tree: Vec<FileDescription>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<(String, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StreamDescription {
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct FileDescription {
    name: String,
    /// None when it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl WireAttempt {
    /// Whether nothing of it was left out, by whomever: what a stream chunk holds of an attempt that is not whole may
    /// be less than what the job's output holds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let uncut = |stream: &WireStream| stream.cut.is_none();
        let left_behind = self.notes.iter().any(|(kind, _)| kind == FILES_LEFT_BEHIND);
        uncut(&self.stdout) && uncut(&self.stderr) && !left_behind && self.files().all(|file| !file.left_out)
    }

    /// Whether it holds more than another copy of the same attempt: more files, or as many and more bytes.
    #[must_use]
    pub fn holds_more_than(&self, other: &Self) -> bool {
        let held = |attempt: &Self| {
            let files = attempt.files().filter(|file| !file.left_out).count();
            let in_files: usize = attempt.files().map(|file| file.bytes.len()).sum();
            (files, in_files + attempt.stdout.bytes.len() + attempt.stderr.bytes.len())
        };
        held(self) > held(other)
    }

    fn files(&self) -> impl Iterator<Item = &WireFile> {
        self.reports.iter().chain(&self.tree)
    }

    /// The attempt as a record, with what `squeeze` leaves of it and at most `files_left` files; tells `tally` what that
    /// is. What is used of the extra is taken from it.
    pub(super) fn record(
        &self,
        squeeze: &mut Squeeze,
        files_left: usize,
        tally: &mut Tally,
    ) -> Result<Outgoing<'_>, WireError> {
        let streams = [&self.stdout, &self.stderr].map(|stream| stream.cut_to(squeeze.stream));
        let error_room = if squeeze.words == Words::Short { SHORT_ERROR } else { MAX_ERROR };
        let mut files = Files::new(squeeze, files_left);
        let reports = files.take(&self.reports);
        let tree = files.take(&self.tree);
        let [stdout, stderr] =
            streams.map(|stream| StreamDescription { size: stream.size(), cut: stream.cut });
        let description = Description {
            index: self.index,
            seed: self.seed,
            exit: self.exit,
            usage: self.usage,
            stdout,
            stderr,
            reports,
            tree,
            notes: notes(&self.notes, files.unnamed),
            error: self.error.as_deref().map(|error| shortened(error, error_room)),
        };
        let description =
            serde_json::to_vec(&description).map_err(|e| WireError::Compressor(e.to_string()))?;
        streams.iter().for_each(|stream| tally.stream(stream.size()));
        files.data.iter().for_each(|bytes| tally.file(bytes.len() as u64));
        let mut data: Vec<&[u8]> = streams.iter().flat_map(|stream| [stream.head, stream.tail]).collect();
        data.append(&mut files.data);
        let record = Outgoing { kind: record::ATTEMPT, description, data };
        tally.words(record.size() - record.data.iter().map(|part| part.len() as u64).sum::<u64>());
        Ok(record)
    }

    /// How many files a record of it names.
    pub(super) fn file_count(&self) -> usize {
        self.reports.len() + self.tree.len()
    }

    /// Reads a record.
    pub(super) fn from_record(record: Incoming, writer: Side) -> Result<Self, WireError> {
        let description: Description = record::describe(&record.description, writer, "an attempt")?;
        let malformed = |why: String| WireError::Malformed { writer, why };
        let index = description.index;
        if description.reports.len() + description.tree.len() > MAX_FILES {
            return Err(WireError::TooLarge { what: "an attempt", limit: MAX_FILES as u64, unit: "files" });
        }
        let notes_fit = description.notes.len() <= MAX_NOTES
            && description.notes.iter().all(|(kind, _)| kind.len() <= MAX_NOTE_NAME);
        if !notes_fit || description.error.as_ref().is_some_and(|error| error.len() > MAX_ERROR + 3) {
            return Err(malformed(format!("notes or error of attempt {index} are too long")));
        }
        let mut data = Data { bytes: record.data, at: 0 };
        let take = || malformed(format!("attempt {index} holds less data than it says"));
        let stdout = stream(&description.stdout, &mut data).ok_or_else(take)?;
        let stderr = stream(&description.stderr, &mut data).ok_or_else(take)?;
        let mut files = |list: Vec<FileDescription>| -> Result<Vec<WireFile>, WireError> {
            list.into_iter().map(|file| read_file(file, &mut data, writer, index)).collect()
        };
        let (reports, tree) = (files(description.reports)?, files(description.tree)?);
        let Description { seed, exit, usage, notes, error, .. } = description;
        for stream in [&stdout, &stderr] {
            if stream.cut.is_some_and(|(from, to)| from >= to || from > stream.bytes.len() as u64) {
                return Err(malformed(format!("output of attempt {index} was cut where it cannot be")));
            }
        }
        Ok(Self { index, seed, exit, usage, stdout, stderr, reports, tree, notes, error })
    }
}

impl CutStream<'_> {
    const fn size(&self) -> u64 {
        (self.head.len() + self.tail.len()) as u64
    }
}

/// The files of one attempt on their way into a record.
struct Files<'a, 's> {
    squeeze: &'s mut Squeeze,
    left: usize,
    names_left: usize,
    data: Vec<&'a [u8]>,
    /// Those of which nothing but their number is said.
    unnamed: u64,
}

impl<'a, 's> Files<'a, 's> {
    fn new(squeeze: &'s mut Squeeze, left: usize) -> Self {
        Self { squeeze, left: left.min(MAX_FILES), names_left: MAX_NAMES, data: Vec::new(), unnamed: 0 }
    }

    fn take(&mut self, files: &'a [WireFile]) -> Vec<FileDescription> {
        let mut taken = Vec::new();
        for file in files {
            let nameable = self.left > 0
                && file.name.len() <= self.names_left
                && path::inside(&file.name, Empty::Refused).is_ok();
            let kept = nameable && !file.left_out && self.squeeze.keeps_file(file.bytes.len() as u64);
            let named = nameable && (kept || self.squeeze.words == Words::Full);
            if !named {
                self.unnamed += 1;
                continue;
            }
            self.left -= 1;
            self.names_left -= file.name.len();
            if kept {
                self.data.push(&file.bytes);
            }
            let size = kept.then_some(file.bytes.len() as u64);
            taken.push(FileDescription { name: file.name.clone(), size });
        }
        taken
    }
}

/// The notes with what else was left behind.
fn notes(notes: &[(String, u64)], left_behind: u64) -> Vec<(String, u64)> {
    let mut kept: Vec<_> = notes.iter().filter(|(kind, _)| kind.len() <= MAX_NOTE_NAME).cloned().collect();
    if left_behind > 0 {
        match kept.iter_mut().find(|(kind, _)| kind == FILES_LEFT_BEHIND) {
            Some((_, number)) => *number = number.saturating_add(left_behind),
            None => kept.insert(0, (FILES_LEFT_BEHIND.to_owned(), left_behind)),
        }
    }
    kept.truncate(MAX_NOTES);
    kept
}

/// The beginning of a text that is too long, with a mark.
pub(super) fn shortened(text: &str, room: usize) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.split_at(end).0)
}

/// Data of a record, handed out from the front.
struct Data {
    bytes: Vec<u8>,
    at: usize,
}

impl Data {
    fn take(&mut self, size: u64) -> Option<Vec<u8>> {
        let end = self.at.checked_add(usize::try_from(size).ok()?)?;
        let taken = self.bytes.get(self.at..end)?.to_vec();
        self.at = end;
        Some(taken)
    }
}

fn stream(description: &StreamDescription, data: &mut Data) -> Option<WireStream> {
    Some(WireStream { bytes: data.take(description.size)?, cut: description.cut })
}

fn read_file(
    file: FileDescription,
    data: &mut Data,
    writer: Side,
    index: AttemptIndex,
) -> Result<WireFile, WireError> {
    let malformed = |why: String| WireError::Malformed { writer, why };
    path::inside(&file.name, Empty::Refused)
        .map_err(|why| malformed(format!("file `{}` of attempt {index}: {why}", path::shown(&file.name))))?;
    let bytes = match file.size {
        Some(size) => data
            .take(size)
            .ok_or_else(|| malformed(format!("attempt {index} holds less data than it says")))?,
        None => Vec::new(),
    };
    Ok(WireFile { name: file.name, bytes, left_out: file.size.is_none() })
}
