//! The plugins of a run, by role, with what went wrong in each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use flaky_config::{PluginAddress, PluginRef};
use flaky_core::report::PluginReport;
use flaky_plugin_host::{Plugin, PluginError, PluginHost, PluginSource};
use serde_json::Value;

/// A component that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// What stands behind `builtin:`.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// One loaded plugin and the errors of its calls.
#[derive(Debug, Clone)]
pub struct Member {
    /// The plugin.
    pub plugin: Plugin,
    /// Whether it decides commands: bundled ones may, others need a grant.
    pub bundled: bool,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Debug, Default)]
struct Faults {
    errors: BTreeMap<String, u32>,
    used: Vec<&'static str>,
}

/// How many different errors of one plugin a report names: the first few tell the story.
const ERRORS_NAMED: usize = 10;

impl Member {
    /// From its manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plugin.manifest().name
    }

    /// Remembers an error for the report.
    pub fn fault(&self, error: &PluginError) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if faults.errors.contains_key(&text) || faults.errors.len() < ERRORS_NAMED {
            *faults.errors.entry(text).or_default() += 1;
        }
    }

    /// Remembers what the plugin was used for.
    pub fn used(&self, role: &'static str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if !faults.used.contains(&role) {
            faults.used.push(role);
        }
    }

    fn report(&self) -> Option<PluginReport> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.used.is_empty() && faults.errors.is_empty() {
            return None;
        }
        Some(PluginReport {
            name: self.name().to_owned(),
            version: self.plugin.manifest().version.clone(),
            source: self.plugin.label().to_owned(),
            sha256: self.plugin.sha256().to_owned(),
            roles: faults.used.iter().map(|r| (*r).to_owned()).collect(),
            errors: faults.errors.iter().map(|(e, n)| (e.clone(), *n)).collect(),
        })
    }
}

/// The plugins of a run: those the user named first, in their order, then the bundled ones.
#[derive(Debug, Clone)]
pub struct PluginSet {
    members: Vec<Member>,
}

/// A plugin that cannot be used. The run has not begun.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plugin itself.
    #[error(transparent)]
    Plugin(#[from] Box<PluginError>),
    /// `builtin:NAME` of a name that is not there.
    #[error("there is no bundled plugin `{name}`: expected one of {}", known.join(", "))]
    NoSuchBuiltin {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl PluginSet {
    /// Loads what settings name, then the bundled ones among `wanted` that settings did not name.
    ///
    /// # Errors
    /// When one cannot be loaded or refuses its settings: before anything runs.
    pub async fn load(
        host: &PluginHost,
        named: &[PluginRef],
        builtins: &[Builtin],
        settings_of: impl Fn(&str) -> Value,
    ) -> Result<Self, LoadError> {
        let mut members: Vec<Member> = Vec::new();
        for reference in named {
            let (source, bundled) = match &reference.source {
                PluginAddress::Builtin(name) => (builtin(builtins, name)?, true),
                PluginAddress::File(path) => (PluginSource::file(path).map_err(Box::new)?, false),
            };
            let plugin = host.load(source).await.map_err(Box::new)?;
            let plugin =
                plugin.configured(&Value::Object(reference.settings.clone())).await.map_err(Box::new)?;
            members.push(Member { plugin, bundled, faults: Arc::default() });
        }
        for known in builtins {
            let label = format!("builtin:{}", known.name);
            if members.iter().any(|m| m.plugin.label() == label) {
                continue;
            }
            let plugin = host.load(builtin(builtins, known.name)?).await.map_err(Box::new)?;
            let plugin = plugin.configured(&settings_of(known.name)).await.map_err(Box::new)?;
            members.push(Member { plugin, bundled: true, faults: Arc::default() });
        }
        Ok(Self { members })
    }

    /// Those that judge.
    pub fn policies(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.plugin.roles().policy)
    }

    /// Those that read output.
    pub fn parsers(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.plugin.roles().parser.is_some())
    }

    /// Those that may decide commands.
    pub fn frameworks(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.plugin.roles().framework && m.bundled)
    }

    /// All.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What the report says of those that took part.
    #[must_use]
    pub fn reports(&self) -> Vec<PluginReport> {
        self.members.iter().filter_map(Member::report).collect()
    }
}

impl Builtin {
    /// As the plugin host takes it.
    #[must_use]
    pub fn source(&self) -> PluginSource {
        PluginSource {
            label: format!("builtin:{}", self.name),
            bytes: Cow::Borrowed(self.bytes),
            trusted: true,
        }
    }
}

fn builtin(builtins: &[Builtin], name: &str) -> Result<PluginSource, LoadError> {
    let found = builtins.iter().find(|b| b.name == name).ok_or_else(|| LoadError::NoSuchBuiltin {
        name: name.to_owned(),
        known: builtins.iter().map(|b| format!("`{}`", b.name)).collect(),
    })?;
    Ok(found.source())
}
