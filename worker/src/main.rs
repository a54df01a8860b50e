//! The program `flaky-worker`: which of its three ways of working is meant, and how it ends.
//!
//! | Exit code | Means |
//! |---|---|
//! | 0 | asked to end, and everything was answered for; or the job of `--test-input` is completed; or healthy |
//! | 1 | it cannot work, and said why; or the job failed; or not healthy |
//! | 2 | usage |
//! | 130, 143 | ended at once, by a second `SIGINT` or `SIGTERM` |

mod args;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use flaky_worker::api::{self, Exposure, TestInput, TestInputOutcome};
use flaky_worker::health::{self, HealthSocket, Pulse};
use flaky_worker::job::JobHandler;
use flaky_worker::jobs::{self, Jobs};
use flaky_worker::logs::{self, LogSettings, Sink};
use flaky_worker::platform;
use flaky_worker::secrets::{self, Environment};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::{Cli, Command, Local};

/// A worker waits more than it computes, and tests need the cores; a few threads keep deliveries going.
const MOST_THREADS: usize = 4;

/// What stops the program: already a whole message.
type Fault = Box<dyn Error>;

fn main() -> ExitCode {
    // Before anything else, and before any thread: this process may be the launcher of attempts, or the
    // compiler of a plugin.
    flaky_exec::launcher::enter_if_asked();
    flaky_plugin_host::compiler::enter_if_asked();
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Health) => return tell_health(),
        Some(Command::Prepare) => return prepare_image(),
        None => {}
    }
    let ended = secrets::take_out().map_err(Fault::from).and_then(|environment| {
        // Started anew, the program would otherwise be called `exe`.
        let _ = nix::sys::prctl::set_name(c"flaky-worker");
        run(&cli.local, &environment)
    });
    match ended {
        Ok(code) => code,
        Err(fault) => {
            logs::error(None, whole(fault.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn tell_health() -> ExitCode {
    let (said, code) = match health::check(&health::socket(|name| std::env::var(name).ok())) {
        Ok(()) => ("ok".to_owned(), ExitCode::SUCCESS),
        Err(why) => (why, ExitCode::FAILURE),
    };
    // The exit code says it as well.
    let _ = writeln!(std::io::stdout(), "{said}");
    code
}

/// While an image is built: nothing secret is there.
fn prepare_image() -> ExitCode {
    let variables: Vec<_> = std::env::vars_os().collect();
    let compiled = jobs::Settings::from_environment(jobs::Use::Platform, &variables)
        .map_err(Fault::from)
        .and_then(|settings| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(jobs::compile_bundled(&settings))?)
        });
    match compiled {
        Ok(folder) => {
            let _ = writeln!(std::io::stdout(), "the bundled plugins are compiled in `{}`", folder.display());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            logs::error(None, whole(fault.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(local: &Local, environment: &Environment) -> Result<ExitCode, Fault> {
    let var = |name: &str| environment.var(name);
    let is_local = local.serve_api || local.test_input.is_some();
    let mut log_settings = LogSettings::from_environment(var);
    if is_local {
        // Standard output is for the output.
        log_settings.sink = Sink::Stderr;
    }
    log_settings.level = local.log_level.unwrap_or(log_settings.level);
    logs::set_up(log_settings);
    report_panics();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(2, MOST_THREADS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let ended =
        if is_local { serve_or_try(&runtime, local, environment) } else { work(&runtime, environment) };
    // What still blocks a thread (looking a name up, say) is of no interest any more.
    runtime.shutdown_background();
    ended
}

/// Deployed on RunPod.
fn work(runtime: &Runtime, environment: &Environment) -> Result<ExitCode, Fault> {
    let Some(settings) = platform::Settings::from_environment(|name| environment.var(name))? else {
        return Err(
            "no jobs can be taken: `RUNPOD_WEBHOOK_GET_JOB` is not set, so this is no RunPod worker; on \
                    your own machine use `--serve-api` or `--test-input`"
                .into(),
        );
    };
    runtime.block_on(async {
        let shutdown = on_signals()?;
        let handler = match prepare(&settings, environment).await {
            Ok(handler) => handler,
            Err(failed) => {
                platform::report_unhealthy(&settings, failed.check, &failed.reason).await;
                return Err(format!("the worker cannot work: {failed}").into());
            }
        };
        let (concurrency, worker) = (settings.concurrency, settings.worker.as_str());
        let version = env!("CARGO_PKG_VERSION");
        logs::info(
            None,
            format_args!("flaky-worker {version} takes jobs as `{worker}`, {concurrency} at a time"),
        );
        platform::work(settings, handler, shutdown).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// What no job could do without.
async fn prepare(
    settings: &platform::Settings,
    environment: &Environment,
) -> Result<Jobs, platform::CheckFailed> {
    let failed = |check, e: &dyn Error| platform::CheckFailed { check, reason: whole(e) };
    let jobs = jobs::Settings::from_environment(jobs::Use::Platform, environment.variables());
    let jobs = jobs.map_err(|e| failed("settings", &e))?;
    let launcher = jobs.launcher.clone();
    let handler = Jobs::new(jobs).map_err(|e| failed("settings", &e))?;
    if settings.checks {
        let temporary = std::env::temp_dir();
        platform::check_disk(&temporary)?;
        let found = platform::check_launcher(&launcher, &temporary).await?;
        logs::info(None, format_args!("attempts are kept apart at level `{}`", found.best.name()));
    }
    Ok(handler)
}

/// On somebody's own machine.
fn serve_or_try(runtime: &Runtime, local: &Local, environment: &Environment) -> Result<ExitCode, Fault> {
    let settings = jobs::Settings::from_environment(jobs::Use::Local, environment.variables())?;
    let handler = Jobs::new(settings)?;
    runtime.block_on(async {
        let shutdown = on_signals()?;
        match &local.test_input {
            Some(text) => try_out(text, &handler, &shutdown).await,
            None => serve(local, environment, handler, shutdown).await,
        }
    })
}

async fn try_out(
    text: &str,
    handler: &impl JobHandler,
    shutdown: &CancellationToken,
) -> Result<ExitCode, Fault> {
    let input = match text.strip_prefix('@') {
        Some(path) => TestInput::read(Path::new(path))?,
        None => TestInput::parse(text)?,
    };
    let outcome = tokio::select! {
        outcome = api::test_input(input, handler) => outcome,
        () = shutdown.cancelled() => return Err("interrupted".into()),
    };
    match outcome {
        TestInputOutcome::Completed(output) => {
            writeln!(std::io::stdout(), "{output:#}")?;
            Ok(ExitCode::SUCCESS)
        }
        TestInputOutcome::Failed { output, .. } => {
            // Why was said.
            if let Some(output) = output {
                writeln!(std::io::stdout(), "{output:#}")?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn serve(
    local: &Local,
    environment: &Environment,
    handler: Jobs,
    shutdown: CancellationToken,
) -> Result<ExitCode, Fault> {
    let endpoint = environment.var("RUNPOD_ENDPOINT_ID").filter(|id| !id.is_empty());
    let settings = api::Settings {
        address: SocketAddr::new(local.host, local.port),
        exposure: if local.expose { Exposure::Network } else { Exposure::ThisMachine },
        concurrency: local.concurrency,
        endpoint: endpoint.map(|id| id.parse()).transpose()?,
        ..api::Settings::default()
    };
    let alive = tokio::spawn(stay_healthy(health::socket(|name| environment.var(name))));
    let ready = |address: SocketAddr| {
        logs::info(None, format_args!("the local API listens on http://{address}"));
    };
    let served = api::serve(settings, handler, shutdown, ready).await;
    alive.abort();
    match served {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(e @ api::ApiError::Exposed(_)) => Err(format!("{e} (`--expose`)").into()),
        Err(e) => Err(e.into()),
    }
}

/// In an image, the health check asks a local server as it asks a worker.
async fn stay_healthy(path: std::path::PathBuf) {
    let pulse = Pulse::new(Duration::from_secs(45));
    let Ok(socket) = HealthSocket::open(&path) else { return };
    let beats = async {
        loop {
            pulse.beat();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::join!(socket.serve(&pulse), beats);
}

/// The first signal asks to end, the second one ends.
fn on_signals() -> std::io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = shutdown.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 143),
                _ = interrupt.recv() => ("SIGINT", 130),
            }
        };
        let (name, _) = next().await;
        logs::info(None, format_args!("{name}: ending; once more to end at once"));
        asked.cancel();
        let (name, code) = next().await;
        logs::error(None, format_args!("{name} again: ended at once"));
        // What attempts run ends with us: their launcher sees its socket close.
        std::process::exit(code);
    });
    Ok(shutdown)
}

/// Panics are log lines like all others, and say where, not what: a message may repeat what a job brought.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        logs::error(None, format_args!("panic at {place}"));
    }));
}

/// An error with what lies beneath.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut deeper = error.source();
    while let Some(cause) = deeper {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        deeper = cause.source();
    }
    text
}
