//! Do copies of a suite that run side by side disturb each other?

use crate::evidence::Tried;
use crate::stats::fisher_exact_greater;

/// Copies are held to disturb each other below this p-value. The usual 5 %, without a correction for the
/// number of tests: a mistake here costs one line in the report that says what was seen side by side, while
/// missing it would report failures that users never see.
pub const INTERFERENCE_P: f64 = 0.05;

/// What the computed p-value may be off by: 3 of 3 against 0 of 3 is exactly 1/20, and must not be decided by
/// the last bit.
const TOLERANCE: f64 = 1e-9;

/// Whether a test fails only because copies run beside it: it failed side by side, never alone, and chance
/// alone would put all failures on the one side less often than [`INTERFERENCE_P`] (Fisher's exact test, one
/// sided). With any failure alone the test is flaky by itself, whatever the copies add.
#[must_use]
pub fn disturbs(side_by_side: Tried, alone: Tried) -> bool {
    side_by_side.failed > 0
        && alone.ran > 0
        && alone.failed == 0
        && fisher_exact_greater(side_by_side.failed, side_by_side.ran, alone.failed, alone.ran)
            < INTERFERENCE_P - TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_that_vanish_alone_beyond_chance_are_interference() {
        // (failed, ran) side by side, (failed, ran) alone; p-values by hand.
        let table = [
            ((10, 10), (0, 10), true),
            ((4, 4), (0, 3), true),   // 1/35
            ((3, 3), (0, 3), false),  // 1/20 is not below 1/20
            ((1, 1), (0, 19), false), // 1/20
            ((1, 1), (0, 20), true),  // 1/21
            ((4, 100), (0, 20), false),
            ((30, 100), (0, 10), true),
            ((30, 100), (0, 8), false),
            ((10, 10), (1, 10), false),
            ((0, 10), (0, 10), false),
            ((10, 10), (0, 0), false),
        ];
        for ((k, n), (j, m), want) in table {
            let (side_by_side, alone) = (Tried { ran: n, failed: k }, Tried { ran: m, failed: j });
            assert_eq!(disturbs(side_by_side, alone), want, "{k}/{n} side by side, {j}/{m} alone");
        }
    }
}
