//! Reports of many origins, each beside what is read of it. `UPDATE_EXPECTED=1` writes what is read now.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what they cannot have ends the test")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_junit::model::Outcome;
use flaky_plugin_junit::{Ending, Identity, Options, Reading, Recognised, read_file, read_printed};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "xml"));
    paths.sort();
    assert!(paths.len() >= 10, "fixtures are missing");
    paths
}

fn read(bytes: &[u8]) -> (Recognised, Reading) {
    let mut reading = Reading::default();
    let recognised = read_file(bytes, Options::default(), &mut reading);
    (recognised, reading)
}

fn described(reading: &Reading) -> String {
    let mut out = String::new();
    for test in &reading.tests {
        let (suite, name) = test.id.split_at(test.id.len() - test.name_length);
        write!(out, "{:?} {}", test.outcome, suite.escape_debug()).unwrap();
        if !name.is_empty() {
            write!(out, " | {}", name.escape_debug()).unwrap();
        }
        if let Some(duration) = test.duration_ns {
            write!(out, "  {duration} ns").unwrap();
        }
        if let Some(location) = &test.location {
            write!(out, "  at {}:{:?}", location.file, location.line).unwrap();
        }
        if !test.tries.is_empty() {
            write!(out, "  tries {:?}", test.tries).unwrap();
        }
        out.push('\n');
        for failure in &test.failures {
            writeln!(
                out,
                "    kind {:?}\n    message {:?}\n    trace {:?}",
                failure.kind, failure.message, failure.trace
            )
            .unwrap();
        }
    }
    for id in &reading.announced {
        writeln!(out, "announced {}", id.escape_debug()).unwrap();
    }
    for problem in &reading.problems {
        writeln!(out, "problem {}: {:?}", problem.kind.code(), problem.message).unwrap();
    }
    writeln!(out, "{:?}", reading.ending).unwrap();
    out.replace("Outcome::", "")
}

#[test]
fn every_dialect_is_read_as_expected() {
    for path in fixtures("") {
        let (recognised, reading) = read(&fs::read(&path).unwrap());
        assert_eq!(recognised, Recognised::Yes, "{}", path.display());
        let described = described(&reading);
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &described).unwrap();
        }
        assert_eq!(described, fs::read_to_string(&expected).unwrap(), "{}", path.display());
    }
}

#[test]
fn what_is_not_junit_gives_nothing() {
    for path in fixtures("refused") {
        let (recognised, reading) = read(&fs::read(&path).unwrap());
        assert_eq!(recognised, Recognised::No, "{}", path.display());
        assert!(reading.tests.is_empty() && reading.announced.is_empty(), "{}", path.display());
        assert_eq!(reading.ending, Ending::Whole, "{}", path.display());
    }
}

/// Reads every beginning of every report: a test appears with the last byte of its case, not earlier (it might
/// still fail) and not later (it would be lost if the report ended there).
#[test]
fn a_test_appears_with_the_last_byte_of_its_case() {
    for path in fixtures("") {
        let bytes = fs::read(&path).unwrap();
        let mut before = 0;
        for length in 0..=bytes.len() {
            let (_, reading) = read(&bytes[..length]);
            if reading.tests.len() != before {
                let end = String::from_utf8_lossy(&bytes[length.saturating_sub(11)..length]).into_owned();
                assert_eq!(reading.tests.len(), before + 1, "{} at {length}", path.display());
                assert!(
                    end == "</testcase>" || end.ends_with("/>"),
                    "{} at {length}: `{end}`",
                    path.display()
                );
            }
            before = reading.tests.len();
        }
        let (_, whole) = read(&bytes);
        assert_eq!(before, whole.tests.len());
    }
}

/// A report cut anywhere tells of a beginning of its tests, more of them the later it is cut, and never of a
/// test or an outcome that the whole report does not have.
#[test]
fn a_cut_report_keeps_every_whole_case_and_invents_none() {
    for path in fixtures("") {
        let bytes = fs::read(&path).unwrap();
        let (_, whole) = read(&bytes);
        let mut before = 0;
        for part in 0..50 {
            let (_, cut) = read(&bytes[..bytes.len() * part / 50]);
            let place = format!("{} cut at {part}/50", path.display());
            assert!(cut.tests.len() >= before, "{place}: a test was lost");
            before = cut.tests.len();
            assert!(cut.tests.len() <= whole.tests.len(), "{place}: a test was invented");
            for (seen, full) in cut.tests.iter().zip(&whole.tests) {
                assert_eq!(seen.id, full.id, "{place}");
                // A later case of the same id may still change a test of pytest.
                if full.tries.is_empty() && full.failures.len() < 2 {
                    assert_eq!(seen.outcome, full.outcome, "{place}: {}", seen.id);
                }
            }
            let all_ids: Vec<&str> = whole
                .tests
                .iter()
                .map(|test| test.id.as_str())
                .chain(whole.announced.iter().map(String::as_str))
                .collect();
            for id in &cut.announced {
                assert!(all_ids.contains(&id.as_str()), "{place}: `{id}` was invented");
            }
        }
    }
}

