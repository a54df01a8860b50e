//! One folder per case: `tests/cases/CASE/input.yml`, and in `expected.txt` what is said about it. A new case is a
//! new folder; `UPDATE_GOLDEN=1 cargo test -p flaky-config` writes what is said now, to be read before it is
//! committed. Folders named `loads-…` hold files that must load.

#![expect(clippy::unwrap_used, reason = "what tests share may fail the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use flaky_config::{ConfigError, ConfigFile, parse};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn describe(result: &Result<ConfigFile, ConfigError>) -> String {
    let mut text = String::new();
    match result {
        Ok(file) => {
            writeln!(text, "loads").unwrap();
            for warning in &file.warnings {
                writeln!(text, "warning: {warning}").unwrap();
            }
        }
        Err(error) => {
            writeln!(text, "{error}").unwrap();
            if let Some(hint) = error.hint() {
                writeln!(text, "hint: {hint}").unwrap();
            }
        }
    }
    text
}

#[test]
fn every_file_is_answered_as_expected() {
    let mut wrong = String::new();
    for case in cases() {
        let input = std::fs::read(case.join("input.yml")).unwrap();
        let said = describe(&parse(Path::new("input.yml"), &input));
        let golden = case.join("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            writeln!(wrong, "{}\n  expected: {expected}  said:     {said}", case.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn folders_say_by_their_name_whether_their_file_loads() {
    let mut refused = 0;
    for case in cases() {
        let input = std::fs::read(case.join("input.yml")).unwrap();
        let should_load = case.file_name().unwrap().to_string_lossy().starts_with("loads-");
        let result = parse(Path::new("input.yml"), &input);
        assert_eq!(result.is_ok(), should_load, "{}: {result:?}", case.display());
        refused += u32::from(!should_load);
        if let Err(error) = result {
            assert!(error.place().is_some(), "{}: no place", case.display());
        }
    }
    assert!(refused >= 45, "{refused} bad cases");
}

#[test]
fn nothing_said_about_a_file_can_drive_a_terminal() {
    for case in cases() {
        let input = std::fs::read(case.join("input.yml")).unwrap();
        let said = describe(&parse(Path::new("input.yml"), &input));
        let escape = said.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(escape, None, "{}: {said:?}", case.display());
    }
}
