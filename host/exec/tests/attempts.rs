//! What one attempt is: its exit, environment, folders, output, usage.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::report::IsolationUsed;
use flaky_exec::{CollectGlobs, ExecError, LocalExecutor, Purpose};
use support::*;

#[tokio::test]
async fn every_way_to_end_is_told_apart_at_every_level() {
    let rig = Rig::new().with_file("no-shebang", "echo no\n").with_file("sub/here", "");
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let cases: [(&[&str], Exit); 8] = [
            (&["true"], Exit::Code(0)),
            (&["/bin/sh", "-c", "exit 3"], Exit::Code(3)),
            (&["/bin/sh", "-c", "exit 255"], Exit::Code(255)),
            (&["/bin/sh", "-c", "kill -9 $$"], Exit::Signal(9)),
            (&["/bin/sh", "-c", "kill -SEGV $$"], Exit::Signal(11)),
            (&["no-such-program-anywhere"], Exit::NotFound),
            (&["./no-shebang"], Exit::NotFound),
            (&["/etc"], Exit::NotFound),
        ];
        for (argv, expected) in cases {
            let attempt = slot.run(spec(argv)).await.unwrap();
            assert_eq!(attempt.exit, expected, "{argv:?} at {level:?}");
            assert_eq!((attempt.index.0, attempt.seed.0), (7, 42));
        }
    }
    executor.shutdown().await;
    assert!(!rig.scratch().exists());
}

