//! `flaky quarantine`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use flaky_config::WorkingDirectory;
use flaky_core::date::Date;

use super::PlaceArgs;

/// Keep tests that are known to be flaky from failing runs, until they are mended or their time is over.
///
/// Tests in quarantine stand in `.flaky-quarantine.yml`, with an owner, a reason and an end, so that people can review them.
/// They still run and are still told of; only the run's verdict leaves them out.
#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    pub(crate) command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Say which tests belong into quarantine, by what earlier runs saw: the most costly first
    Suggest(SuggestArgs),
    /// Put a test in
    Add(AddArgs),
    /// Take a test out
    Remove(RemoveArgs),
    /// Say which tests are in quarantine, for how long, and what is known of them now
    List(ListArgs),
    /// In CI: fail when an entry is expired, of a test that nobody knows, or can be released
    Check(ListArgs),
    /// Print the test command with the tests in quarantine left out, for CI that does not run `flaky`
    Exclude(ExcludeArgs),
}

/// Which earlier runs count.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PastArgs {
    /// Only runs of this branch
    #[arg(long, value_name = "NAME", help_heading = "History")]
    pub(crate) branch: Option<String>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A test is suggested when it failed twice or more, in two runs or in one that called it flaky, and failed and passed at
one commit; not when it is broken, nor when its clean attempts since would release it."
)]
pub(crate) struct SuggestArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) past: PastArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  flaky quarantine add tests/test_cart.py::test_sums --owner @team/shop --reason 'waits for a socket' --expires 30d")]
pub(crate) struct AddArgs {
    /// The test's id, as reports name it
    pub(crate) test: String,

    /// Why it is there, for whoever reviews
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// Who mends it [default: its owners by CODEOWNERS]
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// When it gates again: so many days or weeks from now (`30d`, `8w`), or a day; a year at most
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    pub(crate) expires: Expiry,

    /// The suite that it is of, by its name in the configuration or its folder [default: any]
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,

    /// The failure rate that clean attempts have to bound before it is released [default: 0.05]
    #[arg(long, value_name = "RATE")]
    pub(crate) release_below: Option<f64>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) past: PastArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The test's id, as the entry has it
    pub(crate) test: String,

    /// The suite of the entry, where it names one
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) past: PastArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  sh -c \"$(flaky quarantine exclude -- pytest tests)\"")]
pub(crate) struct ExcludeArgs {
    /// The test command and its arguments, after `--` [default: as `flaky run` finds it]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Folder that the test command runs in
    #[arg(long, value_name = "FOLDER")]
    pub(crate) working_directory: Option<WorkingDirectory>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// When an entry ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// So many days from now.
    Days(i64),
    /// On this day.
    On(Date),
}

/// Longest quarantine that is written, in days: what nobody mended in a year nobody will, and the test can go.
pub(crate) const MOST_DAYS: i64 = 366;

impl Expiry {
    /// The day, seen from another.
    pub(crate) fn day(self, today: Date) -> Date {
        match self {
            Self::Days(days) => today.plus_days(days),
            Self::On(date) => date,
        }
    }
}

impl FromStr for Expiry {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "expected days or weeks such as `30d` or `8w`, {MOST_DAYS} days at most, or a day such as `2026-12-31`"
            )
        };
        if let Ok(date) = text.parse::<Date>() {
            return Ok(Self::On(date));
        }
        let (number, unit) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(number), _) => (number, 1),
            (None, Some(number)) => (number, 7),
            (None, None) => return Err(refused()),
        };
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let days = number.parse::<i64>().ok().filter(|_| digits).and_then(|number| number.checked_mul(unit));
        days.filter(|days| (1..=MOST_DAYS).contains(days)).map(Self::Days).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_number_of_days_or_a_day() {
        let today: Date = "2026-11-29".parse().unwrap();
        for (text, day) in [
            ("30d", Some("2026-12-29")),
            ("1d", Some("2026-11-30")),
            ("8w", Some("2027-01-24")),
            ("366d", Some("2027-11-30")),
            ("2026-12-31", Some("2026-12-31")),
            ("367d", None),
            ("53w", None),
            ("0d", None),
            ("-1d", None),
            ("+1d", None),
            ("30", None),
            ("d", None),
            ("soon", None),
            ("99999999999999999999d", None),
            ("2026-02-30", None),
        ] {
            let got = text.parse::<Expiry>().ok().map(|expiry| expiry.day(today).to_string());
            assert_eq!(got.as_deref(), day, "{text}");
        }
    }
}
