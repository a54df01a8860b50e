//! Which sources of an attempt are read.

use std::io::{BufRead, Read};

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Diagnostic, PackedAttempt, Source};

use crate::reading::{Ending, Options, Reading, Recognised, pack};
use crate::{read_file, read_printed};

/// Reads what an attempt reported.
#[must_use]
pub fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let mut reading = Reading::default();
    let recognised = read_attempt(attempt, &mut reading);
    packed(attempt, recognised, reading)
}

/// Reads the report folder; if there is no report, the work tree; if there is none either, standard output. Not
/// all of them: a command that was told to report twice tells of every test twice.
fn read_attempt(attempt: &Attempt<'_>, reading: &mut Reading) -> Recognised {
    let reports: Vec<_> =
        attempt.reports().map(|(path, blob)| (Source::Report(path.to_owned()), blob)).collect();
    if read_files(reports, reading) == Recognised::Yes {
        return Recognised::Yes;
    }
    let tree: Vec<_> =
        attempt.tree_files().map(|(path, blob)| (Source::Tree(path.to_owned()), blob)).collect();
    if read_files(tree, reading) == Recognised::Yes {
        return Recognised::Yes;
    }
    read_blob(&attempt.stdout(), reading, |input, reading| read_printed(input, Options::default(), reading))
}

fn read_files(files: Vec<(Source, Blob<'_>)>, reading: &mut Reading) -> Recognised {
    let several = files.len() > 1;
    let mut recognised = Recognised::No;
    for (source, blob) in files {
        let path = match &source {
            Source::Report(path) | Source::Tree(path) => path.as_str(),
            Source::Stdout | Source::Stderr => "",
        };
        // Ant's summary repeats every file beside it.
        if several && path.ends_with("TESTS-TestSuites.xml") {
            continue;
        }
        let before = reading.problems.len();
        if read_blob(&blob, reading, |input, reading| read_file(input, Options::default(), reading))
            == Recognised::Yes
        {
            recognised = Recognised::Yes;
        }
        for problem in reading.problems.iter_mut().skip(before) {
            problem.message = format!("`{path}`: {}", problem.message);
            problem.source = Some(source.clone());
        }
    }
    recognised
}

/// Reads a source up to where the host cut something out: what stands behind is the inside of something.
fn read_blob(
    blob: &Blob<'_>,
    reading: &mut Reading,
    read: impl FnOnce(&mut dyn BufRead, &mut Reading) -> Recognised,
) -> Recognised {
    let Some((from, _)) = blob.cut() else { return read(&mut blob.reader(), reading) };
    let recognised = read(&mut blob.reader().take(from), reading);
    if recognised == Recognised::Yes {
        reading.ending = Ending::CutOff;
    }
    recognised
}

fn packed(attempt: &Attempt<'_>, recognised: Recognised, reading: Reading) -> PackedAttempt {
    let exit = &attempt.info().exit;
    let was_ended = exit.timed_out || exit.signal.is_some();
    let mut parsed = PackedAttempt {
        format: if recognised == Recognised::Yes { "junit-xml".to_owned() } else { String::new() },
        completeness: match (recognised, reading.ending) {
            (Recognised::No, _) => Completeness::NothingRecognised,
            (Recognised::Yes, Ending::CutOff) => Completeness::Truncated,
            // Tools that write one file per class leave whole files even then, only not all of them.
            (Recognised::Yes, Ending::Whole) if was_ended => Completeness::Truncated,
            (Recognised::Yes, Ending::Whole) => Completeness::Complete,
        },
        ..PackedAttempt::default()
    };
    let told_nothing =
        reading.tests.is_empty() && reading.announced.is_empty() && reading.problems.is_empty();
    if parsed.completeness == Completeness::Complete && told_nothing {
        parsed.diagnostics.push(Diagnostic::new("no-tests", "the report names no test"));
    }
    let problems = reading.problems.into_iter();
    parsed.diagnostics.extend(problems.map(|problem| problem.diagnostic(&Source::Stdout)));
    parsed.announced = reading.announced;
    parsed.tests = pack(reading.tests);
    parsed
}
