//! Files that are written once, and taken away only as they were written.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Last line of every file: a sum of what stands above it.
const MARK: &str = "# flaky init: ";

/// What became of a file that was to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    New,
    Same,
    Different,
}

/// What became of a file that was to be removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Absent,
    Removed,
    /// Somebody has changed it, or it never was ours.
    Changed,
}

pub(super) fn write(root: &Path, path: &Path, text: &str) -> io::Result<Written> {
    let text = marked(text);
    let full = root.join(path);
    if let Some(folder) = full.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(&full) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| Written::New),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let same = std::fs::read(&full).is_ok_and(|there| there == text.as_bytes());
            Ok(if same { Written::Same } else { Written::Different })
        }
        Err(error) => Err(error),
    }
}

pub(super) fn remove(root: &Path, path: &Path) -> io::Result<Kept> {
    let full = root.join(path);
    let text = match std::fs::read_to_string(&full) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kept::Absent),
        Err(error) if error.kind() == ErrorKind::InvalidData => return Ok(Kept::Changed),
        Err(error) => return Err(error),
    };
    let ours = text.rfind(MARK).and_then(|at| text.get(..at)).is_some_and(|above| marked(above) == text);
    if !ours {
        return Ok(Kept::Changed);
    }
    std::fs::remove_file(&full).map(|()| Kept::Removed)
}

fn marked(text: &str) -> String {
    format!("{text}{MARK}{:016x}\n", sum(text.as_bytes()))
}

/// FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo): tells whether somebody has changed a file, and keeps nobody from it.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_never_overwritten_and_only_removed_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let (root, path) = (folder.path(), Path::new("a/b.yml"));
        assert_eq!(remove(root, path).unwrap(), Kept::Absent);
        assert_eq!(write(root, path, "one\n").unwrap(), Written::New);
        assert_eq!(write(root, path, "one\n").unwrap(), Written::Same);
        assert_eq!(write(root, path, "two\n").unwrap(), Written::Different);
        assert!(std::fs::read_to_string(root.join(path)).unwrap().starts_with("one\n"));
        assert_eq!(remove(root, path).unwrap(), Kept::Removed);
        for changed in ["theirs\n", "", "one\n# flaky init: 0000000000000000\n"] {
            std::fs::write(root.join(path), changed).unwrap();
            assert_eq!(remove(root, path).unwrap(), Kept::Changed, "{changed}");
            assert!(root.join(path).exists());
        }
    }

    #[test]
    fn the_sum_is_the_published_one() {
        // Test vectors of draft-eastlake-fnv.
        assert_eq!(sum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(sum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(sum(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
