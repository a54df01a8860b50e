//! Periods that can be looked at, in whole days of UTC: documents of one day are the same whenever they are made.

use flaky_core::history::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

/// Parts of the trend over everything: as many as can be told apart on a phone.
const MOST_PARTS: i64 = 52;

/// A period that ends today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 90 days.
    Quarter,
    /// 364 days: whole weeks.
    Year,
    /// Everything there is.
    All,
}

impl Period {
    /// All, the shortest first.
    pub const ALL: [Self; 5] = [Self::Week, Self::Month, Self::Quarter, Self::Year, Self::All];

    /// As it stands in paths and in addresses of the page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::All => "all",
        }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// How long it is, and in how many parts its trend is shown.
    const fn days_and_parts(self) -> Option<(i64, u32)> {
        match self {
            Self::Week => Some((7, 7)),
            Self::Month => Some((30, 30)),
            Self::Quarter => Some((90, 30)),
            Self::Year => Some((364, 52)),
            Self::All => None,
        }
    }

    /// From when to when, where `now` is in the last day and the first run began at `first`.
    pub(crate) fn span(self, first: Timestamp, now: Timestamp) -> Span {
        let until = day_of(now).saturating_add(DAY);
        if let Some((days, parts)) = self.days_and_parts() {
            return Span {
                since: until.saturating_sub(days * DAY),
                length: days * DAY / i64::from(parts),
                parts,
            };
        }
        let days = until.saturating_sub(day_of(first)).max(DAY) / DAY;
        let each = days.saturating_add(MOST_PARTS - 1) / MOST_PARTS;
        let parts = days.saturating_add(each - 1) / each;
        let length = each.saturating_mul(DAY);
        let since = until.saturating_sub(parts.saturating_mul(length));
        Span { since, length, parts: u32::try_from(parts).unwrap_or(1) }
    }
}

/// A stretch of time in equal parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    since: i64,
    length: i64,
    pub(crate) parts: u32,
}

impl Span {
    /// The first moment in it.
    pub(crate) const fn since(self) -> Timestamp {
        Timestamp(self.since)
    }

    /// The first moment after it.
    pub(crate) fn until(self) -> Timestamp {
        Timestamp(self.since.saturating_add(self.length.saturating_mul(i64::from(self.parts))))
    }

    /// Whether it is in it.
    pub(crate) fn holds(self, time: Timestamp) -> bool {
        (self.since()..self.until()).contains(&time)
    }

    /// Which part of it.
    pub(crate) fn part(self, time: Timestamp) -> Option<usize> {
        let inside = self.holds(time).then(|| time.0.saturating_sub(self.since) / self.length.max(1))?;
        usize::try_from(inside).ok()
    }

    /// When a part begins.
    pub(crate) fn start_of(self, part: u32) -> Timestamp {
        Timestamp(self.since.saturating_add(self.length.saturating_mul(i64::from(part))))
    }
}

/// Midnight before.
fn day_of(time: Timestamp) -> i64 {
    time.0.saturating_sub(time.0.rem_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 27 November 2026.
    const NOON: Timestamp = Timestamp(1_795_737_600 + DAY / 2);

    #[test]
    fn periods_end_with_the_day_and_are_the_same_all_day() {
        for period in Period::ALL {
            let first = Timestamp(NOON.0 - 400 * DAY);
            let span = period.span(first, NOON);
            assert_eq!(span, period.span(first, Timestamp(NOON.0 + 3600)), "{period:?}");
            assert_eq!(span.until(), Timestamp(NOON.0 + DAY / 2), "{period:?}");
            assert!(span.holds(NOON) && !span.holds(span.until()), "{period:?}");
            assert_eq!(span.part(NOON), Some(span.parts as usize - 1), "{period:?}");
            assert_eq!((span.part(span.since()), span.start_of(0)), (Some(0), span.since()), "{period:?}");
            assert_eq!(Period::named(period.name()), Some(period));
        }
        assert_eq!(Period::named("decade"), None);
    }

    #[test]
    fn everything_is_held_from_the_first_run_on_in_few_parts() {
        for days in [0, 1, 51, 52, 53, 400, 20_000] {
            let first = Timestamp(NOON.0 - days * DAY);
            let span = Period::All.span(first, NOON);
            assert!(span.holds(first) && span.holds(NOON), "{days}");
            assert!((1..=52).contains(&span.parts), "{days}: {}", span.parts);
        }
    }

    #[test]
    fn times_out_of_all_reason_do_not_break_it() {
        for time in [i64::MIN, i64::MIN + DAY, -1, 0, i64::MAX - DAY, i64::MAX] {
            for now in [i64::MIN, 0, NOON.0, i64::MAX] {
                for period in Period::ALL {
                    let span = period.span(Timestamp(time), Timestamp(now));
                    let _ = (span.part(Timestamp(time)), span.until(), span.start_of(span.parts));
                }
            }
        }
    }
}
