//! `flaky dashboard`: the history as a page, served until Ctrl-C or written as files.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use flaky_core::history::Timestamp;
use flaky_dashboard::{
    DashboardError, Documents, ExportError, Guard, Mode, ServeError, Server, Token, export,
};
use flaky_engine::folders::Folders;
use flaky_history::{Access, History, HistoryPlace};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::DashboardArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Threads that answer: a page asks for a few documents at once, and the database has threads of its own.
const THREADS: usize = 2;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &DashboardArgs) -> Result<ExitStatus, CliError> {
    let place = place(args.history.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|e| CliError::fault(&e, None))?;
    runtime.block_on(async {
        let history = History::open(&place, Access::Read).await.map_err(|e| CliError::usage(&e, None))?;
        match &args.export {
            Some(folder) => write(history, folder).await,
            None => serve(history, args).await,
        }
    })
}

/// Where the history is: as typed, as the environment says, else in the state folder.
fn place(typed: Option<&str>) -> Result<HistoryPlace, CliError> {
    let variable = std::env::var("FLAKY_HISTORY").ok().filter(|text| !text.is_empty());
    match typed.map(str::to_owned).or(variable) {
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(HistoryPlace::Postgres(url))
        }
        Some(file) => Ok(HistoryPlace::File(file.into())),
        None => {
            let folders = Folders::from_environment(|name| std::env::var_os(name));
            let folders = folders.map_err(|e| CliError::usage(&e, None))?;
            Ok(HistoryPlace::File(folders.state.join("history.sqlite")))
        }
    }
}

async fn write(history: History, folder: &Path) -> Result<ExitStatus, CliError> {
    let written = export(&Documents::new(history, now, Mode::Export), folder).await;
    let written = written.map_err(|error| match &error {
        ExportError::Foreign(_) => {
            let hint = "name a folder that is new or empty, or one that `flaky dashboard --export` wrote";
            CliError::usage(&error, Some(hint.into()))
        }
        ExportError::NoFolder(_) => CliError::usage(&error, None),
        ExportError::Document(DashboardError::History(_)) => damaged(&error),
        _ => CliError::fault(&error, None),
    })?;
    say(&format!(
        "wrote {} files, {} kB, into `{}`\n",
        written.files,
        written.bytes / 1000,
        folder.display()
    ));
    Ok(ExitStatus::Fine)
}

fn damaged(error: &ExportError) -> CliError {
    CliError::fault(error, Some("`flaky history check` says what is wrong with it".into()))
}

async fn serve(history: History, args: &DashboardArgs) -> Result<ExitStatus, CliError> {
    let guard = if args.bind.is_loopback() {
        Guard::this_machine()
    } else {
        Guard::with_token(Token::generate().map_err(|e| CliError::fault(&e, None))?)
    };
    let guard = guard.known_as(args.allow_host.iter().cloned());
    let documents = Documents::new(history, now, Mode::Live);
    let server = Server::bind(SocketAddr::new(args.bind, args.port), documents, guard).await;
    let server = server.map_err(|error| match error {
        ServeError::Listen { .. } => CliError::usage(&error, Some("take another one with `--port`".into())),
        _ => CliError::fault(&error, None),
    })?;
    let stop = stopped()?;
    let url = server.url();
    say(&format!("{url}\nCtrl-C ends it.\n"));
    if args.open {
        open(&url);
    }
    server.run(stop).await.map_err(|e| CliError::fault(&e, None))?;
    Ok(ExitStatus::Fine)
}

/// Ends with the first request to end: that is how one leaves a page, and no fault.
fn stopped() -> Result<impl Future<Output = ()>, CliError> {
    let listen = |kind| signal(kind).map_err(|e| CliError::fault(&e, None));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// In whatever browser the desktop has. Where there is none, the address is there to be opened by hand.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        // Waited for by a thread, or it would stay as a zombie until we end.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(_) => say(&format!("`{opener}` is not there: open the address by hand.\n")),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// To standard output; one that is closed is no reason to end.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
