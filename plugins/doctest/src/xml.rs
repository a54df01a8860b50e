//! The XML report. It is written as tests run, and by default to standard output, so that what tests print stands in
//! it as well.

use flaky_plugin_console::{Test, TestsSoFar, outcome_when_cut};
use flaky_plugin_junit::Ending;
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt};

pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let ending = read_attempt(attempt, &["doctest"], |root, elements| reading.document(&root, elements))?;
    if !reading.is_certain {
        return None;
    }
    if let Some((suite, cut)) = reading.cut.take() {
        let test = test_of(&cut, &suite);
        match outcome_when_cut(&attempt.info().exit) {
            Some(outcome) => reading.tests.0.push(Test { outcome, ..test }),
            None => reading.announced.push(test.id),
        }
    }
    let crashed = reading.tests.0.iter().any(|test| test.outcome == Outcome::Crashed);
    let complete = ending == Ending::Whole && !crashed;
    let mut diagnostics = Vec::new();
    if complete && reading.tests.0.is_empty() {
        diagnostics.push(Diagnostic::new("no-tests", "doctest ran no test"));
    }
    Some(PackedAttempt {
        format: "doctest-xml".to_owned(),
        tests: reading.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: reading.announced,
        diagnostics,
    })
}

#[derive(Debug, Default)]
struct Reading {
    is_certain: bool,
    tests: TestsSoFar,
    announced: Vec<String>,
    /// The test in which the text ended, and its suite.
    cut: Option<(String, Element)>,
}

impl Reading {
    fn document(&mut self, root: &Element, elements: &mut Elements<Bytes<'_>>) -> Ending {
        self.is_certain |= root.attribute("binary").is_some();
        let mut suite = String::new();
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "TestSuite" => {
                    element.attribute("name").unwrap_or_default().clone_into(&mut suite);
                }
                Part::Open(element) if element.name == "TestCase" => match elements.whole(element) {
                    // A list of tests, which has no results.
                    Ok(case) if result_of(&case).is_none() && case.attribute("skipped") == Some("false") => {}
                    Ok(case) => self.tests.0.push(test_of(&case, &suite)),
                    Err(case) => self.cut = Some((suite.clone(), case)),
                },
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }
}

fn test_of(case: &Element, suite: &str) -> Test {
    let name = case.attribute("name").filter(|name| !name.is_empty()).unwrap_or("(unnamed)");
    let mut said = Said::default();
    said.read(case, "");
    let outcome = outcome_of(case, &said);
    let failed = !matches!(outcome, Outcome::Passed | Outcome::Skipped);
    let line = case.attribute("line").and_then(|line| line.parse().ok());
    let duration = result_of(case).and_then(|result| result.attribute("duration"));
    Test {
        duration_ns: duration.and_then(flaky_plugin_junit::nanoseconds),
        failures: if failed { said.failures } else { Vec::new() },
        location: case.attribute("filename").map(|file| Location { file: file.replace('\\', "/"), line }),
        ..Test::of_suite(suite, "::", name, outcome)
    }
}

fn outcome_of(case: &Element, said: &Said) -> Outcome {
    if case.attribute("skipped") == Some("true") {
        return Outcome::Skipped;
    }
    let result = result_of(case);
    let success = result.and_then(|result| result.attribute("test_case_success")) == Some("true");
    let is = |name: &str| case.attribute(name) == Some("true");
    let count = result.and_then(|result| result.attribute("expected_failures"));
    let expected = is("should_fail") || count.is_some_and(|count| count != "0");
    let nothing_failed = said.failures.is_empty();
    if said.crashed {
        Outcome::Crashed
    } else if success && !nothing_failed && (expected || is("may_fail")) {
        Outcome::ExpectedFailure
    } else if !success && nothing_failed && expected {
        Outcome::UnexpectedPass
    } else if !success && nothing_failed && case.attribute("timeout").is_some() {
        Outcome::TimedOut
    } else if success {
        Outcome::Passed
    } else {
        Outcome::Failed
    }
}

/// How a test ended. What it printed may look like an element, which then holds all that follows.
fn result_of(element: &Element) -> Option<&Element> {
    let inner = element.children.iter().rev();
    element.child("OverallResultsAsserts").or_else(|| inner.filter_map(result_of).next())
}

/// What a test case says in its elements, subcases included.
#[derive(Debug, Default)]
struct Said {
    failures: Vec<Failure>,
    crashed: bool,
}

