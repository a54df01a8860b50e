//! RunPod's own Python client drives the local server: every call of it, in the newest version and in the one that the
//! original tool asks for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what tests share may fail the test"
)]

mod scripted;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command as Blocking;

use tokio::process::Command;

use self::scripted::{Bench, settings};

/// The newest version when this was written, and the one of the original's `requirements.txt`.
const VERSIONS: [&str; 2] = ["1.12.0", "1.8.1"];

/// A virtual environment with the SDK, made once per target folder, by the rules of `tests/src/place.rs`, so that all
/// tests share it.
fn python(version: &str) -> PathBuf {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flaky-tests");
    fs::create_dir_all(&shared).unwrap();
    let name = format!("venv-runpod-{version}");
    let folder = shared.join(&name);
    let lock = File::create(shared.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let python = folder.join("bin/python3");
    if !folder.join(".whole").exists() {
        // What stands there without the marker was interrupted.
        let _ = fs::remove_dir_all(&folder);
        must(Blocking::new("python3").args(["-m", "venv"]).arg(&folder));
        must(Blocking::new(&python).args(["-m", "pip", "install", "-q", &format!("runpod=={version}")]));
        fs::write(folder.join(".whole"), "").unwrap();
    }
    python
}

fn must(command: &mut Blocking) {
    let output = command.output().expect("the tests need python3 on PATH");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Runs one part of the driver with each version of the client.
async fn drive(part: &str, prefix: &str) {
    for version in VERSIONS {
        let python = tokio::task::spawn_blocking(|| python(version)).await.unwrap();
        let bench = Bench::start(settings()).await;
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/drive_client.py"))
            .arg(part)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            // The SDK looks for a file of settings there.
            .env("HOME", home.path())
            .env("RUNPOD_ENDPOINT_BASE_URL", format!("{}{prefix}", bench.base))
            .env("RUNPOD_API_KEY", "rpa_ANY")
            .env("RUNPOD_ENDPOINT_ID", "mine")
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let (said, cried) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{version}, {part}:\n{said}\n{cried}");
        assert!(said.contains("ok: "), "{version}, {part}:\n{said}");
        bench.end().await;
    }
}

#[tokio::test]
async fn a_script_that_asks_once_for_the_output_gets_it() {
    drive("ask-once", "").await;
}

#[tokio::test]
async fn a_step_of_a_workflow_gets_its_result() {
    drive("in-a-workflow", "").await;
}

#[tokio::test]
async fn every_call_of_the_client_works_as_on_the_platform() {
    drive("calls", "/v2").await;
}

#[tokio::test]
async fn the_client_works_at_the_root_too() {
    drive("at-the-root", "").await;
}

#[tokio::test]
async fn the_asynchronous_client_works() {
    drive("asynchronous", "/v2").await;
}
