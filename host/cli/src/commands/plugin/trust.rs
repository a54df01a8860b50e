//! `flaky plugin trust`: what the user approves of what a folder's configuration asks for.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use flaky_core::grant::Grant;
use flaky_core::text::visible;
use flaky_engine::trust::{Approval, Approvals, ApprovalsError, AskedPlugin, asked_plugins};
use flaky_plugin_host::{HostSettings, Limits, PluginHost, PluginSource, Want};

use crate::args::OutputArgs;
use crate::args::plugin::trust::TrustArgs;
use crate::commands::authority;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::in_ci;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &TrustArgs) -> Result<ExitStatus, CliError> {
    let keeping = authority::config_folder().ok_or_else(|| {
        CliError::usage_text(
            "there is no folder for the trust file",
            Some("set `HOME` or `FLAKY_CONFIG_DIR`"),
        )
    })?;
    let mut approvals = Approvals::read(&keeping).map_err(|e| unusable(&e))?;
    if args.list {
        return list(&approvals);
    }
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    let folder = folder
        .canonicalize()
        .map_err(|e| CliError::usage_text(format!("`{}`: {e}", folder.display()), None))?;
    if args.remove {
        let count = approvals.remove(|approval| approval.repository == folder);
        write(&approvals, &keeping)?;
        return say(&format!("{count} taken back for `{}`", folder.display()));
    }
    let asked = asked(&folder)?;
    if asked.is_empty() {
        return say("the configuration of this folder names no plugin that has to be approved");
    }
    let chosen = choose(args, asked, &approvals)?;
    let count = chosen.len();
    chosen.into_iter().for_each(|plugin| approvals.approve(plugin.approval));
    let path = write(&approvals, &keeping)?;
    say(&format!("{count} approved for `{}`, in `{}`", folder.display(), path.display()))
}

/// What is to be approved: what was named by its digest, or what somebody said yes to.
fn choose(
    args: &TrustArgs,
    asked: Vec<AskedPlugin>,
    approvals: &Approvals,
) -> Result<Vec<AskedPlugin>, CliError> {
    if !args.yes.is_empty() {
        let there = |digest| asked.iter().any(|plugin| plugin.approval.sha256 == digest);
        if let Some(digest) = args.yes.iter().find(|digest| !there(**digest)) {
            let now: Vec<String> = asked.iter().map(|plugin| described(plugin, "")).collect();
            return Err(CliError::usage_text(
                format!("no plugin that this folder's configuration names has the digest {digest}"),
                Some(&format!("it names:\n{}", now.join("\n"))),
            ));
        }
        return Ok(asked.into_iter().filter(|plugin| args.yes.contains(&plugin.approval.sha256)).collect());
    }
    let host = PluginHost::new(HostSettings { cache: None, limits: Limits::default() })
        .map_err(|e| CliError::fault(&e, None))?;
    for plugin in &asked {
        let Approval { repository, source, sha256, grants } = &plugin.approval;
        let known = match approvals.covers(repository, source, *sha256, grants) {
            true => "  approved already\n",
            false => "",
        };
        say(&described(plugin, &format!("{}{known}", asks_for(&host, plugin))))?;
    }
    if in_ci::this_process() || !std::io::stdin().is_terminal() {
        let digests: Vec<String> = asked.iter().map(|plugin| plugin.approval.sha256.to_string()).collect();
        return Err(CliError::usage_text(
            "nobody can be asked here, and nothing was approved",
            Some(&format!("flaky plugin trust --yes {}", digests.join(" "))),
        ));
    }
    if confirmed()? { Ok(asked) } else { Err(CliError::usage_text("nothing was approved", None)) }
}

/// The plugins that the folder's own file names.
fn asked(folder: &Path) -> Result<Vec<AskedPlugin>, CliError> {
    let wrong = |e: flaky_config::ConfigError| {
        let hint = e.hint();
        CliError::usage(&e, hint)
    };
    let Some(path) = flaky_config::discover(folder).map_err(wrong)? else { return Ok(Vec::new()) };
    let file = flaky_config::load(&path).map_err(wrong)?;
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    Ok(asked_plugins(Some(&session.supply()), folder, &file))
}

/// One plugin in a few lines.
fn described(plugin: &AskedPlugin, more: &str) -> String {
    let Approval { source, sha256, grants, .. } = &plugin.approval;
    format!("{source}\n  sha256 {sha256}\n  granted: {}\n{more}", words(grants))
}

fn words(grants: &[Grant]) -> String {
    match grants {
        [] => "nothing".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// What the plugin says of itself: it is asked within the limits of every plugin, and gets nothing.
fn asks_for(host: &PluginHost, plugin: &AskedPlugin) -> String {
    let Some(path) = &plugin.path else {
        return "  it is fetched when it is used, and is then this or nothing\n".to_owned();
    };
    let load = async {
        let source = PluginSource::file(path)?;
        host.load(source).await
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let loaded = match runtime {
        Ok(runtime) => runtime.block_on(load),
        Err(error) => return format!("  it cannot be asked: {error}\n"),
    };
    match loaded {
        Ok(plugin) => {
            let manifest = plugin.manifest();
            let wants: Vec<String> = manifest.wants.iter().map(in_words).collect();
            let wants = if wants.is_empty() { "nothing".to_owned() } else { wants.join(", ") };
            format!("  {} {}: {}\n  asks for: {wants}\n", manifest.name, manifest.version, manifest.summary)
        }
        Err(error) => format!("  it cannot be loaded: {error}\n"),
    }
}

/// Requests, secrets and commands as `--grant` writes them; the rest is reading.
fn in_words(want: &Want) -> String {
    match want {
        Want::ReportFiles(glob) => format!("to read report files `{glob}`"),
        Want::TreeFiles(glob) => format!("to read what attempts write, `{glob}`"),
        Want::ProjectFiles(glob) => format!("to read the project's `{glob}`"),
        Want::Http(origin) => format!("http:{origin}"),
        Want::Secret(name) => format!("secret:{name}"),
        Want::Commands => "commands".to_owned(),
    }
}

fn confirmed() -> Result<bool, CliError> {
    let fault = |e: std::io::Error| CliError::fault(&e, None);
    let mut out = std::io::stdout().lock();
    write!(out, "approve? [y/N] ").and_then(|()| out.flush()).map_err(fault)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(fault)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn list(approvals: &Approvals) -> Result<ExitStatus, CliError> {
    for Approval { repository, source, sha256, grants } in approvals.list() {
        say(&format!(
            "{}\n  {source}\n  sha256 {sha256}\n  granted: {}",
            repository.display(),
            words(grants)
        ))?;
    }
    match approvals.list() {
        [] => say("nothing was approved"),
        _ => Ok(ExitStatus::Fine),
    }
}

fn write(approvals: &Approvals, folder: &Path) -> Result<PathBuf, CliError> {
    approvals.write(folder).map_err(|e| unusable(&e))
}

fn unusable(error: &ApprovalsError) -> CliError {
    CliError::usage(error, error.hint())
}

/// Names and sources are other people's text.
fn say(text: &str) -> Result<ExitStatus, CliError> {
    let text = text.lines().map(visible).collect::<Vec<_>>().join("\n");
    writeln!(std::io::stdout().lock(), "{text}").map_err(|e| CliError::fault(&e, None))?;
    Ok(ExitStatus::Fine)
}
