//! Fixtures on disk.

use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_sdk::Exit;
use flaky_plugin_sdk::native::Recorded;
use serde::Deserialize;

use crate::Expected;

/// One recorded attempt, and what is true of it.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Its folder, relative to `fixtures`.
    pub name: String,
    /// As a parser gets it.
    pub recorded: Recorded,
    /// What the sample's source says.
    pub expected: Expected,
    /// Every source, with what it holds: `stdout`, `stderr`, `report/…`, `tree/…`.
    pub sources: Vec<(String, Vec<u8>)>,
    run: Run,
}

/// How the recorded command ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Run {
    command: Vec<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    timed_out: bool,
}

impl Fixture {
    /// All below `crate_folder/fixtures`, at any depth, by name.
    ///
    /// # Panics
    /// When one cannot be read.
    #[must_use]
    pub fn all(crate_folder: &str) -> Vec<Self> {
        let root = Path::new(crate_folder).join("fixtures");
        let mut folders = Vec::new();
        find(&root, &mut folders);
        folders.sort();
        folders.iter().map(|folder| Self::read(&root, folder)).collect()
    }

    fn read(root: &Path, folder: &Path) -> Self {
        let mut sources = Vec::new();
        for name in ["stdout", "stderr"] {
            if let Ok(bytes) = fs::read(folder.join(name)) {
                sources.push((name.to_owned(), bytes));
            }
        }
        for name in ["report", "tree"] {
            files(&folder.join(name), name, &mut sources);
        }
        let expected = json(&folder.join("expected.json"));
        let run_file = folder.join("attempt.json");
        let run = if run_file.exists() { json(&run_file) } else { Run::default() };
        let name = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
        let recorded = record(&run, &sources);
        Self { name, recorded, expected, sources, run }
    }

    /// The same attempt, one of its sources holding something else.
    #[must_use]
    pub fn replaced(&self, source: &str, bytes: Vec<u8>) -> Recorded {
        let mut sources = self.sources.clone();
        if let Some((_, kept)) = sources.iter_mut().find(|(name, _)| name == source) {
            *kept = bytes;
        }
        record(&self.run, &sources)
    }

    /// The same attempt, one of its sources ending after `length` bytes.
    #[must_use]
    pub fn cut(&self, source: &str, length: usize) -> Recorded {
        let sources: Vec<(String, Vec<u8>)> = self
            .sources
            .iter()
            .map(|(name, bytes)| {
                let kept = if name == source { bytes.get(..length).unwrap_or(bytes) } else { bytes };
                (name.clone(), kept.to_vec())
            })
            .collect();
        // What is cut was killed: nothing else cuts a whole line.
        record(&Run { exit_code: None, signal: Some(9), ..self.run.clone() }, &sources)
    }
}

fn record(run: &Run, sources: &[(String, Vec<u8>)]) -> Recorded {
    let command: Vec<&str> = run.command.iter().map(String::as_str).collect();
    let code = if run.signal.is_some() || run.timed_out { run.exit_code } else { run.exit_code.or(Some(0)) };
    let exit = Exit { code, signal: run.signal, timed_out: run.timed_out };
    let start = Recorded::default().command(&command).exit(exit);
    sources.iter().fold(start, |recorded, (name, bytes)| match name.split_once('/') {
        Some(("report", path)) => recorded.report(path, bytes.clone()),
        Some((_, path)) => recorded.tree(path, bytes.clone()),
        None if name == "stdout" => recorded.stdout(bytes.clone()),
        None => recorded.stderr(bytes.clone()),
    })
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    if folder.join("expected.json").is_file() {
        found.push(folder.to_owned());
    }
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            find(&entry.path(), found);
        }
    }
}

/// Files below a folder as sources, by path.
fn files(folder: &Path, name: &str, sources: &mut Vec<(String, Vec<u8>)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            files(&path, &name, sources);
        } else if let Ok(bytes) = fs::read(&path) {
            sources.push((name, bytes));
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
