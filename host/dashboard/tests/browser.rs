//! The page in a real browser, served and exported: Chromium, driven by playwright-core, looked over by axe-core.
//!
//! Needs `FLAKY_BROWSER=1`, because it installs two packages from npm and needs Chromium (`/usr/bin/chromium`, or what
//! `FLAKY_CHROMIUM` names). With `FLAKY_SCREENSHOTS=FOLDER` it leaves pictures there.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: what they cannot have ends the test"
)]

mod story;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flaky_dashboard::data::Quarantined;
use flaky_dashboard::{Guard, Mode, Server, Token, export};
use serde_json::{Value, json};
use story::{planted, unit};

/// What drives the browser, and what looks for barriers.
const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

/// Tests of the large history.
const MANY: u32 = 5_000;

/// CPU seconds of the page for sorting the list of many tests, turning a page of it, and searching: a third of a second each.
const MOST_CPU: f64 = 1.0;

/// Packages of npm in a folder of the target folder, installed once.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let marker = folder.join("installed");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&marker).unwrap_or_default() != wanted {
        fs::create_dir_all(&folder).unwrap();
        let prefix = folder.to_str().unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--prefix", prefix]).args(PACKAGES);
        assert!(npm.status().expect("npm runs").success(), "npm could not install {wanted}");
        fs::write(marker, wanted).unwrap();
    }
    folder
}

/// A history of many tests, two of a hundred of which fail at times.
async fn large(folder: &Path) {
    let history = story::open(folder).await;
    for day in (0..5).rev() {
        let tests: Vec<_> = (0..MANY)
            .map(|n| {
                let failed = u32::from(n % 50 == 0 && i64::from(n / 50 % 5) == day) * 2;
                planted(
                    &format!("tests/test_large_{:02}.py::TestEverything::test_case_{n:05}", n % 100),
                    failed,
                )
            })
            .collect();
        story::add(&history, &format!("large-{day}"), day, unit(), "main", &tests).await;
    }
}

async fn serve(folder: &Path, guard: Guard) -> String {
    let quarantine = vec![Quarantined {
        test: "tests/test_cart.py::test_order".into(),
        owner: Some("@shop/cart".into()),
        reason: Some("<i>fails</i> when the clock turns".into()),
        since: Some("2026-11-20".into()),
        expires: Some("2026-12-20".into()),
        state: None,
    }];
    let documents = story::documents(folder, Mode::Live).await.with_quarantine(quarantine);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), documents, guard).await.unwrap();
    let url = server.url();
    tokio::spawn(server.run(std::future::pending()));
    url
}

/// Runs the script, adds a run whenever it asks for one, and gives what it says in the end.
async fn drive(modules: &Path, orders: &Value, history: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/check.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(modules).arg(orders.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = node.spawn().expect("node runs");
    let mut answers = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let history = story::open(history).await;
    let mut said = Value::Null;
    // The script is waited for on a thread of its own, so that the server goes on.
    while let Some(line) = tokio::task::block_in_place(|| lines.next()) {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match line["add"].as_str() {
            Some(run) => {
                let tests = [
                    planted("tests/test_cart.py::test_late", 2),
                    planted("tests/test_cart.py::test_order", 3),
                ];
                story::add(&history, run, 0, unit(), "main", &tests).await;
                writeln!(answers, "added").unwrap();
            }
            None => said = line,
        }
    }
    assert!(child.wait().unwrap().success());
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_page_does_what_it_offers_runs_no_foreign_script_and_has_no_barriers() {
    if std::env::var_os("FLAKY_BROWSER").is_none() {
        println!("not checked: needs FLAKY_BROWSER=1, npm and Chromium");
        return;
    }
    let modules = installed();
    let [folder, many, nothing] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    drop(story::history(folder.path()).await);
    large(many.path()).await;
    drop(story::open(nothing.path()).await);
    let out = folder.path().join("site");
    export(&story::documents(folder.path(), Mode::Export).await, &out).await.unwrap();
    let orders = json!({
        "served": serve(folder.path(), Guard::this_machine()).await,
        "guarded": serve(folder.path(), Guard::with_token(Token::generate().unwrap())).await,
        "large": serve(many.path(), Guard::this_machine()).await,
        "empty": serve(nothing.path(), Guard::this_machine()).await,
        "exported": out,
        "hostile": story::hostile_ids(),
    });
    let said = drive(&modules, &orders, folder.path()).await;
    println!("{said:#}");

    for (place, seen) in said["looked"].as_object().unwrap() {
        assert_eq!(seen["errors"], json!([]), "{place}: errors, requests or dialogs");
        assert_eq!(seen["axe"], json!([]), "{place}: serious or critical findings");
        assert_eq!(seen["wider"], json!([]), "{place}: scrolls sideways on a phone");
        assert_eq!(seen["pwned"], json!(false), "{place}: a foreign script ran");
    }
    assert_eq!(said["filters"], filters(), "{:#}", said["filters"]);
    assert_eq!(said["linked"], said["filters"], "what was chosen stands in the address");
    assert_eq!(said["differing"], json!([]), "exported pages differ from served ones");
    let back = &said["back"];
    assert_eq!(back["addresses"][0], back["addresses"][4], "{back:#}");
    assert_eq!(back["addresses"][1], back["addresses"][3], "{back:#}");
    assert_eq!((&back["scrolled"], &back["typed"]), (&json!(true), &json!("order")), "{back:#}");
    assert_eq!(
        said["live"],
        json!({"before": 16, "after": 17, "focus": "sort-last", "scroll": true, "open": true, "quiet": true, "lost": true, "found": true}),
    );
    assert_eq!(
        said["keys"],
        json!({"skip": true, "main": true, "sorted": "ascending", "again": "sort-test", "head": true})
    );
    assert_eq!(
        said["hostile"],
        json!({"seen": story::hostile_ids().len(), "links": 0, "pwned": false, "broken": false, "marks": true})
    );
    assert_eq!(said["guarded"], json!({"page": true, "address": true, "cookie": true, "stranger": 401}));
    assert_eq!(said["empty"], "No runs yet");
    let large = &said["large"];
    assert_eq!((&large["count"], &large["found"]), (&json!(MANY), &json!("1 test")), "{large:#}");
    assert!(large["cpu"].as_f64().unwrap() < MOST_CPU, "{large:#}");
}

/// What the planted story looks like through each filter: the number of tests that failed in it.
fn filters() -> Value {
    json!({
        "nothing": 16, "repository": 1, "suite": 1, "branch": 2, "period": 14, "search": 1,
        "flaky": 13, "broken": 1, "recovered": 2, "clean": 61, "all": 77, "together": 1,
    })
}
