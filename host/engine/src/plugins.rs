//! The plugins of a run, by role, with what went wrong in each.

mod permits;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flaky_config::{CallLimits, MayAdd, OnError, PluginAddress, PluginRef};
use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_core::report::PluginReport;
use flaky_plugin_host::{
    ComponentBytes, Limits, Manifest, Plugin, PluginError, PluginHost, PluginSource, Roles,
};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

pub use self::permits::{GrantPlace, Permits};
use crate::builtins::{self, Builtin};
use crate::supply::{Brought, NoComponent};

/// One loaded plugin and the errors of its calls.
#[derive(Debug, Clone)]
pub struct Member {
    /// The plugin.
    pub plugin: Plugin,
    /// Whether it decides commands: bundled ones may, others need a grant.
    pub bundled: bool,
    /// What it may do beyond returning data.
    pub permits: Permits,
    /// What a failed call means; `None`: what is usual for the role.
    pub on_error: Option<OnError>,
    /// What it may add, as a policy, to what another decided.
    may: Vec<MayAdd>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Debug, Default)]
struct Faults {
    errors: BTreeMap<String, u32>,
    used: Vec<&'static str>,
    /// The first error of one whose failure leaves no verdict.
    fatal: Option<String>,
}

/// How many different errors of one plugin a report names: the first few tell the story.
const ERRORS_NAMED: usize = 10;

impl Member {
    /// From its manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plugin.manifest().name
    }

    /// A bundled one, as nobody named it.
    fn of_the_program(plugin: Plugin) -> Self {
        Self {
            plugin,
            bundled: true,
            permits: Permits::default(),
            on_error: None,
            may: Vec::new(),
            faults: Arc::default(),
        }
    }

    /// Whether it may add this, as a policy, to what another decided.
    #[must_use]
    pub fn may(&self, what: MayAdd) -> bool {
        self.may.contains(&what)
    }

    /// Whether it is asked about tests that another policy decided.
    #[must_use]
    pub fn may_add(&self) -> bool {
        !self.may.is_empty()
    }

    /// Remembers an error for the report.
    pub fn fault(&self, error: &PluginError) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if self.on_error == Some(OnError::Fail) {
            faults.fatal.get_or_insert_with(|| text.clone());
        }
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
        let told = faults.errors.iter().map(|(e, n)| (e.clone(), *n)).collect();
        let (errors, fell_back) = match self.on_error {
            Some(OnError::Fallback) => (Vec::new(), told),
            _ => (told, Vec::new()),
        };
        let grants = |list: &[flaky_core::grant::Grant]| list.iter().map(ToString::to_string).collect();
        Some(PluginReport {
            name: self.name().to_owned(),
            version: self.plugin.manifest().version.clone(),
            source: self.plugin.label().to_owned(),
            sha256: self.plugin.sha256().to_owned(),
            roles: faults.used.iter().map(|r| (*r).to_owned()).collect(),
            errors,
            fell_back,
            granted: grants(self.permits.granted()),
            denied: grants(self.permits.denied()),
        })
    }

    fn fatal(&self) -> Option<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).fatal.clone()
    }
}

/// A plugin that a run may ask: loaded, or bundled and loaded when it is first asked.
#[derive(Debug, Clone)]
pub struct Candidate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    known: Known,
    host: PluginHost,
    /// For `configure`.
    settings: Value,
    member: OnceCell<Result<Member, PluginError>>,
}

/// What is known without loading.
#[derive(Debug)]
enum Known {
    /// The user named it: it was loaded at once.
    Named(Member),
    /// Part of the program.
    Bundled(&'static Builtin),
}

impl Candidate {
    fn new(host: &PluginHost, known: Known, settings: Value) -> Self {
        Self(Arc::new(Inner { known, host: host.clone(), settings, member: OnceCell::new() }))
    }

    /// From its manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest().name
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        match &self.0.known {
            Known::Named(member) => member.plugin.manifest(),
            Known::Bundled(builtin) => &builtin.manifest,
        }
    }

