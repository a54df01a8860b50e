//! The end of what a command printed, for people.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What a report keeps of an attempt's output: enough for a stack trace.
const TAIL_BYTES: u64 = 4096;

/// The end of standard error if there is any, else of standard output; control characters but line ends and tabs
/// are replaced.
pub(crate) fn of_outputs(stdout: &Path, stderr: &Path) -> String {
    let error = of_file(stderr);
    if error.trim().is_empty() { of_file(stdout) } else { error }
}

fn of_file(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // What cannot be read is not worth an error here: the attempt's own verdict stands.
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let clean = |c: char| if c.is_control() && c != '\n' && c != '\t' { '\u{FFFD}' } else { c };
    text.trim_end().chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_clean_and_prefers_standard_error() {
        let folder = tempfile::tempdir().unwrap();
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        std::fs::write(&out, "x".repeat(10_000)).unwrap();
        std::fs::write(&err, "\n").unwrap();
        assert_eq!(of_outputs(&out, &err).len(), 4096);
        std::fs::write(&err, b"bad\x1b[31m \xff\nlast\n").unwrap();
        assert_eq!(of_outputs(&out, &err), "bad\u{FFFD}[31m \u{FFFD}\nlast");
        assert_eq!(of_outputs(Path::new("/no"), Path::new("/no")), "");
    }
}
