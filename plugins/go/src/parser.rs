//! What Go said, from the best source that an attempt has.

mod build;
mod ending;
mod event;
mod failure;
mod line;
mod package;
mod report;
mod text;

use flaky_plugin_sdk::{Attempt, Blob, PackedAttempt};

use event::Event;
use report::Report;

/// Of longer lines only the beginning is read: Go's own are short, and an event holds one printed line.
const LONGEST_LINE: usize = 2 * 1024 * 1024;

/// Reads a report file with events; without one what was printed.
pub(crate) fn parse(attempt: &Attempt<'_>) -> PackedAttempt {
    let mut blobs: Vec<Blob<'_>> = attempt.reports().map(|(_, blob)| blob).collect();
    blobs.extend([attempt.stdout(), attempt.stderr()]);
    for (at, blob) in blobs.iter().enumerate() {
        let printed = at + 2 >= attempt.info().sources.len().min(blobs.len());
        match form_of(blob) {
            Some(Form::Events) => return event::parse(blob, Report::of(attempt)),
            Some(Form::Text) if printed => return text::parse(blob, Report::of(attempt)),
            _ => {}
        }
    }
    ending::explain(attempt)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Events,
    Text,
}

/// The first mark of Go's decides: a test may print the other form.
fn form_of(blob: &Blob<'_>) -> Option<Form> {
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() == Some(&b'{') {
            if Event::read(line.bytes).is_some_and(|event| event.is_mark()) {
                return Some(Form::Events);
            }
        } else if line::is_mark(&flaky_plugin_text::plain(line.bytes)) {
            return Some(Form::Text);
        }
    }
    // A build that failed for every package leaves no other line.
    build::failed_alone(blob).then_some(Form::Text)
}
