//! Compiled components on disk: found again, never trusted further than they should be, never a reason to fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::source;
use flaky_plugin_host::{HostSettings, Limits, PluginHost};

fn host(cache: &Path) -> PluginHost {
    PluginHost::new(HostSettings { cache: Some(cache.to_owned()), limits: Limits::default() }).unwrap()
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    fs::read_dir(cache).unwrap().map(|e| e.unwrap().path()).collect()
}

async fn loads(host: &PluginHost) {
    let plugin = host.load(source("plain")).await.unwrap();
    plugin.parse(&common::attempt("")).await.unwrap();
}

#[tokio::test]
async fn code_is_kept_and_used_again_by_the_next_host() {
    let folder = tempfile::tempdir().unwrap();
    loads(&host(folder.path())).await;
    let [entry] = entries(folder.path()).try_into().unwrap();
    let written = fs::metadata(&entry).unwrap().modified().unwrap();
    let second = host(folder.path());
    loads(&second).await;
    assert_eq!(entries(folder.path()), std::slice::from_ref(&entry));
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), written, "not written again");
    assert!(second.notes().is_empty());
}

#[tokio::test]
async fn an_entry_that_was_harmed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    loads(&host(folder.path())).await;
    let [entry] = entries(folder.path()).try_into().unwrap();
    let whole = fs::read(&entry).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for harmed in [&whole[..0], &whole[..30], &whole[..whole.len() / 2], &flipped] {
        fs::write(&entry, harmed).unwrap();
        loads(&host(folder.path())).await;
        assert!(fs::read(&entry).unwrap() == whole, "{} bytes", harmed.len());
    }
}

/// Native code of another engine, with a digest that is right: as after an upgrade whose key did not change.
#[tokio::test]
async fn an_entry_that_the_engine_refuses_is_made_again() {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().unwrap();
    loads(&host(folder.path())).await;
    let [entry] = entries(folder.path()).try_into().unwrap();
    let whole = fs::read(&entry).unwrap();
    let mut code = whole[48..].to_vec();
    let version = b"48.0";
    let at = code.windows(version.len()).position(|w| w == version);
    // The version stands in the code's metadata as text; where it does not, a broken header does the same.
    match at {
        Some(at) => code[at + 1] = b'7',
        None => code[0] ^= 0xff,
    }
    let mut other = whole[..16].to_vec();
    other.extend(Sha256::digest(&code));
    other.extend(&code);
    fs::write(&entry, &other).unwrap();
    loads(&host(folder.path())).await;
    assert!(fs::read(&entry).unwrap() == whole);
}

#[tokio::test]
async fn without_a_usable_folder_components_are_compiled_and_a_note_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    for (path, why) in [(&file, "exists"), (&open, "can be written by others")] {
        let host = host(path);
        loads(&host).await;
        let notes = host.notes();
        assert!(notes.len() == 1 && notes[0].contains(why), "{notes:?}");
    }
    assert!(entries(&open).is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_costs_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let read_only = Path::new("/proc/self");
    let path = if nix::unistd::geteuid().is_root() { read_only } else { folder.path() };
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o500)).unwrap();
    let host = host(path);
    loads(&host).await;
    assert_eq!(host.notes().len(), 1, "{:?}", host.notes());
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_leave_one_whole_entry() {
    let folder = tempfile::tempdir().unwrap();
    let shared = host(folder.path());
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            // Some share a host, the others stand for processes of their own.
            let host = if i % 2 == 0 { shared.clone() } else { host(folder.path()) };
            tokio::spawn(async move { loads(&host).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(entries(folder.path()).len(), 1);
    loads(&host(folder.path())).await;
}