    /// What it can be asked.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        match &self.0.known {
            Known::Named(member) => member.plugin.roles(),
            Known::Bundled(builtin) => &builtin.roles,
        }
    }

    /// Whether the user named it.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self.0.known, Known::Named(_))
    }

    /// Whether it may decide commands: bundled ones may, others need a grant.
    fn may_command(&self) -> bool {
        match &self.0.known {
            Known::Named(member) => member.bundled || member.permits.commands(),
            Known::Bundled(_) => true,
        }
    }

    /// The plugin, loaded. Whoever asks first waits for it to be compiled; an error stays one, so that it is neither
    /// compiled nor told again and again.
    ///
    /// # Errors
    /// When it cannot be loaded or refuses its settings.
    pub async fn member(&self) -> Result<&Member, &PluginError> {
        match &self.0.known {
            Known::Named(member) => Ok(member),
            Known::Bundled(builtin) => {
                let load = || async {
                    let plugin = self.0.host.load(builtin.source()).await?;
                    let plugin = plugin.configured(&self.0.settings).await?;
                    Ok(Member::of_the_program(plugin))
                };
                self.0.member.get_or_init(load).await.as_ref()
            }
        }
    }

    /// The plugin, where somebody asked for it before.
    pub(crate) fn loaded(&self) -> Option<Result<&Member, &PluginError>> {
        match &self.0.known {
            Known::Named(member) => Some(Ok(member)),
            Known::Bundled(_) => self.0.member.get().map(Result::as_ref),
        }
    }

    /// What the report says of it, if it took part.
    fn report(&self) -> Option<PluginReport> {
        match (&self.0.known, self.loaded()) {
            (_, Some(Ok(member))) => member.report(),
            (Known::Bundled(builtin), Some(Err(error))) => Some(PluginReport {
                name: builtin.name.to_owned(),
                version: builtin.manifest.version.clone(),
                source: error.plugin().to_owned(),
                sha256: builtin.sha256.clone(),
                roles: Vec::new(),
                errors: [(error.to_string(), 1)].into(),
                fell_back: Vec::new(),
                granted: Vec::new(),
                denied: Vec::new(),
            }),
            (_, None | Some(Err(_))) => None,
        }
    }
}

/// The plugins of a run: those the user named first, in their order, then the bundled ones by name.
#[derive(Debug, Clone)]
pub struct PluginSet {
    candidates: Vec<Candidate>,
}

/// The bundled policy that decides where nobody else does.
const DEFAULT_POLICY: &str = "statistical";

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
    /// One that would have to be fetched, and nobody does that here.
    #[error("`{plugin}` is not fetched here: name a file or `builtin:NAME`")]
    NotHere {
        /// As it was written.
        plugin: String,
    },
    /// One that could not be fetched.
    #[error(transparent)]
    Supply(#[from] NoComponent),
    /// Another component than was approved or named.
    #[error("`{plugin}` has the digest {found}, and {expected} was expected")]
    Digest {
        /// As it was written.
        plugin: String,
        /// What it has.
        found: Sha256Digest,
        /// What it should have.
        expected: Sha256Digest,
    },
}

