//! Keeping a history: `prune`, `check`, `export`, `import`, `merge`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use flaky_core::text::visible;
use flaky_history::{Access, History, HistoryPlace, Imported};

use super::documents::{self, Done, FaultLine, Faults};
use super::{asked, json, print};
use crate::args::{CheckArgs, ExportArgs, ImportArgs, MergeArgs, PruneArgs, Source};
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::history_place::{now, of_folder, open, unusable};

pub(super) async fn prune(session: &Session, args: &PruneArgs) -> Result<ExitStatus, CliError> {
    // A place where nothing is stays so.
    drop(open(session, &args.place, Access::Read).await?);
    let history = open(session, &args.place, Access::Write).await?;
    let removed = history.prune(args.older_than.before(now())).await.map_err(|e| unusable(&e))?;
    if args.json {
        return json(&Done {
            history_version: documents::VERSION,
            removed: Some(removed),
            ..Done::default()
        });
    }
    print(&format!("{} taken away\n", runs(removed)))
}

pub(super) async fn check(session: &Session, args: &CheckArgs) -> Result<ExitStatus, CliError> {
    let place = of_folder(session, &args.place).await?.place;
    let history = History::open(&place, Access::Read).await.map_err(|e| unusable(&e))?;
    let faults = history.check().await.map_err(|e| unusable(&e))?;
    let status = if faults.is_empty() { ExitStatus::Fine } else { ExitStatus::Fault };
    let faults: Vec<FaultLine> =
        faults.into_iter().map(|fault| FaultLine { place: fault.place, what: fault.what }).collect();
    if args.json {
        json(&Faults { history_version: documents::VERSION, faults })?;
        return Ok(status);
    }
    let mut text = String::new();
    for fault in &faults {
        text.push_str(&format!("{}: {}\n", visible(&fault.place), visible(&fault.what)));
    }
    if faults.is_empty() {
        text.push_str(&format!("`{}` is sound\n", visible(&place.to_string())));
    }
    print(&text)?;
    Ok(status)
}

pub(super) async fn export(session: &Session, args: &ExportArgs) -> Result<ExitStatus, CliError> {
    let history = open(session, &args.place, Access::Read).await?;
    let filter = asked::filter(&history, &args.filter, None).await?;
    let mut out: Box<dyn Write + Send> = match &args.file {
        None => Box::new(io::stdout()),
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|e| unusable_file(path, &e))?)),
    };
    let written = history.export(&filter, &mut *out).await.map_err(|e| unusable(&e))?;
    match &args.file {
        Some(path) => {
            out.flush().map_err(|e| unusable_file(path, &e))?;
            print(&format!("{} written\n", runs(written)))
        }
        None => Ok(ExitStatus::Fine),
    }
}

pub(super) async fn import(session: &Session, args: &ImportArgs) -> Result<ExitStatus, CliError> {
    if args.original {
        return import_original(session, args).await;
    }
    let mut input: Box<dyn io::BufRead + Send> = match &args.file {
        Source::Stdin => Box::new(BufReader::new(io::stdin())),
        Source::File(path) => {
            Box::new(BufReader::new(File::open(path).map_err(|e| unusable_file(path, &e))?))
        }
    };
    let history = open(session, &args.place, Access::Write).await?;
    let imported = history.import(&mut *input).await.map_err(|e| unusable(&e))?;
    told(imported, args.json)
}

async fn import_original(session: &Session, args: &ImportArgs) -> Result<ExitStatus, CliError> {
    let Source::File(path) = &args.file else {
        return Err(CliError::usage_text(
            "a database is a file, and cannot be read from standard input",
            None,
        ));
    };
    let history = open(session, &args.place, Access::Write).await?;
    let imported = history.import_original(path, None).await.map_err(|e| unusable(&e))?;
    told(imported, args.json)
}

pub(super) async fn merge(session: &Session, args: &MergeArgs) -> Result<ExitStatus, CliError> {
    let other = HistoryPlace::File(args.other.clone());
    let other = History::open(&other, Access::Read).await.map_err(|e| unusable(&e))?;
    let history = open(session, &args.place, Access::Write).await?;
    let merged = history.merge(&other).await.map_err(|e| unusable(&e))?;
    told(merged, args.json)
}

fn told(imported: Imported, as_json: bool) -> Result<ExitStatus, CliError> {
    let Imported { new, known } = imported;
    if as_json {
        return json(&Done {
            history_version: documents::VERSION,
            new: Some(new),
            known: Some(known),
            ..Done::default()
        });
    }
    print(&format!("{} taken in; {known} were there already\n", runs(new)))
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

fn unusable_file(path: &Path, error: &io::Error) -> CliError {
    CliError::usage_text(format!("`{}`: {error}", path.display()), None)
}
