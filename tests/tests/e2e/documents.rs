//! The `flaky` commands of README and `docs/`: every one of them runs as it stands there, with the placeholders of the
//! documents replaced by things that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flaky_tests::{Flaky, Origin};

/// What is not run here, by a part of the command, and where it is.
const ELSEWHERE: [(&str, &str); 6] = [
    ("--backend runpod", "needs an endpoint: tests/tests/runpod"),
    ("--resume", "needs an endpoint: tests/tests/runpod"),
    ("--to slack", "sends to Slack: tests/tests/e2e/telling.rs"),
    ("flaky plugin ", "in the order of a guide, or with a registry: tests/tests/plugins"),
    ("flaky dashboard", "needs a history, and serves until it is ended: host/dashboard/tests"),
    ("--plugin ", "with what a guide has built: tests/tests/plugins"),
];

/// It fails under odd seeds, so that every command has something to say and few attempts say it.
const SHOP: &str = "\
import os


def test_sums():
    assert int(os.environ['TEST_SEED']) % 2 == 0
";

const REPORT: &str = r#"<testsuite name="shop" tests="2"><testcase classname="cart" name="sums"/>
<testcase classname="cart" name="empty"><failure message="no"/></testcase></testsuite>"#;

#[test]
fn every_command_of_the_documents_runs_as_it_stands_there() {
    let shop = shop();
    let origin = Origin::new();
    let url = origin.repository("shop", &[("tests/test_cart.py", SHOP)]);
    let shop = shop.env("SSL_CERT_FILE", origin.certificate());
    let run = shop.run("--first-seed 1 --runs 20 -- pytest tests/test_cart.py").report().run;
    let mut met = BTreeSet::new();
    for (page, command) in commands() {
        if let Some((part, _)) = ELSEWHERE.iter().find(|(part, _)| command.contains(part)) {
            met.insert(*part);
            continue;
        }
        let real = command.replace("RUN", &run.to_string()).replace("https://git.example.org/shop.git", &url);
        let ended = shop.flaky(real.strip_prefix("flaky ").unwrap_or(&real));
        // Verdicts are what tests make them; a fault, wrong usage and a failed delivery are never meant.
        assert!([0, 10, 11, 12, 13].contains(&ended.code), "{page}: `{command}`\n{}", ended.everything());
    }
    let stale: Vec<_> = ELSEWHERE.iter().filter(|(part, _)| !met.contains(part)).collect();
    assert!(stale.is_empty(), "no document has {stale:?} any more");
}

/// A repository with what the documents speak of.
fn shop() -> Flaky {
    let shop = Flaky::new()
        .file("tests/test_cart.py", SHOP)
        .file("ci.log", include_str!("../../../plugins/pytest/fixtures/recorded/8.4/verbose/stdout"))
        .file("report.xml", REPORT)
        .file("odd.xml", REPORT)
        .file("out.json", "")
        // Commands that take away what is cached are among them.
        .own_cache();
    let project = shop.project();
    git(&project, &["init", "-q", "-b", "main"]);
    git(&project, &["add", "tests"]);
    git(&project, &["commit", "-qm", "a shop"]);
    git(&project, &["tag", "v1.4"]);
    shop
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
    let output = Command::new("git").args(who).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Each command once, with a page that has it.
fn commands() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    pages_below(&root.join("docs"), &mut pages);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let name = page.strip_prefix(&root).unwrap().display().to_string();
        for line in shell_lines(&text) {
            if line.starts_with("flaky ") && seen.insert(line.clone()) {
                found.push((name.clone(), line));
            }
        }
    }
    assert!(found.len() > 20, "only {} commands: does the test look at the right places?", found.len());
    found
}

fn pages_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
}

/// The lines of blocks that are marked `sh`, without comments; a line that ends in `\` goes on in the next one.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    let mut begun = String::new();
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "sh";
        } else if inside {
            let line = line.split(" #").next().unwrap_or_default();
            begun.push_str(line.trim());
            match begun.strip_suffix('\\') {
                Some(open) => begun = format!("{} ", open.trim_end()),
                None => lines.push(std::mem::take(&mut begun)),
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}
