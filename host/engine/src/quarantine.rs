//! Tests in quarantine: they run and are judged as others are, and what is said of them is not said of the run.
//!
//! Who may put a test there is who may merge: of a pull request's checkout, the file of its base counts (`trust`), and of a
//! repository fetched from anywhere, none does. An entry holds until the day on which it expires.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use flaky_config::quarantine::load;
use flaky_config::{ConfigError, Quarantine, RunSettings, Trust};
use flaky_core::date::Date;
use flaky_core::history::Timestamp;
use flaky_core::ids::TestId;
use flaky_core::report::{Note, QuarantineReport};
use flaky_exec::checkout::RepositorySource;

use crate::judge::Judged;
use crate::run::{AttemptChoice, RunRequest};
use crate::sources::Sources;

/// Tests that one note names: the file has the others.
const NAMED: usize = 5;

/// The quarantine of another revision, which holds in the place of the folder's own.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldQuarantine {
    /// Which revision, for people.
    pub name: String,
    /// What it says, or why that is not known.
    pub file: Result<Quarantine, String>,
    /// The folder's own says something else.
    pub differs: bool,
}

/// The tests in quarantine of one run.
#[derive(Debug, Default)]
pub(crate) struct InQuarantine {
    held: BTreeMap<TestId, QuarantineReport>,
    expired: Vec<(TestId, Date)>,
    notes: Vec<Note>,
}

/// Finds out what is in quarantine. `held`: what holds in the place of the folder's own file.
///
/// # Errors
/// Whatever is wrong with the folder's own file, where that counts.
pub(crate) fn settle(
    request: &RunRequest,
    sources: &Sources,
    settings: &RunSettings,
    held: Option<HeldQuarantine>,
) -> Result<InQuarantine, Box<ConfigError>> {
    // Whoever repeats a failing attempt wants to see it fail.
    let repeats = matches!(request.attempts, AttemptChoice::Repeat { .. });
    let Some(name) = settings.quarantine.file().filter(|_| !repeats) else {
        return Ok(InQuarantine::default());
    };
    let name = name.display();
    let ignored = |text: String| InQuarantine {
        notes: vec![Note { code: "quarantine-ignored".into(), text }],
        ..InQuarantine::default()
    };
    let mut notes = Vec::new();
    let file = match held {
        Some(HeldQuarantine { name: revision, file: Err(why), differs }) => {
            let text =
                format!("`{name}` is ignored: that of {revision} would count, and cannot be had: {why}");
            return Ok(if differs { ignored(text) } else { InQuarantine::default() });
        }
        Some(HeldQuarantine { name: revision, file: Ok(file), differs }) => {
            let text = format!("`{name}` of this revision is not trusted: that of {revision} holds");
            notes.extend(differs.then(|| Note { code: "quarantine-ignored".into(), text }));
            Some(file)
        }
        None if fetched_from_anywhere(request, sources) => {
            let text = format!("`{name}` is ignored: this repository was fetched, and says nothing here");
            let there = sources.tree.join(name.to_string()).is_file();
            return Ok(if there { ignored(text) } else { InQuarantine::default() });
        }
        None => load(&sources.tree, &settings.quarantine).map_err(Box::new)?,
    };
    let mut settled = InQuarantine::of(file.unwrap_or_default(), &suite_names(settings), today());
    settled.notes.splice(0..0, notes);
    Ok(settled)
}

fn fetched_from_anywhere(request: &RunRequest, sources: &Sources) -> bool {
    matches!(request.source, RepositorySource::Remote(_)) && sources.trust == Trust::Untrusted
}

/// What entries may call the suite of this run.
fn suite_names(settings: &RunSettings) -> Vec<String> {
    let folder = match settings.working_directory.as_str() {
        "" => ".",
        folder => folder,
    };
    settings.suite.clone().into_iter().chain([folder.to_owned()]).collect()
}

