//! What is said of quarantine files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use flaky_config::quarantine::{load, parse, schema};
use flaky_config::{ConfigErrorKind, QuarantineChoice};
use flaky_core::ids::TestId;

const ENTRY: &str = "\
- test: tests/test_cart.py::test_sums
  suite: web
  owner: '@team/shop'
  reason: waits for a socket
  since: 2026-11-01
  evidence: {failed: 12, ran: 300, runs: 4, commits: 3}
  expires: 2026-12-01
  release_below: 0.02
";

fn said(text: &str) -> String {
    match parse(Path::new("q.yml"), text.as_bytes()) {
        Ok(quarantine) => format!("{} entries", quarantine.entries.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_entry_is_read_whole() {
    let quarantine = parse(Path::new("q.yml"), format!("# ours\n\n{ENTRY}").as_bytes()).unwrap();
    let [entry] = &quarantine.entries[..] else { unreachable!("{quarantine:?}") };
    assert_eq!(entry.test, TestId::new("tests/test_cart.py::test_sums"));
    assert_eq!((entry.owner.as_str(), entry.reason.as_str()), ("@team/shop", "waits for a socket"));
    assert_eq!(entry.release_below.map(|below| below.get()), Some(0.02));
    assert_eq!(entry.evidence.map(|e| (e.failed, e.ran, e.runs, e.commits)), Some((12, 300, 4, 3)));
    assert_eq!(quarantine.place(0).unwrap().line, 3);
    for (day, expired) in [("2026-11-30", false), ("2026-12-01", true), ("2027-01-01", true)] {
        assert_eq!(entry.is_expired(day.parse().unwrap()), expired, "{day}");
    }
    for (suite, is_of) in [(&["web"][..], true), (&[".", "web"], true), (&["."], false), (&[], false)] {
        assert_eq!(entry.is_of(suite), is_of, "{suite:?}");
    }
    assert_eq!(quarantine.find(&entry.test, Some("web")), Some(0));
    assert_eq!(quarantine.find(&entry.test, None), None);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let with = |from: &str, to: &str| ENTRY.replace(from, to);
    let twice = format!("{ENTRY}{ENTRY}");
    for (text, expected) in [
        (String::new(), "0 entries"),
        ("# none\n".into(), "0 entries"),
        ("[]".into(), "0 entries"),
        (ENTRY.into(), "1 entries"),
        (format!("{ENTRY}{}", with("web", "shop")), "2 entries"),
        ("test: a\n".into(), "q.yml:1:1: expected a list, found a mapping"),
        ("- a\n".into(), "q.yml:1:3: `[0]`: expected a mapping with"),
        (with("  owner: '@team/shop'\n", ""), "q.yml:1:3: `[0]`: the key `owner` is missing"),
        (with("  expires: 2026-12-01\n", ""), "`[0]`: the key `expires` is missing"),
        (with("owner", "owners"), "q.yml:3:3: unknown key `owners` in `[0]`"),
        (with("'@team/shop'", "''"), "q.yml:3:10: `[0].owner`: expected a text, found an empty one"),
        (with("waits for a socket", "\"a\\nb\""), "q.yml:4:11: `[0].reason`: expected one line of text"),
        (
            with("waits for a socket", &"x".repeat(301)),
            "q.yml:4:11: `[0].reason`: expected at most 300 characters",
        ),
        (with("2026-11-01", "2026-11-31"), "q.yml:5:10: `[0].since`: expected a day such as `2026-11-29`"),
        (with("2026-11-01", "soon"), "`[0].since`: expected a day"),
        (with("2026-12-01", "2026-11-01"), "q.yml:7:12: `[0].expires`: `2026-11-01` is not after `since`"),
        (with("0.02", "0"), "q.yml:8:18: `[0].release_below`: must be above 0 and below 1"),
        (with("failed: 12", "failed: 301"), "q.yml:6:13: `[0].evidence`: more failed than ran"),
        (with("runs: 4, ", ""), "`[0].evidence`: the key `runs` is missing"),
        (with("tests/test_cart.py::test_sums", "''"), "q.yml:1:9: `[0].test`: expected the id of a test"),
        (with("tests/test_cart.py::test_sums", "\"a\\e[1m\""), "`[0].test`: holds a control character"),
        (
            with("tests/test_cart.py::test_sums", &"x".repeat(5000)),
            "`[0].test`: holds a control character, or is longer",
        ),
        (twice, "q.yml:9:9: `[1].test`: `tests/test_cart.py::test_sums` is here already, at 1:3"),
        ("- &a [*a]\n".into(), "the alias stands inside"),
        (format!("{}x: 1", "- ".repeat(100)), "nested deeper"),
    ] {
        let got = said(&text);
        assert!(got.contains(expected), "{text}\n{got}");
        assert!(!got.chars().any(|c| c.is_control()), "{got:?}");
    }
    assert_eq!(parse(Path::new("q.yml"), b"- test: \xff").unwrap_err().place().unwrap().column, 9);
}

#[test]
fn the_file_is_looked_for_where_the_choice_says_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    fs::create_dir_all(root.join("ci")).unwrap();
    let named = QuarantineChoice::try_from("ci/q.yml").unwrap();
    assert_eq!(load(&root, &QuarantineChoice::Own).unwrap(), None);
    assert!(matches!(load(&root, &named).unwrap_err().kind(), ConfigErrorKind::Unreadable(_)));
    fs::write(root.join("ci/q.yml"), ENTRY).unwrap();
    assert_eq!(load(&root, &named).unwrap().unwrap().entries.len(), 1);
    assert_eq!(load(&root, &QuarantineChoice::Off).unwrap(), None);
    symlink("ci/q.yml", root.join(".flaky-quarantine.yml")).unwrap();
    assert_eq!(load(&root, &QuarantineChoice::Own).unwrap().unwrap().entries.len(), 1);
    fs::write(folder.path().join("secret.yml"), "- secret\n").unwrap();
    fs::remove_file(root.join("ci/q.yml")).unwrap();
    symlink(folder.path().join("secret.yml"), root.join("ci/q.yml")).unwrap();
    assert!(matches!(load(&root, &named).unwrap_err().kind(), ConfigErrorKind::LeavesProject));
    for (text, taken) in
        [("q.yml", true), ("", false), (".", false), ("../q.yml", false), ("/etc/passwd", false)]
    {
        assert_eq!(QuarantineChoice::try_from(text).is_ok(), taken, "{text}");
    }
}

#[test]
fn the_schema_for_editors_takes_what_loads_and_refuses_what_it_can_see() {
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("q.json", schema()).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("q.json", &mut schemas).unwrap();
    let entry = serde_json::json!({
        "test": "a", "owner": "x", "reason": "r", "since": "2026-11-01", "expires": "2026-12-01",
        "evidence": {"failed": 1, "ran": 2, "runs": 1, "commits": 1},
    });
    for (value, fits) in [
        (serde_json::Value::Null, true),
        (serde_json::json!([]), true),
        (serde_json::json!([entry]), true),
        (serde_json::json!({"tests": []}), false),
        (serde_json::json!([{"test": "a"}]), false),
        (
            serde_json::json!([{"test": "a", "owner": "x", "reason": "r", "since": "1.11.", "expires": "2026-12-01"}]),
            false,
        ),
    ] {
        assert_eq!(schemas.validate(&value, index).is_ok(), fits, "{value}");
    }
}
