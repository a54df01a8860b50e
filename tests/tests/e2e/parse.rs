//! `flaky parse`: files of frameworks, for people and for programs.

use std::fs::File;

use boon::{Compiler, Schemas};
use flaky_tests::{Ended, Flaky, place};
use serde_json::{Value, json};

const XML: &str = r#"<?xml version="1.0"?>
<testsuite name="cart" tests="4">
  <testcase classname="shop.CartTest" name="adds" time="0.012"/>
  <testcase classname="shop.CartTest" name="rounds"><failure type="AssertionError" message="1.0 != 1.1">at CartTest.java:7</failure></testcase>
  <testcase classname="shop.CartTest" name="waits"><skipped message="no clock"/></testcase>
  <testcase classname="shop.CartTest" name="fetches"><flakyFailure type="IOException" message="reset"/></testcase>
</testsuite>
"#;

const CUT: &str =
    r#"<testsuite name="cart" tests="2"><testcase classname="shop.CartTest" name="adds"/><testcase cla"#;

/// As pytest 9.2 prints it with `-v`.
const PYTEST: &str = "\
============================= test session starts ==============================
platform linux -- Python 3.13.0, pytest-9.2.0, pluggy-1.7.0 -- /venv/bin/python
rootdir: /tree
collecting ... collected 2 items

tests/test_cart.py::test_adds PASSED                                     [ 50%]
tests/test_cart.py::test_rounds FAILED                                   [100%]

=================================== FAILURES ===================================
_________________________________ test_rounds __________________________________

    def test_rounds():
>       assert 1.0 == 1.1
E       assert 1.0 == 1.1

tests/test_cart.py:6: AssertionError
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_rounds - assert 1.0 == 1.1
========================= 1 failed, 1 passed in 0.02s ==========================
";

fn project() -> Flaky {
    Flaky::new()
        .file("out/cart.xml", XML)
        .file("cut.xml", CUT)
        .file("prose.txt", "3 passed, 1 failed, said somebody\nok\nnot ok, really\nFAIL\n")
        .file("empty.log", "")
        .file("pytest.log", PYTEST)
}

fn documents(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn document(ended: &Ended) -> Value {
    let mut all = documents(ended);
    assert_eq!(all.len(), 1, "{}", ended.everything());
    all.remove(0)
}

/// As GitHub and GitLab hand it out, and as `gh run view --log` prints it.
#[test]
fn the_log_of_a_ci_job_is_read_as_what_the_job_printed() {
    let stamped = |mark: &str, stamp: &str| -> String {
        PYTEST.lines().fold(mark.to_owned(), |log, line| log + stamp + line + "\n")
    };
    let github = "2026-01-31T12:00:00.1234567Z ";
    let logs = [
        stamped(&format!("\u{feff}{github}##[group]Run pytest\n"), github),
        stamped("", &format!("test (3.13)\tRun pytest\t{github}")),
        stamped("", "2026-01-31T12:00:00.123456Z 00O "),
    ];
    let plain = document(&project().flaky("parse --json pytest.log").exits(0));
    for log in logs {
        let read = document(&Flaky::new().file("job.log", &log).flaky("parse --json job.log").exits(0));
        assert_eq!(read["tests"], plain["tests"], "{log:.100}");
        assert_eq!(read["parser"], "pytest", "{log:.100}");
        assert_eq!(read["warnings"][0]["code"], "job-log", "{log:.100}");
    }
}

#[test]
fn a_report_is_told_as_one_json_document_with_a_row_per_test() {
    let document = document(&project().flaky("parse --json out/cart.xml").exits(0));
    let tests = document["tests"].as_array().unwrap();
    let column = |key: &str| tests.iter().map(|t| t[key].clone()).collect::<Vec<_>>();
    assert_eq!(document["file"], "out/cart.xml");
    assert_eq!((&document["parser"], &document["format"]), (&json!("junit"), &json!("junit-xml")));
    assert_eq!((&document["chosen"], &document["complete"]), (&json!("only"), &json!(true)));
    assert_eq!(column("outcome"), ["passed", "failed", "skipped", "passed"]);
    assert_eq!(column("message")[..2], [json!(null), json!("AssertionError: 1.0 != 1.1")]);
    assert_eq!(column("attempts"), [1, 1, 1, 2]);
    assert_eq!(tests[3]["tries"], json!(["failed", "passed"]));
    assert_eq!(column("duration_ms")[..2], [json!(12.0), json!(null)]);
    for test in tests {
        let id = test["id"].as_str().unwrap();
        assert!(id.ends_with(test["name"].as_str().unwrap()), "{test}");
        assert!(id.starts_with(test["suite"].as_str().unwrap_or_default()), "{test}");
    }
}

#[test]
fn printed_text_is_read_from_a_file_and_from_standard_input_alike() {
    let project = project();
    let from_file = document(&project.flaky("parse --json pytest.log").exits(0));
    assert_eq!((&from_file["parser"], &from_file["format"]), (&json!("pytest"), &json!("pytest-text")));
    let ids: Vec<&Value> = from_file["tests"].as_array().unwrap().iter().map(|t| &t["id"]).collect();
    assert_eq!(ids, ["tests/test_cart.py::test_adds", "tests/test_cart.py::test_rounds"]);
    let mut command = project.command(&["parse", "--json", "-"]);
    command.stdin(File::open(project.project().join("pytest.log")).unwrap());
    let output = command.output().unwrap();
    let mut from_stdin: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &from_stdin["file"]), (Some(0), &json!("-")));
    from_stdin["file"] = from_file["file"].clone();
    assert_eq!(from_stdin, from_file);
}

