//! What survives `kill -9` of a run on an endpoint, in the run's folder: `jobs.jsonl` names every shard and every job before
//! anything is heard of it, `arrived.jsonl` keeps every attempt before it is read, `source.pack` is a packed folder. With
//! them a later client takes in what is there, follows the jobs that the endpoint still knows, and submits the rest.
//!
//! A run asks for attempts in *calls*: the first one alone, the same at a lower level, all others, those repeated alone.
//! What a run asks for depends only on what earlier calls gave, so a resumed run makes the same calls in the same order,
//! and each finds its own attempts by its number.
//!
//! Lines are versioned mirrors, read by later versions; a line that was cut by the kill is passed over.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flaky_core::ids::AttemptIndex;
use flaky_core::report::IsolationUsed;
use flaky_runpod::JobId;
use flaky_runpod::fleet::Shard;
use flaky_runpod::wire::{Packer, PackerLimits, Part, PartLimits, ShardHead, WireAttempt, unpack_part};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest line read back: above anything that is written, and below what would hurt.
const LINE_BYTES: u64 = 512 << 20;

/// What is written of one attempt: what one message of the platform may hold, so that nothing is cut once more that a
/// worker has sent.
const WHOLE: PackerLimits = PackerLimits { chunk: 16_000_000, output: 16_000_000, raw: 128 << 20 };

/// One line of `jobs.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum JobLine {
    /// How a call was cut.
    Cut { call: u32, level: IsolationUsed, shards: Vec<(u32, Vec<AttemptIndex>)> },
    /// A job was taken by the endpoint.
    Submitted { shard: u32, job: JobId },
    /// A shard is through; what its last job took.
    Ended { shard: u32, seconds: u64 },
}

/// One line of `arrived.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct ArrivedLine {
    call: u32,
    part: Value,
}

/// What is known of one call.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// As it was cut; empty when it was not.
    pub(crate) shards: Vec<Shard>,
    /// Jobs by shard, oldest first.
    pub(crate) jobs: Vec<(u32, JobId)>,
    /// The last head that was heard.
    pub(crate) head: Option<ShardHead>,
    /// Each once.
    pub(crate) attempts: Vec<WireAttempt>,
}

/// What an earlier client spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) jobs: u32,
    pub(crate) seconds: u64,
}

/// An open folder of a run.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    files: Mutex<Files>,
    /// Of an earlier client, by number.
    calls: BTreeMap<u32, (IsolationUsed, Vec<Shard>)>,
    jobs: Vec<(u32, JobId)>,
    pub(crate) spent: Spent,
    /// The first number that no shard has.
    pub(crate) next_shard: u32,
}

#[derive(Debug)]
struct Files {
    jobs: File,
    arrived: File,
}

