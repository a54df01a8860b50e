//! Days of the Gregorian calendar and seconds since 1970, both UTC. By Howard Hinnant's algorithms:
//! <https://howardhinnant.github.io/date_algorithms.html>.

use crate::history::Timestamp;
use crate::ids::RunId;

const DAY: i64 = 86_400;
/// Years that are written with four digits: others are no times of runs.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9_999;

/// `2026-11-29`; of a time outside of the years 0 to 9999, the nearest that can be written.
#[must_use]
pub fn date(time: Timestamp) -> String {
    let (year, month, day) = civil(time.0.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-29 03:44`.
#[must_use]
pub fn minute(time: Timestamp) -> String {
    let seconds = time.0.rem_euclid(DAY);
    format!("{} {:02}:{:02}", date(time), seconds / 3_600, seconds / 60 % 60)
}

/// The beginning of a day that is written `2026-11-29`.
#[must_use]
pub fn day(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    days(number(year)?, number(month)?, number(day)?).map(|days| Timestamp(days * DAY))
}

/// When a run began, by an id that `flaky` made: `20261129-034444-pnd2`.
#[must_use]
pub fn begun(run: &RunId) -> Option<Timestamp> {
    let mut parts = run.as_str().split('-');
    let (date, time) = (parts.next()?, parts.next()?);
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let part = |text: &str, from: usize, to: usize| number(text.get(from..to)?);
    let days = days(part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?)?;
    let (hour, minute, second) = (part(time, 0, 2)?, part(time, 2, 4)?, part(time, 4, 6)?);
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then(|| Timestamp(days * DAY + hour * 3_600 + minute * 60 + second))
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Days since 1970 of a date that exists.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !YEARS.contains(&year) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let month_shifted = (month + 9) % 12;
    let day_of_year = (153 * month_shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (civil(days) == (year, month, day)).then_some(days)
}

/// Year, month and day of a day since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    // The years that are written: the first and the last day of them.
    let days = days.clamp(-719_528, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates_of_the_calendar() {
        for (seconds, written) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_827_696, "2000-02-29 12:34"),
            (1_796_083_199, "2026-11-30 23:59"),
            (i64::MAX, "9999-12-31 15:30"),
            (i64::MIN, "0000-01-01 08:29"),
        ] {
            assert_eq!(minute(Timestamp(seconds)), written);
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_read_as_it_is_written() {
        for days in -80_000..80_000_i64 {
            let time = Timestamp(days * DAY);
            assert_eq!(day(&date(time)), Some(time));
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "2026-11-29-1", "", "20261129", "2026-+1-01"]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_run_began_when_its_id_says() {
        for (id, expected) in [
            ("20261130-235959-pnd2", Some(1_796_083_199)),
            ("20261130-240000-pnd2", None),
            ("20261131-000000-pnd2", None),
            ("job-1", None),
            ("none", None),
        ] {
            let run: RunId = id.parse().unwrap();
            assert_eq!(begun(&run), expected.map(Timestamp), "{id}");
        }
    }
}
