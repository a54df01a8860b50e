//! The settings of a plugin.

/// The settings that the user gave, as JSON text that is valid against the manifest's schema; `{}` when there
/// are none.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a>(&'a str);

impl<'a> Settings<'a> {
    /// Settings from their JSON text.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self(json)
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> &'a str {
        self.0
    }

    /// The settings as a type of the author's.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// #[serde(default, deny_unknown_fields)]
    /// struct Mine {
    ///     limit: u32,
    /// }
    /// impl Default for Mine {
    ///     fn default() -> Self {
    ///         Self { limit: 3 }
    ///     }
    /// }
    /// use flaky_plugin_sdk::Settings;
    /// assert_eq!(Settings::new("{}").read::<Mine>().unwrap().limit, 3);
    /// assert_eq!(Settings::new(r#"{"limit": 7}"#).read::<Mine>().unwrap().limit, 7);
    /// assert_eq!(Settings::new(r#"{"limit": "x"}"#).read::<Mine>().err().unwrap().code, "invalid-settings");
    /// ```
    ///
    /// # Errors
    /// `invalid-settings` when they do not fit the type.
    #[cfg(feature = "serde")]
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> crate::Result<T> {
        serde_json::from_str(self.0)
            .map_err(|error| crate::PluginError::new("invalid-settings", error.to_string()))
    }
}
