//! Commands that run as another user: at every level, with trees of either owner, by either right to make name spaces.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use flaky_core::attempt::Exit;
use flaky_core::report::IsolationUsed;
use flaky_exec::{
    CollectGlobs, ExecError, ExecutorSettings, LocalExecutor, Purpose, RunAs, RunAsProblem, TreeMethod,
};
use nix::unistd::geteuid;
use support::*;

/// Nobody's on any machine; not the same number twice, so that they cannot be mixed up.
const USER: RunAs = RunAs { uid: 54_321, gid: 54_322 };

/// Set in copies of this program that have fewer rights: what they are to find.
const EXPECTED: &str = "FLAKY_TEST_EXPECTED_PROBLEM";

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        eprintln!("skipped: only root can run commands as another user");
    }
    root
}

/// Set where the highest level is to be had.
const FULL: &str = "FLAKY_TEST_FULL";

/// Whose the work tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tree {
    Theirs,
    Ours,
}

async fn start(rig: &Rig, tree: Tree) -> LocalExecutor {
    if tree == Tree::Theirs {
        USER.take_over(&rig.tree()).unwrap();
    }
    LocalExecutor::start(settings(rig)).await.unwrap()
}

fn settings(rig: &Rig) -> ExecutorSettings {
    ExecutorSettings { run_as: Some(USER), ..rig.settings() }
}

#[tokio::test]
async fn a_command_has_the_users_id_and_no_right_at_every_level() {
    if !is_root() {
        return;
    }
    for tree in [Tree::Theirs, Tree::Ours] {
        let rig = Rig::new().with_file("kept", "1");
        let executor = start(&rig, tree).await;
        let available = levels(&executor).await;
        if std::env::var_os(FULL).is_some() {
            assert_eq!(available[0], IsolationUsed::Full);
        }
        for level in available {
            let mut slot = executor.acquire(level).await.unwrap();
            if level != IsolationUsed::Shared && tree == Tree::Ours {
                assert_ne!(slot.tree_method(), TreeMethod::Overlay, "{level:?}");
                assert!(slot.obstacles()[0].how_to_raise.starts_with("chown"), "{level:?}");
            }
            let said = says(&mut slot, "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status").await;
            let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
            let (uid, gid) = (USER.uid.to_string(), USER.gid.to_string());
            for line in &lines {
                let values = &line[1..];
                match line[0] {
                    "Uid:" => assert_eq!(values, [uid.as_str(); 4], "{level:?}"),
                    "Gid:" => assert_eq!(values, [gid.as_str(); 4], "{level:?}"),
                    "Groups:" => assert_eq!(values, [""; 0], "{level:?}"),
                    "NoNewPrivs:" => assert_eq!(values, ["1"], "{level:?}"),
                    // What a program could gain; without new rights it gains nothing.
                    "CapBnd:" => {}
                    _ => assert_eq!(values, ["0000000000000000"], "{level:?}: {}", line[0]),
                }
            }
            assert_eq!(lines.len(), 9, "{said}");
        }
        executor.shutdown().await;
        assert!(!rig.scratch().exists(), "{tree:?}");
    }
}

