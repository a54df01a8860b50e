//! How often a job is looked at.

use std::time::Duration;

use crate::endpoint::JobState;
use crate::endpoint::pace::jittered;

/// Right after something happened: short jobs end soon, and chunks come in bursts.
const QUICK: Duration = Duration::from_millis(250);
/// A queued job is worth no more: its start changes nothing but a line of progress.
const QUEUED: Duration = Duration::from_secs(2);
/// This is how much later than possible a run ends, at worst.
const RUNNING: Duration = Duration::from_secs(1);
/// Looks per second, all jobs together: two thirds of what RunPod allows for one operation (2000 in ten seconds), so that
/// they need not queue up behind one another.
const LOOKS_PER_SECOND: u32 = 120;

/// The pauses between looks at one job.
#[derive(Debug)]
pub(super) struct Rhythm {
    next: Duration,
}

impl Rhythm {
    pub(super) const fn new() -> Self {
        Self { next: QUICK }
    }

    /// Something happened.
    pub(super) fn quicken(&mut self) {
        self.next = QUICK;
    }

    /// The pause before the next look, when `followed` jobs are looked at.
    pub(super) fn pause(&mut self, state: JobState, followed: usize) -> Duration {
        let share = Duration::from_secs(1) * u32::try_from(followed).unwrap_or(u32::MAX) / LOOKS_PER_SECOND;
        let pause = self.next.max(share);
        let longest = if state == JobState::InQueue { QUEUED } else { RUNNING };
        self.next = (self.next * 3 / 2).min(longest);
        jittered(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_what_the_state_is_worth_and_with_the_number_of_jobs() {
        for (state, followed, first, last) in [
            (JobState::InQueue, 1, 250, 2000),
            (JobState::InProgress, 1, 250, 1000),
            (JobState::InProgress, 200, 1666, 1666),
            (JobState::InQueue, 600, 5000, 5000),
        ] {
            let mut rhythm = Rhythm::new();
            let within = |pause: Duration, full: u64| {
                let ms = u64::try_from(pause.as_millis()).unwrap();
                assert!(ms >= full / 2 && ms <= full + 1, "{pause:?}, expected at most {full} ms");
            };
            within(rhythm.pause(state, followed), first);
            for _ in 0..20 {
                rhythm.pause(state, followed);
            }
            within(rhythm.pause(state, followed), last);
            rhythm.quicken();
            within(rhythm.pause(state, followed), first);
        }
    }
}
