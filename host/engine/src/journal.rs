//! What survives `kill -9`: one folder per run with its plan (`run.json`), a line per finished attempt
//! (`journal.jsonl`, appended as they end) and at last the report (`report.json`). A run on an endpoint keeps more there:
//! see `remote/store.rs`.
//!
//! These files are read by later versions: every struct here is a versioned mirror, not a domain type.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, RunId, Seed, TestId};
use flaky_core::report::{IsolationUsed, RunReport, SeedReport};
use flaky_core::settings::{Condition, Dollars, FailOn, IsolationChoice, NetworkChoice, Shards, StopRule};
use flaky_files::{Readers, make_private_folder, write_whole};
use serde::{Deserialize, Serialize};

/// Version of [`RunRecord`] and [`JournalLine`].
const RECORD_VERSION: u32 = 1;

/// How many finished runs are kept. A run's folder is a few hundred kilobytes at most; fifty are enough to look
/// back over a day's work, and few enough that nobody has to clean up.
const RUNS_KEPT: usize = 50;

/// All that is needed to run an attempt of an earlier run again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this shape.
    pub record_version: u32,
    /// Which run.
    pub run: RunId,
    /// Folder (absolute) or repository URL.
    pub source: String,
    /// What was asked for.
    pub reference: Option<String>,
    /// Commit that was tested, when known.
    pub commit: Option<String>,
    /// The command as the user knows it.
    pub command: Vec<String>,
    /// Relative to the source.
    pub working_directory: String,
    /// Seconds per attempt.
    pub timeout: u32,
    /// What attempts got.
    pub isolation: IsolationUsed,
    /// Variables that settings gave to the tests; without the value where the name looks like a secret's.
    pub env: Vec<(String, Option<String>)>,
    /// Whether dependencies were installed.
    pub install: bool,
    /// Configuration file that was named on the command line, absolute.
    pub config: Option<PathBuf>,
    /// Plugins named on the command line, absolute.
    pub plugins: Vec<String>,
    /// What differed between attempts beside the seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Seed of every planned attempt, by index.
    pub seeds: Vec<Seed>,
    /// What a run on an endpoint needs to go on, when it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteRecord>,
}

/// What a run on an endpoint needs to go on after its client is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteRecord {
    /// The endpoint's id.
    pub endpoint: Option<String>,
    /// Somebody named the command; otherwise the framework proposed it, and will again.
    pub command_named: bool,
    /// Attempts side by side on one worker.
    pub parallelism: u32,
    /// What was asked for; [`RunRecord::isolation`] is what attempts got.
    pub isolation_asked: IsolationChoice,
    /// Which network.
    pub network: NetworkChoice,
    /// When to stop.
    pub stop: StopRule,
    /// From which verdict on the exit code says failure.
    pub fail_on: FailOn,
    /// How seeds were chosen.
    pub seeds: SeedReport,
    /// The user's word on the number of shards.
    pub shards: Option<Shards>,
    /// What the run may cost.
    pub budget: Option<Dollars>,
}

/// One finished attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Which.
    pub attempt: AttemptIndex,
    /// Its seed.
    pub seed: Seed,
    /// Repeated with nothing beside it.
    pub alone: bool,
    /// Made without the other tests of the suite.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub selected: bool,
    /// Made at the commit that the run compares with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
    /// How its command ended.
    pub exit: Exit,
    /// Seconds.
    pub wall_seconds: f64,
    /// Tests that a parser read.
    pub tests: u32,
    /// Those that failed.
    pub failed: Vec<TestId>,
    /// Why it does not count, when it does not.
    pub set_aside: Option<String>,
}

/// An open run folder.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    lines: File,
}

impl Journal {
    /// Makes the run's folder and writes its record. Removes the oldest runs beyond `RUNS_KEPT`.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn create(runs: &Path, record: &RunRecord) -> io::Result<Self> {
        // Failures may quote what tests print, which may be confidential: for this user's eyes only.
        make_private_folder(runs)?;
        prune(runs, RUNS_KEPT);
        let folder = runs.join(record.run.as_str());
        make_private_folder(&folder)?;
        write_whole(&folder.join("run.json"), Readers::Owner, &to_json(record)?)?;
        let lines = OpenOptions::new().create(true).append(true).open(folder.join("journal.jsonl"))?;
        // A run that is resumed tells of every attempt again.
        lines.set_len(0)?;
        Ok(Self { folder, lines })
    }

    /// Appends one line in one write, so that a kill leaves whole lines and at most one cut one.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn append(&mut self, line: &JournalLine) -> io::Result<()> {
        let mut text = to_json(line)?;
        text.push(b'\n');
        self.lines.write_all(&text)
    }

    /// Keeps the report in the run's folder, beside the journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_report(folder: &Path, report: &RunReport) -> io::Result<()> {
        write_whole(&folder.join("report.json"), Readers::Owner, &to_json(report)?)
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Why an earlier run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No such run.
    #[error("there is no run `{run}` in `{}`", folder.display())]
    Unknown {
        /// What was asked for.
        run: RunId,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There is one, but it cannot be read.
    #[error("the record of run `{run}` cannot be read: {why}")]
    Unreadable {
        /// Which.
        run: RunId,
        /// Why.
        why: String,
    },
}