impl PluginSet {
    /// Loads what settings name; the bundled ones that they do not name are loaded when they are asked.
    ///
    /// # Errors
    /// When one that was named cannot be loaded or refuses its settings: before anything runs.
    ///
    /// `brought` holds those that are not on this machine; `settings_of` tells what other settings say of a plugin, by its name and whether it is bundled; those that stand
    /// beside its source win.
    pub async fn load(
        host: &PluginHost,
        named: &[PluginRef],
        brought: &Brought,
        settings_of: impl Fn(&str, bool) -> Value,
    ) -> Result<Self, LoadError> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for reference in named {
            let (source, bundled) = match &reference.source {
                PluginAddress::Builtin(name) => (builtin(name)?.source(), true),
                PluginAddress::File(path) => {
                    let mut source = PluginSource::file(path).map_err(Box::new)?;
                    if reference.sha256.is_some() {
                        // It may stand elsewhere than it is said to come from.
                        source.label.clone_from(&reference.written);
                    }
                    (source, false)
                }
                PluginAddress::Remote(remote) => (fetched(remote, brought)?, false),
            };
            check_digest(reference, &source)?;
            let limits = limits(reference.terms.limits, host.limits());
            let plugin = host.load_within(source, limits).await.map_err(Box::new)?;
            let mut settings = settings_of(&plugin.manifest().name, bundled);
            overlay(&mut settings, &reference.settings);
            let plugin = plugin.configured(&settings).await.map_err(Box::new)?;
            let permits = Permits::new(reference, plugin.manifest(), bundled);
            let (on_error, may) = (reference.terms.on_error, reference.terms.may.clone());
            let member = Member { plugin, bundled, permits, on_error, may, faults: Arc::default() };
            candidates.push(Candidate::new(host, Known::Named(member), settings));
        }
        let is_named = |builtin: &Builtin| {
            let is = |reference: &PluginRef| matches!(&reference.source, PluginAddress::Builtin(n) if n == builtin.name);
            named.iter().any(is)
        };
        for builtin in builtins::all().iter().filter(|b| !is_named(b)) {
            candidates.push(Candidate::new(host, Known::Bundled(builtin), settings_of(builtin.name, true)));
        }
        Ok(Self { candidates })
    }

    /// The bundled ones without settings; none is loaded yet.
    #[must_use]
    pub fn bundled(host: &PluginHost) -> Self {
        let all = builtins::all().iter();
        Self { candidates: all.map(|b| Candidate::new(host, Known::Bundled(b), Value::Null)).collect() }
    }

    /// Those that judge, loaded: the ones that were named, and the default one behind them. Other bundled ones are asked
    /// only where somebody names them.
    ///
    /// # Errors
    /// When one cannot be loaded or refuses its settings.
    pub async fn policies(&self) -> Result<Vec<Member>, LoadError> {
        let mut policies = Vec::new();
        let (named, bundled): (Vec<&Candidate>, Vec<&Candidate>) =
            self.candidates.iter().filter(|c| c.roles().policy).partition(|c| c.is_named());
        let default = bundled.iter().find(|c| c.name() == DEFAULT_POLICY).or(bundled.first());
        for candidate in named.iter().chain(default) {
            policies.push(candidate.member().await.map_err(|error| Box::new(error.clone()))?.clone());
        }
        Ok(policies)
    }

    /// All.
    #[cfg(test)]
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter()
    }

    /// Those that read output.
    pub fn parsers(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|c| c.roles().parser.is_some())
    }

    /// Those that may decide commands.
    pub fn frameworks(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|c| c.roles().framework && c.may_command())
    }

    /// Those that make reports.
    pub fn reporters(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|c| c.roles().reporter)
    }

    /// Sentences about what plugins ask for and do not get, for whoever uses them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let named = self.candidates.iter().filter_map(|candidate| match &candidate.0.known {
            Known::Named(member) => Some(member),
            Known::Bundled(_) => None,
        });
        named.flat_map(|member| member.permits.warnings(member.name())).collect()
    }

    /// The first failure, and whose, that leaves the run without a verdict by `on_error: fail`.
    #[must_use]
    pub fn fatal(&self) -> Option<(&str, String)> {
        self.candidates.iter().find_map(|candidate| match candidate.loaded() {
            Some(Ok(member)) => Some((candidate.name(), member.fatal()?)),
            _ => None,
        })
    }

    /// What the report says of those that took part.
    #[must_use]
    pub fn reports(&self) -> Vec<PluginReport> {
        self.candidates.iter().filter_map(Candidate::report).collect()
    }
}

/// What runs is what was approved: the bytes that are loaded are those that were hashed.
fn check_digest(reference: &PluginRef, source: &PluginSource) -> Result<(), LoadError> {
    let Some(expected) = reference.sha256 else { return Ok(()) };
    let found = Sha256Digest::new(source.sha256());
    if found == expected {
        return Ok(());
    }
    Err(LoadError::Digest { plugin: reference.written.clone(), found, expected })
}

/// Those of the entry, where it names any.
fn limits(asked: CallLimits, usual: &Limits) -> Limits {
    Limits {
        time: asked.time.map_or(usual.time, |s| Duration::from_secs(s.get().into())),
        memory: asked.memory.map_or(usual.memory, |mib| (mib.get() as usize) << 20),
    }
}

/// Key by key.
fn overlay(settings: &mut Value, over: &Map<String, Value>) {
    if !settings.is_object() {
        *settings = Value::Object(Map::new());
    }
    if let Value::Object(settings) = settings {
        settings.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

fn fetched(remote: &RemotePlugin, brought: &Brought) -> Result<PluginSource, LoadError> {
    let bytes = brought.get(remote).ok_or_else(|| LoadError::NotHere { plugin: remote.to_string() })?;
    let bytes = ComponentBytes::Plain(bytes.clone().into());
    Ok(PluginSource { label: remote.to_string(), bytes, trusted: false })
}

/// The bundled plugin of this name.
///
/// # Errors
/// When there is none.
pub fn builtin(name: &str) -> Result<&'static Builtin, LoadError> {
    builtins::named(name).ok_or_else(|| LoadError::NoSuchBuiltin {
        name: name.to_owned(),
        known: builtins::all().iter().map(|b| format!("`{}`", b.name)).collect(),
    })
}