#[tokio::test]
async fn a_command_gets_its_arguments_environment_and_folder_and_nothing_more() {
    let rig = Rig::new().with_file("sub/here", "");
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let mut order = spec(&[
            "/bin/sh",
            "-c",
            "pwd; ls; printf '%s|' \"$@\"; ls /proc/self/fd | wc -l; cat",
            "sh",
            "a b",
            "",
            "ü",
        ]);
        order.working_directory = "sub".into();
        let attempt = slot.run(order).await.unwrap();
        // Descriptors of `ls`: its three and the folder it reads.
        let expected = format!("{}/sub\nhere\na b||ü|4\n", slot.paths().tree.display());
        assert_eq!(stdout(&attempt), expected, "{level:?}: {}", stderr(&attempt));

        let mut order = spec(&["env"]);
        order.env.push(("ODD".into(), std::os::unix::ffi::OsStringExt::from_vec(b"x\xffy".to_vec())));
        let attempt = slot.run(order).await.unwrap();
        let printed = std::fs::read(&attempt.stdout.path).unwrap();
        let lines: Vec<&[u8]> = printed.split(|b| *b == b'\n').collect();
        assert!(lines.contains(&&b"ODD=x\xffy"[..]));
        let allowed = ["PATH", "HOME", "ODD", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", ""];
        for line in lines {
            let name = line.split(|b| *b == b'=').next().unwrap();
            assert!(
                allowed.iter().any(|a| a.as_bytes() == name),
                "{level:?}: {}",
                String::from_utf8_lossy(line)
            );
        }
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn folders_of_an_attempt_are_empty_again_for_the_next() {
    let rig = Rig { collect: CollectGlobs::new(vec!["**/*.xml".into()], Vec::new()).unwrap(), ..Rig::new() };
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let paths = slot.paths().clone();
        let (report, support) = (paths.report_dir.display(), paths.support_dir.display());
        let private =
            if level == IsolationUsed::Shared { String::new() } else { "$TMPDIR $TMPDIR/.. ".to_owned() };
        let look = format!("ls {report} {support}; for d in {private}; do touch $d/left-$$; done");
        let first = says(&mut slot, &look).await;
        let mut order = sh(&format!(
            "cat {support}/deep/conf; echo 1 > {report}/r.xml; mkdir -p {report}/locked/x; ln -s /etc/passwd {report}/l.xml; \
             mkfifo {report}/p.xml; echo 2 > {report}/locked/s.xml; echo > {report}/other; chmod 0 {report}/locked/s.xml {report}/locked/x; chmod 500 {report}/locked"
        ));
        order.support_files = vec![("deep/conf".into(), b"\xffsupport".to_vec())];
        let attempt = slot.run(order).await.unwrap();
        assert!(attempt.exit.is_success(), "{}", stderr(&attempt));
        assert_eq!(std::fs::read(&attempt.stdout.path).unwrap(), b"\xffsupport");
        let found: Vec<_> = attempt
            .report_files
            .iter()
            .map(|f| (f.name.as_str(), std::fs::read_to_string(&f.path).unwrap()))
            .collect();
        assert_eq!(found, [("locked/s.xml", "2\n".to_owned()), ("r.xml", "1\n".to_owned())], "{level:?}");
        assert_eq!(says(&mut slot, &look).await, first, "{level:?}");
        let folder = attempt.folder.path().unwrap().to_path_buf();
        drop(attempt);
        assert!(!folder.exists());
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn usage_is_that_of_the_command_and_all_it_started() {
    let rig = Rig::new();
    let executor = rig.start().await;
    let helper = helper();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let small = slot.run(spec(&["true"])).await.unwrap().usage;
        assert!(small.peak_memory > 0 && small.peak_memory < 40 << 20, "{level:?}: {small:?}");
        let script = format!("'{0}' grow 100000000; '{0}' flood 100000000 >/dev/null", helper.display());
        let large = slot.run(sh(&script)).await.unwrap().usage;
        assert!(large.peak_memory > 100_000_000 && large.peak_memory < 160_000_000, "{level:?}: {large:?}");
        assert!(large.cpu > small.cpu + Duration::from_millis(20), "{level:?}: {small:?} {large:?}");
        assert!(large.wall >= Duration::from_millis(20), "{level:?}: {large:?}");
    }
    executor.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_order_or_with_folders_is_said_by_name() {
    let rig = Rig::new().with_file("file", "");
    let executor = rig.start().await;
    let mut slot = executor.acquire(IsolationUsed::Shared).await.unwrap();
    let mut order = spec(&["true"]);
    order.working_directory = "../up".into();
    assert!(matches!(slot.run(order).await, Err(ExecError::PathOutside(_))));
    let mut order = spec(&["true"]);
    order.support_files = vec![("/abs".into(), Vec::new())];
    assert!(matches!(slot.run(order).await, Err(ExecError::PathOutside(_))));
    assert!(matches!(slot.run(spec(&[])).await, Err(ExecError::EmptyCommand)));
    for folder in ["missing", "file"] {
        let mut order = spec(&["true"]);
        order.working_directory = folder.into();
        let error = slot.run(order).await.unwrap_err().to_string();
        assert!(error.contains("working directory") && error.contains(folder), "{error}");
    }
    // The slot still works.
    assert_eq!(says(&mut slot, "echo on").await, "on\n");

    let settings = rig.settings();
    assert!(matches!(LocalExecutor::start(settings.clone()).await, Err(ExecError::ScratchInUse(_))));
    let missing = flaky_exec::ExecutorSettings { tree: rig.tree().join("no"), ..settings.clone() };
    assert!(matches!(LocalExecutor::start(missing).await, Err(ExecError::Tree { .. })));
    let inside = flaky_exec::ExecutorSettings { scratch: rig.tree().join("s"), ..settings.clone() };
    assert!(matches!(LocalExecutor::start(inside).await, Err(ExecError::ScratchInsideTree(_))));
    assert!(!rig.tree().join("s").exists());
    executor.shutdown().await;
    let launcher = flaky_exec::LauncherProgram::Path("/no/such".into());
    let unstartable = flaky_exec::ExecutorSettings { launcher, ..settings };
    assert!(matches!(LocalExecutor::start(unstartable).await, Err(ExecError::Launcher { .. })));
    assert!(matches!(CollectGlobs::new(vec!["a[".into()], vec![]), Err(ExecError::Glob { .. })));
}

#[tokio::test]
async fn installations_write_into_the_writable_folders_and_tests_into_a_layer() {
    let rig = Rig::new().with_file("a", "original");
    let executor = rig.start().await;
    let shared = rig.shared();
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let file = shared.join(level.name());
        let mut order = sh(&format!("echo installed > {}; echo changed > a", file.display()));
        order.purpose = Purpose::Install;
        let attempt = slot.run(order).await.unwrap();
        assert!(attempt.exit.is_success(), "{level:?}: {}", stderr(&attempt));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "installed\n", "{level:?}");
        assert_eq!(
            says(&mut slot, &format!("cat {}; echo tested > {0}", file.display())).await,
            "installed\n"
        );
        let layered = level != IsolationUsed::Shared && slot.tree_method() == flaky_exec::TreeMethod::Overlay;
        let expected = if layered { "installed\n" } else { "tested\n" };
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "{level:?}");
        if level != IsolationUsed::Shared {
            assert_eq!(std::fs::read_to_string(rig.tree().join("a")).unwrap(), "original", "{level:?}");
        }
    }
    executor.shutdown().await;
}
