//! What one parsed attempt says: whether it counts, and whether it failed.
//!
//! An attempt in which nothing about tests can be known (the command does not exist, the framework refused its
//! arguments, found no test, or broke) is *set aside*: it is never counted as a failure of a test.

use flaky_core::attempt::Exit;
use flaky_core::parsed::{Diagnostic, DiagnosticLevel, Outcome, ParsedAttempt};
use flaky_core::verdict::Cause;

/// What an attempt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It counts.
    Counts {
        /// The command failed, and no failed test explains it: how, as an outcome of the command itself.
        unexplained: Option<Outcome>,
    },
    /// It does not count.
    SetAside(SetAside),
}

/// Why an attempt does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// What a run of only such attempts is called.
    pub cause: Cause,
    /// One sentence, with what the framework said.
    pub why: String,
    /// What to do.
    pub hint: Option<String>,
}

impl SetAside {
    /// Whether every further attempt would say the same: then one is enough.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        matches!(self.cause, Cause::CommandNotFound | Cause::UsageError | Cause::NoTests)
    }
}

/// Judges an attempt whose output a parser recognised.
#[must_use]
pub fn judge_recognised(exit: Exit, parsed: &ParsedAttempt) -> Judgement {
    if let Exit::NotFound = exit {
        return Judgement::SetAside(not_found());
    }
    let any_failed = parsed.tests.outcomes.iter().any(|o| o.is_failure());
    let any_counts = parsed.tests.outcomes.iter().any(|o| o.counts() || *o == Outcome::Skipped);
    if !any_failed && let Some(aside) = harness_fault(&parsed.diagnostics, any_counts) {
        return Judgement::SetAside(aside);
    }
    let explained = any_failed || exit.is_success();
    Judgement::Counts { unexplained: (!explained).then(|| of_exit(exit)) }
}

/// Judges an attempt that no parser recognised: by its exit code, as one test.
#[must_use]
pub fn judge_by_exit(exit: Exit) -> Judgement {
    match exit {
        Exit::NotFound => Judgement::SetAside(not_found()),
        // By convention of POSIX shells: found but not executable, and not found.
        Exit::Code(126 | 127) => Judgement::SetAside(SetAside {
            cause: Cause::CommandNotFound,
            why: "the shell could not find or execute the command".into(),
            hint: Some("check its name, and that what it needs is installed".into()),
        }),
        _ => Judgement::Counts { unexplained: None },
    }
}

/// What an exit says of the command, taken as a test.
#[must_use]
pub const fn of_exit(exit: Exit) -> Outcome {
    match exit {
        Exit::Code(0) => Outcome::Passed,
        Exit::Code(_) => Outcome::Failed,
        Exit::Signal(_) => Outcome::Crashed,
        Exit::TimedOut => Outcome::TimedOut,
        Exit::NotFound => Outcome::Unknown,
    }
}

