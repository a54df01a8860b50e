//! `parser` and `packed-parser`: both shapes become the same columns.

use flaky_core::ids::TestId;
use flaky_core::parsed::{
    Completeness, Diagnostic, DiagnosticLevel, Failure, Location, Offset, Outcome, ParsedAttempt, TestColumns,
};

use super::exports::{packed_parser, parser};
use super::{at_most, long, types};
use crate::clean;
use crate::columns::{self, Repeats};
use crate::error::PluginErrorKind;
use crate::limits::{DIAGNOSTICS, KIND_BYTES, TRIES};

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn packed(found: packed_parser::PackedAttempt) -> Result<ParsedAttempt, PluginErrorKind> {
    let types::PackedTests {
        ids,
        id_ends,
        name_starts,
        outcomes,
        durations_ns,
        files,
        file_of,
        lines,
        failures,
        tries,
    } = found.tests;
    let (ids, name_starts) = columns::ids(&ids, &id_ends, &name_starts)?;
    let tests = ids.len();
    columns::ascending("tests.failures", failures.iter().map(|(i, _)| *i), tests, Repeats::Allowed)?;
    columns::ascending("tests.tries", tries.iter().map(|(i, _)| *i), tests, Repeats::Refused)?;
    Ok(ParsedAttempt {
        tests: TestColumns {
            outcomes: columns::outcomes(&outcomes, tests)?,
            durations_ns: columns::durations(durations_ns, tests)?,
            locations: packed_locations(&files, &file_of, &lines, tests)?,
            failures: failures.into_iter().map(|(i, f)| (i, failure(f))).collect(),
            tries: tries.into_iter().map(|(i, t)| Ok((i, tried(i, t)?))).collect::<Result<_, _>>()?,
            ids,
            name_starts,
        },
        format: clean::line(&found.format),
        completeness: completeness(found.completeness),
        announced: announced(&found.announced)?,
        diagnostics: diagnostics(found.diagnostics)?,
    })
}

/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn plain(found: parser::ParsedAttempt) -> Result<ParsedAttempt, PluginErrorKind> {
    columns::count("tests", found.tests.len())?;
    let mut tests = TestColumns::default();
    let mut ids = Vec::with_capacity(found.tests.len());
    for (i, test) in (0_u32..).zip(found.tests) {
        let types::TestResult {
            id,
            name,
            outcome: became,
            duration_ns,
            failure: failed,
            location: place,
            tries,
        } = test;
        let suite = name.as_deref().filter(|name| !name.is_empty()).and_then(|name| id.strip_suffix(name));
        let id = TestId::new(&id);
        tests.name_starts.push(suite.map_or(0, |suite| columns::name_start(suite, &id)));
        ids.push(id);
        tests.outcomes.push(outcome(became));
        let duration =
            duration_ns.map(|ns| columns::duration(&format!("tests[{i}].duration-ns"), ns)).transpose()?;
        tests.durations_ns.push(duration.unwrap_or(u64::MAX));
        tests.failures.extend(failed.map(|f| (i, failure(f))));
        tests.locations.extend(place.map(|l| (i, location(l))));
        if !tries.is_empty() {
            tests.tries.push((i, tried(i, tries)?));
        }
    }
    if tests.durations_ns.iter().all(|ns| *ns == u64::MAX) {
        tests.durations_ns = Vec::new();
    }
    if tests.name_starts.iter().all(|start| *start == 0) {
        tests.name_starts = Vec::new();
    }
    tests.ids = columns::unique(ids);
    Ok(ParsedAttempt {
        format: clean::line(&found.format),
        tests,
        completeness: completeness(found.completeness),
        announced: announced(&found.announced)?,
        diagnostics: diagnostics(found.diagnostics)?,
    })
}

/// A test without a file has no location; a line alone says nothing.
fn packed_locations(
    files: &[String],
    file_of: &[u32],
    lines: &[u32],
    tests: usize,
) -> Result<Vec<(u32, Location)>, PluginErrorKind> {
    if file_of.is_empty() {
        return Ok(Vec::new());
    }
    columns::length("tests.file-of", file_of.len(), tests)?;
    if !lines.is_empty() {
        columns::length("tests.lines", lines.len(), tests)?;
    }
    let files = columns::files(files);
    let mut locations = Vec::with_capacity(tests);
    for (i, file) in (0_u32..).zip(file_of.iter().copied()) {
        if file == u32::MAX {
            continue;
        }
        let Some(name) = files.get(file as usize) else {
            let why = format!("names file {file} of {}", files.len());
            return Err(PluginErrorKind::invalid(format!("tests.file-of[{i}]"), why));
        };
        let line = lines.get(i as usize).copied().filter(|line| *line != 0);
        locations.push((i, Location { file: name.clone(), line }));
    }
    Ok(locations)
}

fn announced(found: &[String]) -> Result<Vec<TestId>, PluginErrorKind> {
    columns::count("announced", found.len())?;
    Ok(found.iter().map(|id| TestId::new(id)).collect())
}

fn diagnostics(found: Vec<types::Diagnostic>) -> Result<Vec<Diagnostic>, PluginErrorKind> {
    at_most("diagnostics", found.len(), DIAGNOSTICS)?;
    let diagnostic = |d: types::Diagnostic| Diagnostic {
        level: match d.level {
            types::DiagnosticLevel::Error => DiagnosticLevel::Error,
            types::DiagnosticLevel::Warning => DiagnosticLevel::Warning,
        },
        code: clean::line(&d.code),
        message: long(d.message),
        hint: d.hint.map(long),
        location: d.location.map(location),
        at: d.at.map(|(source, byte)| Offset { source: source_name(&source), byte }),
    };
    Ok(found.into_iter().map(diagnostic).collect())
}

fn source_name(source: &types::Source) -> String {
    match source {
        types::Source::Stdout => "stdout".into(),
        types::Source::Stderr => "stderr".into(),
        types::Source::Report(path) | types::Source::Tree(path) => clean::line(path),
    }
}

fn failure(found: types::Failure) -> Failure {
    Failure {
        kind: clean::capped(found.kind, KIND_BYTES),
        message: long(found.message),
        trace: long(found.trace),
    }
}

fn location(found: types::Location) -> Location {
    Location { file: clean::line(&found.file), line: found.line.filter(|line| *line != 0) }
}

fn tried(test: u32, found: Vec<types::Outcome>) -> Result<Vec<Outcome>, PluginErrorKind> {
    at_most(&format!("tests.tries[{test}]"), found.len(), TRIES)?;
    Ok(found.into_iter().map(outcome).collect())
}

fn completeness(found: types::Completeness) -> Completeness {
    match found {
        types::Completeness::Complete => Completeness::Complete,
        types::Completeness::Truncated => Completeness::Truncated,
        types::Completeness::NothingRecognised => Completeness::NothingRecognised,
    }
}

fn outcome(found: types::Outcome) -> Outcome {
    match found {
        types::Outcome::Passed => Outcome::Passed,
        types::Outcome::Failed => Outcome::Failed,
        types::Outcome::Errored => Outcome::Errored,
        types::Outcome::Skipped => Outcome::Skipped,
        types::Outcome::ExpectedFailure => Outcome::ExpectedFailure,
        types::Outcome::UnexpectedPass => Outcome::UnexpectedPass,
        types::Outcome::TimedOut => Outcome::TimedOut,
        types::Outcome::Crashed => Outcome::Crashed,
        types::Outcome::NotRun => Outcome::NotRun,
        types::Outcome::Unknown => Outcome::Unknown,
    }
}
