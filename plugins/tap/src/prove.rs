//! What Perl's `prove` prints: a line per file, with `-v` the file's TAP behind it.

use flaky_plugin_sdk::{Attempt, Blob, Diagnostic, Failure, Outcome, PackedAttempt};
use flaky_plugin_text::{capped, plain};

use crate::reading::{LONGEST_LINE, Stream};
use crate::report::Report;

/// `None` when it is something else: `prove` begins with a file's line and ends with counts and a result.
pub(crate) fn parse(blob: &Blob<'_>, attempt: &Attempt<'_>) -> Option<PackedAttempt> {
    let mut reading = Reading { files: Vec::new(), bail_out: None, ended: false, in_summary: false };
    let mut first = true;
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = plain(line.bytes);
        if first && !text.trim().is_empty() {
            header(&text)?;
            first = false;
        }
        reading.take(&text, line.end);
    }
    let verbose = reading.files.iter().any(|file| file.stream.has_tests() || file.has_glued());
    // One such line could be anybody's.
    (reading.ended || verbose || reading.files.len() > 1).then(|| reading.finish(attempt, verbose))
}

#[derive(Debug)]
struct File {
    path: String,
    /// `None` while it runs.
    outcome: Option<Outcome>,
    said: String,
    stream: Stream,
    /// The same, with results behind what tests printed.
    glued: Stream,
}

impl File {
    fn is_whole(&self) -> bool {
        self.stream.is_whole() || self.glued.is_whole()
    }

    /// What stands behind printed text counts only where the plan then comes out exactly.
    fn has_glued(&self) -> bool {
        !self.stream.is_whole() && self.glued.is_whole()
    }
}

struct Reading {
    files: Vec<File>,
    bail_out: Option<String>,
    ended: bool,
    in_summary: bool,
}

/// Path and result of `t/cart.t ..... ok`.
fn header(text: &str) -> Option<(&str, &str)> {
    let at = text.find(" ..")?;
    let (path, rest) = text.split_at_checked(at)?;
    let rest = rest.trim_start().trim_start_matches('.');
    let is_path = !path.is_empty() && !path.contains(' ') && (path.contains('.') || path.contains('/'));
    (is_path && (rest.is_empty() || rest.starts_with(' ')))
        .then(|| (path.strip_prefix("./").unwrap_or(path), rest.trim()))
}

impl Reading {
    fn take(&mut self, text: &str, end: flaky_plugin_sdk::LineEnd) {
        if self.in_summary {
            self.ended |= text.starts_with("Result: ");
            return;
        }
        if text == "Test Summary Report" || text == "All tests successful." || text.starts_with("Files=") {
            self.in_summary = true;
            return;
        }
        if let Some((path, result)) = header(text).filter(|_| self.is_between_files()) {
            self.open(path, result);
            return;
        }
        if let Some(why) = text.strip_prefix("Bailout called.  Further testing stopped:") {
            self.bail_out = Some(why.trim().to_owned());
            return;
        }
        let Some(file) = self.files.last_mut() else { return };
        match text {
            "ok" => file.outcome = Some(Outcome::Passed),
            _ if text.starts_with("ok ") && text.ends_with(" ms") && file.is_whole() => {
                file.outcome = Some(Outcome::Passed);
            }
            _ if text.starts_with("Dubious, test returned")
                || text.starts_with("Failed ")
                || text == "All subtests passed"
                || text.starts_with("No subtests run") =>
            {
                file.outcome = Some(Outcome::Failed);
                capped(&mut file.said, text.trim_end(), 4096);
            }
            _ if file.outcome.is_none() => {
                file.stream.take(text, end);
                file.glued.take(text, end);
            }
            _ => {}
        }
    }

    /// A test that prints such a line does it before its plan is fulfilled.
    fn is_between_files(&self) -> bool {
        self.files.last().is_none_or(|file| file.outcome.is_some() || !file.stream.has_begun())
    }

    fn open(&mut self, path: &str, result: &str) {
        let outcome = if result == "ok" || result.starts_with("ok ") {
            Some(Outcome::Passed)
        } else if result.starts_with("skipped") {
            Some(Outcome::Skipped)
        } else if result.starts_with("Failed") || result.starts_with("Dubious") {
            Some(Outcome::Failed)
        } else {
            None
        };
        let said = if outcome.is_some_and(|outcome| outcome != Outcome::Passed) {
            result.to_owned()
        } else {
            String::new()
        };
        self.files.push(File {
            path: path.to_owned(),
            outcome,
            said,
            stream: Stream::default(),
            glued: Stream::glued(),
        });
    }

    fn finish(self, attempt: &Attempt<'_>, verbose: bool) -> PackedAttempt {
        let mut report = Report::of(attempt);
        report.diagnostics.extend(self.bail_out.map(|why| Diagnostic::new("bail-out", why)));
        for file in self.files {
            if verbose && file.stream.has_begun() {
                let stream = if file.has_glued() { file.glued } else { file.stream };
                let (whole, has_tests) = (stream.is_whole(), stream.has_tests());
                let failed = report.add(stream, &file.path, true);
                // What it says of a file is only news where no test of the file tells of it.
                if file.outcome == Some(Outcome::Failed) && (!whole || !failed || !has_tests) {
                    report
                        .diagnostics
                        .push(Diagnostic::new("file-failed", format!("{}: {}", file.path, file.said)));
                }
            } else {
                let failure = (file.outcome == Some(Outcome::Failed)).then(|| Failure::new("", file.said));
                match file.outcome {
                    Some(Outcome::Skipped) if verbose => {}
                    Some(outcome) => report.add_file(&file.path, outcome, failure),
                    None => report.cut = true,
                }
            }
        }
        // A file whose plan was not fulfilled was told of; the run went on.
        report.cut = !self.ended;
        report.finish(if verbose { "tap" } else { "prove-text" })
    }
}
