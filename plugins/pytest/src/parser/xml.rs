//! Tests from the JUnit XML that pytest was asked for (`--junitxml`).

use flaky_plugin_junit::{Ending, Identity, Options, Reading, Recognised};
use flaky_plugin_sdk::{Attempt, Blob, Completeness, PackedAttempt, Source};

/// The name of the suite stands in the first element.
const BEGINNING: u32 = 1024;

/// `None` when pytest wrote no XML, which it does at its very end.
pub(crate) fn parse(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let mut recognised = false;
    let options = Options { identity: Identity::Auto };
    let reports = attempt.reports().map(|(path, blob)| (Source::Report(path.to_owned()), path, blob));
    let tree = attempt.tree_files().map(|(path, blob)| (Source::Tree(path.to_owned()), path, blob));
    for (source, path, blob) in reports.chain(tree).filter(|(_, path, _)| path.ends_with(".xml")) {
        let ours = is_named(&attempt.info().command, path) || is_pytests(&blob);
        let before = reading.problems.len();
        if ours && flaky_plugin_junit::read_file(blob.reader(), options, &mut reading) == Recognised::Yes {
            recognised = true;
        }
        for problem in reading.problems.iter_mut().skip(before) {
            problem.source = Some(source.clone());
        }
    }
    if !recognised {
        return None;
    }
    let is_whole = reading.ending == Ending::Whole;
    Some(PackedAttempt {
        format: "junit-xml".to_owned(),
        completeness: if is_whole { Completeness::Complete } else { Completeness::Truncated },
        diagnostics: reading
            .problems
            .into_iter()
            .map(|problem| problem.diagnostic(&Source::Stdout))
            .collect(),
        announced: reading.announced,
        tests: flaky_plugin_junit::pack(reading.tests),
    })
}

/// Whether the command asks for a report at this place.
fn is_named(command: &[String], path: &str) -> bool {
    let values = command.iter().enumerate().filter_map(|(at, argument)| match argument.split_once('=') {
        Some(("--junitxml" | "--junit-xml", value)) => Some(value),
        None if matches!(argument.as_str(), "--junitxml" | "--junit-xml") => {
            command.get(at + 1).map(String::as_str)
        }
        _ => None,
    });
    let path = path.trim_start_matches("./");
    values.map(|value| value.trim_start_matches("./")).any(|value| {
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|front| front.is_empty() || front.ends_with('/'))
        };
        // Either may be relative to another folder.
        !value.is_empty() && (ends(path, value) || ends(value, path))
    })
}

/// Whether the suite has the name that pytest gives it unless it is told another.
fn is_pytests(blob: &Blob<'_>) -> bool {
    let beginning = blob.read_at(0, BEGINNING);
    let beginning = String::from_utf8_lossy(&beginning);
    beginning.contains("<testsuite")
        && (beginning.contains("name=\"pytest\"") || beginning.contains("name=\"pytest tests\""))
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    const XML: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" tests="3">
        <testcase classname="tests.test_cart.TestSum" name="test_adds" time="0.001" />
        <testcase classname="tests.test_cart" name="test_rounds[a b]" time="0.002"><failure message="assert 1 == 2">E assert</failure></testcase>
        </testsuite></testsuites>"#;

    #[test]
    fn reports_of_pytest_give_its_ids() {
        let recorded = Recorded::default().command(&["pytest", "--junitxml=out.xml"]).tree("out.xml", XML);
        let parsed = parse(&recorded.attempt()).unwrap();
        let ids: Vec<_> = parsed.tests.results().into_iter().map(|result| result.id).collect();
        assert_eq!(ids, ["tests/test_cart.py::TestSum::test_adds", "tests/test_cart.py::test_rounds[a b]"]);
        assert_eq!(parsed.completeness, Completeness::Complete);
    }

    #[test]
    fn reports_of_others_are_left_to_others() {
        let other = XML.replace("pytest", "surefire");
        assert!(
            parse(&Recorded::default().command(&["mvn", "test"]).tree("TEST-a.xml", other).attempt())
                .is_none()
        );
    }

    #[test]
    fn a_report_is_known_by_the_argument_that_names_it() {
        let command = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert!(is_named(&command(&["pytest", "--junitxml", "out/r.xml"]), "out/r.xml"));
        assert!(is_named(&command(&["pytest", "--junit-xml=./r.xml"]), "r.xml"));
        assert!(!is_named(&command(&["pytest", "--junitxml=r.xml"]), "other.xml"));
        assert!(!is_named(&command(&["pytest", "--junitxml="]), "other.xml"));
    }
}
