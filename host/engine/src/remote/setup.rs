//! From a stage to an endpoint that is ready to make its attempts.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use flaky_core::report::IsolationUsed;
use flaky_exec::checkout::RepositorySource;
use flaky_plugin_host::{InstallPlan, ProjectInput};
use flaky_runpod::endpoint::Endpoint;
use flaky_runpod::pack::{MAX_PACKED_BYTES, pack_folder};
use flaky_runpod::wire::{WireSource, placeholder};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::Limits;
use super::order::{Template, installation};
use super::store::Store;
use super::{Bill, Money, Remote, RemoteAccess, RemoteError, access};
use crate::event::RunEvent;
use crate::prepare::ProjectError;
use crate::read::Reader;
use crate::run::{OUTPUT_QUOTA, RunError, Stage};

impl Stage<'_> {
    /// Sets up everything that needs no worker. `folder` is the run's own, when it has one.
    ///
    /// # Errors
    /// When key or endpoint are missing, or the sources cannot be sent.
    pub(crate) async fn remote(
        &self,
        access: &RemoteAccess,
        folder: Option<&Path>,
    ) -> Result<Arc<Remote>, RunError> {
        let backend = &self.settings.backend.value;
        let settings = access::settings(access, backend.endpoint.as_deref()).map_err(RemoteError::from)?;
        let name = settings.endpoint.to_string();
        let endpoint = Endpoint::new(settings).map_err(RemoteError::from)?;
        let store = folder.and_then(|folder| match Store::open(folder, access.resume) {
            Ok(store) => Some(store),
            Err(error) => {
                let text = format!("`{}` cannot be written ({error})", folder.display());
                self.events.send(RunEvent::Warning(format!("{text}: this run cannot be resumed")));
                None
            }
        });
        let source = self.wire_source(store.as_ref()).await?;
        let plan = self.install_plan().await?;
        let step = self.settings.install_timeout.value.duration();
        let steps = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
        self.warn_of_secrets();
        let money = Money { price_per_second: backend.price_per_second, budget: backend.budget };
        let spent = store.as_ref().map(|s| s.spent).unwrap_or_default();
        let next_shard = store.as_ref().map_or(0, |s| s.next_shard);
        let disk = |source| RemoteError::Disk { what: "no folder for attempts that come back", source };
        Ok(Arc::new(Remote {
            endpoint,
            limits: Limits {
                fetch: self.request.checkout.timeout,
                install: step.saturating_mul(steps),
                attempt: self.settings.timeout.value.duration(),
                low_priority: backend.low_priority,
            },
            template: Arc::new(self.template(source, &plan)),
            reader: Reader::new(&self.plugins, &self.project, self.request.keep_output),
            sizing: super::Sizing {
                shards: backend.shards,
                workers: backend.workers,
                parallelism: NonZeroU32::new(self.settings.parallelism.value.get())
                    .unwrap_or(NonZeroU32::MIN),
            },
            store,
            bill: Mutex::new(Bill::new(money, name, spent)),
            spent_up: CancellationToken::new(),
            events: self.events.clone(),
            scratch: tempfile::Builder::new().prefix("flaky-arrived-").tempdir().map_err(disk)?,
            calls: AtomicU32::new(0),
            next_shard: AtomicU32::new(next_shard),
            first: Mutex::default(),
            measured: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    fn template(&self, source: WireSource, plan: &InstallPlan) -> Template {
        let (report_globs, tree_globs) = self.globs();
        let env = self.settings.env.iter();
        Template {
            run: self.request.run.clone(),
            source,
            install: installation(plan, self.settings.install_timeout.value.duration()),
            env: env.map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned())).collect(),
            timeout: self.settings.timeout.value.duration(),
            report_globs,
            tree_globs,
            output_quota: OUTPUT_QUOTA,
            project: self.project.clone(),
            install_env: plan.env.clone(),
        }
    }

    /// Of a repository, the commit that was fetched here, so that every worker tests the same; of a folder, all of it.
    async fn wire_source(&self, store: Option<&Store>) -> Result<WireSource, RunError> {
        if let RepositorySource::Remote(url) = &self.request.source {
            return Ok(WireSource::Repository {
                url: url.to_string(),
                reference: self.request.reference.as_ref().map(|r| r.as_str().to_owned()),
                commit: self.sources.commit.clone(),
            });
        }
        let disk = |what| move |source| RunError::Remote(RemoteError::Disk { what, source });
        if let Some(bytes) =
            store.map(Store::pack).transpose().map_err(disk("the packed folder cannot be read"))?.flatten()
        {
            return Ok(WireSource::Packed(bytes));
        }
        self.events.stage("packing the folder for the endpoint's workers");
        let tree = self.sources.tree.clone();
        let packed = tokio::task::spawn_blocking(move || pack_folder(&tree, MAX_PACKED_BYTES))
            .await
            .map_err(|e| disk("packing the folder broke")(std::io::Error::other(e)))?
            .map_err(RemoteError::from)?;
        if packed.outward_links > 0 || packed.special > 0 {
            self.events.send(RunEvent::Warning(format!(
                "not sent to the workers: {} links that lead out of the folder, {} sockets, pipes and devices",
                packed.outward_links, packed.special
            )));
        }
        if let Some(store) = store {
            store.keep_pack(&packed.bytes).map_err(disk("the packed folder cannot be kept"))?;
        }
        Ok(WireSource::Packed(packed.bytes))
    }

    async fn install_plan(&self) -> Result<InstallPlan, RunError> {
        let Some(framework) = self.project.framework.as_ref().filter(|_| self.settings.auto_install.value)
        else {
            return Ok(InstallPlan::default());
        };
        let input = ProjectInput { root: self.sources.tree.clone() };
        let plan = framework.plugin.install(&input, &self.project.root, placeholder::ENV_DIR).await;
        Ok(plan.map_err(|e| ProjectError::Plugin(Box::new(e)))?)
    }

    /// The user's word is enough for a secret to travel, but not for staying silent about where it stays.
    fn warn_of_secrets(&self) {
        let secret = self.secrets();
        if !secret.is_empty() {
            let (names, verb) = (secret.join(", "), if secret.len() == 1 { "looks" } else { "look" });
            self.events.send(RunEvent::Warning(format!(
                "{names} {verb} like a secret and travels with the jobs: RunPod keeps their inputs for 30 minutes"
            )));
        }
    }

    /// The highest level that settings ask for.
    pub(crate) fn level_asked_for(&self) -> IsolationUsed {
        crate::isolation::wanted(self.settings.isolation.value, self.settings.network.value)
    }
}
