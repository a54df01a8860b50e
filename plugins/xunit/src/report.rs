//! `<assemblies>` or one `<assembly>`.

use flaky_plugin_console::{Test, TestsSoFar};
use flaky_plugin_junit::elements::{Bytes, Element, Elements, Part, read_attempt};
use flaky_plugin_junit::{Ending, nanoseconds};
use flaky_plugin_sdk::{Attempt, Completeness, Diagnostic, Failure, Location, Outcome, PackedAttempt};

/// Reads the reports; `None` when there is none.
pub(crate) fn read(attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading::default();
    let ending = read_attempt(attempt, &["assemblies", "assembly"], |root, elements| {
        reading.document(&root, elements)
    })?;
    if !reading.is_certain {
        return None;
    }
    let complete = ending == Ending::Whole;
    if complete && reading.tests.0.is_empty() && reading.diagnostics.is_empty() {
        reading.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
    }
    Some(PackedAttempt {
        format: "xunit-xml".to_owned(),
        tests: reading.tests.pack(),
        completeness: if complete { Completeness::Complete } else { Completeness::Truncated },
        announced: reading.announced,
        diagnostics: reading.diagnostics,
    })
}

#[derive(Debug, Default)]
struct Reading {
    /// An assembly that names the framework that ran it: other files have such a root too.
    is_certain: bool,
    tests: TestsSoFar,
    announced: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    fn document(&mut self, root: &Element, elements: &mut Elements<Bytes<'_>>) -> Ending {
        let mut is_ours = is_assembly(root);
        self.is_certain |= is_ours;
        loop {
            match elements.next_part() {
                Part::Open(element) if element.name == "assembly" => {
                    is_ours = is_assembly(&element);
                    self.is_certain |= is_ours;
                }
                Part::Open(element) if element.name == "test" => match elements.whole(element) {
                    Ok(test) if is_ours => self.tests.0.push(test_of(&test)),
                    Ok(_) => {}
                    Err(test) => self.announced.extend(is_ours.then(|| id_of(&test).id)),
                },
                // Something failed outside of tests: a fixture's end, the runner itself.
                Part::Open(element) if element.name == "error" => {
                    let Ok(error) = elements.whole(element) else { continue };
                    if is_ours {
                        self.error(&error);
                    }
                }
                Part::Open(_) | Part::Close(_) => {}
                Part::End => return Ending::Whole,
                Part::CutOff => return Ending::CutOff,
            }
        }
    }

    fn error(&mut self, error: &Element) {
        let place = [error.attribute("type"), error.attribute("name")];
        let place: Vec<_> = place.into_iter().flatten().collect();
        let failure = error.child("failure").map(failure_of);
        let message =
            failure.map(|failure| format!("{} {}", failure.kind, failure.message)).unwrap_or_default();
        self.diagnostics
            .push(Diagnostic::new("suite-error", format!("{}: {}", place.join(" of "), message.trim())));
    }
}

fn is_assembly(element: &Element) -> bool {
    element.name == "assembly"
        && (element.attribute("test-framework").is_some() || element.attribute("run-date").is_some())
}

/// By default a test is shown by class, method and arguments; a name of its own stands alone, and gets the class.
fn id_of(test: &Element) -> Test {
    let shown = test.attribute("name").filter(|name| !name.is_empty()).unwrap_or("(unnamed)");
    let class = test.attribute("type").unwrap_or_default();
    let name = shown.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')).unwrap_or(shown);
    Test::of_suite(class, ".", name, Outcome::Unknown)
}

fn test_of(test: &Element) -> Test {
    let failure = test.child("failure").map(failure_of);
    let timed_out = failure.as_ref().is_some_and(|failure| failure.kind.ends_with("TestTimeoutException"));
    let outcome = match test.attribute("result") {
        Some("Pass") => Outcome::Passed,
        Some("Fail") if timed_out => Outcome::TimedOut,
        Some("Fail") => Outcome::Failed,
        Some("Skip") => Outcome::Skipped,
        Some("NotRun") => Outcome::NotRun,
        _ => Outcome::Unknown,
    };
    let line = test.attribute("source-line").and_then(|line| line.parse().ok());
    Test {
        outcome,
        duration_ns: test.attribute("time").and_then(nanoseconds),
        failures: failure.into_iter().collect(),
        location: test.attribute("source-file").map(|file| Location { file: file.replace('\\', "/"), line }),
        ..id_of(test)
    }
}

fn failure_of(failure: &Element) -> Failure {
    let text = |name: &str| failure.child(name).map(Element::clean_text).unwrap_or_default();
    let kind = failure.attribute("exception-type").unwrap_or_default();
    let message = text("message");
    let said = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(" : ")).unwrap_or(&message);
    Failure { kind: kind.to_owned(), message: said.trim().to_owned(), trace: text("stack-trace") }
}
