//! `flaky doctor`: how far attempts can be kept apart here, and what would raise it.

use std::fmt::Write as _;
use std::io::Write;

use flaky_core::report::IsolationUsed;
use flaky_exec::{Capabilities, LauncherProgram, TreeMethod};

use crate::args::DoctorArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &DoctorArgs) -> Result<ExitStatus, CliError> {
    let folder = args.folder.clone().unwrap_or_else(|| ".".into());
    let folder = folder
        .canonicalize()
        .map_err(|e| CliError::usage_text(format!("`{}`: {e}", folder.display()), None))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::fault(&e, None))?;
    let machine = runtime
        .block_on(Capabilities::probe(&LauncherProgram::CurrentExe, &folder))
        .map_err(|e| CliError::fault(&e, e.hint().map(str::to_owned)))?;
    let _ = std::io::stdout().lock().write_all(describe(&machine).as_bytes());
    Ok(ExitStatus::Fine)
}

fn describe(machine: &Capabilities) -> String {
    let mut text = String::new();
    let gives = match machine.best {
        IsolationUsed::Full => "every attempt has a work tree, processes, `HOME` and a network of its own",
        IsolationUsed::FullSharedNetwork => {
            "every attempt has a work tree and processes of its own; `HOME` and the network are the machine's"
        }
        IsolationUsed::Copy => {
            "every attempt has a work tree and temporary folders of its own; the network, `HOME` and processes are the machine's, so what fails side by side is confirmed alone"
        }
        IsolationUsed::Shared => "all attempts share one folder",
    };
    let trees = match machine.tree {
        TreeMethod::Overlay => "a layer over the original (overlay mount)",
        TreeMethod::Reflink => "a copy per parallel slot that shares blocks with the original (reflink)",
        TreeMethod::Copy => "a copy per parallel slot, restored between attempts",
    };
    let _ = writeln!(text, "isolation: {}\n  {gives}\nwork trees: {trees}", machine.best.name());
    if machine.obstacles.is_empty() {
        text.push_str("nothing stands in the way of more\n");
    }
    for obstacle in &machine.obstacles {
        let _ = writeln!(text, "\n{}\n  to raise it: {}", obstacle.what, obstacle.how_to_raise);
    }
    text
}
