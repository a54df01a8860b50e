//! What a job shows and hands on without any token: annotations by commands on standard output, the summary, outputs.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flaky_core::delivery::{Annotation, AnnotationLevel};
use flaky_core::verdict::{Category, Cause, Severity};

use crate::error::DeliveryError;
use crate::secrets::Redactor;
use crate::world::Environment;

/// Annotations of one level that a step shows (actions/toolkit, docs/problem-matchers.md, "Limitations"). The 50 of a
/// whole job, from the same page, are out of reach with three levels.
pub(crate) const PER_KIND: usize = 10;
/// Largest summary of a step in bytes; above it the platform shows none of it.
pub(crate) const MOST_SUMMARY: usize = 1 << 20;
/// Longest name of an output; ours have 12 characters at most.
const MOST_NAME: usize = 64;

/// Annotations shown so far.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    levels: [usize; 3],
}

impl Shown {
    /// Whether there is room for one more.
    fn take(&mut self, level: AnnotationLevel) -> bool {
        let of_level = &mut self.levels[level as usize];
        let room = *of_level < PER_KIND;
        *of_level += usize::from(room);
        room
    }
}

/// Commands for as many annotations as there is room for, and the others.
pub(crate) fn commands(annotations: Vec<Annotation>, shown: &mut Shown) -> (String, Vec<Annotation>) {
    let mut text = String::new();
    let mut left = Vec::new();
    for annotation in annotations {
        if shown.take(annotation.level) {
            text.push_str(&command(&annotation));
            text.push('\n');
        } else {
            left.push(annotation);
        }
    }
    (text, left)
}

fn command(annotation: &Annotation) -> String {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "error",
    };
    let line = annotation.line.map(|line| line.to_string()).unwrap_or_default();
    let properties = [("file", annotation.file.as_str()), ("line", &line), ("title", &annotation.title)];
    let properties = properties.iter().filter(|(_, value)| !value.is_empty());
    let properties: Vec<_> = properties.map(|(name, value)| format!("{name}={}", property(value))).collect();
    let properties = if properties.is_empty() { String::new() } else { format!(" {}", properties.join(",")) };
    // Annotations without a message are not shown.
    let message = if annotation.message.is_empty() { &annotation.title } else { &annotation.message };
    format!("::{level}{properties}::{}", data(message))
}

/// As `escapeData` of actions/toolkit (packages/core/src/command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As `escapeProperty` of the same file.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for standard output, which the platform searches for commands: at the beginning of lines for `::name::`, and
/// anywhere for the older `##[name]` (actions/runner, src/Runner.Common/ActionCommand.cs). Names and messages of tests
/// must not give any; an invisible space takes the meaning away. Outside of a job nothing is changed.
pub(crate) fn harmless<'a>(environment: &Environment, text: &'a str) -> Cow<'a, str> {
    let in_job = environment.get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if !in_job || !(text.contains("::") || text.contains("##[")) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let line = line.replace("##[", "##\u{200b}[");
        let at = line.len() - line.trim_start().len();
        if line[at..].starts_with("::") { format!("{}\u{200b}{}", &line[..at], &line[at..]) } else { line }
    });
    Cow::Owned(lines.collect())
}

/// Adds to the step's summary.
pub(crate) fn summary(environment: &Environment, markdown: &str) -> Result<(), DeliveryError> {
    let path = place(environment, "job-summary", "GITHUB_STEP_SUMMARY")?;
    let there = std::fs::metadata(&path).map_or(0, |m| usize::try_from(m.len()).unwrap_or(usize::MAX));
    let size = there.saturating_add(markdown.len()).saturating_add(1);
    if size > MOST_SUMMARY {
        return Err(DeliveryError::TooLarge {
            what: "job summary",
            size,
            limit: MOST_SUMMARY,
            unit: "bytes",
        });
    }
    append(&path, &format!("{markdown}\n")).map_err(|source| DeliveryError::Write { path, source })
}

