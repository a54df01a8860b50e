//! Shards: an order in, raw attempts out.

use std::collections::BTreeMap;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::report::IsolationUsed;
use flaky_runpod::pack::{MAX_PACKED_BYTES, pack_folder};
use flaky_runpod::wire::{
    Part, PartLimits, ShardFailureKind, ShardHead, ShardOrder, WIRE_VERSION, WireAttempt, WireCommand,
    WireEnv, WireInstall, WireOrder, WireSource, WireStep, pack_order, placeholder, unpack_part,
};
use flaky_worker::job::{Answer, Update};
use flaky_worker::jobs::Use;
use serde_json::{Value, json};

use crate::support::{Rig, running_with, until};

fn sh(script: &str) -> WireCommand {
    WireCommand { argv: vec!["sh".into(), "-c".into(), script.into()], env: vec![], cwd: String::new() }
}

/// An order of `attempts` attempts of a script, of the rig's packed folder.
fn order(rig: &Rig, script: &str, attempts: u32) -> ShardOrder {
    let attempt = |number: u32| WireOrder {
        index: AttemptIndex(number + 100),
        seed: Seed(u64::from(number)),
        command: WireCommand {
            env: vec![("ATTEMPT".into(), WireEnv::Set(number.to_string()))],
            ..sh(script)
        },
        support: vec![("where.txt".into(), 0)],
    };
    ShardOrder {
        version: WIRE_VERSION,
        run: "run-1".parse().unwrap(),
        shard: 4,
        source: WireSource::Packed(pack_folder(&rig.suite(), MAX_PACKED_BYTES).unwrap().bytes),
        install: None,
        isolation: IsolationUsed::Full,
        parallelism: 3,
        timeout: Duration::from_secs(60),
        report_globs: vec!["*.xml".into()],
        tree_globs: vec!["made/*.txt".into()],
        output_quota: 1 << 20,
        env: vec![("FROM_ORDER".into(), "yes".into())],
        blobs: vec![placeholder::TREE.into()],
        attempts: (0..attempts).map(attempt).collect(),
    }
}

fn input(order: &ShardOrder) -> Value {
    json!({ "shard": pack_order(order).unwrap() })
}

/// Head and attempts of a chunk or an output.
fn unpacked(value: &Value) -> (Option<ShardHead>, BTreeMap<u32, WireAttempt>) {
    let (mut head, mut attempts) = (None, BTreeMap::new());
    for part in unpack_part(value, PartLimits::default()).unwrap() {
        match part {
            Part::Head(found) => head = Some(*found),
            Part::Attempt(attempt) => {
                attempts.insert(attempt.index.0, *attempt);
            }
        }
    }
    (head, attempts)
}

