//! Times of the past as people write them: `30d`, or a day. Read here and nowhere else.

use std::fmt;
use std::str::FromStr;

use crate::date::Date;
use crate::history::Timestamp;

/// Seconds of one minute, hour, day and week, by their letters.
const UNITS: [(char, u64); 4] = [('m', 60), ('h', 3_600), ('d', DAY), ('w', 7 * DAY)];
/// Seconds of a day.
const DAY: u64 = 86_400;
/// A hundred years: longer is a slip, and sums with any real time stay far from overflow.
const MOST: u64 = 36_525 * DAY;

/// A length of time, from a minute to a hundred years, such as `12h`, `30d` or `8w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(u64);

/// Why a text is no time of the past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPeriod(String);

impl Period {
    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// So many days, a hundred years at most.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        let seconds = days as u64 * DAY;
        Self(if seconds > MOST { MOST } else { seconds })
    }

    /// The time that long before another.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub_unsigned(self.0))
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            InvalidPeriod(format!(
                "must be a time between 1m and 100 years, such as `12h`, `30d` or `8w`, not `{}`",
                crate::text::visible(text)
            ))
        };
        let trimmed = text.trim();
        let unit = trimmed.chars().last().and_then(|last| UNITS.iter().find(|(letter, _)| *letter == last));
        let (letter, seconds) = unit.ok_or_else(invalid)?;
        let digits = trimmed.strip_suffix(*letter).unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let count: u64 = digits.parse().ok().filter(|_| plain).ok_or_else(invalid)?;
        let all = count.checked_mul(*seconds).ok_or_else(invalid)?;
        if (60..=MOST).contains(&all) { Ok(Self(all)) } else { Err(invalid()) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Weeks are for writing only: `30d` and `14d` read better beside each other.
        let unit = UNITS.iter().take(3).rev().find(|(_, seconds)| self.0.is_multiple_of(*seconds));
        let (letter, seconds) = unit.copied().unwrap_or(('m', 60));
        write!(f, "{}{letter}", self.0 / seconds)
    }
}

/// A time of the past: so long ago, or the beginning of a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// `30d`.
    Ago(Period),
    /// `2026-11-01`.
    Day(Timestamp),
}

impl Since {
    /// As a time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(period) => period.before(now),
            Self::Day(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = InvalidPeriod;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(day) = text.trim().parse::<Date>() {
            return Ok(Self::Day(day.begins()));
        }
        text.parse().map(Self::Ago).map_err(|_| {
            InvalidPeriod(format!(
                "must be a length of time such as `12h`, `30d` or `8w`, or a day such as `2026-11-01`, not `{}`",
                crate::text::visible(text)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90d", Some(90 * DAY)),
            (" 12h ", Some(43_200)),
            ("8w", Some(56 * DAY)),
            ("1m", Some(60)),
            ("36525d", Some(MOST)),
            ("36526d", None),
            ("0d", None),
            ("-1d", None),
            ("+1d", None),
            ("d", None),
            ("90", None),
            ("90s", None),
            ("9 d", None),
            ("99999999999999999999d", None),
            ("", None),
            ("1é", None),
        ] {
            assert_eq!(text.parse::<Period>().ok().map(Period::seconds), seconds, "{text:?}");
        }
    }

    #[test]
    fn a_period_is_said_as_it_would_be_written() {
        for (text, said) in [("90d", "90d"), ("2w", "14d"), ("48h", "2d"), ("90m", "90m"), ("60m", "1h")] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), said);
        }
    }

    #[test]
    fn since_is_a_period_before_now_or_a_day() {
        let now = Timestamp(1_796_083_199);
        for (text, expected) in [
            ("1d", Some(1_796_083_199 - 86_400)),
            ("2026-11-30", Some(1_795_996_800)),
            ("1970-01-01", Some(0)),
            ("2026-02-30", None),
            ("yesterday", None),
        ] {
            let found = text.parse::<Since>().ok().map(|since| since.at(now).0);
            assert_eq!(found, expected, "{text}");
        }
    }
}