#[test]
fn a_document_is_found_in_what_a_command_printed() {
    let printed = "collecting <testsuite> things\n  1 < 2 & so on\n<?xml version=\"1.0\"?><html/>\n\
        \x1b[1mrunning\x1b[0m\n<testsuites><testsuite name=\"s\"><testcase classname=\"c\" name=\"a\"/></testsuite></testsuites> trailing\n\
        done\n  <testsuite name=\"t\"><testcase classname=\"c\" name=\"b\"/></testsuite>\n";
    let mut reading = Reading::default();
    assert_eq!(read_printed(printed.as_bytes(), Options::default(), &mut reading), Recognised::Yes);
    let ids: Vec<&str> = reading.tests.iter().map(|test| test.id.as_str()).collect();
    assert_eq!(ids, ["c::a", "c::b"]);

    for nothing in
        ["", "no xml\n", "<?xml version=\"1.0\"?>\n<testsuitesque>\n<html>\n", "x <testsuite name='s'>\n"]
    {
        let mut reading = Reading::default();
        assert_eq!(
            read_printed(nothing.as_bytes(), Options::default(), &mut reading),
            Recognised::No,
            "{nothing}"
        );
    }
}

#[test]
fn after_a_cut_document_printed_text_is_not_trusted() {
    let printed = "<testsuite name=\"s\"><testcase classname=\"c\" name=\"a\"/><testcase classname=\"c\" name=\"b\"><system-out>\n\
        <testsuite name=\"printed by b\"><testcase name=\"fake\"/></testsuite>\n";
    let mut reading = Reading::default();
    assert_eq!(read_printed(printed.as_bytes(), Options::default(), &mut reading), Recognised::Yes);
    assert_eq!(reading.tests.len(), 1);
    assert_eq!(reading.announced, ["c::b"]);
    assert_eq!(reading.ending, Ending::CutOff);
}

#[test]
fn the_files_of_a_project_turn_dotted_names_into_node_ids() {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytest-9.xml")).unwrap();
    let files = ["tests/test_broken.py", "tests/test_kinds.py", "tests/sub/test_kinds.py"];
    let is_file = |path: &str| files.contains(&path);
    let mut reading = Reading::default();
    read_file(bytes.as_slice(), Options { identity: Identity::Pytest { is_file: &is_file } }, &mut reading);
    let ids: Vec<&str> = reading.tests.iter().map(|test| test.id.as_str()).collect();
    for id in [
        "tests/sub/test_kinds.py::test_passes",
        "tests/test_kinds.py::TestGroup::TestInner::test_parameters[a b]",
    ] {
        assert!(ids.contains(&id), "{id} is missing in {ids:#?}");
    }
    assert!(ids.iter().all(|id| id.starts_with("tests/")), "{ids:#?}");
}

#[test]
fn output_of_many_megabytes_is_not_kept() {
    let mut text = String::from("<testsuite name=\"s\"><testcase classname=\"c\" name=\"a\"><system-out>");
    text.push_str(&"<![CDATA[x]]> & < ".repeat(200_000));
    text.push_str("</system-out><failure message=\"");
    text.push_str(&"m".repeat(300_000));
    text.push_str("\">");
    text.push_str(&"t&lt;".repeat(300_000));
    text.push_str("</failure></testcase></testsuite>");
    let (_, reading) = read(text.as_bytes());
    let failure = &reading.tests[0].failures[0];
    assert_eq!(reading.tests[0].outcome, Outcome::Failed);
    assert_eq!((failure.message.len(), failure.trace.len()), (64 * 1024, 64 * 1024));
}

#[test]
fn deep_nesting_ends_the_document_instead_of_the_reader() {
    let text =
        format!("<testsuite name=\"s\"><testcase classname=\"c\" name=\"a\"/>{}", "<a>".repeat(100_000));
    let (recognised, reading) = read(text.as_bytes());
    assert_eq!((recognised, reading.tests.len(), reading.ending), (Recognised::Yes, 1, Ending::CutOff));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        read(&bytes);
        let mut inside = b"<testsuite name='s'><testcase name='a'>".to_vec();
        inside.extend_from_slice(&bytes);
        let (_, reading) = read(&inside);
        proptest::prop_assert!(reading.tests.len() <= 1 || inside.windows(9).filter(|w| w == b"<testcase").count() >= reading.tests.len());
    }

    #[test]
    fn no_markup_makes_the_reader_panic(parts in proptest::collection::vec(proptest::sample::select(vec![
        "<testsuites>", "</testsuites>", "<testsuite name='s'>", "</testsuite>", "<testcase name='a' classname='b'>", "<testcase name='c'/>", "</testcase>",
        "<failure message='m'>", "</failure>", "<skipped/>", "<system-out>", "</system-out>", "<![CDATA[", "]]>", "<!--", "-->", "&amp;", "&", "<", ">", "text",
        "<?xml version='1.0'?>", "<!DOCTYPE a [", "]>", "\u{fffd}", "<a b=\"c", "\"", "<stackTrace>", "</stackTrace>", "<rerunFailure>", "</x>",
    ]), 0..60)) {
        let text: String = parts.concat();
        let (_, reading) = read(text.as_bytes());
        proptest::prop_assert!(reading.tests.len() <= text.matches("<testcase").count());
        let mut printed = Reading::default();
        read_printed(text.as_bytes(), Options::default(), &mut printed);
        proptest::prop_assert!(printed.tests.len() <= text.matches("<testcase").count());
    }
}
