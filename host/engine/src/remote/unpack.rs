//! An attempt that came back, put on disk so that parsers read it as they read one that was made here.

use std::io;
use std::path::{Path, PathBuf};

use flaky_exec::{AttemptNote, CollectedFile, Spooled};
use flaky_runpod::wire::{WireAttempt, WireFile, WireStream};

use crate::read::{Ended, EndedFolder};

/// Writes the files of an attempt into a folder of its own in `scratch`.
///
/// # Errors
/// When the disk refuses.
pub(crate) fn unpack(attempt: WireAttempt, scratch: &Path) -> io::Result<Ended> {
    let folder = tempfile::Builder::new().prefix("attempt-").tempdir_in(scratch)?;
    let left_out = attempt.reports.iter().chain(&attempt.tree).filter(|file| file.left_out).count();
    let stdout = stream(attempt.stdout, folder.path().join("stdout"))?;
    let stderr = stream(attempt.stderr, folder.path().join("stderr"))?;
    let reports = files(attempt.reports, folder.path(), "report")?;
    let tree = files(attempt.tree, folder.path(), "tree")?;
    let mut notes: Vec<AttemptNote> = attempt.notes.iter().filter_map(note).collect();
    if left_out > 0 {
        notes.push(AttemptNote::FilesLeftBehind(left_out as u64));
    }
    Ok(Ended {
        exit: attempt.exit,
        usage: attempt.usage,
        stdout,
        stderr,
        reports,
        tree,
        notes,
        folder: EndedFolder::Unpacked(folder),
    })
}

fn stream(stream: WireStream, path: PathBuf) -> io::Result<Spooled> {
    std::fs::write(&path, &stream.bytes)?;
    Ok(Spooled { path, size: stream.bytes.len() as u64, cut: stream.cut })
}

/// Numbered: what a worker calls them is for parsers, never a place on this disk.
fn files(files: Vec<WireFile>, folder: &Path, prefix: &str) -> io::Result<Vec<CollectedFile>> {
    let kept = files.into_iter().filter(|file| !file.left_out).enumerate();
    kept.map(|(number, file)| {
        let path = folder.join(format!("{prefix}-{number}"));
        std::fs::write(&path, &file.bytes)?;
        Ok(CollectedFile { name: file.name, path })
    })
    .collect()
}

/// One of a kind that this version does not know is left out.
fn note((kind, number): &(String, u64)) -> Option<AttemptNote> {
    serde_json::from_value(serde_json::json!({ kind: number })).ok()
}

#[cfg(test)]
mod tests {
    use flaky_core::attempt::{Exit, Usage};
    use flaky_core::ids::{AttemptIndex, Seed};

    use super::*;

    #[test]
    fn what_a_worker_calls_a_file_is_no_place_on_this_disk() {
        let file = |name: &str, left_out| WireFile { name: name.into(), bytes: b"<x/>".to_vec(), left_out };
        let attempt = WireAttempt {
            index: AttemptIndex(3),
            seed: Seed(1),
            exit: Exit::Code(1),
            usage: Usage::default(),
            stdout: WireStream { bytes: b"out".to_vec(), cut: Some((2, 9)) },
            stderr: WireStream::default(),
            reports: vec![file("../../etc/passwd", false), file("big.xml", true)],
            tree: vec![file("/root/x", false)],
            notes: vec![("processes-left".into(), 2), ("of-a-later-version".into(), 1)],
            error: None,
        };
        let scratch = tempfile::tempdir().unwrap();
        let ended = unpack(attempt, scratch.path()).unwrap();
        for file in ended.reports.iter().chain(&ended.tree) {
            assert!(file.path.starts_with(scratch.path()), "{file:?}");
            assert_eq!(std::fs::read(&file.path).unwrap(), b"<x/>");
        }
        assert_eq!(ended.reports[0].name, "../../etc/passwd");
        assert_eq!((ended.stdout.size, ended.stdout.cut), (3, Some((2, 9))));
        assert_eq!(std::fs::read(&ended.stderr.path).unwrap(), b"");
        assert_eq!(ended.notes, [AttemptNote::ProcessesLeft(2), AttemptNote::FilesLeftBehind(1)]);
    }
}
