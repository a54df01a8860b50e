//! `flaky quarantine add` and `remove`.

use std::path::Path;

use flaky_config::quarantine::{Line, edit};
use flaky_config::{QuarantineEntry, VerdictBound};
use flaky_core::history::{EntryEvidence, evidence};
use flaky_core::ids::TestId;
use flaky_core::text::visible;
use serde_json::json;

use super::owners::CodeOwners;
use super::past::Past;
use super::shelf::{Shelf, say};
use super::suggest::{file_in, file_of, kept};
use crate::args::quarantine::{AddArgs, MOST_DAYS, RemoveArgs};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Puts a test in.
pub(super) fn execute(args: &AddArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let test = test_id(&args.test)?;
    if let Some(at) = shelf.file.find(&test, args.suite.as_deref()) {
        let line = shelf.file.place(at).map_or(0, |place| place.line);
        return Err(CliError::usage_text(
            format!("{}:{line}: `{test}` is in quarantine already", shelf.name()),
            Some("change its line, or remove it first"),
        ));
    }
    let known = shelf.session.block_on(known(&shelf, args, &test))?;
    let entry = entry(args, test, &shelf, known)?;
    shelf.add(&entry)?;
    if args.json {
        say(&json!({ "file": shelf.path, "test": entry.test, "expires": entry.expires }).to_string());
    } else {
        say(&format!("put into {}:\n{}", shelf.name(), edit::written(&entry, 0).trim_end()));
    }
    Ok(ExitStatus::Fine)
}

/// Takes a test out.
pub(super) fn remove(args: &RemoveArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let test = test_id(&args.test)?;
    let at = shelf.file.find(&test, args.suite.as_deref()).ok_or_else(|| {
        let suites = shelf.file.entries.iter().filter(|entry| entry.test == test);
        let suites: Vec<String> =
            suites.filter_map(|e| e.suite.as_ref()).map(|suite| format!("`--suite {suite}`")).collect();
        let hint = (!suites.is_empty()).then(|| format!("there is one with {}", suites.join(", ")));
        CliError::usage_text(format!("{} has no entry of `{test}`", shelf.name()), hint.as_deref())
    })?;
    shelf.remove(at)?;
    if args.json {
        say(&json!({ "file": shelf.path, "test": test }).to_string());
    } else {
        say(&format!("taken out of {}: {}", shelf.name(), visible(test.as_str())));
    }
    Ok(ExitStatus::Fine)
}

fn test_id(text: &str) -> Result<TestId, CliError> {
    let id = TestId::new(text);
    match id.as_str() == text {
        true => Ok(id),
        false => Err(CliError::usage_text(
            "that is no id of a test: it is empty, far too long, or holds a control character",
            None,
        )),
    }
}

/// What speaks for the entry, and the file that the test is in.
#[derive(Default)]
struct Known {
    evidence: Option<EntryEvidence>,
    file: Option<String>,
}

async fn known(shelf: &Shelf, args: &AddArgs, test: &TestId) -> Result<Known, CliError> {
    let Some(past) = Past::open(&args.past, shelf).await? else { return Ok(Known::default()) };
    let found = past.everywhere(test, args.suite.as_deref()).await?;
    let file = found.iter().find_map(file_of);
    Ok(Known { evidence: found.iter().filter_map(evidence).max_by_key(|e| e.last_failed), file })
}

fn entry(args: &AddArgs, test: TestId, shelf: &Shelf, known: Known) -> Result<QuarantineEntry, CliError> {
    let line = |flag: &str, text: &str| {
        Line::try_from(text.to_owned()).map_err(|e| CliError::usage_text(format!("`{flag}`: {e}"), None))
    };
    let owner = match &args.owner {
        Some(owner) => owner.clone(),
        None => {
            let file = known.file.or_else(|| file_in(test.as_str()));
            let owner = file.and_then(|file| CodeOwners::of_folder(Path::new(".")).of(&file));
            owner.ok_or_else(|| {
                CliError::usage_text(
                    format!("nobody owns `{test}` by CODEOWNERS, and an entry needs somebody who mends it"),
                    Some("name them with `--owner`"),
                )
            })?
        }
    };
    let expires = args.expires.day(shelf.today);
    if !(1..=MOST_DAYS).contains(&shelf.today.days_until(expires)) {
        return Err(CliError::usage_text(
            format!("`--expires {expires}`: expected a day after today, {MOST_DAYS} days from now at most"),
            None,
        ));
    }
    let bound = |rate: f64| {
        VerdictBound::try_from(rate)
            .map_err(|e| CliError::usage_text(format!("`--release-below`: {e}"), None))
    };
    Ok(QuarantineEntry {
        test,
        suite: args.suite.as_deref().map(|suite| line("--suite", suite)).transpose()?,
        owner: line("--owner", &owner)?,
        reason: line("--reason", &args.reason)?,
        since: shelf.today,
        evidence: known.evidence.as_ref().map(kept),
        expires,
        release_below: args.release_below.map(bound).transpose()?,
    })
}
