//! What is said of a local folder.

use std::path::Path;
use std::time::{Duration, Instant};

use flaky_exec::checkout::{LocalState, describe_local};

use crate::support::git;

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    for (path, content) in files {
        std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(path), content).unwrap();
    }
    git(folder.path(), &["add", "."]);
    commit(folder.path());
    folder
}

fn commit(folder: &Path) {
    git(folder, &["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x"]);
}

#[test]
fn tracked_changes_make_a_folder_dirty() {
    type Change = fn(&Path);
    let changes: [(&str, Change, bool); 7] = [
        ("nothing", |_| {}, false),
        ("an untracked file", |f| std::fs::write(f.join("new"), "x").unwrap(), false),
        ("another content of the same size", |f| std::fs::write(f.join("a"), "2").unwrap(), true),
        ("a longer content", |f| std::fs::write(f.join("a"), "22").unwrap(), true),
        ("a missing file", |f| std::fs::remove_file(f.join("b/c")).unwrap(), true),
        ("the same content written again", |f| std::fs::write(f.join("a"), "1").unwrap(), false),
        (
            "a staged file",
            |f| {
                std::fs::write(f.join("d"), "x").unwrap();
                git(f, &["add", "d"]);
            },
            true,
        ),
    ];
    for (what, change, dirty) in changes {
        let folder = repository(&[("a", "1"), ("b/c", "1")]);
        change(folder.path());
        let expected = LocalState {
            commit: Some(git(folder.path(), &["rev-parse", "HEAD"])),
            dirty: Some(dirty),
            branch: Some(git(folder.path(), &["branch", "--show-current"])),
            origin: None,
            root: Some(folder.path().canonicalize().unwrap()),
        };
        assert_eq!(describe_local(folder.path()), expected, "{what}");
        assert_eq!(describe_local(&folder.path().join("b")), expected, "{what}, from below");
    }
}

#[test]
fn folders_without_a_commit_have_no_state() {
    let plain = tempfile::tempdir().unwrap();
    assert_eq!(describe_local(plain.path()), LocalState::default());
    assert_eq!(describe_local(&plain.path().join("missing")), LocalState::default());
    git(plain.path(), &["init", "-q"]);
    let root = Some(plain.path().canonicalize().unwrap());
    assert_eq!(describe_local(plain.path()), LocalState { root, ..LocalState::default() });
    std::fs::write(plain.path().join(".git/HEAD"), "damaged").unwrap();
    let damaged = describe_local(plain.path());
    assert_eq!(LocalState { root: None, ..damaged }, LocalState::default());
}

#[test]
fn fifty_thousand_files_are_described_quickly() {
    // One content for all: git then writes one object, not 50,000.
    let paths: Vec<String> = (0..50_000).map(|i| format!("d{}/f{i}", i / 500)).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "x")).collect();
    let folder = repository(&files);
    let started = Instant::now();
    let state = describe_local(folder.path());
    let took = started.elapsed();
    assert!(state.commit.is_some());
    assert_ne!(state.dirty, Some(true));
    // Measured at 0.2 s; the limit leaves room for busy machines and still tells seconds from minutes.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
