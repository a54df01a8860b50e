//! What attempts can see and do to each other, to the tree, and to the user, at every level.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use flaky_core::report::IsolationUsed;
use flaky_exec::{Capabilities, CollectGlobs, LauncherProgram, Purpose, TreeMethod};
use nix::unistd::geteuid;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn attempts_never_see_each_others_writes_nor_does_the_tree() {
    let rig = Rig::new()
        .with_file("kept", "1")
        .with_file("gone", "2")
        .with_file("folder/inner", "3")
        .with_file(".git/HEAD", "x");
    std::os::unix::fs::symlink("kept", rig.tree().join("link")).unwrap();
    fs::set_permissions(rig.tree().join("kept"), fs::Permissions::from_mode(0o640)).unwrap();
    let executor = rig.start().await;
    let look = "find . ! -name . -printf '%p %M %s %T@ %l\\n' | sort; cat kept gone link folder/inner";
    let before = Command::new("sh").args(["-c", look]).current_dir(rig.tree()).output().unwrap();
    let before = String::from_utf8(before.stdout).unwrap();
    for level in levels(&executor).await.into_iter().filter(|level| *level != IsolationUsed::Shared) {
        let mut slot = executor.acquire(level).await.unwrap();
        assert_eq!(says(&mut slot, look).await, before, "{level:?}");
        let spoil = "echo spoilt > kept; chmod 777 kept; rm gone; mv folder moved || (cp -r folder moved && rm -r folder); \
                     mkdir -p new/deep; touch new/deep/file; chmod 0 new; ln -sf /etc/passwd link; rm -r .git; ln -s /etc .git; cat kept";
        assert_eq!(says(&mut slot, spoil).await, "spoilt\n", "{level:?}");
        assert_eq!(says(&mut slot, look).await, before, "{level:?}");
    }
    let after = Command::new("sh").args(["-c", look]).current_dir(rig.tree()).output().unwrap();
    assert_eq!(String::from_utf8(after.stdout).unwrap(), before);
    executor.shutdown().await;
}

