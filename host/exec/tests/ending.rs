//! However an attempt or the program ends, nothing that was started is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::report::IsolationUsed;
use flaky_exec::{AttemptSpec, ExecutorSettings, LocalExecutor, Purpose};
use support::*;

/// Starts processes that hide in every way, each with `mark` in its command line, and writes to `ready`,
/// a pipe, when all of them run. Then it waits for ever.
fn hiders(mark: &str, ready: &Path) -> AttemptSpec {
    // A session of its own with the parent gone and the output closed; deaf to signals; the command itself.
    let mut order = sh(&format!(
        r#"setsid sh -c "(setsid sh -c 'echo > {ready}.1; sleep 100000.{mark}' >/dev/null 2>&1 &)" &
           sh -c "trap '' TERM INT HUP; echo > {ready}.2; sleep 100000.{mark}" &
           echo > {ready}.3; sleep 100000.{mark}"#,
        ready = ready.display()
    ));
    // A pipe in a private layer would be another pipe.
    order.purpose = Purpose::Install;
    order
}

/// Makes the pipes of [`hiders`].
fn pipes(ready: &Path) {
    for number in 1..=3 {
        fifo(&with_number(ready, number));
    }
}

fn with_number(ready: &Path, number: u32) -> std::path::PathBuf {
    format!("{}.{number}", ready.display()).into()
}

/// Waits until all hiders run.
async fn all_run(ready: &Path) {
    for number in 1..=3 {
        let path = with_number(ready, number);
        tokio::task::spawn_blocking(move || fs::read(path).unwrap()).await.unwrap();
    }
}

