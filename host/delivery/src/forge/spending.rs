//! What looking into failures of one pull request has cost so far, kept in our comments on it.
//!
//! Whoever may change or delete comments of others could change the number as well; they may spend the repository's money
//! anyway. It is subtracted from what the configuration allows, never added: nothing that stands in a comment allows more.

use serde::{Deserialize, Serialize};

/// Time, and money where a price is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Seconds that attempts took.
    pub seconds: u64,
    /// Millionths of a US dollar: whole numbers, so that sums neither drift nor hold what is no number.
    #[serde(skip_serializing_if = "is_zero")]
    pub microdollars: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Millionths of a dollar in one.
const MICRO: f64 = 1_000_000.0;

impl Spent {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.saturating_add(other.seconds),
            microdollars: self.microdollars.saturating_add(other.microdollars),
        }
    }

    /// What is left of it, each part by itself; nothing is the least.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.saturating_sub(other.seconds),
            microdollars: self.microdollars.saturating_sub(other.microdollars),
        }
    }

    /// US dollars as millionths, rounded up. What is no amount of money is none.
    #[must_use]
    pub fn of_dollars(usd: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of floats ends at the integer's own ends, and takes NaN for 0"
        )]
        let micro = (usd * MICRO).ceil() as u64;
        micro
    }

    /// The money in US dollars.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact up to nine thousand million dollars")]
    pub fn dollars(self) -> f64 {
        self.microdollars as f64 / MICRO
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_end_at_their_ends_and_money_is_rounded_up() {
        let spent = |seconds, microdollars| Spent { seconds, microdollars };
        assert_eq!(spent(1, 2).plus(spent(3, 4)), spent(4, 6));
        assert_eq!(spent(u64::MAX, 1).plus(spent(1, u64::MAX)), spent(u64::MAX, u64::MAX));
        assert_eq!(spent(5, 1).minus(spent(3, 4)), spent(2, 0));
        for (usd, micro) in [
            (0.0, 0),
            (0.000_000_1, 1),
            (1.5, 1_500_000),
            (-1.0, 0),
            (f64::NAN, 0),
            (f64::INFINITY, u64::MAX),
        ] {
            assert_eq!(Spent::of_dollars(usd), micro, "{usd}");
        }
        assert!((spent(0, 1_250_000).dollars() - 1.25).abs() < 1e-9);
    }
}