#[tokio::test]
async fn everything_an_attempt_needs_is_usable_by_the_user() {
    if !is_root() {
        return;
    }
    let everyday = "set -e; pwd; cat inner/file; echo changed > inner/file; rm gone; mkdir new; echo > new/file; \
        for d in $HOME $TMPDIR $XDG_CACHE_HOME /tmp; do f=$d/flaky-$$; test -w $d; echo > $f; rm $f; done; \
        echo err > /dev/stderr; echo out > /dev/stdout; cat SUPPORT/deep/conf; echo r > REPORT/r.xml; mkdir REPORT/sub; chmod 0 REPORT/sub; \
        ! echo 2> /dev/null > SUPPORT/mine; ! ln -s /etc SUPPORT/link 2> /dev/null";
    for tree in [Tree::Theirs, Tree::Ours] {
        let collect = CollectGlobs::new(vec!["*.xml".into()], vec!["new/*".into()]).unwrap();
        for level in ALL_LEVELS {
            if (level, tree) == (IsolationUsed::Shared, Tree::Ours) {
                continue;
            }
            let rig = Rig { collect: collect.clone(), ..Rig::new() }
                .with_file("inner/file", "in")
                .with_file("gone", "");
            let executor = start(&rig, tree).await;
            if !levels(&executor).await.contains(&level) {
                continue;
            }
            let mut slot = executor.acquire(level).await.unwrap();
            let paths = slot.paths().clone();
            let script = everyday
                .replace("SUPPORT", paths.support_dir.to_str().unwrap())
                .replace("REPORT", paths.report_dir.to_str().unwrap());
            for round in 0..2 {
                let mut order = sh(&script);
                order.support_files = vec![("deep/conf".into(), b"support".to_vec())];
                let attempt = slot.run(order).await.unwrap();
                let what = format!("{level:?} {tree:?} round {round}: {}", stderr(&attempt));
                assert_eq!(attempt.exit, Exit::Code(0), "{what}");
                assert_eq!(stderr(&attempt), "err\n", "{what}");
                assert_eq!(stdout(&attempt), format!("{}\ninout\nsupport", paths.tree.display()), "{what}");
                let names: Vec<_> =
                    attempt.report_files.iter().chain(&attempt.tree_files).map(|f| f.name.as_str()).collect();
                assert_eq!(names, ["r.xml", "new/file"], "{what}");
                assert_eq!(fs::read_to_string(&attempt.report_files[0].path).unwrap(), "r\n");
                assert_eq!(attempt.notes, [], "{what}");
                if level == IsolationUsed::Shared {
                    break;
                }
            }
            executor.shutdown().await;
            assert!(!rig.scratch().exists(), "{level:?} {tree:?}");
            let untouched = level != IsolationUsed::Shared;
            assert_eq!(rig.tree().join("gone").exists(), untouched, "{level:?} {tree:?}");
        }
    }
}

