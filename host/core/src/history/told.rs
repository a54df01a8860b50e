//! What a report says of a test's earlier runs, beside its own numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, HistoryWindow, Share, Timestamp, onset, recovery, trend};
use crate::date::Date;

/// What earlier runs know of a test. It decided nothing in this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// Earlier runs that told of it.
    pub runs: u32,
    /// Those of them in which it failed and passed.
    pub flaky_runs: u32,
    /// Their attempts.
    pub ran: u32,
    /// Failed ones among them.
    pub failed: u32,
    /// When it was first told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// When it first failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failed: Option<Timestamp>,
    /// When it last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failed: Option<Timestamp>,
    /// Since when it is flaky, where a commit can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<FlakySince>,
    /// Its attempts now against the earlier ones; by Fisher's exact test at 5 %.
    pub direction: Direction,
    /// All of it in one line for people.
    pub text: String,
}

/// Since when a test is flaky.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlakySince {
    /// The first commit at which it failed, in full.
    pub commit: String,
    /// Commits that can have been the cause, that one included.
    pub could_be: u32,
    /// Older commits, at which it never ran, can have been the cause as well.
    pub open: bool,
    /// Days from its first run to this one.
    pub days: u32,
    /// What was seen from there on, before this run.
    pub then: Share,
}

/// Characters of a commit that people are shown: git's own choice for most repositories.
const SHORT: usize = 7;

impl HistoryReport {
    /// What is to be told of a window beside the present attempts; `None` where that is nothing: it was never seen, or
    /// never failed, neither then nor now. `now`: when this run began.
    #[must_use]
    pub fn of(window: &HistoryWindow, present: Share, now: Timestamp) -> Option<Self> {
        if window.ran == 0 || (window.failed == 0 && present.failed == 0) {
            return None;
        }
        let all = Share { ran: window.ran, failed: window.failed };
        let since = flaky_since(window, now);
        let then = since.as_ref().map_or(all, |since| since.then);
        let direction = trend(then, present).direction;
        let text = text(window, since.as_ref(), present, direction, now);
        Some(Self {
            runs: window.runs,
            flaky_runs: window.flaky_runs,
            ran: window.ran,
            failed: window.failed,
            first_seen: window.first_seen,
            first_failed: window.first_failed,
            last_failed: window.last_failed,
            since,
            direction,
            text,
        })
    }
}

/// Not where the attempts show that it was mended since.
fn flaky_since(window: &HistoryWindow, now: Timestamp) -> Option<FlakySince> {
    let began = onset(&window.commits)?;
    if recovery(&window.commits).is_some_and(|ended| ended.is_shown()) {
        return None;
    }
    let first = window.commits.iter().find(|commit| commit.commit == began.first_failed)?;
    Some(FlakySince {
        days: days_between(first.first_run, now),
        commit: began.first_failed,
        could_be: u32::try_from(began.could_be.len()).unwrap_or(u32::MAX),
        open: began.open,
        then: began.since,
    })
}

fn text(
    window: &HistoryWindow,
    since: Option<&FlakySince>,
    present: Share,
    direction: Direction,
    now: Timestamp,
) -> String {
    if window.failed == 0 {
        let seen = window.first_seen.map(|first| format!(" since {}", Date::of(first))).unwrap_or_default();
        return format!("new: none of {} earlier attempts{seen} failed", window.ran);
    }
    let ago = window.last_failed.map(|last| format!(", last {}", ago(last, now))).unwrap_or_default();
    match since {
        None => format!("failed {} of {} earlier attempts{ago}", window.failed, window.ran),
        Some(since) => {
            let then = since.then;
            let change = match direction {
                Direction::Worse => ", more often than before",
                Direction::Better => ", less often than before",
                Direction::Steady => "",
            };
            // What never passed is no flaky test.
            let always = |share: Share| share.failed == share.ran;
            let is = if always(then) && always(present) { "failing" } else { "flaky" };
            format!(
                "{is} since commit {}, {}: {} then ({} of {}), {} now{change}",
                short(&since.commit),
                length(since.days),
                percent(then),
                then.failed,
                then.ran,
                percent(present),
            )
        }
    }
}

