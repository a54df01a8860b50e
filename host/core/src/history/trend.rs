//! Whether a test has become better or worse lately.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LEVEL, Share};
use crate::stats::fisher_exact;

/// The recent part of a period against the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Until then.
    pub earlier: Share,
    /// Since.
    pub recent: Share,
    /// Fisher's exact test, two-sided.
    pub p_value: f64,
    /// What it says.
    pub direction: Direction,
}

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It fails less often than before.
    Better,
    /// The numbers do not tell of a change.
    Steady,
    /// It fails more often than before.
    Worse,
}

/// The recent share against the earlier one, where the border between them was not chosen by their outcomes (for that, see
/// [`step`](super::step())). A difference that chance makes once in twenty times is none.
#[must_use]
pub fn trend(earlier: Share, recent: Share) -> Trend {
    let p_value = fisher_exact(earlier.failed, earlier.ran, recent.failed, recent.ran);
    let direction = match p_value <= 1.0 - LEVEL {
        true if recent.rate() > earlier.rate() => Direction::Worse,
        true => Direction::Better,
        false => Direction::Steady,
    };
    Trend { earlier, recent, p_value, direction }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_beyond_chance_is_a_trend() {
        use Direction::{Better, Steady, Worse};
        for (earlier, recent, expected) in [
            ((0, 0), (0, 0), Steady),
            ((0, 0), (50, 50), Steady),
            ((300, 9), (300, 27), Worse),
            ((300, 27), (300, 9), Better),
            ((100, 3), (100, 9), Steady),
            ((100, 20), (60, 0), Better),
        ] {
            let share = |(ran, failed)| Share { ran, failed };
            assert_eq!(trend(share(earlier), share(recent)).direction, expected, "{earlier:?} {recent:?}");
        }
    }
}
