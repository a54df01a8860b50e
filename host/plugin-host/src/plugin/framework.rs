//! The calls of the role `framework`.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{Plugin, role};
use crate::bindings::framework;
use crate::error::{Call, PluginError, PluginErrorKind};
use crate::framework::{AttemptContext, Command, Detection, InstallPlan, Instrumented, Selection};
use crate::globs::Globs;
use crate::limits::SMALL_RESULT_BYTES;
use crate::project::{Project, ProjectInput};

impl Plugin {
    /// Places of the project that this framework tests, the best first.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn detect(&self, project: &ProjectInput) -> Result<Vec<Detection>, PluginError> {
        self.need_framework(Call::Detect)?;
        let project = self.project(project, Call::Detect).await?;
        self.caller()
            .run(
                Call::Detect,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.framework)?.load(&mut *store, instance)?;
                        let project = store.data_mut().table.push(project)?;
                        guest.call_detect(store, Resource::new_borrow(project.rep())).await
                    })
                },
                framework::detections,
            )
            .await
    }

    /// Whether this framework runs (part of) the command.
    ///
    /// # Errors
    /// Whatever ended the call.
    pub async fn recognises(&self, argv: &[String]) -> Result<bool, PluginError> {
        self.need_framework(Call::Recognises)?;
        let argv = argv.to_vec();
        self.caller()
            .run(
                Call::Recognises,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.framework)?.load(&mut *store, instance)?;
                        Ok(Ok(guest.call_recognises(store, &argv).await?))
                    })
                },
                Ok,
            )
            .await
    }

    /// How the dependencies of the project at `root` come to be there; `env_dir` is an absolute folder of this
    /// installation's own.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn install(
        &self,
        project: &ProjectInput,
        root: &str,
        env_dir: &str,
    ) -> Result<InstallPlan, PluginError> {
        self.need_framework(Call::Install)?;
        let project = self.project(project, Call::Install).await?;
        let (root, env_dir) = (root.to_owned(), env_dir.to_owned());
        self.caller()
            .run(
                Call::Install,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.framework)?.load(&mut *store, instance)?;
                        let project = store.data_mut().table.push(project)?;
                        guest.call_install(store, Resource::new_borrow(project.rep()), &root, &env_dir).await
                    })
                },
                framework::install_plan,
            )
            .await
    }

    /// Makes a command ready for one attempt.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn instrument(
        &self,
        command: &Command,
        context: &AttemptContext,
    ) -> Result<Instrumented, PluginError> {
        self.need_framework(Call::Instrument)?;
        let (command, context) = (framework::to_command(command), framework::to_context(context));
        self.caller()
            .run(
                Call::Instrument,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.framework)?.load(&mut *store, instance)?;
                        guest.call_instrument(store, &command, &context).await
                    })
                },
                framework::instrumented,
            )
            .await
    }

    /// The command that runs only some tests.
    ///
    /// # Errors
    /// Whatever ended the call; what it returned is checked.
    pub async fn select(&self, command: &Command, selection: &Selection) -> Result<Command, PluginError> {
        self.need_framework(Call::Select)?;
        let (command, selection) = (framework::to_command(command), framework::to_selection(selection));
        self.caller()
            .run(
                Call::Select,
                SMALL_RESULT_BYTES,
                |store, instance, linked| {
                    Box::pin(async move {
                        let guest = role(&linked.framework)?.load(&mut *store, instance)?;
                        guest.call_select(store, &command, &selection).await
                    })
                },
                |found| framework::command("command", found),
            )
            .await
    }

    fn need_framework(&self, call: Call) -> Result<(), PluginError> {
        if self.roles().framework { Ok(()) } else { Err(self.lacks("framework", call)) }
    }

    /// Walks the project's tree on the blocking pool.
    async fn project(&self, input: &ProjectInput, call: Call) -> Result<Project, PluginError> {
        let (shared, root) = (Arc::clone(&self.shared), input.root.clone());
        let find = move || {
            let globs = shared.globs.get_or_init(|| Globs::of(&shared.manifest));
            Project::find(&root, &globs.project)
        };
        tokio::task::spawn_blocking(find)
            .await
            .map_err(|e| PluginError::new(self.label(), call, PluginErrorKind::Host(e.to_string())))
    }
}
