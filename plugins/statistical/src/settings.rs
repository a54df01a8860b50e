//! What the policy can be told.

use flaky_plugin_thresholds::settings::{InvalidSettings, Settings as Rates};
use serde::Deserialize;
use serde_json::Value;

/// JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("../settings.schema.json");

/// What severities are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityOn {
    /// The failure rate that was seen.
    #[default]
    Rate,
    /// The low end of its interval: no more than is sure.
    Low,
    /// The high end: as bad as it may be.
    High,
}

/// Settings of `thresholds`, and one more.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    /// Gates and severities.
    pub rates: Rates,
    /// What severities are taken from.
    pub severity_on: SeverityOn,
}

impl Settings {
    /// Reads the settings and checks what their schema cannot say.
    ///
    /// # Errors
    /// [`InvalidSettings`] with a message for the author of the settings.
    pub fn parse(json: &str) -> Result<Self, InvalidSettings> {
        let invalid = |error: serde_json::Error| InvalidSettings(error.to_string());
        let json = if json.trim().is_empty() { "{}" } else { json };
        let mut all: Value = serde_json::from_str(json).map_err(invalid)?;
        let own = all.as_object_mut().and_then(|settings| settings.remove("severity_on"));
        let severity_on = own.map(serde_json::from_value).transpose().map_err(invalid)?.unwrap_or_default();
        Ok(Self { rates: Rates::parse(&all.to_string())?, severity_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_thresholds_and_one_more() {
        let high = Settings { severity_on: SeverityOn::High, ..Settings::default() };
        let cases = [
            ("", Some(Settings::default())),
            (r#"{"severity_on": "high"}"#, Some(high)),
            (
                r#"{"severity_on": "high", "high": 0.6}"#,
                Some(Settings { rates: Rates { high: 0.6, ..Rates::default() }, ..high }),
            ),
            (r#"{"severity_on": "middle"}"#, None),
            (r#"{"severity": "low"}"#, None),
            (r#"{"medium": 1}"#, None),
        ];
        for (json, expected) in cases {
            assert_eq!(Settings::parse(json).ok(), expected, "{json}");
        }
    }

    #[test]
    fn the_schema_is_that_of_thresholds_and_one_more() {
        let own: Value = serde_json::from_str(SCHEMA).unwrap();
        let theirs: Value = serde_json::from_str(flaky_plugin_thresholds::settings::SCHEMA).unwrap();
        let mut properties = own["properties"].as_object().unwrap().clone();
        assert_eq!(properties.remove("severity_on").unwrap()["default"], "rate");
        assert_eq!(Value::Object(properties), theirs["properties"]);
    }
}
