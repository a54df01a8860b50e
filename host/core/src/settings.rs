//! Settings as the rest of the program may hold them: a value of these types is in range by construction.
//! Messages keep the sentences of the tool that `flaky` replaces, where it had one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a value is out of range or has the wrong shape. The text is a whole message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(pub String);

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident: $inner:ty, $low:literal..=$high:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "i128", into = "i128")]
        #[schemars(with = "u32")]
        pub struct $name($inner);

        impl $name {
            /// The least value allowed.
            pub const MIN: $inner = $low;
            /// The largest value allowed.
            pub const MAX: $inner = $high;
            /// The number.
            #[must_use]
            pub const fn get(self) -> $inner { self.0 }
            /// For constants in range; anything else is clamped.
            #[must_use]
            #[allow(unused_comparisons, reason = "for ranges that begin at 0")]
            pub const fn clamped(value: $inner) -> Self {
                Self(if value < $low { $low } else if value > $high { $high } else { value })
            }
        }

        impl TryFrom<i128> for $name {
            type Error = InvalidSetting;
            fn try_from(value: i128) -> Result<Self, Self::Error> {
                <$inner>::try_from(value).ok().filter(|v| ($low..=$high).contains(v)).map(Self).ok_or_else(|| {
                    InvalidSetting(format!(concat!($what, " must be between ", $low, " and ", $high, ", not `{}`"), value))
                })
            }
        }

        impl From<$name> for i128 {
            fn from(value: $name) -> Self { Self::from(value.0) }
        }

        impl FromStr for $name {
            type Err = InvalidSetting;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let number: i128 = text.trim().parse().map_err(|_| {
                    InvalidSetting(format!(concat!($what, " must be a whole number between ", $low, " and ", $high, ", not `{}`"), text))
                })?;
                Self::try_from(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    };
}

bounded! {
    /// How many attempts a run plans. The upper end is the original's.
    Runs: u32, 1..=1000, "Runs"
}
bounded! {
    /// How many attempts run side by side. The upper end is the original's.
    Parallelism: u32, 1..=50, "Parallelism"
}
bounded! {
    /// Seconds after which something is ended; a day at most, which is what hosted CI allows a job.
    TimeoutSeconds: u32, 1..=86_400, "Timeout"
}

bounded! {
    /// Seconds that one call of a plugin may take. Ten minutes: an interpreted parser that reads the largest output takes
    /// half a minute, and nobody should wait for one that hangs longer than for a job to start.
    CallSeconds: u32, 1..=600, "The time of a call"
}
bounded! {
    /// MiB of memory that one call of a plugin may use. A few calls run side by side, and 4 of a gigabyte each are what
    /// a hosted CI machine can bear.
    CallMemory: u32, 1..=1024, "The memory of a call in MiB"
}

bounded! {
    /// Into how many shards a run's attempts are split at most. Each attempt is in exactly one, so more shards than
    /// attempts would be empty.
    Shards: u32, 1..=1000, "Shards"
}
bounded! {
    /// How many workers an endpoint may have; RunPod's largest account limit is below it.
    Workers: u32, 1..=1000, "Workers"
}

bounded! {
    /// How often the best way to repeat a failure is tried before it is told; 0 tells it untried.
    Repetitions: u32, 0..=100, "Repetitions"
}

impl TimeoutSeconds {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// The defaults of the original tool.
pub mod defaults {
    use super::{Parallelism, Repetitions, Runs, SeedRange, SeverityThresholds, TimeoutSeconds};

    /// Attempts.
    pub const RUNS: Runs = Runs::clamped(10);
    /// Side by side.
    pub const PARALLELISM: Parallelism = Parallelism::clamped(4);
    /// Attempts at most, at a terminal, where a run ends as soon as every test is decided: twice what a test takes that
    /// always passes or always fails, so that only tests that are often skipped are left undecided.
    pub const RUNS_AT_MOST: Runs = Runs::clamped(60);
    /// Times that a way to repeat a failure is tried.
    pub const REPETITIONS: Repetitions = Repetitions::clamped(10);
    /// Per attempt.
    pub const TIMEOUT: TimeoutSeconds = TimeoutSeconds::clamped(300);
    /// Per installation.
    pub const INSTALL_TIMEOUT: TimeoutSeconds = TimeoutSeconds::clamped(300);
    /// Seeds are drawn from here; 0 is left out because tests use it for "no seed".
    pub const SEED_RANGE: SeedRange = SeedRange { min: 1, max: 1_000_000 };
    /// Rates at and above which a severity begins.
    pub const SEVERITY: SeverityThresholds =
        SeverityThresholds { critical: 0.9, high: 0.5, medium: 0.1, low: 0.01 };
    /// A test is stable when its failure rate is surely below this: 14 passes of 14.
    pub const STABLE_BELOW: f64 = 0.20;
    /// A test is broken when its pass rate is surely below this.
    pub const BROKEN_BELOW: f64 = 0.20;
}

/// Closed range that seeds are drawn from without repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRange {
    /// Least seed.
    pub min: u64,
    /// Largest seed; at least `min`.
    pub max: u64,
}

