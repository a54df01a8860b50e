//! Another revision of a folder's repository, beside it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use flaky_exec::checkout::{ExportError, describe_local, export};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Two commits; the second adds `sub/new` and is changed on disk.
fn repository() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(root.join("sub")).unwrap();
    std::fs::write(root.join("sub/a"), "one").unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "one"]);
    git(root, &["tag", "v1"]);
    std::fs::create_dir(root.join("later")).unwrap();
    for file in ["sub/a", "sub/new", "later/b"] {
        std::fs::write(root.join(file), "two").unwrap();
    }
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "two"]);
    std::fs::write(root.join("sub/a"), "changed").unwrap();
    std::fs::write(root.join("untracked"), "").unwrap();
    let first = git(root, &["rev-parse", "HEAD~1"]);
    (folder, first)
}

#[test]
fn a_revision_is_written_as_git_has_it_and_the_folder_stays_as_it_is() {
    let (folder, first) = repository();
    let before = git(folder.path(), &["status", "--porcelain"]);
    for revision in ["HEAD~1", "v1", &first, &first[..8]] {
        let out = tempfile::tempdir().unwrap();
        let into = out.path().join("tree");
        let written = export(&folder.path().join("sub"), revision, &into, &AtomicBool::new(false)).unwrap();
        assert_eq!(written.commit, first, "{revision}");
        assert_eq!(written.folder, into.join("sub"));
        assert_eq!(std::fs::read_to_string(into.join("sub/a")).unwrap(), "one");
        assert!(!into.join("sub/new").exists() && !into.join("untracked").exists());
        assert_eq!(describe_local(&into).commit.as_deref(), Some(first.as_str()));
        assert_eq!(git(&into, &["describe", "--tags"]), "v1");
        assert_eq!(git(&into, &["status", "--porcelain"]), "");
    }
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), before);
}

#[test]
fn what_cannot_be_had_is_named() {
    let (folder, _) = repository();
    let out = tempfile::tempdir().unwrap();
    let ask = |from: &Path, revision: &str| {
        export(from, revision, &out.path().join("tree"), &AtomicBool::new(false)).unwrap_err()
    };
    for nonsense in ["no-such", "HEAD~9", "", "--all", "HEAD:sub/a"] {
        assert_eq!(ask(folder.path(), nonsense), ExportError::NoRevision(nonsense.to_owned()));
    }
    let later = ask(&folder.path().join("later"), "v1");
    assert_eq!(later, ExportError::NoFolder { folder: "later".into(), revision: "v1".into() });
    let lone = tempfile::tempdir().unwrap();
    assert_eq!(ask(lone.path(), "main"), ExportError::NoRepository(lone.path().to_owned()));
}
