//! The page as files: the same as served, and only where it may be written.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what they cannot have ends the test")]

mod story;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use flaky_dashboard::data::Version;
use flaky_dashboard::{ExportError, MARKER, Mode, export};
use story::{planted, unit};

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// A small history, and where its export goes.
async fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let history = story::open(folder.path()).await;
    story::add(&history, "run-1", 0, unit(), "main", &[planted("a", 1), planted("b", 0)]).await;
    folder
}

#[tokio::test]
async fn what_is_exported_is_what_is_served() {
    let folder = tempfile::tempdir().unwrap();
    drop(story::history(folder.path()).await);
    let out = folder.path().join("new/site");
    let written = export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    let files = files(&out);
    assert_eq!(written.files, files.len() as u64 - 2, "less the marker and `.nojekyll`");
    let served = story::documents(folder.path(), Mode::Live).await;
    let (mut tests, mut runs) = (0, 0);
    for (path, body) in &files {
        if !path.starts_with("data/") || path == "data/version.json" {
            continue;
        }
        tests += u32::from(path.starts_with("data/test/"));
        runs += u32::from(path.starts_with("data/run/"));
        let other = served.document(path).await.unwrap().unwrap_or_else(|| panic!("`{path}` is not served"));
        assert!(other == body, "{path}");
    }
    // Three of `unit`, ten hostile ones, one more of the branch, one of each other suite.
    assert_eq!((tests, runs), (3 + 10 + 1 + 2, 78));
    let exported: Version = serde_json::from_slice(&files["data/version.json"]).unwrap();
    let live: Version =
        serde_json::from_slice(&served.document("data/version.json").await.unwrap().unwrap()).unwrap();
    assert_eq!((exported.live, live.live), (false, true));
    assert_eq!(Version { live: true, ..exported }, live);
    for path in ["index.html", "assets/main.js", "assets/style.css", ".nojekyll", MARKER] {
        assert!(files.contains_key(path), "{path}");
    }
}

#[tokio::test]
async fn names_of_tests_and_branches_are_no_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    drop(story::history(folder.path()).await);
    let out = folder.path().join("site");
    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    for path in files(&out).keys().filter(|path| path.starts_with("data/")) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/.".contains(c);
        assert!(path.chars().all(plain) && !path.contains("..") && path.len() < 120, "{path}");
    }
}

#[tokio::test]
async fn an_earlier_export_is_replaced_and_what_others_put_beside_it_stays() {
    let folder = small().await;
    let out = folder.path().join("site");
    fs::create_dir(&out).unwrap();
    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    fs::write(out.join("CNAME"), "flaky.example.org").unwrap();
    fs::write(out.join("data/stale.json"), "{}").unwrap();
    let unfinished = out.join(".flaky-dashboard-unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("index.html"), "broken off").unwrap();

    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    let files = files(&out);
    assert_eq!(files["CNAME"], b"flaky.example.org");
    assert!(!files.contains_key("data/stale.json"));
    assert!(!files.keys().any(|path| path.contains("unfinished")));
    assert!(files["index.html"].starts_with(b"<!DOCTYPE html>"));
}

#[tokio::test]
async fn folders_of_others_are_left_as_they_are() {
    let folder = small().await;
    let documents = story::documents(folder.path(), Mode::Export).await;
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("index.html"), "mine").unwrap();
    let refused = export(&documents, &foreign).await.unwrap_err();
    assert!(matches!(refused, ExportError::Foreign(_)), "{refused}");
    assert_eq!(files(&foreign), BTreeMap::from([("index.html".to_owned(), b"mine".to_vec())]));

    // A marker that is a link is nobody's word.
    symlink(folder.path().join("history.sqlite"), foreign.join(MARKER)).unwrap();
    assert!(matches!(export(&documents, &foreign).await, Err(ExportError::Foreign(_))));

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(export(&documents, &file).await, Err(ExportError::NoFolder(_))));
    let link = folder.path().join("link");
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    symlink(&target, &link).unwrap();
    assert!(matches!(export(&documents, &link).await, Err(ExportError::NoFolder(_))));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_is_written_or_taken_away_through_links_in_an_earlier_export() {
    let folder = small().await;
    let out = folder.path().join("site");
    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("precious"), "precious").unwrap();
    for name in ["data", "assets", ".flaky-dashboard-unfinished"] {
        let _ = fs::remove_dir_all(out.join(name));
        symlink(&elsewhere, out.join(name)).unwrap();
    }
    fs::remove_file(out.join("index.html")).unwrap();
    symlink(elsewhere.join("precious"), out.join("index.html")).unwrap();

    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    assert_eq!(files(&elsewhere), BTreeMap::from([("precious".to_owned(), b"precious".to_vec())]));
    for name in ["data", "assets", "index.html"] {
        assert!(!fs::symlink_metadata(out.join(name)).unwrap().is_symlink(), "{name}");
    }
}
