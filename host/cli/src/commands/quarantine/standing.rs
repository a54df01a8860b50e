//! How an entry stands today: for how long it holds, and whether the evidence still speaks for it.

use flaky_config::QuarantineEntry;
use flaky_core::date::Date;
use flaky_core::history::{EntryEvidence, RELEASE_BELOW, Release, TestHistory, evidence};
use flaky_core::text::visible;
use serde_json::{Value, json};

/// What is to be done with an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    /// Nothing: it holds.
    Holds,
    /// Its time is over: it gates again.
    Expired,
    /// Earlier runs know no such test.
    Unknown,
    /// Its clean attempts release it.
    Released,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Released => "released",
        }
    }
}

/// An entry today.
#[derive(Debug)]
pub(super) struct Standing<'e> {
    pub(super) entry: &'e QuarantineEntry,
    pub(super) line: usize,
    pub(super) state: State,
    /// Days until it expires; none left or fewer: it has.
    pub(super) days_left: i64,
    /// `None`: nothing is known.
    pub(super) release: Option<Release>,
    /// Its failures, as far as they are known.
    pub(super) evidence: Option<EntryEvidence>,
}

impl<'e> Standing<'e> {
    /// `known`: what earlier runs say of the test, in each suite; `None`: there are no earlier runs.
    pub(super) fn of(
        entry: &'e QuarantineEntry,
        line: usize,
        today: Date,
        known: Option<&[TestHistory]>,
    ) -> Self {
        let below = entry.release_below.map_or(RELEASE_BELOW, |below| below.get());
        let since = entry.since.begins();
        let releases =
            known.unwrap_or_default().iter().map(|one| Release::of(one.clean_stretch(since), below));
        // In several suites, the one decides that is known least of.
        let release = releases.min_by_key(|release| release.clean);
        let state = match (entry.is_expired(today), known, release) {
            (true, ..) => State::Expired,
            (false, Some([]), _) => State::Unknown,
            (false, _, Some(release)) if release.is_due() => State::Released,
            _ => State::Holds,
        };
        Self {
            entry,
            line,
            state,
            days_left: today.days_until(entry.expires),
            release,
            evidence: known.unwrap_or_default().iter().filter_map(evidence).max_by_key(|e| e.last_failed),
        }
    }

    /// What is to be said of it, in one line.
    pub(super) fn line(&self) -> String {
        let test = visible(self.entry.test.as_str());
        let entry = self.entry;
        match self.state {
            State::Expired => format!(
                "{test}: expired on {}, so that it gates again: mend it, or ask {} for a new date",
                entry.expires, entry.owner
            ),
            State::Unknown => format!("{test}: no earlier run told of a test of that name: remove it"),
            State::Released | State::Holds => {
                format!("{test}: {} ({}), {}", self.left(), entry.owner, self.known())
            }
        }
    }

    fn left(&self) -> String {
        match self.days_left {
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        }
    }

    /// `60 clean attempts: under 5 %, release`.
    fn known(&self) -> String {
        let Some(release) = &self.release else { return "no earlier runs to judge it by".to_owned() };
        let attempts = match release.clean {
            1 => "1 clean attempt".to_owned(),
            clean => format!("{clean} clean attempts"),
        };
        let below = percent(release.below);
        match self.state {
            State::Released => format!("{attempts}: under {below}, release"),
            _ => format!("{attempts} since its last failure, {} release it at {below}", release.needed),
        }
    }

    pub(super) fn json(&self) -> Value {
        let entry = self.entry;
        json!({
            "test": entry.test,
            "suite": entry.suite.as_ref().map(|suite| suite.as_str()),
            "owner": entry.owner.as_str(),
            "reason": entry.reason.as_str(),
            "since": entry.since,
            "expires": entry.expires,
            "line": self.line,
            "state": self.state.name(),
            "days_left": self.days_left,
            "release": self.release,
            "evidence": self.evidence,
        })
    }
}

/// `5 %`, `0.5 %`.
pub(super) fn percent(rate: f64) -> String {
    let text = format!("{:.2}", rate * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
