//! What the policy can be told.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// Rates, each from 0 to 1. The defaults of the severities are those of the tool that `flaky` replaces.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From this failure rate on CRITICAL.
    pub critical: f64,
    /// From this failure rate on HIGH.
    pub high: f64,
    /// From this failure rate on MEDIUM.
    pub medium: f64,
    /// From this failure rate on LOW; any failure at all is at least LOW.
    pub low: f64,
    /// A test that never failed is stable when its failure rate is surely below this.
    pub stable_below: f64,
    /// A test is broken when its pass rate is surely below this.
    pub broken_below: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { critical: 0.9, high: 0.5, medium: 0.1, low: 0.01, stable_below: 0.20, broken_below: 0.20 }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub String);

impl Settings {
    /// Reads the settings and checks what their schema cannot say.
    ///
    /// # Errors
    /// [`InvalidSettings`] with a message for the author of the settings.
    pub fn parse(json: &str) -> Result<Self, InvalidSettings> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let settings: Self =
            serde_json::from_str(json).map_err(|error| InvalidSettings(error.to_string()))?;
        for (key, rate) in settings.named() {
            if !(0.0..=1.0).contains(&rate) {
                return Err(InvalidSettings(format!("`{key}`: must be between 0 and 1, not `{rate}`")));
            }
        }
        let severities = settings.named();
        for pair in severities.get(..4).unwrap_or_default().windows(2) {
            if let [(above, upper), (below, lower)] = pair
                && lower > upper
            {
                let message =
                    format!("`{below}`: must not be above `{above}`, but `{lower}` is above `{upper}`");
                return Err(InvalidSettings(message));
            }
        }
        Ok(settings)
    }

    const fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("critical", self.critical),
            ("high", self.high),
            ("medium", self.medium),
            ("low", self.low),
            ("stable_below", self.stable_below),
            ("broken_below", self.broken_below),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_checked() {
        let cases = [
            ("", Ok(Settings::default())),
            ("{}", Ok(Settings::default())),
            (r#"{"high": 0.6}"#, Ok(Settings { high: 0.6, ..Settings::default() })),
            (r#"{"medium": 1}"#, Err("`medium`: must not be above `high`, but `1` is above `0.5`")),
            (r#"{"stable_below": 1.5}"#, Err("`stable_below`: must be between 0 and 1, not `1.5`")),
        ];
        for (json, expected) in cases {
            assert_eq!(
                Settings::parse(json),
                expected.map_err(|text| InvalidSettings(text.to_owned())),
                "{json}"
            );
        }
        assert!(Settings::parse(r#"{"hihg": 0.5}"#).is_err());
    }

    #[test]
    fn the_schema_knows_every_setting_and_its_default() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), 6);
        for (key, value) in Settings::default().named() {
            assert_eq!(properties[key]["default"].as_f64(), Some(value), "{key}");
        }
    }
}
