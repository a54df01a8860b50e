//! What commands that run attempts share: folders, environment, signals, progress, reports.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use flaky_config::job::JobInput;
use flaky_config::{FlagSettings, Trust};
use flaky_core::ids::RunId;
use flaky_core::report::RunReport;
use flaky_core::settings::FailOn;
use flaky_engine::cancel::Cancel;
use flaky_engine::event::Events;
use flaky_engine::folders::Folders;
use flaky_engine::remote::RemoteAccess;
use flaky_engine::run::{AttemptChoice, Finished, RunError, RunRequest};
use flaky_exec::LauncherProgram;
use flaky_exec::checkout::{CheckoutSettings, CommitId, HttpsToken, RefName, RepositorySource};
use flaky_plugin_host::{HostError, HostSettings, Limits, PluginHost};
use flaky_runpod::ApiKey;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::authority;
use super::record::Past;
use crate::args::{KeepArgs, OutputArgs, SupplyArgs};
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::Said;
use crate::progress::Progress;
use crate::signals;
use crate::supply::RunSupply;
use crate::terminal;

/// What is to be run.
pub(crate) struct Ask {
    /// A run that was begun before; `None` is a new one.
    pub(crate) resumed: Option<RunId>,
    pub(crate) source: RepositorySource,
    pub(crate) reference: Option<RefName>,
    pub(crate) commit: Option<CommitId>,
    pub(crate) flags: FlagSettings,
    pub(crate) config: Option<PathBuf>,
    /// The revision whose configuration counts, by the user's own word.
    pub(crate) trusted_ref: Option<String>,
    pub(crate) job: Option<JobInput>,
    /// A revision to compare with.
    pub(crate) base: Option<String>,
    pub(crate) attempts: AttemptChoice,
    pub(crate) reporters: Vec<String>,
}

/// The surroundings of one command.
pub(crate) struct Session {
    runtime: Runtime,
    pub(crate) folders: Folders,
    cancel: Cancel,
    ended_by: Arc<AtomicU8>,
    quiet: bool,
    colour: bool,
    supply: SupplyArgs,
    past: Option<Said>,
}

/// Threads that read and judge output while attempts run. More would only wait: the attempts need the cores.
const WORKERS: usize = 2;

impl Session {
    pub(crate) fn open(output: &OutputArgs) -> Result<Self, CliError> {
        let folders = folders()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(|e| CliError::fault(&e, None))?;
        Ok(Self {
            runtime,
            folders,
            cancel: Cancel::default(),
            ended_by: Arc::default(),
            quiet: output.quiet,
            colour: terminal::colour(output.no_color),
            supply: SupplyArgs::default(),
            past: None,
        })
    }

    /// The same, with what was typed about plugins that are not on this machine.
    pub(crate) fn with_supply(mut self, args: &SupplyArgs) -> Self {
        self.supply = args.clone();
        self
    }

    /// The same, for runs that are kept in the history and look at earlier ones.
    ///
    /// # Errors
    /// When what was typed is no place.
    pub(crate) fn with_history(mut self, args: &KeepArgs) -> Result<Self, CliError> {
        Said::check(args)?;
        self.past = Some(Said::of_run(args));
        Ok(self)
    }

    /// What was said of the history; `None`: this is no run that it is about.
    pub(crate) const fn past(&self) -> Option<&Said> {
        self.past.as_ref()
    }