#[tokio::test]
async fn files_that_an_attempt_wrote_in_the_tree_are_collected() {
    let collect = CollectGlobs::new(Vec::new(), vec!["out/*.xml".into(), "**/deep-*.txt".into()]).unwrap();
    let rig =
        Rig { collect, ..Rig::new() }.with_file("out/old.xml", "old").with_file("out/changed.xml", "before");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
    fs::File::open(rig.tree().join("out/old.xml")).unwrap().set_modified(old).unwrap();
    fs::File::open(rig.tree().join("out/changed.xml")).unwrap().set_modified(old).unwrap();
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let script = "echo new > out/new.xml; echo after > out/changed.xml; mkdir -p a/b out/c; echo d > a/b/deep-1.txt; \
                      echo no > out/c/no.xml; ln -s /etc/passwd out/link.xml; ln -s /etc evil; echo x > out/no.txt";
        let attempt = slot.run(sh(script)).await.unwrap();
        let mut found: Vec<_> = attempt
            .tree_files
            .iter()
            .map(|f| (f.name.as_str(), fs::read_to_string(&f.path).unwrap()))
            .collect();
        found.sort();
        let expected = [("a/b/deep-1.txt", "d\n"), ("out/changed.xml", "after\n"), ("out/new.xml", "new\n")];
        assert_eq!(found, expected.map(|(name, text)| (name, text.to_owned())), "{level:?}");
        if level != IsolationUsed::Shared {
            let attempt = slot.run(sh("true")).await.unwrap();
            assert_eq!(attempt.tree_files, [], "{level:?}");
        }
    }
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_can_hold_the_same_port_only_at_full() {
    let rig = Rig::new();
    let executor = rig.start().await;
    // A port that is free now; taken from the kernel so that tests do not disturb each other.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    if levels(&executor).await.contains(&IsolationUsed::Full) {
        let (a_to_b, b_to_a) = (rig.shared().join("a-to-b"), rig.shared().join("b-to-a"));
        for path in [&a_to_b, &b_to_a] {
            fifo(path);
        }
        let order = |steps: [String; 2]| {
            let helper = helper();
            let mut order = spec(&[helper.to_str().unwrap(), "hold-port", &port, &steps[0], &steps[1]]);
            // The pipes must be the same for both.
            order.purpose = Purpose::Install;
            order
        };
        let first = order([format!("+{}", a_to_b.display()), format!("-{}", b_to_a.display())]);
        let second = order([format!("-{}", a_to_b.display()), format!("+{}", b_to_a.display())]);
        let (mut one, mut two) = (
            executor.acquire(IsolationUsed::Full).await.unwrap(),
            executor.acquire(IsolationUsed::Full).await.unwrap(),
        );
        let (first, second) = tokio::join!(one.run(first), two.run(second));
        for attempt in [first.unwrap(), second.unwrap()] {
            assert!(attempt.exit.is_success(), "{}", stderr(&attempt));
        }
    }
    // Elsewhere the port is the host's.
    let _held = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let attempt = slot.run(spec(&[helper().to_str().unwrap(), "hold-port", &port])).await.unwrap();
        assert_eq!(
            attempt.exit.is_success(),
            level == IsolationUsed::Full,
            "{level:?}: {}",
            stderr(&attempt)
        );
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn home_and_temporary_folders_are_private_as_far_as_the_level_says() {
    let rig = Rig::new();
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let paths = slot.paths().clone();
        let full = level == IsolationUsed::Full;
        let own_processes = full || level == IsolationUsed::FullSharedNetwork;
        let home = says(&mut slot, "echo $HOME").await;
        let expected =
            paths.home.as_ref().map_or("/nonexistent".to_owned(), |home| home.display().to_string());
        assert_eq!((home.trim_end(), paths.home.is_some()), (expected.as_str(), full), "{level:?}");
        if level != IsolationUsed::Shared {
            let private =
                "set -e; echo $TMPDIR; for d in $TMPDIR $XDG_CACHE_HOME; do ls -A $d; echo > $d/left; done";
            for _ in 0..2 {
                assert_eq!(says(&mut slot, private).await, format!("{}\n", paths.tmp.display()), "{level:?}");
            }
        }
        let name = format!("flaky-test-{}-{}", std::process::id(), level.name());
        for folder in ["/tmp", "/var/tmp", "/dev/shm"].into_iter().filter(|folder| Path::new(folder).is_dir())
        {
            says(&mut slot, &format!("echo > {folder}/{name}")).await;
            let outside = Path::new(folder).join(&name);
            assert_eq!(outside.exists(), !own_processes, "{level:?} {folder}");
            let _ = fs::remove_file(outside);
            says(&mut slot, &format!("test ! -e {folder}/{name}")).await;
        }
        // The user stays itself.
        let id = says(&mut slot, "id -u; touch mine; stat -c %u mine").await;
        let uid = geteuid();
        assert_eq!(id, format!("{uid}\n{uid}\n"), "{level:?}");
        let _ = fs::remove_file(rig.tree().join("mine"));
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn a_test_finds_no_secret_of_its_ancestors() {
    let rig = Rig::new();
    let executor = rig.start().await;
    let launcher = executor.launcher_id().unwrap();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        // This process has at least PATH; the launcher and its worker have nothing.
        let script = "cat /proc/$PPID/environ | wc -c; \
                      grep -lzsa ^CARGO_ /proc/[0-9]*/environ | wc -l; ls -d /proc/[0-9]* | wc -l";
        let said = says(&mut slot, script).await;
        let numbers: Vec<u32> = said.lines().map(|n| n.trim().parse().unwrap()).collect();
        assert_eq!(numbers[0], 0, "{level:?}");
        if matches!(level, IsolationUsed::Full | IsolationUsed::FullSharedNetwork) {
            assert_eq!(numbers[1], 0, "{level:?}");
            assert!(numbers[2] < 10, "{level:?}: {said}");
        }
    }
    let environ = fs::read(format!("/proc/{launcher}/environ"));
    match environ {
        Ok(environ) => assert_eq!((environ, geteuid().is_root()), (Vec::new(), true)),
        // Nobody but root reads anything of it.
        Err(e) => assert_eq!((e.kind(), geteuid().is_root()), (std::io::ErrorKind::PermissionDenied, false)),
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn a_tree_that_lies_under_tmp_or_has_an_odd_name_is_seen_at_its_own_path() {
    let place = Rig::new();
    for name in ["plain", "with space", "colon:comma,back\\slash=", "ümläut"] {
        let tree = place.folder.path().canonicalize().unwrap().join(name);
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), name).unwrap();
        let scratch = place.folder.path().join(format!("scratch {name}"));
        let settings = flaky_exec::ExecutorSettings { tree: tree.clone(), scratch, ..place.settings() };
        let executor = flaky_exec::LocalExecutor::start(settings).await.unwrap();
        for level in levels(&executor).await {
            let mut slot = executor.acquire(level).await.unwrap();
            let seen = slot.paths().tree.clone();
            assert_eq!(
                says(&mut slot, "pwd; cat file; echo changed > file2; rm file2").await,
                format!("{}\n{name}", seen.display())
            );
            if slot.tree_method() == TreeMethod::Overlay {
                assert_eq!(seen, tree, "{level:?}");
            }
        }
        executor.shutdown().await;
    }
}

