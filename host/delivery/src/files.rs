//! Standard output and files.

use std::io::{self, Write};
use std::path::Path;

use crate::DeliveryError;

/// A reader that closes early (`| head`) is no failure.
pub(crate) fn to_stdout(stdout: &mut dyn Write, bytes: &[u8]) -> Result<(), DeliveryError> {
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(DeliveryError::Write { path: "standard output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// Whole or not at all: to a temporary file beside it, then renamed.
pub(crate) fn to_file(path: &Path, bytes: &[u8]) -> Result<(), DeliveryError> {
    let write = || -> io::Result<()> {
        if is_special(path) {
            return std::fs::write(path, bytes);
        }
        flaky_files::write_whole(path, flaky_files::Readers::Anybody, bytes)
    };
    write().map_err(|source| DeliveryError::Write { path: path.to_owned(), source })
}

/// Devices and pipes (`/dev/stderr`, a process substitution) are written to, not replaced.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| !m.is_file())
}

/// Says, before a run, whether a report could be written afterwards, and makes the folder for it.
///
/// # Errors
/// What stands in the way.
pub fn check_writable(path: &Path) -> Result<(), DeliveryError> {
    let failed = |source| DeliveryError::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
    }
    if is_special(path) {
        return std::fs::OpenOptions::new().write(true).open(path).map(drop).map_err(failed);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map(drop).map_err(failed)?;
    if path.exists() {
        std::fs::OpenOptions::new().append(true).open(path).map(drop).map_err(failed)?;
    }
    Ok(())
}

/// A path below the output folder: relative, without `..`.
pub(crate) fn safe_relative(path: &str) -> Option<&Path> {
    let path = Path::new(path);
    let plain = path.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    (plain && path.components().next().is_some()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reporter_can_name_files_below_the_output_folder_and_no_others() {
        for (path, allowed) in [
            ("a.html", true),
            ("sub/a.html", true),
            ("", false),
            ("../a", false),
            ("/etc/passwd", false),
            ("a/../../b", false),
        ] {
            assert_eq!(safe_relative(path).is_some(), allowed, "{path}");
        }
    }

    #[test]
    fn an_unwritable_path_is_known_before_the_run_and_only_its_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("out.json");
        check_writable(&report).unwrap();
        assert!(!report.exists());
        check_writable(folder.path()).unwrap_err();
        check_writable(&folder.path().join("not/yet/out.json")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path().join("not/yet")).unwrap().count(), 0);
        check_writable(Path::new("/dev/null/out.json")).unwrap_err();
        check_writable(Path::new("/dev/null")).unwrap();
        check_writable(Path::new("/proc/out.json")).unwrap_err();
    }

    #[test]
    fn a_file_is_replaced_whole_and_readable_like_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        std::fs::write(&path, "old and longer").unwrap();
        to_file(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o400, 0o400);
    }
}
