//! A day of the calendar, as people write it into files: `2026-11-29`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::Timestamp;

/// Seconds of a day; days with leap seconds are not told apart, as Unix time does not either.
const DAY: i64 = 86_400;

/// A day of the Gregorian calendar, UTC, of the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as `2026-11-29`")]
pub struct InvalidDate;

impl Date {
    /// The day that a moment belongs to; the first or last day there is for moments beyond these.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self::from_days(time.0.div_euclid(DAY))
    }

    /// So many days later; the last (or first) day there is, when that is beyond it.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_days(self.days().saturating_add(days))
    }

    /// Days from this one to the other; negative when that was before.
    #[must_use]
    pub fn days_until(self, other: Self) -> i64 {
        other.days() - self.days()
    }

    /// Its first second.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        Timestamp(self.days() * DAY)
    }

    /// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The other way round: `civil_from_days`.
    fn from_days(days: i64) -> Self {
        let first = Self { year: 1, month: 1, day: 1 };
        let last = Self { year: 9999, month: 12, day: 31 };
        let shifted = days.clamp(first.days(), last.days()) + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
        let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // All three are in range by the clamp.
        Self {
            year: u16::try_from(year).unwrap_or(last.year),
            month: u8::try_from(month).unwrap_or(last.month),
            day: u8::try_from(day).unwrap_or(last.day),
        }
    }
}

impl FromStr for Date {
    type Err = InvalidDate;
    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, b)| match at {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        let part = |from, to| text.get(from..to).and_then(|digits: &str| digits.parse::<u16>().ok());
        let (true, Some(year), Some(month), Some(day)) = (shape, part(0, 4), part(5, 7), part(8, 10)) else {
            return Err(InvalidDate);
        };
        let small = |number: u16| u8::try_from(number).map_err(|_| InvalidDate);
        let date = Self { year, month: small(month)?, day: small(day)? };
        // A day that is not in the calendar comes back as another one.
        let exists = year >= 1 && (1..=12).contains(&month) && (1..=31).contains(&day);
        (exists && Self::from_days(date.days()) == date).then_some(date).ok_or(InvalidDate)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Date {
    type Error = InvalidDate;
    fn try_from(text: String) -> Result<Self, InvalidDate> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_827_696, "2000-02-29"),
            (1_796_083_199, "2026-11-30"),
            (i64::MAX, "9999-12-31"),
            (i64::MIN, "0001-01-01"),
        ] {
            assert_eq!(Date::of(Timestamp(seconds)).to_string(), text, "{seconds}");
        }
        assert_eq!(date("2000-02-29").begins(), Timestamp(951_782_400));
    }

    #[test]
    fn days_are_counted_over_ends_of_months_and_leap_years() {
        for (from, days, to) in [
            ("2026-11-29", 30, "2026-12-29"),
            ("2024-02-28", 1, "2024-02-29"),
            ("2100-02-28", 1, "2100-03-01"),
            ("2026-01-01", -1, "2025-12-31"),
            ("9999-12-30", 5, "9999-12-31"),
        ] {
            assert_eq!(date(from).plus_days(days), date(to), "{from}");
        }
        assert_eq!(date("2026-11-29").days_until(date("2026-12-29")), 30);
        assert_eq!(date("2026-11-29").days_until(date("2026-11-28")), -1);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-11-31",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "0000-01-01",
            "26-11-29",
            "2026-11-9",
            "2026/11/29",
            "2026-11-29 ",
            "+026-11-29",
            "2026-11-29T00:00",
            "２026-11-29",
        ] {
            assert_eq!(text.parse::<Date>(), Err(InvalidDate), "{text}");
        }
    }
}