impl SeedRange {
    /// How many different seeds there are.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.max.saturating_sub(self.min).saturating_add(1)
    }

    /// Never: a range holds at least one seed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }
}

/// Failure rates at and above which a severity begins, each from 0 to 1, descending.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeverityThresholds {
    /// From here on CRITICAL.
    pub critical: f64,
    /// From here on HIGH.
    pub high: f64,
    /// From here on MEDIUM.
    pub medium: f64,
    /// From here on LOW; any failure at all is at least LOW.
    pub low: f64,
}

/// How far attempts are kept apart, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationChoice {
    /// The highest level that this machine allows and the suite bears.
    #[default]
    Auto,
    /// All attempts in the one folder, as the original did.
    Shared,
    /// A work tree, `TMPDIR` and cache folders of its own for every attempt.
    Copy,
    /// `Copy`, and name spaces of its own: mounts, processes, network, `HOME`.
    Full,
}

/// Which network attempts see at isolation `full`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkChoice {
    /// A private loopback if the suite bears it, else the host's.
    #[default]
    Auto,
    /// A private loopback.
    Loopback,
    /// The host's.
    Shared,
}

/// Where attempts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// On this machine.
    #[default]
    Local,
    /// On the workers of a RunPod endpoint.
    RunPod,
}

/// US dollars: finite and above 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("exclusiveMinimum" = 0))]
pub struct Dollars(f64);

impl Dollars {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Dollars {
    type Error = InvalidSetting;
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(InvalidSetting(format!("must be an amount of US dollars above 0, not `{value}`")))
        }
    }
}

impl From<Dollars> for f64 {
    fn from(dollars: Dollars) -> Self {
        dollars.0
    }
}

impl FromStr for Dollars {
    type Err = InvalidSetting;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: f64 = text
            .trim()
            .parse()
            .map_err(|_| InvalidSetting(format!("must be an amount of US dollars above 0, not `{text}`")))?;
        Self::try_from(number)
    }
}

/// When a run may end before all its attempts are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopRule {
    /// Every planned attempt is run.
    #[default]
    Never,
    /// As soon as every test is decided: see [`stop`](crate::stop).
    Certain,
}

/// What differs between attempts beside the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Every other attempt has its tests shuffled, by its seed.
    Order,
}

/// Which number of a test its severity is read off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SeverityBasis {
    /// The share of attempts that failed, as the original did.
    #[default]
    Rate,
    /// The lower end of its interval: no more severe than is sure.
    Low,
    /// The upper end: as severe as it may be.
    High,
}

/// How long a run may take: whole seconds, at least one and at most a day, which is what hosted CI allows a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BudgetText", into = "String")]
#[schemars(with = "BudgetText")]
pub struct TimeBudget(u32);

/// As it is written: seconds, or text such as `1h30m`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a time such as `90s`, `5m` or `1h30m`")]
enum BudgetText {
    Seconds(u32),
    Text(String),
}

impl TimeBudget {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// So many seconds, where they are between 1 s and 24 h.
    #[must_use]
    pub fn of_seconds(seconds: u64) -> Option<Self> {
        u32::try_from(seconds).ok().filter(|s| (1..=86_400).contains(s)).map(Self)
    }

    fn invalid(text: &str) -> InvalidSetting {
        InvalidSetting(format!(
            "must be a time between 1s and 24h, such as `90s`, `5m` or `1h30m`, not `{text}`"
        ))
    }
}

