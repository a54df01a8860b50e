//! CHANGELOG.md: which release is the newest, what it says, and how a release is cut from what is unreleased.

use crate::Result;

const UNRELEASED: &str = "## Unreleased";

/// A release as its heading says: `## 1.2.3 - 2026-01-31`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) version: Version,
    pub(crate) date: Date,
}

/// `1.2.3`: nothing else is ever released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u32; 3]);

/// A day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let told = || format!("`{text}` is not a version of the form 1.2.3");
        let mut parts = [0; 3];
        let mut given = text.split('.');
        for part in &mut parts {
            let digits = given.next().ok_or_else(told)?;
            let plain = digits == "0" || !digits.starts_with('0');
            if !plain || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(told().into());
            }
            *part = digits.parse().map_err(|_| told())?;
        }
        if given.next().is_some() { Err(told().into()) } else { Ok(Self(parts)) }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl Date {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let told = || format!("`{text}` is not a date of the form 2026-01-31");
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shape {
            return Err(told().into());
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().map_err(|_| told());
        let date = Self { year: number(0..4)?, month: number(5..7)?, day: number(8..10)? };
        let fits = (1..=12).contains(&date.month) && (1..=31).contains(&date.day) && date.year >= 1970;
        if fits { Ok(date) } else { Err(told().into()) }
    }

    /// The day that a second since 1970 falls on.
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        // Civil from days, Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March.
        let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    /// Its first second, since 1970: the inverse of `of_seconds`, by the same source.
    pub(crate) fn seconds(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year / 400, year % 400);
        let shifted = if self.month > 2 { self.month - 3 } else { self.month + 9 };
        let day_of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * 86_400
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The headings of releases, newest first, each as its line.
fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with("## ") && *line != UNRELEASED)
}

fn heading(line: &str) -> Result<Released> {
    let (version, date) = line
        .trim_start_matches("## ")
        .split_once(" - ")
        .ok_or_else(|| format!("CHANGELOG.md: `{line}` is not `## 1.2.3 - 2026-01-31`"))?;
    Ok(Released { version: Version::parse(version)?, date: Date::parse(date)? })
}

/// The newest release; none before the first.
pub(crate) fn newest(text: &str) -> Result<Option<Released>> {
    let all = headings(text).map(heading).collect::<Result<Vec<_>>>()?;
    if let Some(pair) = all.windows(2).find(|pair| pair[0].version <= pair[1].version) {
        return Err(format!("CHANGELOG.md: {} stands before {}", pair[0].version, pair[1].version).into());
    }
    Ok(all.into_iter().next())
}

/// What a release says: the notes of its page.
pub(crate) fn notes(text: &str, version: Version) -> Result<String> {
    let title = format!("## {version} - ");
    let (_, after) = text
        .split_once(&format!("\n{title}"))
        .ok_or_else(|| format!("CHANGELOG.md has no section of {version}"))?;
    let body = after.split_once('\n').map_or("", |(_, body)| body);
    let body = body.split("\n## ").next().unwrap_or(body);
    Ok(format!("{}\n", body.trim()))
}

/// The file after a release: what was unreleased is the release's, and nothing is unreleased.
pub(crate) fn cut(text: &str, released: &Released) -> Result<String> {
    if let Some(newest) = newest(text)?
        && released.version <= newest.version
    {
        return Err(format!("{} is released already: the next one is later", newest.version).into());
    }
    let (before, after) = text
        .split_once(&format!("{UNRELEASED}\n"))
        .ok_or_else(|| format!("CHANGELOG.md has no `{UNRELEASED}`"))?;
    let body = after.split("\n## ").next().unwrap_or(after);
    if !body.lines().any(|line| line.starts_with("- ")) {
        return Err("CHANGELOG.md: nothing is unreleased".into());
    }
    let Released { version, date } = released;
    Ok(format!("{before}{UNRELEASED}\n\n## {version} - {date}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "# Changelog\n\n## Unreleased\n\nThe first.\n\n### Added\n\n- a thing\n";

    fn released(version: &str, date: &str) -> Released {
        Released { version: Version::parse(version).unwrap(), date: Date::parse(date).unwrap() }
    }

    #[test]
    fn a_release_takes_what_is_unreleased_and_the_next_one_stands_above_it() {
        assert_eq!(newest(FIRST).unwrap(), None);
        let once = cut(FIRST, &released("0.1.0", "2026-12-01")).unwrap();
        assert_eq!(newest(&once).unwrap(), Some(released("0.1.0", "2026-12-01")));
        assert_eq!(
            notes(&once, Version::parse("0.1.0").unwrap()).unwrap(),
            "The first.\n\n### Added\n\n- a thing\n"
        );
        assert!(cut(&once, &released("0.2.0", "2026-12-02")).is_err(), "nothing is unreleased");
        let more = once.replacen("## Unreleased\n", "## Unreleased\n\n### Fixed\n\n- another\n", 1);
        assert!(cut(&more, &released("0.1.0", "2026-12-02")).is_err(), "released already");
        let twice = cut(&more, &released("0.1.1", "2026-12-02")).unwrap();
        assert_eq!(newest(&twice).unwrap(), Some(released("0.1.1", "2026-12-02")));
        assert_eq!(notes(&twice, Version::parse("0.1.1").unwrap()).unwrap(), "### Fixed\n\n- another\n");
        assert_eq!(
            notes(&twice, Version::parse("0.1.0").unwrap()).unwrap(),
            "The first.\n\n### Added\n\n- a thing\n"
        );
        assert!(notes(&twice, Version::parse("0.1.2").unwrap()).is_err());
    }

    #[test]
    fn headings_that_say_no_version_or_stand_in_the_wrong_order_are_refused() {
        for wrong in ["0.1", "0.1.0.0", "01.0.0", "v0.1.0", "0.1.0-rc.1", "0.+1.0", "", "0..1"] {
            assert!(Version::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["2026-1-31", "2026-13-01", "2026-00-01", "26-01-01", "2026-01-32", "2026-01-31 "] {
            assert!(Date::parse(wrong).is_err(), "{wrong}");
        }
        assert!(newest("## 0.1.0\n").is_err());
        assert!(newest("## 0.1.0 - 2026-12-02\n## 0.1.1 - 2026-12-01\n").is_err());
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2026-11-29", 1_795_910_400),
            ("2100-03-01", 4_107_542_400),
        ] {
            assert_eq!(Date::parse(text).unwrap().seconds(), seconds, "{text}");
            let late = u64::try_from(seconds).unwrap() + 86_399;
            assert_eq!(Date::of_seconds(late).to_string(), text);
        }
    }
}