/// Hands outputs to later steps of a job of GitHub Actions: all of them, or none when one is refused.
///
/// # Errors
/// When one is no word of the report's and no number, or the job's file cannot be written.
pub fn outputs(environment: &Environment, outputs: &[(String, String)]) -> Result<(), DeliveryError> {
    let mut text = String::new();
    for (name, value) in outputs {
        check_output(name, value)
            .map_err(|why| DeliveryError::Output { name: Redactor::default().clean(name), why })?;
        text.push_str(&format!("{name}={value}\n"));
    }
    let path = place(environment, "outputs", "GITHUB_OUTPUT")?;
    append(&path, &text).map_err(|source| DeliveryError::Write { path, source })
}

fn check_output(name: &str, value: &str) -> Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(plain) {
        return Err("its name is not of the letters `a` to `z` and `_`");
    }
    if is_word(value) || is_number(value) {
        Ok(())
    } else {
        Err("its value is neither a known word nor a number")
    }
}

/// Words of the report, and nothing that a test could be called: steps put outputs into shell scripts.
fn is_word(value: &str) -> bool {
    matches!(value, "" | "true" | "false" | "null" | "unknown" | "introduced")
        || Category::ALL.iter().any(|verdict| verdict.to_string() == value)
        || Severity::ALL.iter().any(|severity| severity.to_string().eq_ignore_ascii_case(value))
        || Cause::ALL.iter().any(|cause| cause.name() == value)
}