#[test]
fn people_read_how_it_was_read_then_counts_then_what_failed() {
    let ended = project().flaky("parse out/cart.xml").exits(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "out/cart.xml: read as junit-xml by junit, the only parser that recognised it");
    assert!(
        lines[1].contains("4 tests: 2 passed · 1 failed · 1 skipped; 1 tried more than once"),
        "{lines:?}"
    );
    let place = |text: &str| {
        lines.iter().position(|l| l.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:?}"))
    };
    assert!(place("rounds") < place("AssertionError: 1.0 != 1.1"));
    assert!(place("AssertionError") < place("adds"));
    assert!(!ended.stdout.contains('\u{1b}'), "no colours in a file");
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_exit_code_says_whether_everything_was_read_whatever_the_tests_did() {
    for (files, code) in [
        ("out/cart.xml", 0),
        ("cut.xml", 3),
        ("out/cart.xml cut.xml", 3),
        ("prose.txt", 4),
        ("empty.log", 4),
        ("cut.xml prose.txt out/cart.xml", 4),
        ("--parser junit out/cart.xml", 0),
        ("--parser builtin:junit out/cart.xml", 0),
        ("--parser pytest prose.txt", 4),
    ] {
        let ended = project().flaky(&format!("parse --json {files}")).exits(code);
        let expected = files.split(' ').filter(|word| word.contains(['.'])).count();
        assert_eq!(documents(&ended).len(), expected, "{files}");
    }
}

#[test]
fn a_file_that_ends_early_tells_of_the_tests_that_are_whole() {
    let document = document(&project().flaky("parse --json cut.xml").exits(3));
    assert_eq!(document["complete"], false);
    assert_eq!(document["tests"].as_array().unwrap().len(), 1, "{document:#}");
    let _ = project().flaky("parse cut.xml").exits(3).says("in part");
    let nobody = project().flaky("parse prose.txt").exits(4);
    assert_eq!(nobody.stdout, "prose.txt: no parser recognised it\n\n");
}

#[test]
fn what_cannot_be_read_ends_it_before_anything_is_printed() {
    for (args, said) in [
        ("out/cart.xml missing.xml", "`missing.xml` cannot be read: No such file"),
        ("out", "`out` cannot be read: it is a folder"),
        ("--parser nobody out/cart.xml", "there is no parser `nobody`: expected one of "),
        ("--plugin none.wasm out/cart.xml", "none.wasm"),
        ("", "<FILE>"),
    ] {
        let ended = project().flaky(&format!("parse {args}")).exits(2).warns(said);
        assert_eq!(ended.stdout, "", "{args}");
    }
}

#[test]
fn a_parser_plugin_is_asked_first_and_one_that_fails_is_named_and_passed_over() {
    let guest = place::guest("hostile");
    // The guest takes every file for its own.
    let ended = project().flaky(&format!("parse --json --plugin {} out/cart.xml", guest.display())).exits(0);
    let document = document(&ended);
    assert_eq!((&document["parser"], &document["chosen"]), (&json!("hostile"), &json!("named")));
}

#[test]
fn documents_are_what_the_published_schema_says() {
    let path = place::repository().join("docs/schema/parse.schema.json");
    let mut schemas = Schemas::new();
    let schema = Compiler::new()
        .compile(&path.display().to_string(), &mut schemas)
        .unwrap_or_else(|e| panic!("{e:#}"));
    let ended = project().flaky("parse --json out/cart.xml cut.xml prose.txt empty.log pytest.log").exits(4);
    let all = documents(&ended);
    assert_eq!(all.len(), 5);
    for document in all {
        if let Err(error) = schemas.validate(&document, schema) {
            panic!("{error:#}\n{document:#}");
        }
    }
}
