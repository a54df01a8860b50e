//! `flaky plugin dev`.

use std::time::{Duration, Instant};

use flaky_core::text::visible;
use flaky_plugin_host::PluginHost;
use flaky_plugin_kit::Verbosity;
use flaky_plugin_kit::build::Project;
use flaky_plugin_kit::golden::Bless;
use flaky_plugin_kit::watch::Snapshot;

use super::build::{failed, open};
use super::print;
use super::test::{Asked, built, checks, remarks, summary};
use crate::args::OutputArgs;
use crate::args::plugin::author::DevArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// Between two looks at the sources: soon enough for a person, and nothing for the machine.
const LOOK: Duration = Duration::from_millis(300);

/// Builds and tests until somebody ends it. What does not build or hold is told, and the next change waited for.
pub(crate) fn execute(args: &DevArgs) -> Result<ExitStatus, CliError> {
    let project = open(args.project.as_deref())?;
    let session = Session::open(&OutputArgs { quiet: true, no_color: args.no_color })?;
    let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
    loop {
        // Taken before the build: what changes meanwhile is built next.
        let seen = Snapshot::of(&project);
        match round(&session, &host, &project) {
            Ok(text) => {
                print(&text)?;
            }
            Err(error) => error.print(),
        }
        print("waiting for a change (Ctrl-C ends)\n")?;
        let changed = loop {
            std::thread::sleep(LOOK);
            if let Some(changed) = Snapshot::of(&project).changed_since(&seen, &project) {
                break changed;
            }
        };
        print(&format!("\n`{}` changed\n", visible(&changed)))?;
    }
}

/// One build and all checks: only what failed is told by itself.
fn round(session: &Session, host: &PluginHost, project: &Project) -> Result<String, CliError> {
    let begun = Instant::now();
    let written = project.build(None, Verbosity::Errors).map_err(|e| failed(&e))?;
    let built_in = begun.elapsed();
    let asked = Asked { bless: Bless::No, conformance: true };
    let checks = session.block_on(checks(host, &built(project, written.path), asked))?;
    let mut text = String::new();
    for check in checks.iter().filter(|check| check.is_failure()) {
        text.push_str(&format!("FAILED  {}\n", visible(&check.name)));
        remarks(&check.outcome).iter().for_each(|line| text.push_str(&format!("          {line}\n")));
    }
    let tested_in = begun.elapsed().saturating_sub(built_in);
    text.push_str(&format!(
        "built in {:.1} s, tested in {:.1} s: {}",
        built_in.as_secs_f64(),
        tested_in.as_secs_f64(),
        summary(&checks)
    ));
    Ok(text)
}
