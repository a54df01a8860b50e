//! `flaky quarantine suggest`: tests that belong into quarantine, with what speaks for it.

use std::path::Path;

use flaky_config::quarantine::QuarantineEvidence;
use flaky_core::history::{
    EntryEvidence, Onset, RELEASE_BELOW, Share, TestHistory, TestSummary, costliest_first, entry, onset,
};
use flaky_core::text::visible;
use serde_json::{Value, json};

use super::owners::CodeOwners;
use super::past::Past;
use super::shelf::{Shelf, say};
use super::standing::percent;
use crate::args::quarantine::SuggestArgs;
use crate::commands::tell::warn;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Tests that are looked at: the most costly ones. A team that has more has another problem than quarantine.
const LOOKED_AT: usize = 200;

/// Digits of a commit that people are shown.
const SHORT: usize = 7;

/// From what was typed to the exit code.
pub(super) fn execute(args: &SuggestArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open()?;
    let suggested = shelf.session.block_on(async {
        match Past::open(&args.past, &shelf).await? {
            Some(past) => suggestions(&shelf, &past).await.map(Some),
            None => Ok(None),
        }
    })?;
    let Some(suggested) = suggested else {
        warn("no earlier runs are kept here, so nothing can be suggested: `flaky run` keeps them");
        if args.json {
            say(&json!({ "suggested": [] }).to_string());
        }
        return Ok(ExitStatus::Fine);
    };
    if args.json {
        let all: Vec<Value> = suggested.iter().map(Suggestion::json).collect();
        say(&json!({ "suggested": all }).to_string());
    } else if suggested.is_empty() {
        say("no test belongs into quarantine by what earlier runs saw");
    } else {
        suggested.iter().for_each(|suggestion| say(&suggestion.text()));
    }
    Ok(ExitStatus::Fine)
}

async fn suggestions(shelf: &Shelf, past: &Past) -> Result<Vec<Suggestion>, CliError> {
    let owners = CodeOwners::of_folder(Path::new("."));
    let mut failing = past.failing().await?;
    failing.sort_by(costliest_first);
    let mut suggested = Vec::new();
    for summary in failing.into_iter().take(LOOKED_AT) {
        let held = shelf.file.entries.iter().any(|known| {
            known.test == summary.id
                && known.is_of(&[&summary.series.suite])
                && !known.is_expired(shelf.today)
        });
        if held {
            continue;
        }
        let Some(history) = past.of(&summary.series, &summary.id).await? else { continue };
        let Ok(evidence) = entry(&history, RELEASE_BELOW) else { continue };
        let owner = file_of(&history).and_then(|file| owners.of(&file));
        let onset = onset(&history.commits());
        suggested.push(Suggestion { summary, evidence, owner, onset });
    }
    Ok(suggested)
}

/// The file of a test: where it stands, else what its id begins with, as most frameworks name them.
pub(super) fn file_of(history: &TestHistory) -> Option<String> {
    history.location.as_ref().map(|location| location.file.clone()).or_else(|| file_in(history.id.as_str()))
}

/// `tests/test_cart.py` of `tests/test_cart.py::test_sums`.
pub(super) fn file_in(id: &str) -> Option<String> {
    let file = id.split("::").next().unwrap_or_default();
    (file != id && file.contains('.')).then(|| file.to_owned())
}

/// A test that belongs into quarantine.
struct Suggestion {
    summary: TestSummary,
    evidence: EntryEvidence,
    owner: Option<String>,
    onset: Option<Onset>,
}

impl Suggestion {
    fn text(&self) -> String {
        let EntryEvidence { failed, ran, runs, commits, .. } = self.evidence;
        let share = Share { ran, failed };
        let rate = share.interval();
        let mut lines = vec![
            visible(self.summary.id.as_str()),
            format!(
                "  failed {failed} of {ran} attempts ({}, {} to {} with 95 %), in {runs} runs, at {commits} commits at which it also passed",
                percent(share.rate()),
                percent(rate.low),
                percent(rate.high),
            ),
        ];
        lines.extend(self.onset.as_ref().map(|onset| format!("  {}", since(onset))));
        lines.push(format!("  cost {:.0} CPU seconds", self.summary.cost_cpu_seconds));
        let owner = match &self.owner {
            Some(owner) => visible(owner),
            None => "OWNER".to_owned(),
        };
        let words = [self.summary.id.as_str(), "--owner", &owner, "--reason", "REASON"];
        lines.push(format!("  flaky quarantine add {}", shell_words::join(words)));
        lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let EntryEvidence { failed, ran, runs, commits, first_failed, last_failed } = self.evidence;
        json!({
            "test": self.summary.id,
            "suite": self.summary.series.suite,
            "owner": self.owner,
            "evidence": {
                "failed": failed, "ran": ran, "runs": runs, "commits": commits,
                "first_failed": first_failed, "last_failed": last_failed,
            },
            "onset": self.onset,
            "cost_cpu_seconds": self.summary.cost_cpu_seconds,
        })
    }
}

/// Since when, in words.
fn since(onset: &Onset) -> String {
    let short = |commit: &str| visible(commit.get(..SHORT).unwrap_or(commit));
    let first = short(&onset.first_failed);
    match (&onset.last_clean, onset.could_be.len()) {
        (Some(clean), 1) => format!("flaky since {first}: surely not yet at {}", short(clean)),
        (Some(clean), more) => {
            format!("first failed at {first}, flaky since one of {more} commits behind {}", short(clean))
        }
        (None, _) => format!("first failed at {first}, and may have been flaky before"),
    }
}

/// As the file keeps it.
pub(super) fn kept(evidence: &EntryEvidence) -> QuarantineEvidence {
    let EntryEvidence { failed, ran, runs, commits, .. } = *evidence;
    QuarantineEvidence { failed, ran, runs, commits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_test_is_what_its_id_begins_with() {
        for (id, file) in [
            ("tests/test_cart.py::test_sums", Some("tests/test_cart.py")),
            ("tests/test_cart.py::TestCart::test_sums[a::b]", Some("tests/test_cart.py")),
            ("cart::tests::sums", None),
            ("TestCart", None),
            ("a.py", None),
        ] {
            assert_eq!(file_in(id).as_deref(), file, "{id}");
        }
    }
}
