//! A loaded plugin: one method per function of the contract.

mod framework;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use flaky_core::evidence::Evidence;
use flaky_core::parsed::ParsedAttempt;
use flaky_core::verdict::Verdict;
use serde_json::Value;
use wasmtime::component::Resource;

use crate::attempt::{AttemptInput, BlobInput};
use crate::bindings::{manifest, parsed, policy, reporter};
use crate::blob::{Blob, Content};
use crate::call::Caller;
use crate::contract::{Interfaces, ParserShape, Roles};
use crate::error::{Call, PluginError, PluginErrorKind};
use crate::globs::Globs;
use crate::host::{Linked, PluginHost};
use crate::imports::Attempt;
use crate::limits::{Limits, MANIFEST_BYTES, RESULT_BYTES, SMALL_RESULT_BYTES, delivered_bytes};
use crate::manifest::Manifest;
use crate::notes::{PluginLog, SharedLog};
use crate::policy::RunSummary;
use crate::settings;
use flaky_core::delivery::{Delivery, RenderContext};

/// A plugin that can be called. Cheap to clone; calls may run side by side, and each has an instance of its own.
#[derive(Clone)]
pub struct Plugin {
    shared: Arc<Shared>,
    /// JSON for `configure`.
    settings: Arc<String>,
    /// Of each call.
    limits: Limits,
}

