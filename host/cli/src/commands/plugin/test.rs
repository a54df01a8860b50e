//! `flaky plugin test`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flaky_core::text::visible;
use flaky_plugin_host::{Plugin, PluginError, PluginHost, PluginSource};
use flaky_plugin_kit::Verbosity;
use flaky_plugin_kit::check::{Check, Outcome};
use flaky_plugin_kit::golden::{self, Bless, CaseError};
use flaky_plugin_kit::{build, conformance};

use super::build::{failed, open, said};
use super::print;
use crate::args::OutputArgs;
use crate::args::plugin::author::TestArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// What is tested.
pub(super) struct Subject {
    pub(super) component: PathBuf,
    pub(super) cases: PathBuf,
}

/// Which checks are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) bless: Bless,
    pub(super) conformance: bool,
}

/// From what was typed to the exit code.
pub(crate) fn execute(args: &TestArgs) -> Result<ExitStatus, CliError> {
    let given = args.subject.clone().unwrap_or_else(|| ".".into());
    let mut subject = if given.is_dir() {
        let project = open(Some(&given))?;
        let written = project.build(None, Verbosity::Progress).map_err(|e| failed(&e))?;
        print(&said(&written))?;
        built(&project, written.path)
    } else {
        Subject { cases: beside(&given), component: given }
    };
    if let Some(cases) = &args.cases {
        subject.cases.clone_from(cases);
    }
    let asked =
        Asked { bless: if args.bless { Bless::Yes } else { Bless::No }, conformance: !args.no_conformance };
    let session = Session::open(&OutputArgs { quiet: true, no_color: args.no_color })?;
    let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    let checks = session.block_on(checks(&host, &subject, asked))?;
    print(&table(&checks, session.colour()))?;
    Ok(status(&checks))
}

/// A project's component, and its cases.
pub(super) fn built(project: &build::Project, component: PathBuf) -> Subject {
    Subject { component, cases: project.folder.join("tests") }
}

/// Where cases are looked for: beside the component.
pub(super) fn beside(component: &Path) -> PathBuf {
    component.parent().unwrap_or(Path::new("")).join("tests")
}

pub(super) fn status(checks: &[Check]) -> ExitStatus {
    if checks.iter().any(Check::is_failure) { ExitStatus::PluginFails } else { ExitStatus::Fine }
}

/// Loads the component anew and makes all checks.
pub(super) async fn checks(
    host: &PluginHost,
    subject: &Subject,
    asked: Asked,
) -> Result<Vec<Check>, CliError> {
    let plugin = load(host, &subject.component).await?;
    let cases = golden::cases(&subject.cases).map_err(|e| unusable(&e))?;
    let mut checks = Vec::new();
    for case in &cases {
        checks.push(case.check(&plugin, asked.bless).await.map_err(|e| unusable(&e))?);
    }
    if asked.conformance {
        checks.extend(conformance::battery(&plugin, &cases).await.map_err(|e| unusable(&e))?);
    }
    Ok(checks)
}

/// A component that is refused does not hold what plugins are held to; one that is not there is a mistake in the command.
pub(super) async fn load(host: &PluginHost, component: &Path) -> Result<Plugin, CliError> {
    let source = PluginSource::file(component).map_err(|e| CliError::usage(&e, e.hint()))?;
    host.load(source).await.map_err(|e: PluginError| CliError::plugin(&e, e.hint()))
}

pub(super) fn unusable(error: &CaseError) -> CliError {
    CliError::usage(error, error.hint().map(str::to_owned))
}

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// All checks with what they took, then what failed and how, then one line that counts.
fn table(checks: &[Check], colour: bool) -> String {
    let paint = |code: &str, text: &str| match colour {
        true => format!("{code}{text}{PLAIN}"),
        false => text.to_owned(),
    };
    let width = checks.iter().map(|check| visible(&check.name).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = match check.outcome {
            Outcome::Held => paint(GREEN, "ok     "),
            Outcome::Noted(_) => paint(YELLOW, "ok     "),
            Outcome::Blessed => paint(YELLOW, "written"),
            Outcome::Failed(_) => paint(RED, "FAILED "),
        };
        let (time, memory) = (time(check.taken.time), mebibytes(check.taken.memory));
        let _ = writeln!(text, "{word}  {:width$}  {time:>9}  {memory:>9}", visible(&check.name));
        for line in remarks(&check.outcome) {
            let _ = writeln!(text, "           {line}");
        }
    }
    text.push_str(&summary(checks));
    text
}

/// What is to be said below a check.
pub(super) fn remarks(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Held | Outcome::Blessed => Vec::new(),
        Outcome::Noted(note) => vec![visible(note)],
        Outcome::Failed(why) => {
            why.iter().flat_map(|text| text.lines().map(visible).collect::<Vec<_>>()).collect()
        }
    }
}

/// One line that counts.
pub(super) fn summary(checks: &[Check]) -> String {
    let failed = checks.iter().filter(|check| check.is_failure()).count();
    let written = checks.iter().filter(|check| check.outcome == Outcome::Blessed).count();
    let mut text = match (checks.len(), failed) {
        (0, _) => "nothing was checked".to_owned(),
        (all, 0) => format!("all {all} checks hold"),
        (all, failed) => format!("{failed} of {all} checks failed"),
    };
    if written > 0 {
        let _ = write!(text, "; {written} expectations written");
    }
    text.push('\n');
    text
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

fn mebibytes(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let bytes = bytes as f64;
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use flaky_plugin_kit::check::Taken;

    use super::*;

    #[test]
    fn failures_are_told_below_their_check_and_do_nothing_to_the_terminal() {
        let taken = Taken { time: Duration::from_millis(12), memory: 3 << 19 };
        let check = |name: &str, outcome| Check { name: name.into(), outcome, taken };
        let checks = [
            check("policy: a", Outcome::Held),
            check("b", Outcome::Failed(vec!["x[0]: expected 1, got 2".into(), "\x1b[2Jgone\nnext".into()])),
        ];
        let text = table(&checks, false);
        let expected = "\
ok       policy: a    12.0 ms    1.5 MiB
FAILED   b            12.0 ms    1.5 MiB
           x[0]: expected 1, got 2
           ";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("           next\n1 of 2 checks failed\n"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(status(&checks), ExitStatus::PluginFails);
        assert_eq!(status(&checks[..1]), ExitStatus::Fine);
    }
}
