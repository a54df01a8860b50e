//! How long a test took, and whether it is slower when it fails.

use crate::evidence::Durations;
use crate::stats::MannWhitney;

/// Durations of one test in nanoseconds, none of them NaN.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) passed: Vec<f32>,
    pub(super) failed: Vec<f32>,
}

impl Times {
    pub(super) fn summarise(mut self, test: &mut MannWhitney) -> Option<Durations> {
        let failed_only = median(&mut self.failed);
        let slower = (!self.passed.is_empty() && !self.failed.is_empty())
            .then(|| test.greater(&self.failed, &self.passed));
        let mut all = self.passed;
        all.extend(self.failed);
        let largest = all.iter().copied().max_by(f32::total_cmp)?;
        Some(Durations {
            told: u32::try_from(all.len()).unwrap_or(u32::MAX),
            median_ns: median(&mut all)?,
            largest_ns: whole(f64::from(largest)),
            median_failed_ns: failed_only,
            slower_when_failing: slower,
        })
    }
}

/// The middle one, or what lies between the two middle ones.
fn median(durations: &mut [f32]) -> Option<u64> {
    if durations.is_empty() {
        return None;
    }
    let middle = durations.len() / 2;
    let is_even = durations.len().is_multiple_of(2);
    let (below, upper, _) = durations.select_nth_unstable_by(middle, f32::total_cmp);
    let lower = if is_even { below.iter().copied().max_by(f32::total_cmp) } else { None };
    Some(whole(f64::midpoint(f64::from(*upper), f64::from(lower.unwrap_or(*upper)))))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` ends at the nearest bound")]
fn whole(nanoseconds: f64) -> u64 {
    nanoseconds.round() as u64
}
