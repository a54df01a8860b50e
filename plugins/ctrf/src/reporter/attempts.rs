//! Failed attempts of a test, numbered.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use flaky_plugin_sdk::report::{FailureGroup, Report, Seeds, Test};
use serde::Serialize;
use serde_json::{Value, json};

use super::{MOST_MESSAGE, MOST_TRACE, Status, text, uuid};

/// Most attempts that are listed of one test: every way of failing once, then the first ones.
const MOST_ATTEMPTS: usize = 10;

/// Where room is short: one says that there were some.
const FEWEST_ATTEMPTS: usize = 1;

/// What an attempt takes beside its message and trace.
const BYTES_OF_AN_ATTEMPT: usize = 200;

/// An attempt before the last one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryAttempt {
    attempt: u64,
    attempt_id: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    extra: Value,
}

/// Which attempt, counted from 1, had which seed.
#[derive(Debug)]
pub(super) struct Numbers {
    run: String,
    listed: HashMap<u64, u64>,
    first: Option<u64>,
    /// The last attempt is the one that the test object itself stands for.
    last: u64,
}

impl Numbers {
    pub(super) fn of(report: &Report) -> Self {
        let listed = report.attempts.iter().filter(|attempt| !attempt.alone);
        Self {
            run: report.run.clone(),
            listed: listed.map(|attempt| (attempt.seed, u64::from(attempt.attempt) + 1)).collect(),
            first: match report.execution.seeds {
                Seeds::First(first) => Some(first),
                Seeds::Drawn { .. } | Seeds::Other => None,
            },
            last: u64::from(report.execution.finished),
        }
    }

    /// `None` for the last attempt, and for one that the report does not place.
    fn before_the_last(&self, seed: u64) -> Option<u64> {
        let by_first = || seed.checked_sub(self.first?)?.checked_add(1);
        let number = self.listed.get(&seed).copied().or_else(by_first)?;
        (number < self.last).then_some(number)
    }
}

/// Failed attempts, ascending.
pub(super) fn of(test: &Test, numbers: &Numbers, room: &Cell<usize>) -> Vec<RetryAttempt> {
    let mut groups: HashMap<u64, &FailureGroup> = HashMap::new();
    for group in &test.failure_groups {
        group.seeds.iter().for_each(|seed| {
            groups.entry(*seed).or_insert(group);
        });
    }
    let first_of_each = test.failure_groups.iter().filter_map(|group| group.seeds.first());
    let most = if room.get() > 0 { MOST_ATTEMPTS } else { FEWEST_ATTEMPTS };
    let mut chosen: BTreeMap<u64, u64> = BTreeMap::new();
    for seed in first_of_each.chain(&test.failing_seeds) {
        if chosen.len() >= most {
            break;
        }
        if let Some(number) = numbers.before_the_last(*seed) {
            chosen.insert(number, *seed);
        }
    }
    room.set(room.get().saturating_sub(chosen.len() * BYTES_OF_AN_ATTEMPT));
    chosen
        .into_iter()
        .map(|(attempt, seed)| {
            let group = groups.get(&seed);
            RetryAttempt {
                attempt,
                attempt_id: uuid::of(&format!("attempt {} {attempt} {}", numbers.run, test.id)),
                status: Status::Failed,
                message: group.map(|group| text(&message(group), MOST_MESSAGE, room)),
                trace: group
                    .map(|group| text(&group.trace, MOST_TRACE, room))
                    .filter(|trace| !trace.is_empty()),
                extra: json!({"seed": seed, "fingerprint": group.map(|group| &group.fingerprint)}),
            }
        })
        .collect()
}

/// Kind and message, whole.
pub(super) fn message(group: &FailureGroup) -> String {
    match (group.kind.trim(), group.message.trim()) {
        ("", _) | (_, "") => {
            let message = group.message.trim();
            if message.is_empty() { group.headline() } else { message.to_owned() }
        }
        (kind, message) => format!("{kind}: {message}"),
    }
}