#[tokio::test]
async fn what_the_probe_promises_can_be_had() {
    let program = LauncherProgram::Path(helper());
    let rig = Rig::new();
    let found = Capabilities::probe(&program, rig.folder.path()).await.unwrap();
    let executor = rig.start().await;
    assert_eq!(found.best, levels(&executor).await[0]);
    let best = found.best == IsolationUsed::Full && found.tree == TreeMethod::Overlay;
    assert_eq!(found.obstacles.is_empty(), best, "{found:?}");
    if let Ok(expected) = std::env::var(EXPECTED) {
        assert_eq!(found.best.name(), expected, "{found:?}");
    }
    // Nothing but the rig's own.
    executor.shutdown().await;
    assert_eq!(fs::read_dir(rig.folder.path()).unwrap().count(), 2);
}

/// Set in copies of this program that run as another user: the best level they should find, if known.
const EXPECTED: &str = "FLAKY_TEST_EXPECTED_LEVEL";
const NESTED: &str = "FLAKY_TEST_NESTED";
/// `nobody` on every Linux.
const NOBODY: u32 = 65534;

/// This program and the helper where every user can run them.
fn for_everybody() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    fs::copy(std::env::current_exe().unwrap(), folder.path().join("tests")).unwrap();
    fs::copy(helper(), folder.path().join("helper")).unwrap();
    folder
}

fn run_nested(mut command: Command, programs: &Path, expected: Option<&str>) {
    command
        .env(NESTED, "1")
        .env("FLAKY_TEST_LAUNCHER", programs.join("helper"))
        .env("TMPDIR", "/tmp")
        .current_dir("/");
    if let Some(expected) = expected {
        command.env(EXPECTED, expected);
    }
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("test result: ok"), "{text}");
}

#[test]
fn all_of_this_holds_for_an_ordinary_user() {
    // An ordinary user who runs the tests has shown it with the tests above.
    if std::env::var_os(NESTED).is_some() || !geteuid().is_root() {
        return;
    }
    let programs = for_everybody();
    let mut command = Command::new(programs.path().join("tests"));
    command.uid(NOBODY).gid(NOBODY);
    run_nested(command, programs.path(), None);
}

#[test]
fn all_of_this_holds_where_user_namespaces_are_denied() {
    if std::env::var_os(NESTED).is_some() {
        return;
    }
    let programs = for_everybody();
    let command = |program: &[&str]| {
        let mut command = Command::new(programs.path().join("helper"));
        command.arg("without-user-namespaces").args(program);
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    // Where none can be made to begin with, an ordinary user's own run of the tests above has shown it.
    if command(&["true"]).status().unwrap().success() {
        let tests = programs.path().join("tests");
        run_nested(command(&[tests.to_str().unwrap()]), programs.path(), Some("copy"));
    }
}
