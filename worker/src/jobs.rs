//! The handler that really runs tests: full jobs, judged here, and shards, whose attempts go back as they are.
//!
//! Data flow: [`Job`] → [`flaky_config::job::Job`] → `full` or `shard` → [`Answer`].

use flaky_config::job::{self, JobError};
use flaky_engine::cancel::Cancel;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::job::{Answer, Job, JobContext, JobHandler};

mod bundled;
pub mod environment;
mod fit;
mod full;
mod output;
mod place;
mod settings;
mod shard;

pub use bundled::{CompileError, compile_bundled};
pub use settings::{KnownHosts, Settings, SettingsError, Use};

/// Does jobs.
#[derive(Debug)]
pub struct Jobs {
    settings: Settings,
}

impl Jobs {
    /// Makes the folders that jobs work in.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.make_folders()?;
        Ok(Self { settings })
    }
}

impl JobHandler for Jobs {
    async fn handle(&self, job: Job, context: JobContext) -> Answer {
        match job::parse_value(job.input, &self.settings.defaults) {
            Ok(job::Job::Full(input)) => full::run(&self.settings, *input, &context).await,
            Ok(job::Job::Shard(shard)) => shard::run(&self.settings, shard, &context).await,
            Err(error) => failed(refusal(&error)),
        }
    }
}

/// A refused input in one message.
fn refusal(error: &JobError) -> String {
    with_hint(&error.to_string(), error.hint().as_deref())
}

/// Callers get one text: what is wrong, then what to do.
fn with_hint(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message.to_owned(),
    }
}

/// Hands a wish to stop on to what runs, once. Never ends before.
async fn stopping(stop: &CancellationToken, cancel: &Cancel) {
    stop.cancelled().await;
    cancel.cancel();
    // Not again: whoever waits beside this waits for the run's end now.
    std::future::pending::<()>().await;
}

fn failed(error: String) -> Answer {
    Answer::Failed { error, output: None::<Value> }
}
