//! Sample reports, where they are told, and what is expected of them.
#![expect(clippy::panic, reason = "helpers of tests: what they cannot have ends the test")]

use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use serde_json::json;

/// Set to write what reporters do as what they should.
const UPDATE: &str = "UPDATE_EXPECTED";

/// The sample reports of the SDK by name, with their text.
///
/// # Panics
/// When they are missing or no reports.
#[must_use]
pub fn reports() -> Vec<(String, String, Report)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/tests/reports");
    let read =
        |path: &PathBuf| fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "sample reports are missing");
    let one = |path: &PathBuf| {
        let text = read(path);
        let report = Report::from_json(text.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), text, report)
    };
    paths.iter().map(one).collect()
}

/// The sample report of this name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn report(name: &str) -> Report {
    let found = reports().into_iter().find(|(found, _, _)| found == name);
    found.unwrap_or_else(|| panic!("no sample `{name}`")).2
}

/// A pull request on GitHub after its CI failed, with all that can be known of it.
#[must_use]
pub fn surroundings() -> Surroundings {
    let commit = |sha: &str, title: &str, author: &str, login: Option<&str>| json!({"sha": sha, "title": title, "author": author, "login": login});
    let document = json!({
        "ci": {
            "platform": "github", "server": "https://github.com", "repository": "acme/shop",
            "run_url": "https://github.com/acme/shop/actions/runs/8002",
            "failed_run_url": "https://github.com/acme/shop/actions/runs/8001",
            "failed_workflow": "CI", "commit": "3f1c0a9be77d4f6a2b1f9c0d5e6a7b8c9d0e1f2a",
            "branch": "faster-orders",
            "pull_request": {"number": 42, "head": "3f1c0a9be77d4f6a2b1f9c0d5e6a7b8c9d0e1f2a",
                "url": "https://github.com/acme/shop/pull/42"},
            "since_green": {
                "commit": "90aa1bc2d3e4f5061728394a5b6c7d8e9f001122",
                "url": "https://github.com/acme/shop/compare/90aa1bc...3f1c0a9",
                "total_commits": 7, "total_files": 14,
                "commits": [
                    commit("3f1c0a9be77d4f6a2b1f9c0d5e6a7b8c9d0e1f2a", "Process orders in batches (#41)", "Ann Example", Some("ann")),
                    commit("1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e", "Round totals half to even", "Bo Sample", None),
                ],
                "files": ["src/orders.py", "src/totals.py", "tests/test_orders.py"],
            },
        },
        "earlier": [
            {"run": "r-20261123-1", "commit": "1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e", "verdict": "flaky",
                "severity": "LOW", "total_runs": 100, "failures": 2,
                "tests": [["tests/test_orders.py::test_order_processing_is_fast_enough", "flaky"]]},
            {"run": "r-20261122-1", "suite": "shop", "verdict": "inconclusive", "severity": null, "total_runs": 0, "failures": 0},
        ],
        "mentions": {"ann": "U012AB3CD"},
    });
    Surroundings::from_json(&document.to_string())
}

/// Compares what a reporter wrote with the file of this name below `tests/expected` of a crate.
///
/// # Panics
/// When they differ.
pub fn check(crate_folder: &str, name: &str, written: &str) {
    let path = Path::new(crate_folder).join("tests/expected").join(name);
    let update = std::env::var_os(UPDATE).is_some();
    if update {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, written))
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(written, expected, "{}: `{UPDATE}=1` writes it anew", path.display());
}