async fn completed(rig: &Rig, order: &ShardOrder) -> (ShardHead, BTreeMap<u32, WireAttempt>, Vec<Update>) {
    let (answer, updates) = rig.run(Use::Platform, input(order)).await;
    let Answer::Output(output) = answer else { panic!("{answer:?}") };
    let (head, attempts) = unpacked(&output);
    (head.unwrap(), attempts, updates)
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_come_back_raw_and_complete_streamed_and_at_the_end() {
    let rig = Rig::new().file("kept.txt", "in the tree");
    let script = format!(
        "echo \"$ATTEMPT $FROM_ORDER $CI\"; cat kept.txt >&2; test \"$(cat {support}/where.txt)\" = \"$PWD\" || exit 9; \
         echo '<x/>' > {report}/a.xml; mkdir made; echo tree > made/b.txt; exit $((ATTEMPT % 2))",
        support = placeholder::SUPPORT_DIR,
        report = placeholder::REPORT_DIR
    );
    let (head, attempts, updates) = completed(&rig, &order(&rig, &script, 7)).await;
    assert_eq!((head.run.as_str(), head.shard, head.failure), ("run-1", 4, None));
    assert_eq!(attempts.keys().copied().collect::<Vec<_>>(), (100..107).collect::<Vec<_>>());
    for (number, attempt) in attempts.values().enumerate() {
        assert_eq!(attempt.exit, Exit::Code(i32::try_from(number % 2).unwrap()), "{attempt:?}");
        assert_eq!(attempt.seed.0, number as u64);
        assert_eq!(attempt.stdout.bytes, format!("{number} yes true\n").as_bytes());
        assert_eq!(attempt.stderr.bytes, b"in the tree");
        let file = |files: &[flaky_runpod::wire::WireFile]| (files[0].name.clone(), files[0].bytes.clone());
        assert_eq!(file(&attempt.reports), ("a.xml".to_owned(), b"<x/>\n".to_vec()));
        assert_eq!(file(&attempt.tree), ("made/b.txt".to_owned(), b"tree\n".to_vec()));
    }
    let mut streamed = BTreeMap::new();
    let mut heads = 0;
    for update in &updates {
        let Update::Chunk(chunk) = update else { panic!("{update:?}") };
        let (head, attempts) = unpacked(chunk);
        heads += usize::from(head.is_some());
        streamed.extend(attempts);
    }
    assert_eq!((heads, streamed), (1, attempts));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_without_attempts_tries_sources_and_installation_and_says_what_the_machine_can_do() {
    let rig = Rig::new().file("kept.txt", "x");
    let (head, attempts, _) = completed(&rig, &order(&rig, "true", 0)).await;
    assert!(attempts.is_empty());
    assert_eq!((head.failure, head.used), (None, head.best));
}

#[tokio::test(flavor = "multi_thread")]
async fn isolation_is_at_most_what_was_ordered() {
    let rig = Rig::new();
    let ordered = ShardOrder { isolation: IsolationUsed::Copy, ..order(&rig, "true", 1) };
    let (head, attempts, _) = completed(&rig, &ordered).await;
    assert_eq!((head.used, attempts.len()), (IsolationUsed::Copy, 1));
}

fn installing(rig: &Rig, cache_key: &str, script: &str) -> ShardOrder {
    let install = WireInstall {
        cache_key: cache_key.into(),
        steps: vec![WireStep { title: "making it".into(), command: sh(script) }],
        env: vec![("INSTALLED".into(), WireEnv::Set(format!("{}/it", placeholder::ENV_DIR)))],
        timeout: Duration::from_secs(60),
    };
    ShardOrder { install: Some(install), ..order(rig, "cat \"$INSTALLED\"", 2) }
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_are_installed_once_for_a_key_and_each_time_without_one() {
    let rig = Rig::new().file("kept.txt", "x");
    let script = format!("date +%s%N > {}/it", placeholder::ENV_DIR);
    let mut seen = Vec::new();
    for key in ["k", "k", "l", "", ""] {
        let (_, attempts, _) = completed(&rig, &installing(&rig, key, &script)).await;
        let printed: Vec<_> = attempts.values().map(|a| a.stdout.bytes.clone()).collect();
        assert_eq!(printed[0], printed[1]);
        assert!(printed[0].len() > 10, "{attempts:?}");
        seen.push(printed[0].clone());
    }
    assert_eq!(seen[0], seen[1], "it was there already");
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_fail_on_every_worker_is_told_in_the_head() {
    let rig = Rig::new();
    let (head, attempts, _) =
        completed(&rig, &installing(&rig, "k", "echo 'no such package' >&2; exit 3")).await;
    let failure = head.failure.unwrap();
    assert_eq!(failure.kind, ShardFailureKind::InstallFailed);
    assert_eq!(failure.why, "making it failed (exit code 3): no such package");
    assert!(attempts.is_empty());
    for (url, why) in [
        ("http://127.0.0.1:1/a.git", "Failed to clone repository: `http://127.0.0.1:1/a.git`: "),
        ("/etc", "a worker fetches URLs, not its own folders"),
        ("file:///etc", "Invalid repository URL: `file:///etc`: "),
    ] {
        let source = WireSource::Repository { url: url.into(), reference: None, commit: None };
        let (head, ..) = completed(&rig, &ShardOrder { source, ..order(&rig, "true", 1) }).await;
        let failure = head.failure.unwrap();
        assert_eq!(failure.kind, ShardFailureKind::RepositoryUnreachable);
        assert!(failure.why.starts_with(why), "{}", failure.why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_cannot_be_made_is_one_with_an_error_and_the_others_are_made() {
    let rig = Rig::new();
    let mut ordered = order(&rig, "true", 3);
    ordered.attempts[1].command.argv = vec!["no-such-program-here".into()];
    ordered.attempts[2].command.cwd = "no/such/folder".into();
    let (_, attempts, _) = completed(&rig, &ordered).await;
    assert_eq!((attempts[&100].exit, &attempts[&100].error), (Exit::Code(0), &None));
    assert_eq!((attempts[&101].exit, &attempts[&101].error), (Exit::NotFound, &None));
    let error = attempts[&102].error.as_deref().unwrap();
    assert!(error.contains("`sh -c true`") && error.contains("no/such/folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_shard_kills_what_runs() {
    let mark = format!("3700.{}", std::process::id());
    let rig = Rig::new();
    let running = rig.start(Use::Platform, input(&order(&rig, &format!("sleep {mark} & sleep {mark}"), 6)));
    let sleep = format!("sleep\0{mark}");
    until(|| running_with(&sleep) >= 6).await;
    running.stop.cancel();
    let (answer, _) = running.end().await;
    assert_eq!((answer, running_with(&mark)), (Answer::Stopped, 0));
}