struct Shared {
    host: PluginHost,
    label: String,
    linked: Arc<Linked>,
    manifest: Manifest,
    globs: OnceLock<Globs>,
    log: SharedLog,
    /// The most linear memory that a call took since somebody asked.
    peak: AtomicUsize,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("label", &self.shared.label)
            .field("manifest", &self.shared.manifest)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    pub(crate) async fn describe(
        host: PluginHost,
        label: String,
        linked: Arc<Linked>,
        limits: Limits,
    ) -> Result<Self, PluginError> {
        let log = SharedLog::default();
        let peak = AtomicUsize::new(0);
        let caller = Caller {
            host: &host,
            label: &label,
            linked: &linked,
            settings: None,
            log: &log,
            limits,
            peak: &peak,
        };
        let manifest = caller
            .run(
                Call::Describe,
                MANIFEST_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = linked.plugin.load(&mut *store, instance)?;
                        Ok(Ok(guest.call_describe(store).await?))
                    })
                },
                manifest::manifest,
            )
            .await?;
        let shared = Shared { host, label, linked, manifest, globs: OnceLock::new(), log, peak };
        Ok(Self { shared: Arc::new(shared), settings: Arc::new("{}".into()), limits })
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    /// What it can be asked.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.shared.linked.roles
    }

    /// Digest of the component, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.shared.linked.sha256
    }

    /// What it exports and imports, by name.
    #[must_use]
    pub fn interfaces(&self) -> &Interfaces {
        &self.shared.linked.interfaces
    }

    /// `builtin:NAME` or a path.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.shared.label
    }

    /// Whether it wants to read a report file of this path in the report folder.
    #[must_use]
    pub fn wants_report(&self, path: &str) -> bool {
        self.globs().report.is_match(path)
    }

    /// Whether it wants to read a file of this path in the work tree.
    #[must_use]
    pub fn wants_tree(&self, path: &str) -> bool {
        self.globs().tree.is_match(path)
    }

    /// What it logged in all calls so far.
    #[must_use]
    pub fn log(&self) -> PluginLog {
        self.shared.log.snapshot()
    }

    /// The limits of its calls.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The most linear memory that one call took, in bytes, of all calls that ended since this was asked last.
    #[must_use]
    pub fn take_peak_memory(&self) -> usize {
        self.shared.peak.swap(0, Ordering::Relaxed)
    }

    /// The same plugin with these settings, which every later call's instance gets. It is asked once now, so that
    /// what only the plugin can check is known before a run.
    ///
    /// # Errors
    /// When the settings do not fit its schema, or it refuses them.
    pub async fn configured(&self, settings: &Value) -> Result<Self, PluginError> {
        let schema = self.manifest().settings_schema.as_deref();
        let text = settings::checked(schema, settings)
            .map_err(|kind| PluginError::new(self.label(), Call::Configure, kind))?;
        let configured = Self { settings: Arc::new(text), ..self.clone() };
        configured
            .caller()
            .run(Call::Configure, MANIFEST_BYTES, |_, _, _| Box::pin(async { Ok(Ok(())) }), Ok)
            .await?;
        Ok(configured)
    }

    /// Reads one attempt.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn parse(&self, input: &AttemptInput) -> Result<ParsedAttempt, PluginError> {
        let globs = self.globs();
        let attempt = Attempt::new(input, |p| globs.report.is_match(p), |p| globs.tree.is_match(p));
        self.parse_attempt(attempt).await
    }

    pub(crate) async fn parse_attempt(&self, attempt: Attempt) -> Result<ParsedAttempt, PluginError> {
        match self.roles().parser {
            Some(ParserShape::Packed) => self.parse_packed(attempt).await,
            Some(ParserShape::Plain) => self.parse_plain(attempt).await,
            None => Err(self.lacks("parser", Call::Parse)),
        }
    }

    async fn parse_packed(&self, attempt: Attempt) -> Result<ParsedAttempt, PluginError> {
        self.caller()
            .run(
                Call::Parse,
                RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.packed_parser)?.load(&mut *store, instance)?;
                        let attempt = store.data_mut().table.push(attempt)?;
                        guest.call_parse(store, Resource::new_borrow(attempt.rep())).await
                    })
                },
                parsed::packed,
            )
            .await
    }

    async fn parse_plain(&self, attempt: Attempt) -> Result<ParsedAttempt, PluginError> {
        self.caller()
            .run(
                Call::Parse,
                RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.parser)?.load(&mut *store, instance)?;
                        let attempt = store.data_mut().table.push(attempt)?;
                        guest.call_parse(store, Resource::new_borrow(attempt.rep())).await
                    })
                },
                parsed::plain,
            )
            .await
    }

    /// One answer per test, in order; `None` leaves it to the next policy.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn classify(&self, batch: &[Evidence]) -> Result<Vec<Option<Verdict>>, PluginError> {
        self.need_policy(Call::Classify)?;
        let evidence: Vec<_> = batch.iter().map(policy::to_evidence).collect();
        let asked = evidence.len();
        self.caller()
            .run(
                Call::Classify,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.policy)?.load(&mut *store, instance)?;
                        guest.call_classify(store, &evidence).await
                    })
                },
                |found| policy::verdicts(asked, found),
            )
            .await
    }

    /// The run as a whole; `None` leaves it to the next policy.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn summarise(&self, run: &RunSummary) -> Result<Option<Verdict>, PluginError> {
        self.need_policy(Call::Summarise)?;
        let run = policy::to_summary(run);
        self.caller()
            .run(
                Call::Summarise,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.policy)?.load(&mut *store, instance)?;
                        guest.call_summarise(store, &run).await
                    })
                },
                |found| found.map(|v| policy::verdict("verdict", v)).transpose(),
            )
            .await
    }

    /// Renders a report, given as the JSON document of the published schema.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn render(
        &self,
        report: Arc<[u8]>,
        context: RenderContext,
    ) -> Result<Vec<Delivery>, PluginError> {
        self.render_input(&BlobInput::Bytes(report), context).await
    }

    /// The same, of a report that stands elsewhere or is to be read in another way.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub async fn render_input(
        &self,
        report: &BlobInput,
        context: RenderContext,
    ) -> Result<Vec<Delivery>, PluginError> {
        if !self.roles().reporter {
            return Err(self.lacks("reporter", Call::Render));
        }
        let (colour, context) = (context.colour, reporter::to_context(&context));
        let content = Content::from(report);
        let size = usize::try_from(content.size()).unwrap_or(usize::MAX);
        Caller { limits: self.limits.with_report(size), ..self.caller() }
            .run(
                Call::Render,
                delivered_bytes(size),
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.reporter)?.load(&mut *store, instance)?;
                        let blob = Blob::new("report".into(), content);
                        let blob = store.data_mut().table.push(blob)?;
                        guest.call_render(store, Resource::new_borrow(blob.rep()), &context).await
                    })
                },
                |found| reporter::deliveries(found, colour),
            )
            .await
    }

    fn caller(&self) -> Caller<'_> {
        Caller {
            host: &self.shared.host,
            label: &self.shared.label,
            linked: &self.shared.linked,
            settings: Some(&self.settings),
            log: &self.shared.log,
            limits: self.limits,
            peak: &self.shared.peak,
        }
    }

    fn need_policy(&self, call: Call) -> Result<(), PluginError> {
        if self.roles().policy { Ok(()) } else { Err(self.lacks("policy", call)) }
    }

    fn lacks(&self, role: &'static str, call: Call) -> PluginError {
        PluginError::new(self.label(), call, PluginErrorKind::MissingRole(role))
    }

    fn globs(&self) -> &Globs {
        self.shared.globs.get_or_init(|| Globs::of(self.manifest()))
    }
}

/// The methods look before they call; this keeps it from being a panic if one does not.
fn role<T>(indices: &Option<T>) -> wasmtime::Result<&T> {
    indices.as_ref().ok_or_else(|| wasmtime::Error::msg("the role is not exported"))
}
