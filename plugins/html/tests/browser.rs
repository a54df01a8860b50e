//! The page in a real browser: Chromium, driven by playwright-core, looked over by axe-core.
//!
//! Needs `FLAKY_BROWSER=1`, because it installs two packages from npm and needs Chromium (`/usr/bin/chromium`, or what
//! `FLAKY_CHROMIUM` names). With `FLAKY_SCREENSHOTS=FOLDER` it leaves pictures there.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flaky_plugin_html::render;
use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;
use serde_json::{Value, json};

/// What drives the browser, and what looks for barriers.
const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

/// First contentful paint of the large page, median of five loads, in milliseconds.
const SLOWEST_PAINT: f64 = 1000.0;

/// Longest task after the load, in milliseconds.
const LONGEST_TASK: f64 = 200.0;

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

/// A report with all that a page can show.
fn sample() -> Value {
    let mut sample = reports::verdicts();
    let mut more = reports::large(80, 100)["tests"].as_array().unwrap().clone();
    sample["tests"].as_array_mut().unwrap().append(&mut more);
    sample["clusters"] = json!([{
        "tests": ["tests/test_shop.py::test_order", "com.acme.CartTest::ignored"], "attempts": [2, 5, 8],
        "together": 0.92, "kind": "ConnectionError", "message": "connection refused: 127.0.0.1:5432",
        "cause": "network", "seen": "port 5432", "text": "ConnectionError at port 5432: the tests share a database"
    }]);
    sample["notes"] = json!([{"code": "withheld", "text": "2 variables that look like secrets were withheld from the tests"}]);
    sample["base"] = json!({"revision": "main", "commit": "91b2", "total_runs": 100, "failures": 0});
    sample["attempts"].as_array_mut().unwrap().push(
        json!({"attempt": 99, "seed": 100, "exit": "timed-out", "wall_seconds": 30.0, "failed_tests": 0,
               "set_aside": "out of memory", "output_tail": "collected 85 items\nKilled"}),
    );
    sample
}

fn write(folder: &Path, name: &str, report: &Value) {
    let page = render(&Report::from_json(report.to_string().as_bytes()).unwrap()).unwrap();
    fs::write(folder.join(format!("{name}.html")), page).unwrap();
}

#[test]
fn pages_run_no_foreign_script_have_no_barriers_and_are_fast() {
    if std::env::var_os("FLAKY_BROWSER").is_none() {
        println!("not checked: needs FLAKY_BROWSER=1, npm and Chromium");
        return;
    }
    let modules = installed();
    let pages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&pages).unwrap();
    write(&pages, "sample", &sample());
    write(&pages, "hostile", &reports::hostile());
    write(&pages, "large", &reports::large(5000, 1000));
    write(&pages, "empty", &reports::report(0, Vec::new()));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/check.mjs");
    let output = Command::new("node").arg(script).arg(&modules).arg(&pages).output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{found:#}");

    for (page, said) in found["pages"].as_object().unwrap() {
        assert_eq!(said["errors"], json!([]), "{page}: errors, requests or dialogs");
        assert_eq!(said["pwned"], json!(false), "{page}: a foreign script ran");
        assert_eq!(said["axe"], json!([]), "{page}: serious or critical findings");
        assert_eq!(said["wider"], json!(false), "{page}: scrolls sideways on a phone");
    }
    let tests = reports::hostile()["tests"].as_array().unwrap().len();
    assert_eq!(found["pages"]["hostile"]["told"], json!(format!("{tests} tests")));
    let used = &found["used"];
    let themes: Vec<&str> = used["themes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        matches!(themes[..], [system, light, dark, again] if system == light && light != dark && again == system),
        "{used}"
    );
    assert!(used["copied"].as_str().unwrap().contains("opied"), "{used}");
    assert_eq!((&used["found"], &used["searching"]), (&json!("1 of 86 tests"), &json!(true)));
    assert_eq!(used["broken"], json!(false), "{used}");
    assert_eq!(
        used["refused"],
        json!(["img-src", "img-src", "script-src-attr", "script-src-elem"]),
        "{used}"
    );
    assert_eq!(used["requests"], json!(["csp", "csp"]), "{used}");
    let large = &found["large"];
    assert!(large["bytes"].as_u64().unwrap() < 10_000_000, "{large}");
    assert!(large["paint"].as_f64().unwrap() < SLOWEST_PAINT, "{large}");
    assert!(large["longest"].as_f64().unwrap() < LONGEST_TASK, "{large}");
    assert_eq!(large["found"], "1 of 5,000 tests");
    assert_eq!(large["keys"], json!(true), "the strip is walked through by keys");
}
