//! Settings that do not go together.

use std::fmt;
use std::path::PathBuf;

use crate::error::Place;

/// Why settings that are each fine do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// File and place of the setting, when it comes from the file.
    pub place: Option<(PathBuf, Place)>,
    /// Why.
    pub kind: SettingsErrorKind,
}

/// Why settings that are each fine do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsErrorKind {
    /// Both decide the same.
    #[error("`--seed` and `--first-seed` both decide the seeds: give one of them")]
    TwoSeeds,
    /// A range that is too small.
    #[error(
        "`random_seed_range`: the {seeds} seeds from `{min}` to `{max}` are too few for {runs} runs without repeats"
    )]
    TooFewSeeds {
        /// Least.
        min: u64,
        /// Largest.
        max: u64,
        /// How many there are.
        seeds: u64,
        /// How many are needed.
        runs: u32,
    },
    /// A flag that means something only with an endpoint.
    #[error("`{flag}` is for runs on an endpoint, and this one is on this machine")]
    NeedsEndpoint {
        /// Which.
        flag: &'static str,
    },
    /// No price, no sum.
    #[error(
        "`--budget-usd` cannot be kept: no CPU price is published, so without a configured `price_per_second` only seconds are known"
    )]
    BudgetWithoutPrice,
    /// The last seed would not fit.
    #[error("`--first-seed {first}` leaves no room for {runs} seeds: the largest seed is `{}`", u64::MAX)]
    FirstSeedTooLarge {
        /// The first.
        first: u64,
        /// How many are needed.
        runs: u32,
    },
}

impl SettingsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            SettingsErrorKind::TooFewSeeds { min, runs, .. } => Some(format!(
                "set `max` to at least `{}`, or make fewer runs",
                min.saturating_add(u64::from(*runs).saturating_sub(1))
            )),
            SettingsErrorKind::NeedsEndpoint { .. } => Some("add `--backend runpod`".to_owned()),
            SettingsErrorKind::BudgetWithoutPrice => Some(
                "write what you pay into the configuration: `backend: {kind: runpod, price_per_second: 0.00002}`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((path, place)) = &self.place {
            write!(f, "{}:{place}: ", path.display())?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for SettingsError {}
