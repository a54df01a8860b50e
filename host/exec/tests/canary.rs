//! A test that looks for secrets wherever it can, and finds none: at every level, with trees of either owner.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "checkout/support.rs"]
#[allow(dead_code, reason = "the servers are all that is needed")]
mod servers;
mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flaky_core::report::IsolationUsed;
use flaky_exec::checkout::{HttpsToken, SshKey};
use flaky_exec::{AttemptSpec, ExecutorSettings, LocalExecutor, RunAs, TreeMethod};
use nix::unistd::geteuid;
use servers::{Client, HttpServer, Origin, SshServer};
use support::*;

const USER: RunAs = RunAs { uid: 54_323, gid: 54_323 };

/// Variables of the process that stands for the worker: its secrets. Each value is a new one in every run, so that
/// nothing old is found.
const VARIABLES: [&str; 4] =
    ["WORKER_API_KEY", "WORKER_WEBHOOK_URL", "GIT_TEST_TOKEN", "WORKER_DATABASE_URL"];

fn secret(name: &str) -> String {
    let random: [u8; 12] = fs::File::open("/dev/urandom")
        .and_then(|mut file| {
            let mut bytes = [0; 12];
            std::io::Read::read_exact(&mut file, &mut bytes).map(|()| bytes)
        })
        .unwrap();
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("canary{name}{digits}")
}

/// The worker: fetches with a token and with a key, then runs the canary as another user.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker() {
    if std::env::var_os(VARIABLES[0]).is_none() {
        // Runs as a child of the test below.
        return;
    }
    let mut secrets: Vec<String> = VARIABLES.iter().map(|name| std::env::var(name).unwrap()).collect();
    let token = secrets[2].clone();
    let origin = Origin::new();
    // What a server notes of its clients is root's alone too.
    fs::set_permissions(origin.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let repository = origin.history("it", &[]);
    let http = HttpServer::start(&origin);
    let ssh = SshServer::start("ed25519");
    ssh.known(&format!("[127.0.0.1]:{} {}\n", ssh.port, ssh.host_key()));
    let key = fs::read_to_string(ssh.home().join(".ssh/id_ed25519")).unwrap();
    secrets.push(key.lines().nth(2).unwrap().to_owned());
    // What an attempt before has printed.
    secrets.push(secret("Output"));

    let rig = Rig::new();
    let clients = [
        Client::new(&http.url("private/it.git")).settings(|s| {
            s.token = HttpsToken::new(&token);
            s.owner = Some(USER);
        }),
        Client::new(&ssh.url(&repository)).settings(|s| {
            s.ssh_key = Some(SshKey::new(&key).unwrap());
            s.home = Some(ssh.home());
        }),
    ];
    let mut looked = 0;
    for (client, theirs) in clients.iter().zip([true, false]) {
        tokio::task::block_in_place(|| client.run()).unwrap();
        let settings = ExecutorSettings { tree: client.tree(), run_as: Some(USER), ..rig.settings() };
        let executor = LocalExecutor::start(settings).await.unwrap();
        for level in levels(&executor).await {
            let mut slot = executor.acquire(level).await.unwrap();
            if level != IsolationUsed::Shared {
                assert!(theirs || slot.tree_method() != TreeMethod::Overlay, "{level:?}");
            }
            let earlier = slot.run(sh(&format!("echo {}", secrets[5]))).await.unwrap();
            assert_eq!(stdout(&earlier).trim(), secrets[5]);
            let folders = [rig.folder.path(), &client.tree(), origin.folder.path(), ssh.folder.path()];
            let attempt = slot.run(canary(&secrets, &folders, None)).await.unwrap();
            let said = stdout(&attempt);
            assert!(attempt.exit.is_success(), "{level:?}: {said}{}", stderr(&attempt));
            let finds: Vec<&str> = said.lines().filter(|line| !line.starts_with("looked")).collect();
            assert_eq!(finds, [""; 0], "{level:?}, tree theirs: {theirs}");
            // It did look: at least at this process and the launcher's, where they are seen, and at the sources.
            let own = matches!(level, IsolationUsed::Full | IsolationUsed::FullSharedNetwork);
            assert!(number(&said, "processes") >= if own { 1 } else { 3 }, "{level:?}: {said}");
            assert!(number(&said, "files") > 5, "{level:?}: {said}");
            looked += 1;
        }
        executor.shutdown().await;
    }
    assert!(looked >= 4);
    the_control(&rig, &origin, &secrets).await;
}

/// The same program as the worker's own user finds every secret: so it is able to.
async fn the_control(rig: &Rig, origin: &Origin, secrets: &[String]) {
    let executor = LocalExecutor::start(rig.settings()).await.unwrap();
    let mut slot = executor.acquire(IsolationUsed::Shared).await.unwrap();
    let earlier = slot.run(sh(&format!("echo {}", secrets[5]))).await.unwrap();
    let folders = [rig.folder.path(), origin.folder.path()];
    let attempt = slot.run(canary(secrets, &folders, Some(std::process::id()))).await.unwrap();
    let said = stdout(&attempt);
    let found = |number: usize, place: &str| {
        let start = format!("found {number} ");
        assert!(
            said.lines().any(|line| line.starts_with(&start) && line.contains(place)),
            "secret {number} in {place}: {said}{}",
            stderr(&attempt)
        );
    };
    for number in 0..4 {
        found(number, "/environ");
    }
    for number in 0..6 {
        found(number, "/mem");
    }
    // The server's log has the token in base64; the spool of the attempt before.
    found(2, "/requests");
    found(5, "/stdout");
    assert!(number(&said, "mem") == 1 && number(&said, "environ") > 0, "{said}");
    drop(earlier);
    executor.shutdown().await;
}

fn number(said: &str, kind: &str) -> u64 {
    let line = said.lines().find(|line| line.starts_with("looked")).unwrap();
    let word = line.split(' ').find_map(|word| word.strip_prefix(&format!("{kind}="))).unwrap();
    word.parse().unwrap()
}

fn canary(secrets: &[String], folders: &[&Path], only: Option<u32>) -> AttemptSpec {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/canary.py");
    let hidden = |secret: &String| secret.bytes().rev().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut order = spec(&["python3", "SUPPORT"]);
    order.argv.pop();
    // Its text, not its path: the user need not be able to read this folder.
    order.argv.extend(["-c".into(), fs::read_to_string(script).unwrap().into()]);
    order.argv.extend(only.into_iter().flat_map(|pid| ["--only".into(), pid.to_string().into()]));
    order.argv.extend(secrets.iter().map(|secret| hidden(secret).into()));
    order.argv.push("--".into());
    let usual = ["/root", "/run", "/var/tmp", "/dev/shm", "/etc"].map(PathBuf::from);
    // As root these hold more than a test has time for; the others are enough to find what there is.
    let usual = usual.iter().map(PathBuf::as_path).filter(|_| only.is_none());
    order.argv.extend(folders.iter().copied().chain(usual).map(Into::into));
    order.timeout = Duration::from_secs(300);
    order
}

#[test]
fn a_test_that_runs_as_another_user_finds_no_secret_anywhere() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can run tests as another user");
        return;
    }
    let values = [
        secret("ApiKey"),
        format!("https://hooks.example/{}", secret("Webhook")),
        secret("Token"),
        format!("postgres://me:{}@db.example/it", secret("Password")),
    ];
    let variables: Vec<(&str, &OsStr)> = VARIABLES.into_iter().zip(values.iter().map(OsStr::new)).collect();
    servers::again("the_worker", "", &variables);
}
