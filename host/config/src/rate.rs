//! Rates as settings.

use flaky_core::settings::InvalidSetting;
use schemars::JsonSchema;
use serde::Deserialize;

/// A share of attempts, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(extend("minimum" = 0, "maximum" = 1))]
pub struct Rate(f64);

impl Rate {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = InvalidSetting;
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(InvalidSetting(format!("must be between 0 and 1, not `{value}`")))
        }
    }
}

/// A rate that a verdict must surely stay below: above 0 and below 1, as at either end every test or none would
/// have that verdict.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
pub struct VerdictBound(f64);

impl VerdictBound {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for VerdictBound {
    type Error = InvalidSetting;
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(InvalidSetting(format!("must be above 0 and below 1, not `{value}`")))
        }
    }
}
