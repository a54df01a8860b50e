//! Tasks of the workspace: `cargo xtask`.

mod archives;
mod cargo;
mod changelog;
mod contract;
mod dist;
mod fixtures;
mod hosted;
mod plugins;
mod published;
mod schemas;
mod sources;
mod versions;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask plugins [--check] [NAME...]
       cargo xtask schemas [--check]
       cargo xtask fixtures [NAME...]
       cargo xtask versions [--tag TAG]
       cargo xtask notes
       cargo xtask release VERSION
       cargo xtask packages
       cargo xtask contract [oci://HOST/FOLDER]
       cargo xtask dist [--target TRIPLE]... [--package NAME]... [--verify | --write-checksums | --check-reproducible]

plugins   builds the bundled plugins, or those named, into plugins/dist
schemas   writes the JSON Schemas of report, configuration, jobs, `flaky parse` and `flaky plugin` into docs/schema
fixtures  holds the components in plugins/dist against recorded output of real frameworks
versions  fails where two files name another version, or the tag is not that of the newest release
notes     prints what the changelog says of the newest release
release   writes a version into all files that name it, and cuts the changelog
packages  fails if what is published as crates could not be
contract  publishes the contract with plugins as a WIT package, in the registry of releases or another
dist      makes archives, SBOMs and SHA256SUMS of a release in `dist` (RELEASING.md)
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
    if let Some(done) = release_task(task, rest) {
        return done;
    }
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

/// What belongs to a release; nothing for other tasks.
fn release_task(task: &str, rest: &[&str]) -> Option<Result<()>> {
    let root = match root() {
        Ok(root) => root,
        Err(error) => return Some(Err(error)),
    };
    Some(match (task, rest) {
        ("versions", []) => versions::check(&root, None),
        ("versions", ["--tag", tag]) => versions::check(&root, Some(tag)),
        ("notes", []) => versions::notes(&root).and_then(|text| {
            std::io::stdout().write_all(text.as_bytes())?;
            Ok(())
        }),
        ("release", [version]) => today().and_then(|today| versions::release(&root, version, today)),
        ("packages", []) => published::check(&root),
        ("contract", []) => contract::publish(&root, None),
        ("contract", [registry]) => contract::publish(&root, Some(registry)),
        ("dist", arguments) => archives::run(&root, arguments),
        ("versions" | "notes" | "release" | "packages" | "contract", _) => Err(USAGE.into()),
        _ => return None,
    })
}

fn today() -> Result<changelog::Date> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(changelog::Date::of_seconds(now.as_secs()))
}

/// Where cargo builds.
fn target_folder(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
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
