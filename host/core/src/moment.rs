//! Moments of runs: when one began, and as people read it.

use crate::date::Date;
use crate::history::Timestamp;
use crate::ids::RunId;

/// `2026-11-29 03:44`, UTC.
#[must_use]
pub fn minute(time: Timestamp) -> String {
    let seconds = time.0.rem_euclid(86_400);
    format!("{} {:02}:{:02}", Date::of(time), seconds / 3_600, seconds / 60 % 60)
}

/// When a run began, by an id that `flaky` made: `20261129-034444-pnd2`.
#[must_use]
pub fn begun(run: &RunId) -> Option<Timestamp> {
    let mut parts = run.as_str().split('-');
    let (day, time) = (parts.next()?, parts.next()?);
    if day.len() != 8 || time.len() != 6 {
        return None;
    }
    let day = format!("{}-{}-{}", day.get(..4)?, day.get(4..6)?, day.get(6..)?).parse::<Date>().ok()?;
    let part = |from: usize| time.get(from..from + 2)?.parse::<u8>().ok().map(i64::from);
    let (hour, minute, second) = (part(0)?, part(2)?, part(4)?);
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then(|| Timestamp(day.begins().0 + hour * 3_600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_to_the_minute() {
        for (seconds, written) in
            [(0, "1970-01-01 00:00"), (-1, "1969-12-31 23:59"), (1_796_083_199, "2026-11-30 23:59")]
        {
            assert_eq!(minute(Timestamp(seconds)), written);
        }
    }

    #[test]
    fn a_run_began_when_its_id_says() {
        for (id, expected) in [
            ("20261130-235959-pnd2", Some(1_796_083_199)),
            ("20261130-240000-pnd2", None),
            ("20261131-000000-pnd2", None),
            ("2026113a-000000-pnd2", None),
            ("job-1", None),
            ("none", None),
        ] {
            let run: RunId = id.parse().unwrap();
            assert_eq!(begun(&run), expected.map(Timestamp), "{id}");
        }
    }
}