/// Reads the record of an earlier run.
///
/// # Errors
/// When there is none, it is damaged, or a later `flaky` wrote it.
pub fn read_record(runs: &Path, run: &RunId) -> Result<RunRecord, RecordError> {
    let record: RunRecord = read_json(runs, run, "run.json")?;
    if record.record_version > RECORD_VERSION {
        let why = format!(
            "its version is {}, this `flaky` knows {RECORD_VERSION}: upgrade it",
            record.record_version
        );
        return Err(RecordError::Unreadable { run: run.clone(), why });
    }
    Ok(record)
}

/// Reads the report of an earlier run.
///
/// # Errors
/// When there is none (the run was killed) or it is damaged.
pub fn read_report(runs: &Path, run: &RunId) -> Result<RunReport, RecordError> {
    read_json(runs, run, "report.json")
}

fn read_json<T: serde::de::DeserializeOwned>(runs: &Path, run: &RunId, name: &str) -> Result<T, RecordError> {
    let unreadable = |why: String| RecordError::Unreadable { run: run.clone(), why };
    let bytes = match fs::read(runs.join(run.as_str()).join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(RecordError::Unknown { run: run.clone(), folder: runs.to_owned() });
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))
}

/// The present version of [`RunRecord`].
#[must_use]
pub const fn record_version() -> u32 {
    RECORD_VERSION
}

fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}

/// Best effort: an old run that cannot be removed is no reason to refuse a new one.
fn prune(runs: &Path, keep: usize) {
    let Ok(entries) = fs::read_dir(runs) else { return };
    let mut folders: Vec<_> = entries
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(|n| n.parse::<RunId>().is_ok()))
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    folders.sort_unstable_by(|a, b| b.cmp(a));
    for (_, folder) in folders.iter().skip(keep.saturating_sub(1)) {
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run: &str) -> RunRecord {
        RunRecord {
            record_version: RECORD_VERSION,
            run: run.parse().unwrap(),
            source: "/srv/project".into(),
            reference: None,
            commit: None,
            command: vec!["pytest".into()],
            working_directory: String::new(),
            timeout: 300,
            isolation: IsolationUsed::Full,
            env: vec![],
            install: true,
            config: None,
            plugins: vec![],
            conditions: vec![],
            seeds: vec![Seed(1), Seed(2)],
            remote: None,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        Journal::create(folder.path(), &record("a-1")).unwrap();
        assert_eq!(read_record(folder.path(), &"a-1".parse().unwrap()).unwrap(), record("a-1"));
    }

    #[test]
    fn unknown_damaged_and_newer_records_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let run: RunId = "a-1".parse().unwrap();
        assert!(matches!(read_record(folder.path(), &run), Err(RecordError::Unknown { .. })));
        let mut newer = record("a-1");
        newer.record_version = RECORD_VERSION + 1;
        Journal::create(folder.path(), &newer).unwrap();
        assert!(read_record(folder.path(), &run).unwrap_err().to_string().contains("upgrade it"));
        fs::write(folder.path().join("a-1/run.json"), "{").unwrap();
        assert!(matches!(read_record(folder.path(), &run), Err(RecordError::Unreadable { .. })));
    }

    #[test]
    fn only_the_newest_runs_are_kept_and_foreign_folders_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("Not A Run")).unwrap();
        for i in 0..RUNS_KEPT + 5 {
            Journal::create(folder.path(), &record(&format!("r{i:03}"))).unwrap();
        }
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, RUNS_KEPT + 1);
        assert!(folder.path().join("Not A Run").exists());
        assert!(folder.path().join(format!("r{:03}", RUNS_KEPT + 4)).exists());
    }

    #[test]
    fn every_line_of_the_journal_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), &record("a-1")).unwrap();
        let line = JournalLine {
            attempt: AttemptIndex(3),
            seed: Seed(9),
            alone: false,
            selected: false,
            base: false,
            exit: Exit::Code(1),
            wall_seconds: 0.5,
            tests: 2,
            failed: vec![TestId::new("a::b")],
            set_aside: None,
        };
        journal.append(&line).unwrap();
        journal.append(&line).unwrap();
        let text = fs::read_to_string(journal.folder().join("journal.jsonl")).unwrap();
        let lines: Vec<JournalLine> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines, [line.clone(), line]);
    }
}
