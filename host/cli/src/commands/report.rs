//! `flaky report`: the result of an earlier run, told again.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_config::{AskedBy, ConfigFile, FlagSettings, InvalidPlugin, RunSettings, Trust};
use flaky_core::claim::{self, Expected, Gates};
use flaky_core::report::{REPORT_VERSION, RunReport};
use flaky_engine::cancel::Cancel;
use flaky_engine::plugins::PluginSet;
use flaky_engine::run::{RunError, plugin_settings};
use flaky_engine::supply::{self, Owner, SupplyPlace};
use flaky_engine::trust::{self, Standing};
use flaky_exec::checkout::describe_local;

use super::authority;
use super::session::{Session, checkout_settings};
use super::tell::{ReportOrigin, Telling, Told, warn};
use crate::args::ReportArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Largest report of our own that is read: 100,000 tests with their failures stay far below it.
const MOST_BYTES: u64 = 512 << 20;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &ReportArgs) -> Result<ExitStatus, CliError> {
    let telling = Telling::new(&args.tell, None)?;
    let session = Session::open(&args.output)?.with_supply(&args.settings.supply);
    let settings = session.block_on(settings(args, &session))?;
    let (report, refused) = match read(args, &settings) {
        Ok(report) => (report, None),
        // Those who wait for a result are told that there is none, and nothing else.
        Err(why) if args.untrusted => (claim::refused(&why.text), Some(why)),
        Err(why) => return Err(CliError::usage_text(why.text, why.hint)),
    };
    let origin = match (&refused, args.untrusted) {
        (Some(_), _) => ReportOrigin::Refused,
        (None, true) => ReportOrigin::Untrusted,
        (None, false) => ReportOrigin::Trusted,
    };
    session.block_on(async {
        let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
        let place = SupplyPlace { folder: config_folder(args), owner: Owner::User };
        let supply = session.supply();
        let brought = supply::bring(Some(&supply), &host, &settings.plugins, &place).await;
        let brought = brought.map_err(RunError::Plugin)?;
        let set = PluginSet::load(&host, &settings.plugins, &brought, |name, bundled| {
            plugin_settings(&settings, name, bundled)
        });
        let plugins = set.await.map_err(RunError::Plugin)?;
        plugins.warnings().iter().for_each(|warning| warn(warning));
        check_names(&plugins, &telling, &settings)?;
        let told = Told {
            report: &report,
            plugins: Some(&plugins),
            reporters: &settings.reporters,
            notify: settings.notify.clone(),
            origin,
        };
        let failed = session.tell(telling, told).await;
        match refused {
            Some(why) => Err(CliError::usage_text(why.text, why.hint)),
            None => Ok(session.status(&report, settings.fail_on.value, failed)),
        }
    })
}

/// Where the lock stands.
fn config_folder(args: &ReportArgs) -> PathBuf {
    let folder = args.settings.config.as_deref().and_then(Path::parent);
    folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

async fn settings(args: &ReportArgs, session: &Session) -> Result<RunSettings, CliError> {
    let config = |e: flaky_config::ConfigError| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    };
    let named = args.settings.config.as_deref();
    let file = flaky_config::load_named_or_own(named, Path::new(".")).map_err(config)?;
    let plugins = args.settings.plugins.iter().map(|p| p.parse()).collect::<Result<_, InvalidPlugin>>();
    let flags = FlagSettings {
        fail_on: args.settings.fail_on,
        grants: args.settings.grants.clone(),
        plugins: plugins.map_err(|e| CliError::usage(&e, None))?,
        asked_by: AskedBy::Terminal,
        ..FlagSettings::default()
    };
    let file = match args.settings.config {
        // A file that the user named is the user's own word.
        Some(_) => file,
        None => settled(args.settings.trusted_ref.as_deref(), session, file).await,
    };
    RunSettings::resolve(flags, None, file, Trust::Trusted).map_err(|e| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    })
}

