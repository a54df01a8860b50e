//! `flaky report`: the result of an earlier run, told again.

use std::io::Read;
use std::path::Path;

use flaky_config::{AskedBy, FlagSettings, InvalidPlugin, RunSettings, Trust};
use flaky_core::claim::{self, Expected, Gates};
use flaky_core::report::{REPORT_VERSION, RunReport};
use flaky_engine::plugins::PluginSet;
use flaky_engine::run::{RunError, plugin_settings};

use super::session::Session;
use super::tell::{ReportOrigin, Telling, Told};
use crate::args::ReportArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Largest report of our own that is read: 100,000 tests with their failures stay far below it.
const MOST_BYTES: u64 = 512 << 20;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &ReportArgs) -> Result<ExitStatus, CliError> {
    let telling = Telling::new(&args.tell, None)?;
    let session = Session::open(&args.output)?;
    let settings = settings(args)?;
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
        let set = PluginSet::load(&host, &settings.plugins, |name, bundled| {
            plugin_settings(&settings, name, bundled)
        });
        let plugins = set.await.map_err(RunError::Plugin)?;
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

fn settings(args: &ReportArgs) -> Result<RunSettings, CliError> {
    let config = |e: flaky_config::ConfigError| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    };
    let file = match &args.settings.config {
        Some(path) => Some(flaky_config::load(path).map_err(config)?),
        None => flaky_config::discover(Path::new("."))
            .map_err(config)?
            .map(|path| flaky_config::load(&path))
            .transpose()
            .map_err(config)?,
    };
    let plugins = args.settings.plugins.iter().map(|p| p.parse()).collect::<Result<_, InvalidPlugin>>();
    let flags = FlagSettings {
        fail_on: args.settings.fail_on,
        plugins: plugins.map_err(|e| CliError::usage(&e, None))?,
        asked_by: AskedBy::Terminal,
        ..FlagSettings::default()
    };
    RunSettings::resolve(flags, None, file, Trust::Trusted).map_err(|e| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    })
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