/// The day it is, UTC.
pub(crate) fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    Date::of(Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

impl InQuarantine {
    fn of(file: Quarantine, suite: &[String], today: Date) -> Self {
        let suite: Vec<&str> = suite.iter().map(String::as_str).collect();
        let mut settled = Self::default();
        for entry in file.entries.into_iter().filter(|entry| entry.is_of(&suite)) {
            if entry.is_expired(today) {
                settled.expired.push((entry.test, entry.expires));
                continue;
            }
            let report = QuarantineReport {
                owner: Some(entry.owner.to_string()),
                reason: Some(entry.reason.to_string()),
                since: entry.since,
                expires: entry.expires,
            };
            settled.held.insert(entry.test, report);
        }
        // Of two entries, one for this suite and one for any, the one that holds decides.
        settled.expired.retain(|(test, _)| !settled.held.contains_key(test));
        settled
    }

    /// What is said of a test in quarantine.
    pub(crate) fn of_test(&self, test: &TestId) -> Option<QuarantineReport> {
        self.held.get(test).cloned()
    }

    /// Whose tests they are.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &TestId> {
        self.held.keys()
    }

    /// What the reader should know before there is anything to tell of tests.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.notes.iter().chain(&self.expired_note()).map(|note| note.text.clone()).collect()
    }

    /// What the reader should know: which tests did not count, whose time is over, and which are not there.
    pub(crate) fn notes(&self, tests: &[Judged], all_tests_run: bool) -> Vec<Note> {
        let met = |id: &TestId| tests.iter().any(|test| test.evidence.id == *id);
        let mut notes = self.notes.clone();
        let left_out: Vec<String> = tests
            .iter()
            .filter_map(|test| test.quarantined.as_ref().map(|quarantine| (test, quarantine)))
            .map(|(test, quarantine)| {
                let (id, category) = (&test.evidence.id, test.verdict.category);
                format!("`{id}` ({category}, until {})", quarantine.expires)
            })
            .collect();
        notes.extend(note("quarantined", "in quarantine, and left out of the run's verdict", &left_out));
        notes.extend(self.expired_note());
        let unknown: Vec<String> =
            self.held.keys().filter(|id| all_tests_run && !met(id)).map(|id| format!("`{id}`")).collect();
        let text = "in quarantine, and no attempt here told of a test of that name";
        notes.extend(note("quarantine-unknown", text, &unknown));
        notes
    }

    fn expired_note(&self) -> Option<Note> {
        let expired: Vec<String> = self.expired.iter().map(|(id, day)| format!("`{id}` ({day})")).collect();
        note("quarantine-expired", "no longer in quarantine, as the entry expired", &expired)
    }
}

fn note(code: &str, what: &str, tests: &[String]) -> Option<Note> {
    let named = tests.get(..NAMED).unwrap_or(tests).join(", ");
    let more = match tests.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!tests.is_empty()).then(|| Note { code: code.to_owned(), text: format!("{what}: {named}{more}") })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn settled(text: &str, suite: &str) -> InQuarantine {
        let file = flaky_config::quarantine::parse(Path::new("q.yml"), text.as_bytes()).unwrap();
        InQuarantine::of(file, &[suite.to_owned()], "2026-11-29".parse().unwrap())
    }

    fn entry(test: &str, expires: &str, more: &str) -> String {
        format!("- {{test: {test}, owner: x, reason: r, since: 2026-01-01, expires: {expires}{more}}}\n")
    }

    #[test]
    fn an_entry_holds_until_it_expires_and_for_its_suite() {
        let text = [
            entry("a", "2026-11-30", ""),
            entry("b", "2026-11-29", ""),
            entry("c", "2026-12-29", ", suite: web"),
            entry("d", "2026-12-29", ", suite: ."),
            entry("e", "2026-11-01", ""),
            entry("e", "2026-12-29", ", suite: ."),
        ]
        .concat();
        for (suite, held, expired) in [(".", "a d e", "b"), ("web", "a c", "b e")] {
            let settled = settled(&text, suite);
            let names: Vec<&str> = settled.tests().map(TestId::as_str).collect();
            assert_eq!(names.join(" "), held, "{suite}");
            let over: Vec<&str> = settled.expired.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(over.join(" "), expired, "{suite}");
            assert!(settled.of_test(&TestId::new("a")).is_some_and(|q| q.owner.as_deref() == Some("x")));
            assert!(settled.of_test(&TestId::new("b")).is_none());
        }
    }

    #[test]
    fn a_note_names_a_few_tests_and_counts_the_others() {
        let text: String = (0..8).map(|i| entry(&format!("t{i}"), "2026-11-01", "")).collect();
        let warnings = settled(&text, ".").warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("`t4` (2026-11-01) and 3 more"), "{warnings:?}");
    }
}
