//! What can be seen without a launcher; whole shards are run by the tests of the worker.

use std::path::PathBuf;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed::{Copy, Full, FullSharedNetwork, Shared};
use flaky_exec::{AttemptNote, CollectedFile, ExecError, Spooled};
use flaky_runpod::wire::{WIRE_VERSION, WireCommand, WireInstall, WireOrder, WireSource, WireStep};

use super::*;

fn order(source: WireSource, cache_key: &str, shard: u32) -> ShardOrder {
    let command = WireCommand { argv: vec!["pip".into()], env: vec![], cwd: "sub".into() };
    ShardOrder {
        version: WIRE_VERSION,
        run: "r-1".parse().unwrap(),
        shard,
        source,
        install: Some(WireInstall {
            cache_key: cache_key.into(),
            steps: vec![WireStep { title: "t".into(), command: command.clone() }],
            env: vec![],
            timeout: Duration::from_secs(1),
        }),
        isolation: Full,
        parallelism: 4,
        timeout: Duration::from_secs(1),
        report_globs: vec![],
        tree_globs: vec![],
        output_quota: 10,
        env: vec![],
        blobs: vec![],
        attempts: vec![WireOrder {
            index: AttemptIndex(3),
            seed: Seed(4),
            command: WireCommand { argv: vec!["a b".into(), "c".into()], env: vec![], cwd: String::new() },
            support: vec![("f".into(), 7)],
        }],
    }
}

#[test]
fn attempts_get_no_more_than_was_ordered_and_no_more_than_there_is() {
    for (a, b, expected) in [
        (Full, Full, Full),
        (Full, FullSharedNetwork, FullSharedNetwork),
        (FullSharedNetwork, Copy, Copy),
        (Copy, Full, Copy),
        (Shared, Copy, Shared),
    ] {
        assert_eq!((lower(a, b), lower(b, a)), (expected, expected));
    }
}

#[test]
fn slots_are_no_more_than_attempts() {
    let mut order = order(WireSource::Packed(vec![]), "k", 0);
    assert_eq!(ready::slots(&order), 1);
    order.attempts = vec![order.attempts[0].clone(); 9];
    assert_eq!(ready::slots(&order), 4);
    order.attempts.clear();
    assert_eq!(ready::slots(&order), 1);
}

#[test]
fn dependencies_are_shared_by_shards_of_a_project_unless_they_may_not_be() {
    let url = |url: &str| WireSource::Repository { url: url.into(), reference: None, commit: None };
    let name = |source: WireSource, key: &str, shard: u32| {
        let order = order(source, key, shard);
        ready::folder_name(&order, order.install.as_ref().unwrap())
    };
    let packed = || WireSource::Packed(vec![]);
    assert_eq!(name(url("https://a/b"), "k", 0), name(url("https://a/b"), "l", 1));
    assert_ne!(name(url("https://a/b"), "k", 0), name(url("https://a/c"), "k", 0));
    assert_eq!(name(packed(), "k", 0), name(packed(), "k", 1));
    assert_ne!(name(packed(), "k", 0), name(packed(), "l", 0));
    assert_ne!(name(packed(), "", 0), name(packed(), "", 1));
}

#[test]
fn streams_and_files_go_back_within_their_limits() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, size: usize| {
        let path = folder.path().join(name);
        std::fs::write(&path, vec![b'x'; size]).unwrap();
        path
    };
    let stream = |path: PathBuf, size: u64, cut| {
        let packed = attempt::stream(&Spooled { path, size, cut }, 10);
        (packed.bytes.len(), packed.cut)
    };
    assert_eq!(stream(write("small", 3), 3, None), (3, None));
    assert_eq!(stream(write("cut", 3), 3, Some((1, 90))), (3, Some((1, 90))));
    assert_eq!(stream(write("over", 13), 13, None), (10, Some((10, 13))));
    assert_eq!(stream(folder.path().join("gone"), 13, None), (0, Some((0, 13))));

    let mut room = 10;
    let mut file = |name: &str, path: PathBuf| {
        let packed = attempt::file(&CollectedFile { name: name.into(), path }, &mut room);
        (packed.name, packed.bytes.len(), packed.left_out)
    };
    assert_eq!(file("a.xml", write("0", 4)), ("a.xml".into(), 4, false));
    assert_eq!(file("large.xml", write("1", 7)), ("large.xml".into(), 0, true));
    assert_eq!(file("b.xml", write("2", 6)), ("b.xml".into(), 6, false));
    assert_eq!(file("gone.xml", folder.path().join("3")), ("gone.xml".into(), 0, true));
}

#[test]
fn notes_go_back_as_they_are_written_everywhere_else() {
    for (note, expected) in [
        (AttemptNote::FilesLeftBehind(2), ("files-left-behind", 2)),
        (AttemptNote::ProcessesLeft(1), ("processes-left", 1)),
        (AttemptNote::NotRestored(9), ("not-restored", 9)),
    ] {
        assert_eq!(attempt::note(&note), Some((expected.0.to_owned(), expected.1)));
    }
}

#[test]
fn an_attempt_that_could_not_be_made_says_what_and_why() {
    let order = &order(WireSource::Packed(vec![]), "k", 0).attempts[0];
    let back = attempt::not_made(order, &ExecError::PathOutside(PathBuf::from("/x")));
    assert_eq!(back.error.as_deref(), Some("`'a b' c`: `/x`: must be relative, without `..`"));
    assert_eq!((back.index, back.exit), (AttemptIndex(3), Exit::NotFound));
}