fn mark() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{}{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_leaves_nothing_running() {
    let rig = Rig::new();
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mark = mark();
        let ready = rig.shared().join(&mark);
        pipes(&ready);
        let mut slot = executor.acquire(level).await.unwrap();
        let mut order = hiders(&mark, &ready);
        // Long enough for all to start, and nothing waits for it but this.
        order.timeout = Duration::from_secs(2);
        let (attempt, ()) = tokio::join!(slot.run(order), all_run(&ready));
        let attempt = attempt.unwrap();
        assert_eq!(attempt.exit, Exit::TimedOut, "{level:?}: {}", stderr(&attempt));
        assert!(attempt.usage.wall >= Duration::from_secs(2) && attempt.usage.wall < Duration::from_secs(20));
        assert_eq!(attempt.notes, [], "{level:?}");
        assert_eq!(running_with(&mark), [""; 0], "{level:?}");
        assert_eq!(says(&mut slot, "echo on").await, "on\n");
    }
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_the_command_is_killed_and_its_output_not_waited_for() {
    let rig = Rig::new();
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mark = mark();
        let go = rig.shared().join(&mark);
        fifo(&go);
        let mut slot = executor.acquire(level).await.unwrap();
        // The daemon holds the command's output open; it runs before the command ends.
        let script = format!(
            "setsid sh -c \"(setsid sh -c 'echo > {0}; sleep 100000.{mark}' &)\"; cat {0} >/dev/null; echo done; exit 4",
            go.display()
        );
        let attempt = slot.run(sh(&script)).await.unwrap();
        assert_eq!((attempt.exit, stdout(&attempt).as_str()), (Exit::Code(4), "done\n"), "{level:?}");
        assert_eq!(running_with(&mark), [""; 0], "{level:?}");
    }
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_an_attempt_up_kills_it_and_frees_its_slot() {
    let rig = Rig { parallelism: 1, ..Rig::new() };
    let executor = rig.start().await;
    for level in levels(&executor).await {
        for dropped in [Dropped::Run, Dropped::Slot] {
            let mark = mark();
            let ready = rig.shared().join(&mark);
            pipes(&ready);
            let mut slot = executor.acquire(level).await.unwrap();
            let mut run = Box::pin(slot.run(hiders(&mark, &ready)));
            tokio::select! {
                ended = &mut run => panic!("{level:?}: {ended:?}"),
                () = all_run(&ready) => {}
            }
            drop(run);
            let mut slot = match dropped {
                Dropped::Run => slot,
                Dropped::Slot => {
                    drop(slot);
                    executor.acquire(level).await.unwrap()
                }
            };
            assert_eq!(says(&mut slot, "echo on").await, "on\n");
            assert_eq!(running_with(&mark), [""; 0], "{level:?}");
            assert_eq!(fs::read_dir(rig.scratch().join("done")).unwrap().count(), 0, "{level:?}");
        }
    }
    executor.shutdown().await;
}

#[derive(Clone, Copy)]
enum Dropped {
    Run,
    Slot,
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_kills_what_runs_and_removes_scratch() {
    let rig = Rig::new();
    let first = rig.start().await;
    let available = levels(&first).await;
    first.shutdown().await;
    for level in available {
        let mark = mark();
        let ready = rig.shared().join(&mark);
        pipes(&ready);
        let executor = rig.start().await;
        let mut slot = executor.acquire(level).await.unwrap();
        let order = hiders(&mark, &ready);
        let running = tokio::spawn(async move { slot.run(order).await.map(|_| ()) });
        all_run(&ready).await;
        executor.shutdown().await;
        assert_eq!(running_with(&mark), [""; 0], "{level:?}");
        assert!(!rig.scratch().exists());
        assert!(running.await.unwrap().is_err());
    }
}

/// Set in a copy of this program that is to be killed: the level it runs at.
const ROLE: &str = "FLAKY_TEST_TO_BE_KILLED";

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_program_leaves_nothing() {
    if let Ok(role) = std::env::var(ROLE) {
        return to_be_killed(&role).await;
    }
    let rig = Rig::new();
    let executor = rig.start().await;
    let available = levels(&executor).await;
    executor.shutdown().await;
    for level in available {
        let mark = mark();
        let ready = rig.shared().join(&mark);
        pipes(&ready);
        let role = format!("{}\n{mark}\n{}", level.name(), rig.folder.path().display());
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "killing_the_program_leaves_nothing", "--nocapture"]).env(ROLE, role);
        let (mut alive, held) = std::io::pipe().unwrap();
        // The launcher's and everybody's copy of this end is closed only when they are gone.
        program.stdout(std::process::Stdio::null()).stderr(held);
        let mut child = program.spawn().unwrap();
        drop(program);
        all_run(&ready).await;
        let launcher = fs::read_to_string(rig.shared().join("launcher")).unwrap();
        assert!(runs(&launcher));
        let ended = pidfd(launcher.parse().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = Vec::new();
        alive.read_to_end(&mut rest).unwrap();
        wait_end(ended);
        assert_eq!(running_with(&mark), [""; 0], "{level:?}");
        assert!(!rig.scratch().exists(), "{level:?}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(rig.folder.path().to_str().unwrap()));
    }
}

async fn to_be_killed(role: &str) {
    let mut parts = role.lines();
    let (level, mark, folder) =
        (parts.next().unwrap(), parts.next().unwrap(), Path::new(parts.next().unwrap()));
    let rig = Rig::new();
    let shared = folder.canonicalize().unwrap().join("shared");
    let executor = LocalExecutor::start(ExecutorSettings {
        tree: folder.join("tree"),
        scratch: folder.join("scratch"),
        writable: vec![shared.clone()],
        ..rig.settings()
    })
    .await
    .unwrap();
    fs::write(shared.join("launcher"), executor.launcher_id().unwrap().to_string()).unwrap();
    let level = ALL_LEVELS.into_iter().find(|l| l.name() == level).unwrap_or(IsolationUsed::Shared);
    let mut slot = executor.acquire(level).await.unwrap();
    slot.run(hiders(mark, &shared.join(mark))).await.unwrap();
}

fn pidfd(pid: libc::pid_t) -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: the call takes integers; the descriptor it returns is ours alone.
    #[expect(unsafe_code, reason = "neither std nor nix has pidfd_open")]
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        assert!(fd >= 0);
        std::os::fd::OwnedFd::from_raw_fd(fd as i32)
    }
}

fn wait_end(process: std::os::fd::OwnedFd) {
    use std::os::fd::AsFd;
    let mut fds = [nix::poll::PollFd::new(process.as_fd(), nix::poll::PollFlags::POLLIN)];
    assert_eq!(nix::poll::poll(&mut fds, 30_000_u16).unwrap(), 1, "the launcher is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_an_error_and_leaves_nothing() {
    let rig = Rig { parallelism: 1, ..Rig::new() };
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mark = mark();
        let ready = rig.shared().join(&mark);
        pipes(&ready);
        let mut slot = executor.acquire(level).await.unwrap();
        let order = hiders(&mark, &ready);
        let running = tokio::spawn(async move { slot.run(order).await.map(|_| ()) });
        all_run(&ready).await;
        let launcher = executor.launcher_id().unwrap();
        let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap();
        let worker: i32 = children.split_whitespace().next().unwrap().parse().unwrap();
        let hidden: Vec<_> = running_with(&mark).iter().map(|pid| pidfd(pid.parse().unwrap())).collect();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), nix::sys::signal::Signal::SIGKILL)
            .unwrap();
        assert!(running.await.unwrap().is_err());
        hidden.into_iter().for_each(wait_end);
        let mut slot = executor.acquire(level).await.unwrap();
        assert_eq!(says(&mut slot, "echo on").await, "on\n");
    }
    executor.shutdown().await;
}
