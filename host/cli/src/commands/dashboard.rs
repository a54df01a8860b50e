//! `flaky dashboard`: the history as a page, served until Ctrl-C or written as files.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use flaky_config::QuarantineEntry;
use flaky_dashboard::data::Quarantined;
use flaky_dashboard::{
    DashboardError, Documents, ExportError, Guard, Mode, ServeError, Server, Token, export,
};
use flaky_history::{Access, History};
use tokio::sync::mpsc;

use crate::args::{DashboardArgs, OutputArgs};
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::{self, now};
use crate::signals;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &DashboardArgs) -> Result<ExitStatus, CliError> {
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    session.block_on(async {
        let history = history_place::open(&session, &args.place, Access::Read).await?;
        match &args.export {
            Some(folder) => write(history, folder).await,
            None => serve(history, args).await,
        }
    })
}

/// The history, with the quarantine of this folder where it has one. A file that is wrong keeps nobody from looking:
/// `flaky quarantine check` says what is wrong with it.
fn documents(history: History, mode: Mode) -> Documents {
    let documents = Documents::new(history, now, mode);
    let folder = Path::new(".");
    let config = flaky_config::load_named_or_own(None, folder).ok().flatten().unwrap_or_default();
    let choice = config.settings.quarantine.unwrap_or_default();
    match flaky_config::quarantine::load(folder, &choice) {
        Ok(Some(file)) => documents.with_quarantine(file.entries.iter().map(quarantined).collect()),
        Ok(None) | Err(_) => documents,
    }
}

fn quarantined(entry: &QuarantineEntry) -> Quarantined {
    Quarantined {
        test: entry.test.to_string(),
        owner: Some(entry.owner.to_string()),
        reason: Some(entry.reason.to_string()),
        since: Some(entry.since.to_string()),
        expires: Some(entry.expires.to_string()),
        state: None,
    }
}

async fn write(history: History, folder: &Path) -> Result<ExitStatus, CliError> {
    let written = export(&documents(history, Mode::Export), folder).await;
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
    let documents = documents(history, Mode::Live);
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
    let (tell, mut told) = mpsc::channel(1);
    for (mut requests, _) in signals::to_end().map_err(|e| CliError::fault(&e, None))? {
        let tell = tell.clone();
        tokio::spawn(async move {
            let _ = requests.recv().await;
            // One is enough.
            let _ = tell.try_send(());
        });
    }
    Ok(async move {
        let _ = told.recv().await;
    })
}

/// In whatever browser the desktop has. Where there is none, the address is there to be opened by hand.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        // Waited for by a thread, or it would stay as a zombie until we end.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(_) => say(&format!("`{opener}` is not there: open the address by hand.\n")),
    }
}

/// To standard output; one that is closed is no reason to end.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
