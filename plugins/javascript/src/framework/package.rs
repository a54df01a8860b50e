//! `package.json`, as much of it as says how a project is tested.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{Project, Result};
use serde_json::Value;

use super::LARGEST_SETTINGS;

/// What a `package.json` says.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) scripts: BTreeMap<String, String>,
    pub(crate) needs: Vec<String>,
    pub(crate) keys: Vec<String>,
    /// `packageManager`, as it stands there.
    pub(crate) manager: Option<String>,
}

impl Package {
    /// `None` when there is no such file, or nobody could read it.
    pub(crate) fn read(project: &Project<'_>, path: &str) -> Result<Option<Self>> {
        let Some(text) = project.read_text(path, LARGEST_SETTINGS)? else { return Ok(None) };
        let Ok(Value::Object(all)) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
        else {
            return Ok(None);
        };
        let entries = |key: &str| all.get(key).and_then(Value::as_object);
        let scripts = entries("scripts").into_iter().flatten();
        let scripts =
            scripts.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
        let needs = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        let needs =
            needs.iter().filter_map(|key| entries(key)).flat_map(|found| found.keys().cloned()).collect();
        let manager = all.get("packageManager").and_then(Value::as_str).map(str::to_owned);
        Ok(Some(Self { scripts, needs, keys: all.keys().cloned().collect(), manager }))
    }

    pub(crate) fn test_script(&self) -> Option<&str> {
        // What `npm init` writes is no test.
        self.scripts.get("test").map(String::as_str).filter(|script| !script.contains("no test specified"))
    }

    pub(crate) fn has_needs(&self) -> bool {
        !self.needs.is_empty()
    }
}
