//! What readers of JUnit XML from their published packages make of what the reporter writes.
//!
//! Of the readers that GitHub's users meet, dorny/test-reporter, mikepenz/action-junit-report and
//! EnricoMi/publish-unit-test-result-action are in no package registry: their own parsers are asked where
//! `FLAKY_ACTIONS=FOLDER` names checkouts of them (`dorny`, `mikepenz`, `enricomi`). The third reads with junitparser,
//! which is asked in any case.
#![cfg(feature = "reporter")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flaky_plugin_junit::reporter::{Settings, render};
use flaky_plugin_sdk::report::Report;
use flaky_plugin_testing::reports;
use serde_json::Value;

/// From PyPI. lxml is what the third action reads with.
const FROM_PYPI: [&str; 3] = ["junitparser==5.0.3", "xunitparser==1.3.4", "lxml==6.1.1"];

/// From npm. The last three are what the actions' own parsers need, and what makes modules of their TypeScript.
const FROM_NPM: [&str; 7] = [
    "junit2json@4.0.0",
    "test-results-parser@0.4.6",
    "xml2js@0.6.2",
    "xml-js@1.6.11",
    "glob@13.0.0",
    "@actions/core@3.0.1",
    "esbuild@0.27.0",
];

/// Tests of [`reports::verdicts`] by the end of their names, and their colours: as they are, and where flaky is failure.
const TABLE: [(&str, &str, &str); 6] = [
    ("test_total[a::b]", "red", "red"),       // broken
    ("test_order", "green", "red"),           // flaky
    ("a cart > adds up", "yellow", "yellow"), // inconclusive
    ("ignored", "yellow", "yellow"),          // ignored
    ("test_stable", "green", "green"),        // stable
    ("fifty metres", "green", "green"),       // stable, with an id of one part
];

type Colours = BTreeMap<String, BTreeMap<String, String>>;

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers")
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Installs once per version.
fn once(name: &str, wanted: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let folder = target().join(name);
    let marker = folder.join("installed");
    let wanted = wanted.join(" ");
    if fs::read_to_string(&marker).unwrap_or_default() != wanted {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        install(&folder);
        fs::write(marker, wanted).unwrap();
    }
    folder
}

fn python() -> PathBuf {
    let folder = once("python", &FROM_PYPI, |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        run(Command::new(folder.join("bin/python3")).args(["-m", "pip", "install", "-q"]).args(FROM_PYPI));
    });
    folder.join("bin/python3")
}

fn node_modules() -> PathBuf {
    once("node", &FROM_NPM, |folder| {
        run(Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--prefix"])
            .arg(folder)
            .args(FROM_NPM));
    })
}

/// What every reader says of the file.
fn read(file: &Path) -> Colours {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    let actions = std::env::var_os("FLAKY_ACTIONS").map(PathBuf::from);
    let mut with_python = Command::new(python());
    with_python.arg(programs.join("read.py")).arg(file);
    let mut with_node = Command::new("node");
    with_node.arg(programs.join("read.mjs")).arg(node_modules()).arg(file);
    if let Some(actions) = &actions {
        with_python.arg(actions.join("enricomi"));
        with_node.arg(actions);
    }
    let mut colours: Colours = serde_json::from_slice(&run(&mut with_python)).unwrap();
    colours.extend(serde_json::from_slice::<Colours>(&run(&mut with_node)).unwrap());
    assert_eq!(colours.len(), if actions.is_some() { 7 } else { 4 }, "{:?}", colours.keys());
    colours
}

fn written(report: &Value, settings: Settings, name: &str) -> PathBuf {
    let report = Report::from_json(report.to_string().as_bytes()).unwrap();
    let file = target().join(name);
    fs::create_dir_all(target()).unwrap();
    fs::write(&file, render(&report, settings)).unwrap();
    file
}

/// One test, so that nothing is installed twice at once.
#[test]
fn every_reader_colours_every_verdict_as_the_table_says() {
    let mut wrong = Vec::new();
    for strict in [false, true] {
        let file = written(
            &reports::verdicts(),
            Settings { flaky_is_failure: strict },
            &format!("verdicts-{strict}.xml"),
        );
        for (reader, colours) in read(&file) {
            assert_eq!(colours.len(), TABLE.len(), "{reader}: {colours:?}");
            for (name, usual, with_failure) in TABLE {
                let expected = if strict { with_failure } else { usual };
                let found = colours
                    .iter()
                    .find(|(found, _)| found.ends_with(name))
                    .map(|(_, colour)| colour.as_str());
                if found != Some(expected) {
                    wrong.push(format!("{reader}: `{name}` is {found:?}, not {expected}, strict: {strict}"));
                }
            }
        }
    }
    let hostile = reports::hostile();
    let file = written(&hostile, Settings::default(), "hostile.xml");
    for (reader, colours) in read(&file) {
        let count = hostile["tests"].as_array().unwrap().len();
        // Names that come to the same after white space is trimmed, or that a map takes for its own, count once.
        if colours.len() + 2 < count || colours.values().any(|colour| colour != "red") {
            wrong.push(format!("{reader}: of {count} hostile tests {} are read: {colours:?}", colours.len()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