impl TryFrom<BudgetText> for TimeBudget {
    type Error = InvalidSetting;
    fn try_from(text: BudgetText) -> Result<Self, Self::Error> {
        match text {
            BudgetText::Seconds(s) => Self::of_seconds(s.into()).ok_or_else(|| Self::invalid(&s.to_string())),
            BudgetText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for TimeBudget {
    type Err = InvalidSetting;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut seconds: u64 = 0;
        let mut rest = text.trim();
        let mut largest_unit = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let (unit, length) = match after.chars().next() {
                None => (1, 0),
                Some('s') => (1, 1),
                Some('m') => (60, 1),
                Some('h') => (3600, 1),
                Some(_) => return Err(Self::invalid(text)),
            };
            let count: u64 = number.parse().map_err(|_| Self::invalid(text))?;
            if unit >= largest_unit {
                return Err(Self::invalid(text));
            }
            largest_unit = unit;
            seconds = count
                .checked_mul(unit)
                .and_then(|s| s.checked_add(seconds))
                .ok_or_else(|| Self::invalid(text))?;
            rest = after.get(length..).unwrap_or_default();
        }
        Self::of_seconds(seconds).ok_or_else(|| Self::invalid(text))
    }
}

impl fmt::Display for TimeBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        for (count, unit) in [(hours, 'h'), (minutes, 'm'), (seconds, 's')] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl From<TimeBudget> for String {
    fn from(budget: TimeBudget) -> Self {
        budget.to_string()
    }
}

/// From which verdict on a run's exit code says failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Flaky or worse.
    #[default]
    Flaky,
    /// Broken only.
    Broken,
    /// What the change brought: tests that the base does not have or does not fail, or fails more rarely.
    Introduced,
    /// No verdict; faults of ours, of usage and inconclusive runs still say so.
    Never,
}

macro_rules! named {
    ($type:ident, $what:literal, $($text:literal => $variant:ident),+) => {
        impl FromStr for $type {
            type Err = InvalidSetting;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(InvalidSetting(format!(
                        concat!("unknown ", $what, " `{}`: expected one of {}"), text, [$(concat!("`", $text, "`")),+].join(", ")
                    ))),
                }
            }
        }
        impl $type {
            /// Every value, by the name that flags and files use.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
            /// The name that flags and files use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }
    };
}