impl Said {
    fn read(&mut self, element: &Element, subcase: &str) {
        for child in &element.children {
            match child.name.as_str() {
                "SubCase" => {
                    let name = child.attribute("name").unwrap_or_default();
                    let inner =
                        if subcase.is_empty() { name.to_owned() } else { format!("{subcase} > {name}") };
                    self.read(child, &inner);
                }
                "Expression"
                    if child.attribute("success") != Some("true")
                        && child.attribute("type") != Some("WARN") =>
                {
                    self.add(expression(child), child, subcase);
                }
                "Exception" => {
                    self.crashed |= child.attribute("crash") == Some("true");
                    let said = child.clean_text();
                    self.add(said.trim().to_owned(), child, subcase);
                }
                "Message" if matches!(child.attribute("type"), Some("ERROR" | "FATAL ERROR")) => {
                    let said = child.child("Text").map(Element::clean_text).unwrap_or_default();
                    self.add(said.trim().to_owned(), child, subcase);
                }
                // What a test printed.
                _ if result_of(child).is_some() => self.read(child, subcase),
                _ => {}
            }
        }
    }

    fn add(&mut self, message: String, element: &Element, subcase: &str) {
        let mut trace = String::new();
        if !subcase.is_empty() {
            trace = format!("in {subcase}\n");
        }
        if let (Some(file), Some(line)) = (element.attribute("filename"), element.attribute("line")) {
            trace = format!("{trace}{file}:{line}: ERROR: ");
        }
        trace.push_str(&message);
        self.failures.push(Failure { kind: String::new(), message, trace });
    }
}

/// As the console says it.
fn expression(element: &Element) -> String {
    let texts = |name: &'static str| {
        let children = element.children.iter().filter(move |child| child.name == name);
        children.map(|child| child.clean_text().trim().to_owned())
    };
    let macro_name = element.attribute("type").unwrap_or_default();
    let original = texts("Original").next().unwrap_or_default();
    let mut message = format!("{macro_name}( {original} ) ");
    if let Some(thrown) = texts("Exception").next() {
        message.push_str(&format!("THREW exception: {thrown}"));
    } else {
        message.push_str("is NOT correct!");
    }
    if let Some(expanded) = texts("Expanded").next() {
        message.push_str(&format!("\n  values: {macro_name}( {expanded} )"));
    }
    let logged: Vec<_> = texts("Info").collect();
    if !logged.is_empty() {
        message.push_str(&format!("\n  logged: {}", logged.join("\n          ")));
    }
    message
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Recorded;

    use super::*;

    fn outcomes(inner: &str) -> Vec<(String, Outcome)> {
        let text = format!("<?xml version=\"1.0\"?>\n<doctest binary=\"a\">\n{inner}\n</doctest>\n");
        let recorded = Recorded::default().stdout(text);
        let parsed = read(&recorded.attempt()).unwrap();
        parsed.tests.results().into_iter().map(|test| (test.id, test.outcome)).collect()
    }

    #[test]
    fn what_a_test_prints_may_look_like_an_element() {
        let case = |name: &str, inner: &str| {
            format!(
                "<TestCase name=\"{name}\" filename=\"a.cpp\" line=\"1\">\nin <a.cpp>\n{inner}\n</TestCase>"
            )
        };
        let passed = "<OverallResultsAsserts successes=\"1\" failures=\"0\" test_case_success=\"true\"/>";
        let failed = "<Message type=\"ERROR\" filename=\"a.cpp\" line=\"2\"><Text>no</Text></Message>\n\
            <OverallResultsAsserts successes=\"0\" failures=\"1\" test_case_success=\"false\"/>";
        let both = case("prints", passed) + &case("fails", failed);
        let expected = [("prints", Outcome::Passed), ("fails", Outcome::Failed)];
        assert_eq!(outcomes(&both), expected.map(|(id, outcome)| (id.to_owned(), outcome)));
    }

    #[test]
    fn tests_that_are_only_listed_did_not_run() {
        let listed = "<TestCase name=\"a\" filename=\"a.cpp\" line=\"1\" skipped=\"false\"/>\n\
            <OverallResultsTestCases unskipped=\"1\"/>";
        assert_eq!(outcomes(listed), []);
    }

    #[test]
    fn failures_of_an_expected_number_are_expected() {
        let case = "<TestCase name=\"a\" filename=\"a.cpp\" line=\"1\">\
            <Message type=\"ERROR\" filename=\"a.cpp\" line=\"2\"><Text>no</Text></Message>\
            <OverallResultsAsserts successes=\"0\" failures=\"1\" test_case_success=\"true\" expected_failures=\"1\"/>\
            </TestCase>";
        assert_eq!(outcomes(case), [("a".to_owned(), Outcome::ExpectedFailure)]);
    }
}
