//! Tests from our own report.

use flaky_plugin_sdk::{Attempt, Blob, Completeness, Outcome, PackedAttempt, PackedTestsBuilder};

use super::FOLDER;
use super::records::Record;
use super::session::Session;

/// The writer cuts texts, so no line of its is longer.
const LONGEST_LINE: usize = 1024 * 1024;

/// `None` when there is no report with a session in it.
pub(crate) fn parse(attempt: &Attempt<'_>, death: Outcome) -> Option<PackedAttempt> {
    let sessions: Vec<Session> = attempt
        .reports()
        .filter(|(path, _)| path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/')))
        .filter_map(|(_, blob)| read(&blob))
        .collect();
    if sessions.is_empty() {
        return None;
    }
    let mut tests = PackedTestsBuilder::default();
    let mut parsed = PackedAttempt {
        format: "flaky-pytest".to_owned(),
        completeness: Completeness::Complete,
        ..PackedAttempt::default()
    };
    for session in sessions {
        session.tell(death, &mut tests, &mut parsed);
    }
    parsed.tests = tests.finish();
    Some(parsed)
}

fn read(blob: &Blob<'_>) -> Option<Session> {
    let mut session = None;
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let Some(record) = Record::read(line.bytes) else { continue };
        if record.event == "session" {
            session.get_or_insert_with(Session::default);
        } else if let Some(session) = &mut session {
            session.take(record);
        }
    }
    session
}