#[tokio::test]
async fn installations_fill_the_folders_that_were_made_for_them_and_no_others() {
    if !is_root() {
        return;
    }
    let rig = Rig::new();
    let tools = rig.folder.path().canonicalize().unwrap().join("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("tool"), "ours").unwrap();
    let mut settings = settings(&rig);
    settings.writable.push(tools.clone());
    USER.take_over(&rig.tree()).unwrap();
    let executor = LocalExecutor::start(settings).await.unwrap();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        // A caller may make the folder anew before each installation.
        fs::remove_dir_all(rig.shared()).unwrap();
        fs::create_dir(rig.shared()).unwrap();
        let mut order = sh(&format!(
            "echo installed > {}/lib; cat {1}/tool; echo > {1}/tool",
            rig.shared().display(),
            tools.display()
        ));
        order.purpose = Purpose::Install;
        let attempt = slot.run(order).await.unwrap();
        assert_eq!(stdout(&attempt), "ours", "{level:?}");
        assert!(!attempt.exit.is_success(), "{level:?}: tools were overwritten");
        let made = fs::metadata(rig.shared().join("lib")).unwrap();
        assert_eq!((made.uid(), made.gid()), (USER.uid, USER.gid), "{level:?}");
        assert_eq!(says(&mut slot, &format!("cat {}/lib", rig.shared().display())).await, "installed\n");
        assert_eq!(fs::read_to_string(tools.join("tool")).unwrap(), "ours", "{level:?}");
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn processes_of_the_user_are_killed_and_none_of_ours_can_be() {
    if !is_root() {
        return;
    }
    let rig = Rig::new();
    let executor = start(&rig, Tree::Theirs).await;
    let launcher = executor.launcher_id().unwrap();
    for level in levels(&executor).await {
        let mark = format!("{}{}", std::process::id(), level.name().len());
        let mut slot = executor.acquire(level).await.unwrap();
        let mut order = sh(&format!(
            "setsid sh -c '(setsid sleep 100000.{mark} &)' ; kill -9 {launcher} $PPID 1; kill -9 {}; echo tried; sleep 100000.{mark}",
            std::process::id()
        ));
        order.timeout = std::time::Duration::from_secs(1);
        let attempt = slot.run(order).await.unwrap();
        assert_eq!((attempt.exit, stdout(&attempt).as_str()), (Exit::TimedOut, "tried\n"), "{level:?}");
        assert_eq!(attempt.notes, [], "{level:?}");
        assert_eq!(running_with(&mark), [""; 0], "{level:?}");
        assert_eq!(says(&mut slot, "echo on").await, "on\n");
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn what_earlier_attempts_left_and_what_other_slots_have_is_out_of_reach() {
    if !is_root() {
        return;
    }
    let rig = Rig { collect: CollectGlobs::new(vec!["*".into()], Vec::new()).unwrap(), ..Rig::new() };
    let executor = start(&rig, Tree::Theirs).await;
    let scratch = rig.scratch().canonicalize().unwrap();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let report = slot.paths().report_dir.clone();
        let write = format!("echo said; echo > {0}/r; ln {0}/r $TMPDIR/again", report.display());
        let earlier = slot.run(sh(&write)).await.unwrap();
        assert!(earlier.exit.is_success(), "{level:?}: {}", stderr(&earlier));
        let kept = earlier.folder.path().unwrap().to_path_buf();
        assert_eq!(fs::read_to_string(kept.join("stdout")).unwrap(), "said\n");
        let look = format!(
            "ls {0}/done; cat {1}/stdout {1}/report-0; echo > {1}/stdout; ls {0}/slots; true",
            scratch.display(),
            kept.display()
        );
        assert_eq!(says(&mut slot, &look).await, "", "{level:?}");
        assert_eq!(fs::read_to_string(kept.join("stdout")).unwrap(), "said\n");
    }
    executor.shutdown().await;
}

/// A file of ours that the other user may name but not read: by a hard link, where the system allows that.
#[tokio::test]
async fn a_link_to_a_file_of_ours_is_not_collected() {
    if !is_root() {
        return;
    }
    let rig = Rig { collect: CollectGlobs::new(vec!["*".into()], Vec::new()).unwrap(), ..Rig::new() };
    fs::write(rig.shared().join("secret"), "secret").unwrap();
    let executor = start(&rig, Tree::Theirs).await;
    let mut slot = executor.acquire(IsolationUsed::Shared).await.unwrap();
    let report = slot.paths().report_dir.clone();
    // What `fs.protected_hardlinks=0` would let the command do, done for it while it waits.
    let (ready, go) = (rig.shared().join("ready"), rig.shared().join("go"));
    fifo(&ready);
    fifo(&go);
    for pipe in [&ready, &go] {
        fs::set_permissions(pipe, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let order = sh(&format!("echo > {}; cat {}", ready.display(), go.display()));
    let link = tokio::task::spawn_blocking(move || {
        fs::read(&ready).unwrap();
        fs::hard_link(rig.shared().join("secret"), report.join("r.xml")).unwrap();
        fs::write(&go, "").unwrap();
        rig
    });
    let attempt = slot.run(order).await.unwrap();
    let rig = link.await.unwrap();
    assert_eq!(attempt.report_files, []);
    assert_eq!(attempt.notes, [flaky_exec::AttemptNote::FilesLeftBehind(1)]);
    assert_eq!(fs::read_to_string(rig.shared().join("secret")).unwrap(), "secret");
    executor.shutdown().await;
}

#[tokio::test]
async fn a_program_that_the_user_may_not_start_hides_none_that_comes_later() {
    if !is_root() {
        return;
    }
    let rig = Rig::new();
    let closed = rig.folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("id"), "#!/bin/sh\necho wrong\n").unwrap();
    fs::set_permissions(closed.join("id"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let executor = start(&rig, Tree::Theirs).await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let mut order = spec(&["id", "-u"]);
        order.env = vec![("PATH".into(), format!("{}:/usr/bin:/bin", closed.display()).into())];
        let attempt = slot.run(order).await.unwrap();
        assert_eq!(stdout(&attempt), format!("{}\n", USER.uid), "{level:?}");
        let mut order = spec(&["id"]);
        order.env = vec![("PATH".into(), closed.clone().into())];
        assert_eq!(slot.run(order).await.unwrap().exit, Exit::NotFound, "{level:?}");
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_the_user_cannot_reach_is_named_and_a_temporary_one_is_opened() {
    if !is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let private = |name: &str| {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        folder
    };
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (alone, home, scratch) = (private("alone"), private("home"), private("scratch"));
    for tree in [alone.join("tree"), home.join("tree")] {
        fs::create_dir(&tree).unwrap();
        USER.take_over(&tree).unwrap();
    }
    fs::write(home.join("other"), "").unwrap();
    let rig = Rig::new();
    let with = |tree: &Path| ExecutorSettings {
        tree: tree.to_path_buf(),
        scratch: scratch.join("work"),
        ..settings(&rig)
    };
    let executor = LocalExecutor::start(with(&alone.join("tree"))).await.unwrap();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        says(&mut slot, "touch mine; rm mine").await;
    }
    executor.shutdown().await;
    assert_eq!(fs::metadata(&alone).unwrap().mode() & 0o777, 0o711);
    let error = LocalExecutor::start(with(&home.join("tree"))).await.unwrap_err();
    let ExecError::OutOfReach { closed, uid, .. } = &error else { panic!("{error}") };
    assert_eq!((closed.as_path(), *uid), (home.canonicalize().unwrap().as_path(), USER.uid));
    assert!(error.hint().unwrap().contains("chmod o+x"));
    assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
    assert!(!scratch.join("work").exists());
}

#[tokio::test]
async fn who_cannot_become_the_user_is_told_why() {
    let expected = match std::env::var(EXPECTED) {
        Ok(expected) => expected,
        Err(_) if geteuid().is_root() => return,
        Err(_) => "only root can become another user".to_owned(),
    };
    let rig = Rig::new();
    let error = LocalExecutor::start(settings(&rig)).await.unwrap_err();
    assert!(matches!(error, ExecError::RunAs { .. }), "{error}");
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.hint().is_some());
    assert!(!rig.scratch().exists());
    let root = ExecutorSettings { run_as: Some(RunAs { uid: 0, gid: 0 }), ..rig.settings() };
    let error = LocalExecutor::start(root).await.unwrap_err();
    assert!(matches!(error, ExecError::RunAs { problem: RunAsProblem::Root, .. }), "{error}");
}

/// Runs tests of this program again under the helper's `program`.
fn run_nested(program: &[&str], tests: &[&str], variables: &[(&str, &str)]) {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::copy(std::env::current_exe().unwrap(), at("tests")).unwrap();
    fs::copy(helper(), at("helper")).unwrap();
    let mut command = Command::new(at("helper"));
    command.args(program).arg(at("tests")).args(tests).args(["--nocapture"]);
    command
        .env("FLAKY_TEST_LAUNCHER", at("helper"))
        .env("TMPDIR", "/tmp")
        .env("FLAKY_TEST_NESTED", "1")
        .envs(variables.iter().copied())
        .current_dir("/");
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("test result: ok") && !text.contains("skipped"),
        "{text}"
    );
}

fn is_nested() -> bool {
    std::env::var_os("FLAKY_TEST_NESTED").is_some() || !is_root()
}

#[test]
fn all_of_this_holds_where_root_may_not_mount_but_has_user_namespaces() {
    if is_nested() {
        return;
    }
    // Number 21 is CAP_SYS_ADMIN.
    let user_namespaces = Command::new(helper())
        .args(["without-capability", "21", "unshare", "--user", "--map-root-user", "true"])
        .output()
        .unwrap();
    let mut variables = Vec::new();
    if user_namespaces.status.success() {
        variables.push((FULL, "1"));
    }
    run_nested(&["without-capability", "21"], &["--skip", "who_cannot"], &variables);
}

#[test]
fn root_without_the_rights_it_takes_is_told_which() {
    if is_nested() {
        return;
    }
    let test = ["--exact", "who_cannot_become_the_user_is_told_why"];
    run_nested(&["without-capability", "7"], &test, &[(EXPECTED, "root lacks CAP_SETUID here")]);
    run_nested(&["without-capability", "5"], &test, &[(EXPECTED, "root lacks CAP_KILL here")]);
    let only_root = format!("user {} does not exist in this user name space; it has 0", USER.uid);
    run_nested(&["without-user-namespaces"], &test, &[(EXPECTED, &only_root)]);
}

#[tokio::test]
async fn a_process_that_hides_its_memory_is_its_own_launcher() {
    let rig = Rig::new();
    let executor = rig.start().await;
    let available = levels(&executor).await;
    executor.shutdown().await;
    let user = geteuid().is_root().then(|| USER.uid.to_string());
    let mut command = Command::new(helper());
    command.arg("hidden").arg(rig.tree()).arg(rig.scratch()).args(&user);
    let output = command.output().unwrap();
    let id = user.unwrap_or_else(|| geteuid().to_string());
    let expected: String = available.iter().map(|level| format!("{} {id}\n", level.name())).collect();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
