//! Output of any size: what is kept, and what keeping it costs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;

use flaky_core::report::IsolationUsed;
use support::*;

/// The line that the helper's flood prints at `offset`.
fn line_at(offset: u64) -> String {
    format!("{:015}\n", offset / 16)
}

fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: 0");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_floods_side_by_side_keep_head_and_tail_in_little_memory() {
    const PRINTED: u64 = 1 << 30;
    const QUOTA: u64 = 8 << 20;
    let rig = Rig { parallelism: 8, output_quota: 2 * QUOTA, ..Rig::new() };
    let executor = rig.start().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let executor = executor.clone();
        tasks.spawn(async move {
            let mut slot = executor.acquire(IsolationUsed::Shared).await.unwrap();
            // 64 MB in one piece, sixteen times: printing is quicker than making.
            let script = format!("'{}' flood {} > big; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do cat big; done; cat big", helper().display(), PRINTED / 16);
            let script = script.replace("big", &format!("big-{}", std::ptr::from_ref(&slot).addr()));
            slot.run(sh(&script)).await.unwrap()
        });
    }
    while let Some(attempt) = tasks.join_next().await {
        let attempt = attempt.unwrap();
        assert!(attempt.exit.is_success(), "{}", stderr(&attempt));
        assert_eq!(attempt.stdout.size, QUOTA);
        assert_eq!(attempt.stdout.cut, Some((QUOTA / 2, PRINTED - QUOTA / 2)));
        let file = fs::File::open(&attempt.stdout.path).unwrap();
        assert_eq!(file.metadata().unwrap().len(), QUOTA);
        // The pattern repeats after a sixteenth.
        for offset in (0..QUOTA).step_by(4096 + 16) {
            let printed_at = if offset < QUOTA / 2 { offset } else { PRINTED - QUOTA + offset };
            let mut line = [0; 16];
            file.read_exact_at(&mut line, offset).unwrap();
            assert_eq!(String::from_utf8_lossy(&line), line_at(printed_at % (PRINTED / 16)), "at {offset}");
        }
    }
    let launcher = executor.launcher_id().unwrap();
    let workers = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap();
    let ours: Vec<u64> = workers.split_whitespace().map(|pid| peak_memory(pid.parse().unwrap())).collect();
    assert_eq!(ours.len(), 8);
    let total = ours.iter().sum::<u64>() + peak_memory(launcher) + peak_memory(std::process::id());
    assert!(total < 100 << 20, "{ours:?} and {total} bytes together");
    executor.shutdown().await;
}

#[tokio::test]
async fn both_streams_are_kept_apart_and_silence_costs_no_folder() {
    let rig = Rig::new();
    let executor = rig.start().await;
    for level in levels(&executor).await {
        let mut slot = executor.acquire(level).await.unwrap();
        let attempt = slot.run(sh("echo out; echo err >&2; printf 'a\\0b\\377'")).await.unwrap();
        assert_eq!(fs::read(&attempt.stdout.path).unwrap(), b"out\na\0b\xff");
        assert_eq!((stderr(&attempt).as_str(), attempt.stderr.size, attempt.stderr.cut), ("err\n", 4, None));
        let silent = slot.run(sh("true")).await.unwrap();
        assert_eq!((silent.folder.path(), silent.stdout.size), (None, 0));
        assert_eq!((stdout(&silent), stderr(&silent)), (String::new(), String::new()));
    }
    executor.shutdown().await;
}