fn is_number(value: &str) -> bool {
    let plain = value.bytes().all(|b| b.is_ascii_digit() || b".-+eE".contains(&b));
    plain && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The file that the platform reads.
fn place(
    environment: &Environment,
    kind: &'static str,
    needs: &'static str,
) -> Result<PathBuf, DeliveryError> {
    environment.get(needs).map(PathBuf::from).ok_or(DeliveryError::NotHere { kind, needs })
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(level: AnnotationLevel, title: &str, message: &str) -> Annotation {
        let (title, message) = (title.to_owned(), message.to_owned());
        Annotation { level, file: "tests/a, b:c.py".into(), line: Some(3), title, message }
    }

    fn file_environment(variable: &'static str, path: &Path) -> Environment {
        let path = path.to_str().unwrap().to_owned();
        Environment::new(move |name| (name == variable).then(|| path.clone()))
    }

    #[test]
    fn commands_are_escaped_as_the_toolkit_does_it() {
        for (title, message, expected) in [
            ("t", "m", "::error file=tests/a%2C b%3Ac.py,line=3,title=t::m"),
            ("", "m", "::error file=tests/a%2C b%3Ac.py,line=3::m"),
            (
                "50%, a:b",
                "50%, a:b",
                "::error file=tests/a%2C b%3Ac.py,line=3,title=50%25%2C a%3Ab::50%25, a:b",
            ),
            (
                "a\r\n::warning::x",
                "%0A\n::stop-commands::x",
                "::error file=tests/a%2C b%3Ac.py,line=3,title=a%0D%0A%3A%3Awarning%3A%3Ax::%250A%0A::stop-commands::x",
            ),
            ("only", "", "::error file=tests/a%2C b%3Ac.py,line=3,title=only::only"),
        ] {
            let written = command(&annotation(AnnotationLevel::Failure, title, message));
            assert_eq!(written, expected);
            assert!(!written.contains(['\n', '\r']));
        }
        let bare = Annotation {
            level: AnnotationLevel::Notice,
            file: String::new(),
            line: None,
            title: String::new(),
            message: "m".into(),
        };
        assert_eq!(command(&bare), "::notice::m");
    }

    #[test]
    fn printed_text_gives_the_platform_no_commands() {
        let job = Environment::new(|name| (name == "GITHUB_ACTIONS").then(|| "true".to_owned()));
        for (text, expected) in [
            ("plain a::b\n", "plain a::b\n"),
            ("::add-mask::x\n", "\u{200b}::add-mask::x\n"),
            ("a\n \t::stop-commands::x", "a\n \t\u{200b}::stop-commands::x"),
            ("a\r::error::x", "a\r\u{200b}::error::x"),
            ("\u{3000}::error::x", "\u{3000}\u{200b}::error::x"),
            ("a ##[add-mask]x", "a ##\u{200b}[add-mask]x"),
        ] {
            assert_eq!(harmless(&job, text), expected);
            assert_eq!(harmless(&Environment::new(|_| None), text), text);
        }
    }

    #[test]
    fn each_level_has_room_for_ten_over_all_calls() {
        let of = |level, n| vec![annotation(level, "t", "m"); n];
        for (n, left) in [(PER_KIND - 1, 0), (PER_KIND, 0), (PER_KIND + 1, 1)] {
            assert_eq!(commands(of(AnnotationLevel::Warning, n), &mut Shown::default()).1.len(), left);
        }
        let mut shown = Shown::default();
        assert_eq!(commands(of(AnnotationLevel::Warning, 7), &mut shown).1.len(), 0);
        assert_eq!(commands(of(AnnotationLevel::Warning, 7), &mut shown).1.len(), 4);
        let (text, left) = commands(of(AnnotationLevel::Failure, 1), &mut shown);
        assert_eq!((text.lines().count(), left.len()), (1, 0));
    }

    #[test]
    fn a_summary_is_added_up_to_one_mebibyte_of_the_step() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let environment = file_environment("GITHUB_STEP_SUMMARY", file.path());
        std::fs::write(file.path(), "before\n").unwrap();
        let room = MOST_SUMMARY - "before\n".len() - 1;
        // Four bytes each.
        let text = |bytes: usize| "\u{1f600}".repeat(bytes / 4) + &"x".repeat(bytes % 4);
        let error = summary(&environment, &text(room + 1)).unwrap_err();
        assert!(matches!(error, DeliveryError::TooLarge { size, .. } if size == MOST_SUMMARY + 1));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"before\n");
        summary(&environment, &text(room - 1)).unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().len(), MOST_SUMMARY as u64 - 1);
        std::fs::write(file.path(), "before\n").unwrap();
        summary(&environment, &text(room)).unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().len(), MOST_SUMMARY as u64);
        let nowhere = Environment::new(|_| None);
        let error = summary(&nowhere, "x").unwrap_err();
        assert!(matches!(error, DeliveryError::NotHere { needs: "GITHUB_STEP_SUMMARY", .. }));
    }

    #[test]
    fn outputs_are_known_words_and_numbers_all_or_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let environment = file_environment("GITHUB_OUTPUT", file.path());
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let good = [
            ("verdict", "flaky"),
            ("severity", "HIGH"),
            ("repro_rate", "0.062"),
            ("failures", "3"),
            ("cause", "no-tests"),
            ("e", "1e-3"),
            ("none", ""),
        ];
        outputs(&environment, &good.map(pair)).unwrap();
        let written = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(
            written,
            "verdict=flaky\nseverity=HIGH\nrepro_rate=0.062\nfailures=3\ncause=no-tests\ne=1e-3\nnone=\n"
        );
        for bad in [
            ("verdict", "flaky\npwned=1"),
            ("verdict", "$(id)"),
            ("verdict", "test_login"),
            ("rate", "NaN"),
            ("rate", "inf"),
            ("rate", "1e999"),
            ("rate", "0x10"),
            ("rate", "1 2"),
            ("Verdict", "flaky"),
            ("a\nb", "1"),
            ("a=b", "1"),
            ("", "1"),
        ] {
            let error = outputs(&environment, &[pair(("verdict", "stable")), pair(bad)]).unwrap_err();
            assert!(matches!(error, DeliveryError::Output { .. }), "{bad:?}");
            assert!(!error.to_string().contains('\n'));
        }
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), written);
    }
}