    /// Brings plugins that are not on this machine.
    pub(crate) fn supply(&self) -> RunSupply {
        RunSupply::new(&self.folders, &self.supply)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs, with progress on standard error; the first Ctrl-C ends the run in order, the second at once.
    pub(crate) async fn run(&self, ask: Ask) -> Result<Finished, CliError> {
        self.watch_signals()?;
        Ok(self.start(ask).await?)
    }

    /// The same, for those who can mend some errors, and watch signals once for several runs.
    pub(crate) async fn start(&self, ask: Ask) -> Result<Finished, RunError> {
        let request = self.request(ask);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut progress = Progress::new(self.quiet, self.colour);
        let drawing = tokio::spawn(async move {
            while let Some(event) = receiver.recv().await {
                progress.take(event);
            }
            progress.finish();
        });
        let events = Events::new(sender);
        let finished = flaky_engine::run::run(request, &events).await;
        drop(events);
        // A panic while drawing is no reason to lose the result.
        let _ = drawing.await;
        finished
    }

    fn request(&self, ask: Ask) -> RunRequest {
        let inherited = flaky_exec::environment::inherited(std::env::vars_os());
        RunRequest {
            remote: Some(remote_access(ask.resumed.is_some())),
            run: ask.resumed.unwrap_or_else(fresh_run_id),
            checkout: checkout_settings(),
            source: ask.source,
            reference: ask.reference,
            commit: ask.commit,
            flags: ask.flags,
            job: ask.job,
            base: ask.base,
            config: ask.config,
            attempts: ask.attempts,
            fresh_seed: random() % 1_000_000_000,
            folders: self.folders.clone(),
            environment: inherited.variables,
            // Our own variables are of no use to tests: nobody misses them.
            withheld: inherited.withheld.into_iter().filter(|name| !name.starts_with("FLAKY_")).collect(),
            reporters: ask.reporters,
            ci: flaky_delivery::ci_job(&flaky_delivery::Environment::of_process()),
            launcher: LauncherProgram::CurrentExe,
            cancel: self.cancel.clone(),
            keep_output: None,
            run_as: None,
            fetched: Trust::Untrusted,
            past: self.past.clone().map(|said| Past::shared(said, &self.folders)),
            supply: Some(Arc::new(self.supply())),
            authority: authority::of_process(
                ask.trusted_ref.as_deref(),
                checkout_settings(),
                Arc::new(self.supply()),
            ),
        }
    }

    pub(crate) fn watch_signals(&self) -> Result<(), CliError> {
        for (mut stream, number) in signals::to_end().map_err(|e| CliError::fault(&e, None))? {
            let (cancel, ended_by) = (self.cancel.clone(), Arc::clone(&self.ended_by));
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if cancel.is_cancelled() {
                        // Asked twice: at once. The launcher sees our end and takes all that runs with it; jobs on an
                        // endpoint were called back when it was asked first, and end by their own time if not.
                        std::process::exit(128 + i32::from(number));
                    }
                    ended_by.store(number, Ordering::SeqCst);
                    cancel.cancel();
                }
            });
        }
        Ok(())
    }

    pub(crate) fn plugin_host(&self) -> Result<PluginHost, HostError> {
        PluginHost::new(self.plugin_settings())
    }

    /// What plugin hosts are made with here.
    pub(crate) fn plugin_settings(&self) -> HostSettings {
        HostSettings { cache: Some(self.folders.components()), limits: Limits::default() }
    }

    pub(crate) const fn colour(&self) -> bool {
        self.colour
    }

    /// What the exit code is to say.
    pub(crate) fn status(&self, report: &RunReport, fail_on: FailOn, failed_deliveries: usize) -> ExitStatus {
        match self.ended_by.load(Ordering::SeqCst) {
            2 => ExitStatus::Interrupted,
            15 => ExitStatus::Terminated,
            _ if failed_deliveries > 0 => ExitStatus::DeliveryFailed,
            _ => ExitStatus::of_report(report, fail_on),
        }
    }
}

/// Where things are kept, by the environment.
pub(crate) fn folders() -> Result<Folders, CliError> {
    Folders::from_environment(|name| std::env::var_os(name)).map_err(|e| {
        CliError::usage(&e, Some("set `HOME`, or both `FLAKY_STATE_DIR` and `FLAKY_CACHE_DIR`".into()))
    })
}

/// Date and time (UTC), and a few random letters, so that runs sort by age and never share an id.
fn fresh_run_id() -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let mut text = format!("{}-", timestamp(seconds));
    let mut chance = random();
    for _ in 0..4 {
        let letter = LETTERS.get((chance % 32) as usize).copied().unwrap_or(b'x');
        text.push(char::from(letter));
        chance /= 32;
    }
    #[expect(clippy::expect_used, reason = "digits, a dash and lower-case letters: always a run id")]
    text.parse().expect("a run id by construction")
}

/// `YYYYMMDD-HHMMSS` of a Unix time, by the civil calendar (algorithm: Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}-{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// From the operating system's entropy, by way of the standard library's hash keys.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The variables that RunPod's own tools use.
fn remote_access(resume: bool) -> RemoteAccess {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    RemoteAccess {
        key: variable("RUNPOD_API_KEY").and_then(|key| ApiKey::new(&key)),
        endpoint: variable("RUNPOD_ENDPOINT_ID"),
        base_url: variable("RUNPOD_ENDPOINT_BASE_URL"),
        resume,
    }
}

/// Credentials and known hosts come from variables of ours, which tests never see.
pub(super) fn checkout_settings() -> CheckoutSettings {
    CheckoutSettings {
        token: std::env::var("FLAKY_GIT_TOKEN").ok().and_then(|text| HttpsToken::new(&text)),
        known_hosts: std::env::var_os("FLAKY_KNOWN_HOSTS").filter(|v| !v.is_empty()).map(PathBuf::from),
        ..CheckoutSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_age() {
        assert_eq!(timestamp(0), "19700101-000000");
        assert_eq!(timestamp(951_827_696), "20000229-123456");
        assert_eq!(timestamp(1_796_083_199), "20261130-235959");
        assert_ne!(fresh_run_id(), fresh_run_id());
    }
}