/// What counts of the configuration of this folder, for commands that run nothing. A file that the user named is the user's own
/// word.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn settled_file(
    session: &Session,
    named: Option<&Path>,
) -> Result<Option<ConfigFile>, CliError> {
    let file = flaky_config::load_named_or_own(named, Path::new(".")).map_err(|e| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    })?;
    match named {
        Some(_) => Ok(file),
        None => Ok(settled(None, session, file).await),
    }
}

/// What counts of the file of this folder; the rest is told.
async fn settled(
    trusted_ref: Option<&str>,
    session: &Session,
    file: Option<ConfigFile>,
) -> Option<ConfigFile> {
    let supply = Arc::new(session.supply());
    let authority = authority::of_process(trusted_ref, checkout_settings(), supply);
    let folder = Path::new(".");
    let commit = match authority.standing {
        Standing::Commit(_) => describe_local(folder).commit,
        _ => None,
    };
    let (store, cancel) = (session.folders.trusted_components(), Cancel::default());
    let settled = trust::settle(&authority, folder, commit.as_deref(), file, &store, &cancel).await;
    settled.notes.iter().for_each(|note| warn(&note.text));
    settled.ignored.iter().for_each(|ignored| warn(&ignored.to_string()));
    settled.file
}

/// A mistyped name is an error before anybody is told anything.
fn check_names(plugins: &PluginSet, telling: &Telling, settings: &RunSettings) -> Result<(), CliError> {
    let known: Vec<&str> = plugins.reporters().map(|reporter| reporter.name()).collect();
    let asked = telling.names().into_iter().chain(settings.reporters.iter().map(|r| r.name.clone()));
    match asked.into_iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            Err(RunError::NoSuchReporter { name, known: known.iter().map(|k| format!("`{k}`")).collect() }
                .into())
        }
        None => Ok(()),
    }
}

/// Why there is nothing to tell.
struct NoReport {
    text: String,
    hint: Option<&'static str>,
}

fn read(args: &ReportArgs, settings: &RunSettings) -> Result<RunReport, NoReport> {
    let path = &args.file;
    let wrong = |why: String, hint| NoReport { text: format!("`{}`: {why}", path.display()), hint };
    match (args.untrusted, &args.expect_repo, &args.expect_sha, args.expect_run) {
        (true, Some(repository), Some(commit), Some(run)) => {
            let expected = Expected { repository: repository.clone(), commit: commit.clone(), run };
            let gates = Gates {
                stable_below: settings.stable_below.value,
                broken_below: settings.broken_below.value,
                severity: settings.severity.value,
            };
            let refused = |why: String| NoReport {
                text: format!("the report is refused: {why}"),
                hint: Some("look at the job that made it"),
            };
            let bytes = regular_file(path).map_err(refused)?;
            claim::check(&bytes, &expected, &gates).map_err(|refusal| refused(refusal.to_string()))
        }
        _ => {
            let bytes = bytes(path, MOST_BYTES).map_err(|e| wrong(e.to_string(), None))?;
            let report: RunReport = serde_json::from_slice(&bytes).map_err(|e| {
                wrong(format!("not a report: {e}"), Some("`flaky run --report json=FILE` writes one"))
            })?;
            match report.report_version {
                REPORT_VERSION => Ok(report),
                other => Err(wrong(
                    format!("a report of version {other}, and this is for version {REPORT_VERSION}"),
                    Some("use the `flaky` that wrote it, or a later one"),
                )),
            }
        }
    }
}

/// A link could lead anywhere, and a pipe never end: what was unpacked from an artifact is a file or nothing.
fn regular_file(path: &Path) -> Result<Vec<u8>, String> {
    let kind = std::fs::symlink_metadata(path).map_err(|e| format!("no-file: {e}"))?;
    if !kind.is_file() {
        return Err("not-a-file: it is a link, a folder or a device".to_owned());
    }
    bytes(path, claim::MOST_BYTES as u64 + 1).map_err(|e| format!("no-file: {e}"))
}

fn bytes(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
