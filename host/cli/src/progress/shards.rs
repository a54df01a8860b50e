//! The shards of a run on an endpoint: a bar for each that a worker has, and a line for what the user should know.

use std::collections::BTreeMap;

use flaky_core::text::visible;
use flaky_engine::event::{ShardEvent, ShardState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Bars drawn at once: a terminal has some twenty-four lines.
const BARS: usize = 10;
/// Lines about shards that were submitted again or given up: the first ones tell the story, the report tells the number.
const LINES: u32 = 10;

/// What is known of the shards.
#[derive(Default)]
pub(super) struct Shards {
    known: BTreeMap<u32, Seen>,
    told: u32,
}

#[derive(Default)]
struct Seen {
    attempts: u32,
    done: u32,
    phase: Phase,
    bar: Option<ProgressBar>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Queued,
    Running,
    Over,
}

impl Shards {
    /// Takes an event; bars are drawn in `bars`, if there is a terminal. Returns a line worth printing at once.
    pub(super) fn take(&mut self, event: ShardEvent, bars: Option<&MultiProgress>) -> Option<String> {
        let ShardEvent { shard, state, .. } = event;
        let drawn = self.known.values().filter(|s| s.bar.is_some()).count();
        let seen = self.known.entry(shard).or_default();
        let line = match state {
            ShardState::Submitted { attempts, .. } => {
                (seen.phase, seen.attempts) = (Phase::Queued, attempts);
                None
            }
            ShardState::Started { worker } => {
                seen.phase = Phase::Running;
                if let Some(bars) = bars.filter(|_| seen.bar.is_none() && drawn < BARS) {
                    seen.bar = Some(bar(bars, shard, seen.attempts));
                }
                if let (Some(bar), Some(worker)) = (&seen.bar, worker) {
                    bar.set_message(visible(&worker).to_string());
                }
                None
            }
            ShardState::Progress { done } => {
                seen.done = done;
                if let Some(bar) = &seen.bar {
                    bar.set_position(u64::from(done));
                }
                None
            }
            ShardState::Resubmitted { why } => {
                seen.phase = Phase::Queued;
                Some(format!("shard {shard} is submitted again: {why}"))
            }
            ShardState::Lost { why } => {
                seen.end();
                Some(format!("shard {shard} is given up: {why}"))
            }
            ShardState::Ended { .. } | ShardState::Stopped => {
                seen.end();
                None
            }
        };
        let line = line?;
        self.told += 1;
        (self.told <= LINES).then_some(line)
    }

    /// `3 shards running, 2 queued`; nothing when there are none.
    pub(super) fn counts(&self) -> Option<String> {
        let count = |phase| self.known.values().filter(|s| s.phase == phase).count();
        let (running, queued) = (count(Phase::Running), count(Phase::Queued));
        let plural = if running == 1 { "" } else { "s" };
        match (running, queued) {
            (0, 0) => None,
            (_, 0) => Some(format!("{running} shard{plural} running")),
            _ => Some(format!("{running} shard{plural} running, {queued} queued")),
        }
    }
}

impl Seen {
    fn end(&mut self) {
        self.phase = Phase::Over;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(bars: &MultiProgress, shard: u32, attempts: u32) -> ProgressBar {
    let bar = bars.add(ProgressBar::new(u64::from(attempts)));
    if let Ok(style) = ProgressStyle::with_template("  {prefix:>9} {bar:20} {pos}/{len}  {msg}") {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar.set_prefix(format!("shard {shard}"));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(shard: u32, state: ShardState) -> ShardEvent {
        ShardEvent { shard, shards: 3, state }
    }

    #[test]
    fn shards_are_counted_by_what_they_do() {
        let mut shards = Shards::default();
        assert_eq!(shards.counts(), None);
        for shard in 0..3 {
            let submitted = ShardState::Submitted { attempts: 4, job: "j".into() };
            assert_eq!(shards.take(event(shard, submitted), None), None);
        }
        shards.take(event(0, ShardState::Started { worker: None }), None);
        assert_eq!(shards.counts().as_deref(), Some("1 shard running, 2 queued"));
        shards.take(event(1, ShardState::Started { worker: None }), None);
        shards.take(event(2, ShardState::Stopped), None);
        assert_eq!(shards.counts().as_deref(), Some("2 shards running"));
        shards.take(event(0, ShardState::Ended { execution: None }), None);
        shards.take(event(1, ShardState::Lost { why: "x".into() }), None);
        assert_eq!(shards.counts(), None);
    }

    #[test]
    fn what_is_submitted_again_is_said_with_the_reason_and_not_for_ever() {
        let mut shards = Shards::default();
        let again = || ShardState::Resubmitted { why: "the worker is gone".into() };
        let first = shards.take(event(7, again()), None);
        assert_eq!(first.as_deref(), Some("shard 7 is submitted again: the worker is gone"));
        let more = (0..100).filter_map(|_| shards.take(event(7, again()), None)).count();
        assert_eq!(more, LINES as usize - 1);
    }
}