/// A command as a user would type it.
#[must_use]
pub fn command_in_words(argv: &[String]) -> String {
    argv.iter()
        .map(|a| {
            let plain =
                !a.is_empty() && a.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:@%+,".contains(&b));
            if plain { a.clone() } else { format!("'{}'", a.replace('\'', r"'\''")) }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same for people to see what is done: of a script only its first line.
#[must_use]
pub fn command_in_short(argv: &[String]) -> String {
    let short = |word: &String| match word.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => word.clone(),
    };
    command_in_words(&argv.iter().map(short).collect::<Vec<_>>())
}

/// Words for how a command ended.
#[must_use]
pub fn exit_in_words(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("ended by signal {signal}"),
        Exit::TimedOut => "ended by us: out of time".into(),
        Exit::NotFound => "could not be started".into(),
    }
}

fn not_found() -> SetAside {
    SetAside {
        cause: Cause::CommandNotFound,
        why: "the test command does not exist or cannot be executed".into(),
        hint: Some("check its name and `PATH`, and that what it needs is installed".into()),
    }
}

/// The first diagnostic that says that the harness, not a test, is at fault. A collection error beside tests that
/// ran is a fault of a file: it sets the attempt aside only when no test gave an outcome, because frameworks that
/// go on after it still tell the truth about the others.
fn harness_fault(diagnostics: &[Diagnostic], any_counts: bool) -> Option<SetAside> {
    // Doubts of the parser are nobody's fault.
    diagnostics.iter().filter(|d| d.level == DiagnosticLevel::Error).find_map(|d| {
        let (cause, hint) = match d.code.as_str() {
            "no-tests" if !any_counts => {
                (Cause::NoTests, "check the paths and filters of the test command".to_owned())
            }
            "usage-error" => (Cause::UsageError, "check the options of the test command".to_owned()),
            "command-not-found" => {
                (Cause::CommandNotFound, "check that what the test command needs is installed".to_owned())
            }
            "collection-error" | "build-failed" | "internal-error" if !any_counts => (
                Cause::Infrastructure,
                "the framework broke before it ran a test: run the command once by hand and mend that first"
                    .to_owned(),
            ),
            _ => return None,
        };
        Some(SetAside { cause, why: one_line(&d.message), hint: Some(d.hint.clone().unwrap_or(hint)) })
    })
}

/// Longest text of a diagnostic that goes into a sentence; enough for an exception with its message.
const SENTENCE_CHARS: usize = 400;

/// The first line that says something, cut to a sentence's length.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    if line.chars().count() <= SENTENCE_CHARS {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(SENTENCE_CHARS - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use flaky_core::ids::TestId;
    use flaky_core::parsed::{Completeness, TestColumns};

    use super::*;

    fn parsed(outcomes: &[Outcome], codes: &[&str]) -> ParsedAttempt {
        ParsedAttempt {
            format: String::new(),
            tests: TestColumns {
                ids: (0..outcomes.len()).map(|i| TestId::new(&format!("t{i}"))).collect(),
                outcomes: outcomes.to_vec(),
                ..TestColumns::default()
            },
            completeness: Completeness::Complete,
            announced: vec![],
            diagnostics: codes
                .iter()
                .map(|c| Diagnostic {
                    level: DiagnosticLevel::Error,
                    code: (*c).into(),
                    message: "said".into(),
                    hint: None,
                    location: None,
                    at: None,
                })
                .collect(),
        }
    }

    #[test]
    fn harness_faults_are_set_aside_with_their_cause_and_test_failures_count() {
        use Outcome::{Failed, Passed, Skipped};
        let aside = |cause| Some(cause);
        type Case = (Exit, &'static [Outcome], &'static [&'static str], Option<Cause>);
        let cases: &[Case] = &[
            (Exit::Code(0), &[Passed], &[], None),
            (Exit::Code(1), &[Failed], &[], None),
            (Exit::Code(5), &[], &["no-tests"], aside(Cause::NoTests)),
            (Exit::Code(0), &[Skipped], &["no-tests"], None),
            (Exit::Code(4), &[], &["usage-error"], aside(Cause::UsageError)),
            (Exit::Code(2), &[], &["collection-error"], aside(Cause::Infrastructure)),
            (Exit::Code(1), &[Passed], &["collection-error"], None),
            (Exit::Code(1), &[Passed, Failed], &["internal-error"], None),
            (Exit::NotFound, &[], &[], aside(Cause::CommandNotFound)),
        ];
        for (exit, outcomes, codes, expected) in cases {
            let got = match judge_recognised(*exit, &parsed(outcomes, codes)) {
                Judgement::SetAside(a) => Some(a.cause),
                Judgement::Counts { .. } => None,
            };
            assert_eq!(got, *expected, "{exit:?} {outcomes:?} {codes:?}");
        }
    }

    #[test]
    fn a_command_that_fails_without_a_failed_test_is_a_failure_of_the_command() {
        let unexplained = |exit, outcomes: &[Outcome]| match judge_recognised(exit, &parsed(outcomes, &[])) {
            Judgement::Counts { unexplained } => unexplained,
            Judgement::SetAside(_) => panic!("it counts"),
        };
        assert_eq!(unexplained(Exit::Code(2), &[Outcome::Passed]), Some(Outcome::Failed));
        assert_eq!(unexplained(Exit::Signal(11), &[Outcome::Passed]), Some(Outcome::Crashed));
        assert_eq!(unexplained(Exit::TimedOut, &[Outcome::Passed]), Some(Outcome::TimedOut));
        assert_eq!(unexplained(Exit::Code(1), &[Outcome::Failed]), None);
        assert_eq!(unexplained(Exit::Code(0), &[Outcome::Passed]), None);
    }

    #[test]
    fn without_a_parser_only_the_shells_codes_for_not_found_are_set_aside() {
        for (exit, counts) in [
            (Exit::Code(0), true),
            (Exit::Code(1), true),
            (Exit::Code(126), false),
            (Exit::Code(127), false),
            (Exit::Signal(9), true),
            (Exit::TimedOut, true),
            (Exit::NotFound, false),
        ] {
            assert_eq!(matches!(judge_by_exit(exit), Judgement::Counts { .. }), counts, "{exit:?}");
        }
    }

    #[test]
    fn a_sentence_is_the_first_line_that_says_something_and_not_too_long() {
        assert_eq!(one_line("\n  \n  ImportError: no x \nmore"), "ImportError: no x");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), SENTENCE_CHARS);
    }
}