impl Store {
    /// Opens the folder of a run, which must exist; reads what an earlier client left there if the run is resumed, and
    /// forgets it otherwise.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(crate) fn open(folder: &Path, resume: bool) -> io::Result<Self> {
        let (jobs, arrived) = (folder.join("jobs.jsonl"), folder.join("arrived.jsonl"));
        let lines = if resume { read_lines::<JobLine>(&jobs)? } else { Vec::new() };
        let append = |path: &Path| {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            if !resume {
                file.set_len(0)?;
            } else if file.metadata()?.len() > 0 {
                // The last line may have been cut: whatever comes next begins a new one.
                file.write_all(b"\n")?;
            }
            Ok::<File, io::Error>(file)
        };
        let files = Mutex::new(Files { jobs: append(&jobs)?, arrived: append(&arrived)? });
        let mut store = Self {
            folder: folder.to_owned(),
            files,
            calls: BTreeMap::new(),
            jobs: Vec::new(),
            spent: Spent::default(),
            next_shard: 0,
        };
        lines.into_iter().for_each(|line| store.recall(line));
        Ok(store)
    }

    fn recall(&mut self, line: JobLine) {
        match line {
            JobLine::Cut { call, level, shards } => {
                let shards: Vec<Shard> =
                    shards.into_iter().map(|(number, attempts)| Shard { number, attempts }).collect();
                let last = shards.iter().map(|s| s.number.saturating_add(1)).max();
                self.next_shard = self.next_shard.max(last.unwrap_or(0));
                self.calls.insert(call, (level, shards));
            }
            JobLine::Submitted { shard, job } => {
                self.spent.jobs = self.spent.jobs.saturating_add(1);
                self.jobs.push((shard, job));
            }
            JobLine::Ended { shard, seconds } => {
                self.spent.seconds = self.spent.seconds.saturating_add(seconds);
                // What it took is known: following its job once more would count it twice.
                self.jobs.retain(|(of, _)| *of != shard);
            }
        }
    }

    /// What an earlier client left of a call at this level.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn call(&self, number: u32, level: IsolationUsed) -> io::Result<Call> {
        let Some((cut_at, shards)) = self.calls.get(&number) else { return Ok(Call::default()) };
        if *cut_at != level {
            return Ok(Call::default());
        }
        let mut call = Call { shards: shards.clone(), ..Call::default() };
        call.jobs = self
            .jobs
            .iter()
            .filter(|(shard, _)| shards.iter().any(|s| s.number == *shard))
            .cloned()
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        each_line::<ArrivedLine>(&self.folder.join("arrived.jsonl"), |line| {
            if line.call != number {
                return;
            }
            // What cannot be read any more is made again.
            for part in unpack_part(&line.part, PartLimits::default()).unwrap_or_default() {
                match part {
                    Part::Head(head) => call.head = Some(*head),
                    Part::Attempt(attempt) if seen.insert(attempt.index) => call.attempts.push(*attempt),
                    Part::Attempt(_) => {}
                }
            }
        })?;
        Ok(call)
    }

    /// Remembers how a call is cut.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn cut(&self, call: u32, level: IsolationUsed, shards: &[Shard]) -> io::Result<()> {
        let shards = shards.iter().map(|s| (s.number, s.attempts.clone())).collect();
        self.write_job(&JobLine::Cut { call, level, shards })
    }

    /// Remembers a job.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn submitted(&self, shard: u32, job: &JobId) -> io::Result<()> {
        self.write_job(&JobLine::Submitted { shard, job: job.clone() })
    }

    /// Remembers what a shard took.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn ended(&self, shard: u32, seconds: u64) -> io::Result<()> {
        self.write_job(&JobLine::Ended { shard, seconds })
    }

    /// Keeps a head.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn head(&self, call: u32, head: &ShardHead) -> io::Result<()> {
        let part = Packer::new(WHOLE).head_chunk(head).map_err(io::Error::other)?;
        self.write_arrived(call, part)
    }

    /// Keeps an attempt. It costs under a millisecond beside what compressing its output takes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn attempt(&self, call: u32, attempt: &WireAttempt) -> io::Result<()> {
        let mut packer = Packer::new(WHOLE);
        let mut parts = packer.push(attempt.clone());
        parts.extend(packer.flush());
        parts.into_iter().try_for_each(|part| self.write_arrived(call, part))
    }

    /// The folder that was packed, if an earlier client left it.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn pack(&self) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.folder.join("source.pack")) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps the packed folder: a resumed run tests what the run began with.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep_pack(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.folder.join("source.pack"))?;
        Ok(())
    }

    /// Takes away what only a run that still goes on needs.
    pub(crate) fn clear(&self) {
        for name in ["arrived.jsonl", "source.pack"] {
            // What stays goes with the run's folder.
            let _ = std::fs::remove_file(self.folder.join(name));
        }
    }

    fn write_job(&self, line: &JobLine) -> io::Result<()> {
        append(&mut self.files().jobs, line)
    }

    fn write_arrived(&self, call: u32, part: Value) -> io::Result<()> {
        append(&mut self.files().arrived, &ArrivedLine { call, part })
    }

    /// Nothing is done under the lock that could panic half-way.
    fn files(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In one write, so that a kill leaves whole lines and at most one cut one.
fn append(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

fn read_lines<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let mut lines = Vec::new();
    each_line(path, |line| lines.push(line))?;
    Ok(lines)
}

/// Hands over the lines that can be read, in order; a file that is not there has none.
fn each_line<T: serde::de::DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = io::Read::take(&mut reader, LINE_BYTES).read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(());
        }
        if let Ok(line) = serde_json::from_slice(&text) {
            take(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::attempt::{Exit, Usage};
    use flaky_core::ids::Seed;
    use flaky_runpod::wire::{WIRE_VERSION, WireStream};

    use super::*;

    fn attempt(index: u32, said: &str) -> WireAttempt {
        WireAttempt {
            index: AttemptIndex(index),
            seed: Seed(u64::from(index)),
            exit: Exit::Code(0),
            usage: Usage::default(),
            stdout: WireStream { bytes: said.as_bytes().to_vec(), cut: None },
            stderr: WireStream::default(),
            reports: vec![],
            tree: vec![],
            notes: vec![],
            error: None,
        }
    }

    fn head() -> ShardHead {
        ShardHead {
            version: WIRE_VERSION,
            run: "r-1".parse().unwrap(),
            shard: 0,
            worker_version: "1".into(),
            commit: None,
            best: IsolationUsed::Copy,
            used: IsolationUsed::Copy,
            obstacles: vec![],
            notes: vec![],
            failure: None,
        }
    }

    fn shard(number: u32, attempts: &[u32]) -> Shard {
        Shard { number, attempts: attempts.iter().copied().map(AttemptIndex).collect() }
    }

    fn job(name: &str) -> JobId {
        name.parse().unwrap()
    }

    /// A client that cut two calls, heard of three attempts, saw one shard through, and was killed while it wrote.
    fn killed(folder: &Path) {
        let store = Store::open(folder, false).unwrap();
        store.cut(0, IsolationUsed::Full, &[shard(0, &[0])]).unwrap();
        store.submitted(0, &job("j-0")).unwrap();
        store.head(0, &head()).unwrap();
        store.attempt(0, &attempt(0, "first")).unwrap();
        store.ended(0, 4).unwrap();
        store.cut(1, IsolationUsed::Copy, &[shard(1, &[1, 2]), shard(2, &[3])]).unwrap();
        store.submitted(1, &job("j-1")).unwrap();
        store.submitted(2, &job("j-2")).unwrap();
        store.submitted(1, &job("j-3")).unwrap();
        store.attempt(1, &attempt(2, "third")).unwrap();
        store.attempt(1, &attempt(2, "came again")).unwrap();
        for name in ["jobs.jsonl", "arrived.jsonl"] {
            let mut file = OpenOptions::new().append(true).open(folder.join(name)).unwrap();
            file.write_all(b"{\"call\":1,\"submitted\":{\"sha").unwrap();
        }
    }

    #[test]
    fn a_later_client_finds_what_an_earlier_one_left() {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path());
        let store = Store::open(folder.path(), true).unwrap();
        assert_eq!(store.spent, Spent { jobs: 4, seconds: 4 });
        assert_eq!(store.next_shard, 3);
        let first = store.call(0, IsolationUsed::Full).unwrap();
        assert_eq!((first.head, first.attempts), (Some(head()), vec![attempt(0, "first")]));
        assert_eq!(first.jobs, [], "its shard is through");
        let second = store.call(1, IsolationUsed::Copy).unwrap();
        assert_eq!(second.attempts, [attempt(2, "third")], "once, whatever came how often");
        assert_eq!(second.jobs, [(1, job("j-1")), (2, job("j-2")), (1, job("j-3"))]);
        assert_eq!(second.shards, [shard(1, &[1, 2]), shard(2, &[3])]);
        // What it writes itself is read by the next one, after the line that was cut.
        store.attempt(1, &attempt(1, "second")).unwrap();
        store.submitted(2, &job("j-4")).unwrap();
        drop(store);
        let store = Store::open(folder.path(), true).unwrap();
        assert_eq!(store.call(1, IsolationUsed::Copy).unwrap().attempts.len(), 2);
        assert_eq!(store.spent.jobs, 5);
    }

    #[test]
    fn a_call_at_another_level_is_another_call() {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path());
        let store = Store::open(folder.path(), true).unwrap();
        let other = store.call(1, IsolationUsed::Full).unwrap();
        assert!(other.attempts.is_empty() && other.jobs.is_empty() && other.shards.is_empty());
    }

    #[test]
    fn a_new_run_begins_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path());
        let store = Store::open(folder.path(), false).unwrap();
        assert_eq!((store.spent, store.next_shard), (Spent::default(), 0));
        assert!(store.call(0, IsolationUsed::Full).unwrap().attempts.is_empty());
        store.keep_pack(b"tar").unwrap();
        assert_eq!(store.pack().unwrap().as_deref(), Some(&b"tar"[..]));
        store.clear();
        assert_eq!(store.pack().unwrap(), None);
    }
}
