//! Files as files: finding them, and refusing what must not be read.

use std::fs::{self, File};
use std::path::Path;

use flaky_config::{ConfigErrorKind, FILE_NAME, MAX_FILE_BYTES, discover, load};
use tempfile::tempdir;

#[test]
fn a_file_is_found_by_its_name_and_read() {
    let root = tempdir().unwrap();
    assert_eq!(discover(root.path()).unwrap(), None);
    fs::write(root.path().join(FILE_NAME), "runs: 7\n").unwrap();
    let found = discover(root.path()).unwrap().unwrap();
    assert_eq!(load(&found).unwrap().settings.runs.unwrap().get(), 7);
}

#[test]
fn ten_megabytes_are_refused_without_reading_them() {
    let root = tempdir().unwrap();
    let path = root.path().join("big.yml");
    // A hole of a tebibyte: reading all of it would not end.
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = load(&path).unwrap_err();
    assert!(matches!(error.kind(), ConfigErrorKind::TooLarge { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!("{}: the configuration is larger than 1048576 bytes", path.display())
    );
    fs::write(&path, "#".repeat(10_000_000)).unwrap();
    assert!(matches!(load(&path).unwrap_err().kind(), ConfigErrorKind::TooLarge { .. }));
}

#[test]
fn the_largest_file_allowed_is_read() {
    let root = tempdir().unwrap();
    let path = root.path().join("full.yml");
    let comment = "#".repeat(usize::try_from(MAX_FILE_BYTES).unwrap() - "runs: 7\n".len());
    fs::write(&path, format!("runs: 7\n{comment}")).unwrap();
    assert_eq!(load(&path).unwrap().settings.runs.unwrap().get(), 7);
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let root = tempdir().unwrap();
    assert!(matches!(load(root.path()).unwrap_err().kind(), ConfigErrorKind::NotAFile));
    assert!(matches!(load(&root.path().join("none")).unwrap_err().kind(), ConfigErrorKind::Unreadable(_)));
    #[cfg(unix)]
    assert!(matches!(load(Path::new("/dev/zero")).unwrap_err().kind(), ConfigErrorKind::NotAFile));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_project_is_refused_and_one_inside_is_followed() {
    let outside = tempdir().unwrap();
    fs::write(outside.path().join("secret"), "password: hunter2\n").unwrap();
    let root = tempdir().unwrap();
    let link = root.path().join(FILE_NAME);
    std::os::unix::fs::symlink(outside.path().join("secret"), &link).unwrap();
    let error = discover(root.path()).unwrap_err();
    assert!(matches!(error.kind(), ConfigErrorKind::LeavesProject), "{error}");
    assert!(!error.to_string().contains("hunter2"));

    fs::remove_file(&link).unwrap();
    fs::write(root.path().join("real.yml"), "runs: 7\n").unwrap();
    std::os::unix::fs::symlink("real.yml", &link).unwrap();
    assert_eq!(discover(root.path()).unwrap(), Some(link));
}
