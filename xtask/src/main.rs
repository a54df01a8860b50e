//! Tasks of the workspace: `cargo xtask`.

mod dist;
mod fixtures;
mod hosted;
mod plugins;
mod schemas;
mod sources;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask plugins [--check] [NAME...]
       cargo xtask schemas [--check]
       cargo xtask fixtures [NAME...]

plugins   builds the bundled plugins, or those named, into plugins/dist
schemas   writes the JSON Schemas of report, configuration, jobs, `flaky parse` and `flaky plugin` into docs/schema
fixtures  holds the components in plugins/dist against recorded output of real frameworks
--check   writes nothing, and fails if what is there is not what would be written";

/// What a task gives. The message is all that is done with an error.
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Whether a task writes or compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Write,
    Check,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let (task, rest) = arguments.split_first().ok_or(USAGE)?;
    let (flags, names): (Vec<&str>, Vec<&str>) = rest.iter().partition(|argument| argument.starts_with('-'));
    let mode = if flags.contains(&"--check") { Mode::Check } else { Mode::Write };
    let known = |flag: &&str| *flag == "--check";
    let takes_names = matches!(*task, "plugins" | "fixtures") && mode == Mode::Write;
    let unexpected = names.iter().find(|_| !takes_names);
    if let Some(argument) = flags.iter().find(|flag| !known(flag)).or(unexpected) {
        return Err(format!("unexpected argument `{argument}`\n{USAGE}").into());
    }
    let root = root()?;
    match *task {
        "plugins" if mode == Mode::Check => plugins::check(&root),
        "plugins" => plugins::write(&root, &names),
        "schemas" => schemas::run(&root, mode),
        "fixtures" => fixtures::run(&root, &names),
        "help" | "--help" | "-h" => {
            say(USAGE);
            Ok(())
        }
        other => Err(format!("unknown task `{other}`\n{USAGE}").into()),
    }
}

/// The folder of the workspace.
fn root() -> Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(xtask.parent().ok_or("the crate `xtask` has no folder above it")?.to_owned())
}

/// One line of progress.
fn say(line: &str) {
    // Nothing is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().ok_or("a file without a folder")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, content))
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