/// A commit as people read it.
#[must_use]
pub fn short(commit: &str) -> String {
    commit.chars().take(SHORT).collect()
}

/// A rate to two digits: `3 %`, `0.31 %`, `0 %`.
#[must_use]
pub fn percent(share: Share) -> String {
    let rate = share.rate() * 100.0;
    match rate {
        0.0 => "0 %".to_owned(),
        r if r < 1.0 => format!("{r:.2} %"),
        r if r < 10.0 => format!("{r:.1} %").replace(".0 %", " %"),
        r => format!("{r:.0} %"),
    }
}

/// `today`, `1 day ago`, `12 days ago`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match days_between(then, now) {
        0 => "today".to_owned(),
        days => format!("{} ago", length(days)),
    }
}

fn length(days: u32) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Whole days, 0 where the clock went back.
fn days_between(then: Timestamp, now: Timestamp) -> u32 {
    u32::try_from(now.0.saturating_sub(then.0) / 86_400).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::commits;

    fn window(shares: &[(u32, u32)]) -> HistoryWindow {
        let commits = commits(shares);
        let all = Share::total(commits.iter().map(|commit| &commit.share));
        let failing = || commits.iter().filter(|commit| commit.share.failed > 0);
        HistoryWindow {
            runs: u32::try_from(commits.len()).unwrap(),
            flaky_runs: u32::try_from(failing().count()).unwrap(),
            ran: all.ran,
            failed: all.failed,
            first_seen: commits.first().map(|commit| commit.first_run),
            last_seen: commits.last().map(|commit| commit.first_run),
            first_failed: failing().next().map(|commit| commit.first_run),
            last_failed: failing().next_back().map(|commit| commit.first_run),
            commits,
        }
    }

    #[test]
    fn one_line_tells_since_when_and_how_often_then_and_now() {
        let now = Timestamp(14 * 86_400);
        for (shares, present, expected) in [
            (&[][..], (60, 3), None),
            (&[(60, 0), (60, 0)], (60, 0), None),
            (&[(60, 0), (60, 0)], (60, 3), Some("new: none of 120 earlier attempts since 1970-01-01 failed")),
            (
                &[(60, 0), (60, 0), (100, 3), (200, 6)],
                (100, 9),
                Some("flaky since commit c2, 12 days: 3 % then (9 of 300), 9 % now, more often than before"),
            ),
            (
                &[(60, 0), (60, 0), (100, 3), (200, 6)],
                (60, 3),
                Some("flaky since commit c2, 12 days: 3 % then (9 of 300), 5 % now"),
            ),
            (
                &[(60, 0), (60, 0), (100, 100)],
                (60, 60),
                Some("failing since commit c2, 12 days: 100 % then (100 of 100), 100 % now"),
            ),
            // Mended, as far as the attempts show; the first commit that failed shows nothing, for it was chosen by that.
            (
                &[(60, 0), (100, 20), (100, 20), (200, 0)],
                (60, 0),
                Some("failed 40 of 460 earlier attempts, last 12 days ago"),
            ),
            (
                &[(60, 0), (100, 20), (100, 20), (200, 0)],
                (60, 6),
                Some("failed 40 of 460 earlier attempts, last 12 days ago"),
            ),
        ] {
            let present = Share { ran: present.0, failed: present.1 };
            let told = HistoryReport::of(&window(shares), present, now);
            assert_eq!(told.map(|told| told.text).as_deref(), expected, "{shares:?} {present:?}");
        }
    }

    #[test]
    fn rates_have_two_digits() {
        for (failed, ran, expected) in [
            (0, 10, "0 %"),
            (1, 1000, "0.10 %"),
            (3, 100, "3 %"),
            (1, 60, "1.7 %"),
            (9, 90, "10 %"),
            (9, 9, "100 %"),
        ] {
            assert_eq!(percent(Share { ran, failed }), expected);
        }
    }
}