named!(IsolationChoice, "isolation", "auto" => Auto, "shared" => Shared, "copy" => Copy, "full" => Full);
named!(NetworkChoice, "network", "auto" => Auto, "loopback" => Loopback, "shared" => Shared);
named!(BackendKind, "backend", "local" => Local, "runpod" => RunPod);
named!(StopRule, "stop rule", "never" => Never, "certain" => Certain);
named!(FailOn, "fail-on", "flaky" => Flaky, "broken" => Broken, "introduced" => Introduced, "never" => Never);
named!(Condition, "condition", "order" => Order);
named!(SeverityBasis, "basis of severities", "rate" => Rate, "low" => Low, "high" => High);

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: FromStr<Err = InvalidSetting> + fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn numbers_out_of_range_are_refused_in_the_originals_words() {
        let table = [
            (message::<Runs>("0"), "Runs must be between 1 and 1000, not `0`"),
            (message::<Runs>("1001"), "Runs must be between 1 and 1000, not `1001`"),
            (message::<Runs>("ten"), "Runs must be a whole number between 1 and 1000, not `ten`"),
            (message::<Runs>("4.7"), "Runs must be a whole number between 1 and 1000, not `4.7`"),
            (message::<Runs>(""), "Runs must be a whole number between 1 and 1000, not ``"),
            (message::<Runs>("-1"), "Runs must be between 1 and 1000, not `-1`"),
            (message::<Runs>("99999999999"), "Runs must be between 1 and 1000, not `99999999999`"),
            (message::<Parallelism>("0"), "Parallelism must be between 1 and 50, not `0`"),
            (message::<Parallelism>("51"), "Parallelism must be between 1 and 50, not `51`"),
            (message::<TimeoutSeconds>("0"), "Timeout must be between 1 and 86400, not `0`"),
            (message::<TimeoutSeconds>("86401"), "Timeout must be between 1 and 86400, not `86401`"),
        ];
        for (got, want) in table {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn numbers_in_range_are_taken_as_they_are() {
        for text in ["1", "1000", " 50 "] {
            let runs: Runs = text.parse().unwrap();
            assert_eq!(runs.to_string(), text.trim());
            assert_eq!(serde_json::from_str::<Runs>(&serde_json::to_string(&runs).unwrap()).unwrap(), runs);
        }
        assert_eq!((Runs::clamped(0).get(), Runs::clamped(5000).get()), (Runs::MIN, Runs::MAX));
        assert_eq!(TimeoutSeconds::clamped(300).duration(), Duration::from_secs(300));
        for json in ["0", "1001", "-1", "1.5", "\"7\"", "null"] {
            assert!(serde_json::from_str::<Runs>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_defaults_are_the_originals() {
        assert_eq!((defaults::RUNS.get(), defaults::PARALLELISM.get()), (10, 4));
        assert_eq!((defaults::TIMEOUT.get(), defaults::INSTALL_TIMEOUT.get()), (300, 300));
        assert_eq!((defaults::SEED_RANGE.min, defaults::SEED_RANGE.max), (1, 1_000_000));
        let SeverityThresholds { critical, high, medium, low } = defaults::SEVERITY;
        assert_eq!((critical, high, medium, low), (0.9, 0.5, 0.1, 0.01));
    }

    #[test]
    fn a_seed_range_counts_both_ends() {
        for (min, max, want) in
            [(1, 1, 1), (1, 10, 10), (0, u64::MAX, u64::MAX), (1, u64::MAX, u64::MAX), (5, 1, 1)]
        {
            let range = SeedRange { min, max };
            assert_eq!(range.len(), want, "{range:?}");
            assert!(!range.is_empty());
        }
    }

    #[test]
    fn an_amount_of_money_is_above_nothing_and_finite() {
        for (text, value) in [("0.5", Some(0.5)), (" 3 ", Some(3.0)), ("1e-5", Some(0.000_01))] {
            assert_eq!(text.parse::<Dollars>().ok().map(Dollars::get), value);
        }
        for text in ["0", "-1", "inf", "nan", "", "1 USD"] {
            assert!(text.parse::<Dollars>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_budget_of_time_is_written_as_people_write_it() {
        for (text, seconds, shown) in [
            ("90s", 90, "1m30s"),
            ("90", 90, "1m30s"),
            ("5m", 300, "5m"),
            ("1h30m", 5400, "1h30m"),
            (" 24h ", 86_400, "24h"),
            ("1h0m5s", 3605, "1h5s"),
        ] {
            let budget: TimeBudget = text.parse().unwrap();
            assert_eq!(
                (budget.duration().as_secs(), budget.to_string().as_str()),
                (seconds, shown),
                "{text}"
            );
            assert_eq!(budget.to_string().parse::<TimeBudget>().unwrap(), budget);
        }
        for text in
            ["", "0s", "25h", "5x", "m", "5m5m", "5s1h", "-5m", "1.5h", "99999999999999999999h", "5 m"]
        {
            assert!(text.parse::<TimeBudget>().is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<TimeBudget>("90").unwrap(), "90s".parse().unwrap());
        assert!(serde_json::from_str::<TimeBudget>("0").is_err());
    }

    fn names<T: FromStr<Err = InvalidSetting> + fmt::Display + PartialEq + fmt::Debug + Copy + Serialize>(
        all: &[(&'static str, T)],
        want: &[&str],
    ) {
        assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), want);
        for (name, value) in all {
            assert_eq!(name.parse::<T>().as_ref(), Ok(value));
            assert_eq!(value.to_string(), *name);
            assert_eq!(serde_json::to_value(value).unwrap(), *name);
        }
    }

    #[test]
    fn choices_have_one_name_everywhere() {
        names(IsolationChoice::ALL, &["auto", "shared", "copy", "full"]);
        names(NetworkChoice::ALL, &["auto", "loopback", "shared"]);
        names(BackendKind::ALL, &["local", "runpod"]);
        names(StopRule::ALL, &["never", "certain"]);
        names(FailOn::ALL, &["flaky", "broken", "introduced", "never"]);
        names(Condition::ALL, &["order"]);
        names(SeverityBasis::ALL, &["rate", "low", "high"]);
        assert_eq!(
            message::<FailOn>("Flaky"),
            "unknown fail-on `Flaky`: expected one of `flaky`, `broken`, `introduced`, `never`"
        );
    }
}
