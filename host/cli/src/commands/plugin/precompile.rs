//! `flaky plugin precompile`: native code of plugins, before somebody waits for it.

use std::io::Write;
use std::path::PathBuf;

use flaky_config::PluginAddress;
use flaky_core::text::visible;
use flaky_engine::{builtins, plugins};
use flaky_plugin_host::{Done, PluginError, PluginErrorKind, PluginSource, Precompiled};

use crate::args::OutputArgs;
use crate::args::plugin::cache::PrecompileArgs;
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &PrecompileArgs) -> Result<ExitStatus, CliError> {
    let sources = sources(args)?;
    let session = Session::open(&OutputArgs { quiet: true, no_color: true })?;
    session.block_on(async {
        let host = session.plugin_host().map_err(|e| CliError::fault(&e, None))?;
        for source in sources {
            let label = source.label.clone();
            let done = host.precompile(source).await.map_err(|e| refused(&e))?;
            tell(&label, done);
        }
        Ok(ExitStatus::Fine)
    })
}

fn sources(args: &PrecompileArgs) -> Result<Vec<PluginSource>, CliError> {
    let mut sources = Vec::new();
    for plugin in &args.plugins {
        let address: PluginAddress = plugin.parse().map_err(|e| CliError::usage(&e, None))?;
        sources.push(match &address {
            PluginAddress::Builtin(name) => {
                plugins::builtin(name).map_err(|e| CliError::usage(&e, None))?.source()
            }
            file => PluginSource::file(&PathBuf::from(file.to_string())).map_err(|e| refused(&e))?,
        });
    }
    if args.all_bundled {
        sources.extend(builtins::all().iter().map(builtins::Builtin::source));
    }
    Ok(sources)
}

/// A plugin that cannot be compiled is the caller's; a cache that keeps nothing is the machine's.
fn refused(error: &PluginError) -> CliError {
    match error.kind() {
        PluginErrorKind::NotKept(_) | PluginErrorKind::Host(_) => CliError::fault(error, error.hint()),
        _ => CliError::usage(error, error.hint()),
    }
}

fn tell(label: &str, Precompiled { code, done }: Precompiled) {
    let when = match done {
        Done::Now => "compiled",
        Done::Before => "was compiled already",
    };
    let kilobytes = code.div_ceil(1000);
    // Nobody reads it: no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{}: {when}, {kilobytes} kB", visible(label));
}
